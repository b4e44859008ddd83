//! Which files the two doors let in, and what they say to the others.

use std::path::{Path, PathBuf};
use std::process::Command;

use autoflow_tests::artifacts;
use plugin_abi::host::{Door, LoadError, Plugin, Silent};

use crate::tools::{all, good, tool};
use crate::variants;

const CHECKED: (&str, Door) = ("checked", Door::Checked);
const C: (&str, Door) = ("c", Door::C);

fn load(file: &Path, door: Door) -> Result<Plugin, LoadError> {
    match door {
        Door::Checked => Plugin::load_checked(file),
        Door::C => Plugin::load_c(file),
    }
}

/// `host-sim check` of an empty configuration by this plugin: exit code and everything written.
fn check(file: &Path, door: &str) -> (Option<i32>, String) {
    let empty = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut host = Command::new(&artifacts().host);
    host.args(["check", "--door", door, "--plugin"]).arg(file);
    let output = host
        .arg("--config")
        .arg(empty.path())
        .output()
        .expect("the host starts");
    (output.status.code(), all(&output))
}

/// The file is refused in one line which holds all of `words`, by the loader and the command.
fn refused(file: &Path, (name, door): (&str, Door), words: &[&str]) {
    let sentence = match load(file, door) {
        Ok(_) => panic!("{} was let in by the door {name}", file.display()),
        Err(error) => error.to_string(),
    };
    let path = file.to_str().expect("a path of the test is UTF-8");
    for word in words.iter().chain(&[path, "; "]) {
        assert!(
            sentence.contains(word),
            "`{word}` is missing in: {sentence}"
        );
    }
    assert!(!sentence.contains('\n'), "more than one line: {sentence}");
    assert!(sentence.len() < path.len() + 250, "long: {sentence}");
    let told = (Some(1), format!("host-sim: {sentence}\n"));
    assert_eq!(check(file, name), told);
}

/// The file is let in, works, and the command is content with it.
fn accepted(file: &Path, (name, door): (&str, Door), version: (u16, u16)) -> Plugin {
    let plugin = load(file, door).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!((plugin.version(), plugin.door()), (version, door));
    plugin.create("{}", Silent).expect("an engine");
    let (code, written) = check(file, name);
    assert!(
        code == Some(0) && written.contains("is good"),
        "{name}: {written}"
    );
    plugin
}

fn libm() -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("proc is mounted");
    let libc = maps.lines().find_map(|line| {
        let file = line.split_whitespace().nth(5)?;
        file.ends_with("/libc.so.6").then(|| PathBuf::from(file))
    })?;
    Some(libc.with_file_name("libm.so.6"))
}

#[test]
fn both_doors_let_the_shipped_plugin_in() {
    for door in [CHECKED, C] {
        accepted(&artifacts().plugin, door, (1, 2));
    }
}

#[test]
fn a_missing_file_is_told_as_one() {
    for door in [CHECKED, C] {
        let words = ["can't open the plugin", "No such file", "build it"];
        refused(Path::new("/nowhere/libautoflow_plugin.so"), door, &words);
    }
}

#[test]
fn a_file_that_is_no_library_is_told_as_one() {
    let directory = tempfile::tempdir().unwrap();
    for (name, content, found) in [
        ("empty.so", "", "file too short"),
        ("text.so", &"no ELF ".repeat(99), "invalid ELF header"),
    ] {
        let file = directory.path().join(name);
        std::fs::write(&file, content).unwrap();
        for door in [CHECKED, C] {
            refused(
                &file,
                door,
                &["can't open the plugin", found, "name another file"],
            );
        }
    }
}

#[test]
fn a_library_that_is_no_plugin_is_told_as_one() {
    let directory = tempfile::tempdir().unwrap();
    let empty = tool("cc", "C compiler").map(|mut cc| {
        let file = directory.path().join("libempty.so");
        good(
            cc.args(["-shared", "-x", "c", "/dev/null", "-o"])
                .arg(&file),
        );
        file
    });
    for file in [libm(), empty].into_iter().flatten() {
        let words = [
            "is a library but no autoflow plugin",
            "name the plugin's file",
        ];
        refused(
            &file,
            CHECKED,
            &[words[0], "no symbol of the checked door", words[1]],
        );
        refused(&file, C, &[words[0], "no symbol twamp_plugin_v1", words[1]]);
    }
}

#[test]
fn another_major_version_is_refused_by_both_doors() {
    for door in [CHECKED, C] {
        let words = [
            "speaks ABI 2.2",
            "this host speaks 1.2",
            "take a plugin of major version 1",
        ];
        refused(&variants::another_major(), door, &words);
    }
}

#[test]
fn a_plugin_with_a_function_more_is_let_in_by_both_doors() {
    for door in [CHECKED, C] {
        accepted(&variants::newer_minor().plugin, door, (1, 3));
    }
}

#[test]
fn a_host_that_knows_a_function_more_takes_the_older_plugin_by_the_c_door_only() {
    let mut newer = Command::new(&variants::newer_minor().host);
    let said = good(newer.arg(&artifacts().plugin));
    let (checked, c) = said.split_once('\n').unwrap();
    for word in [
        "TwampPlugin: too many fields, expected 28, found 27",
        "rebuild plugin and host from one plugin-abi",
    ] {
        assert!(checked.contains(word), "`{word}` is missing in: {checked}");
    }
    assert_eq!(c, "c: loaded (1, 2), works: true\n");
}

#[test]
fn swapped_fields_are_seen_by_the_checked_door_and_not_by_the_c_door() {
    let words = [
        "was built against another layout",
        "TwampScore: unexpected field, expected probes: u32, found samples: u32",
        "rebuild plugin and host",
    ];
    refused(&variants::swapped_fields(), CHECKED, &words);
    accepted(&variants::swapped_fields(), C, (1, 2));
}

#[test]
fn longer_rows_are_stepped_over_by_the_c_door_and_refused_by_the_checked_door() {
    let plugin = accepted(&variants::longer_rows(), C, (1, 2));
    let engine = plugin.create("{}", Silent).unwrap();
    let snapshot = engine.snapshot().unwrap();
    let lines: Vec<_> = snapshot.lines().map(|row| (row.line, row.state)).collect();
    let alive = plugin_abi::line_state::ALIVE;
    assert_eq!(lines, [(7, alive), (8, alive)]);

    let words = ["TwampLineState: incompatible type size, expected 40, found 48"];
    refused(&variants::longer_rows(), CHECKED, &words);
}

#[test]
fn another_release_of_the_contract_is_refused_by_the_checked_door() {
    let words = [
        "was built with plugin-abi 99.0.0",
        concat!("this host with ", env!("CARGO_PKG_VERSION")),
        "rebuild plugin and host",
    ];
    refused(&variants::another_release(), CHECKED, &words);
    accepted(&variants::another_release(), C, (1, 2));
}

#[test]
fn a_plugin_with_the_c_door_only_is_let_in_there_and_sent_there_by_the_other() {
    accepted(&variants::c_door_only(), C, (1, 2));
    let words = [
        "has no checked door, only the C door",
        "enter by the C door",
        "`stable`",
    ];
    refused(&variants::c_door_only(), CHECKED, &words);
}
