//! Plugins that are not quite this one: built against a changed copy of plugin-abi, or with
//! other features. Their dependencies are compiled once, in a target directory of their own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use autoflow_tests::{artifacts, artifacts::plugin_variant};

use crate::tools::good;

/// Replaces a text that stands exactly once in a file.
struct Patch {
    file: &'static str,
    from: &'static str,
    to: &'static str,
}

const fn patch(file: &'static str, from: &'static str, to: &'static str) -> Patch {
    Patch { file, from, to }
}

/// Another major version of the contract.
pub(crate) fn another_major() -> PathBuf {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    let major = patch(
        "plugin-abi/src/lib.rs",
        "ABI_MAJOR: u16 = 1;",
        "ABI_MAJOR: u16 = 2;",
    );
    FILE.get_or_init(|| door("major", PLUGIN, &[major]).plugin)
        .clone()
}

/// A later release of the crate plugin-abi.
pub(crate) fn another_release() -> PathBuf {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    let release = patch(
        "Cargo.toml",
        concat!("\nversion = \"", env!("CARGO_PKG_VERSION"), "\""),
        "\nversion = \"99.0.0\"",
    );
    FILE.get_or_init(|| door("release", PLUGIN, &[release]).plugin)
        .clone()
}

/// A plugin and a host of the next minor version, which has one function more.
pub(crate) fn newer_minor() -> &'static Door {
    static DOOR: OnceLock<Door> = OnceLock::new();
    DOOR.get_or_init(|| {
        let patches = [
            patch(
                "plugin-abi/src/lib.rs",
                "ABI_MINOR: u16 = 2;",
                "ABI_MINOR: u16 = 3;",
            ),
            patch(
                "plugin-abi/src/vtable.rs",
                "guard: *mut TwampGuard) -> i32>,\n",
                "guard: *mut TwampGuard) -> i32>,\n\
                 /// Appended.\n\
                 pub appended: Option<unsafe extern \"C\" fn() -> i32>,\n",
            ),
            patch(
                "plugin-abi/src/host/load.rs",
                "renew: root.renew().flatten(),\n",
                "renew: root.renew().flatten(),\nappended: root.appended().flatten(),\n",
            ),
            patch(
                "door/src/plugin.rs",
                "    renew: None,\n",
                "    renew: None,\nappended: Some(appended),\n",
            ),
        ];
        door("newer", &["--lib", "--bins"], &patches)
    })
}

/// Two fields of equal size have changed places.
pub(crate) fn swapped_fields() -> PathBuf {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    let swap = patch(
        "plugin-abi/src/snapshot.rs",
        "    pub probes: u32,\n    /// Of them, answered in time.\n    pub samples: u32,\n",
        "    pub samples: u32,\n    /// Of them, answered in time.\n    pub probes: u32,\n",
    );
    FILE.get_or_init(|| door("swapped", PLUGIN, &[swap]).plugin)
        .clone()
}

/// The rows of a snapshot have grown by a field.
pub(crate) fn longer_rows() -> PathBuf {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    let grow = patch(
        "plugin-abi/src/snapshot.rs",
        "    pub last_reply_ns: u64,\n    /// The row must not be used after this time.\n    \
         pub valid_until_ns: u64,\n",
        "    pub last_reply_ns: u64,\n    /// The row must not be used after this time.\n    \
         pub valid_until_ns: u64,\n    /// Appended.\n    pub appended: u64,\n",
    );
    FILE.get_or_init(|| door("rows", PLUGIN, &[grow]).plugin)
        .clone()
}

/// This plugin, with panics on demand.
pub(crate) fn with_faults() -> PathBuf {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| variant("faults", &["--features", "fault-injection"]))
        .clone()
}

/// This plugin, with the C door only.
pub(crate) fn c_door_only() -> PathBuf {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| variant("c_only", &["--no-default-features"]))
        .clone()
}

/// A changed contract, with a plugin and a host of it.
pub(crate) struct Door {
    pub(crate) plugin: PathBuf,
    pub(crate) host: PathBuf,
}

/// What most variants are built for.
const PLUGIN: &[&str] = &["--lib"];

/// One directory for all of them.
const TARGET: &str = "doors";

fn variant(name: &str, arguments: &[&str]) -> PathBuf {
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _lock = ONE_AT_A_TIME.lock();
    let built = plugin_variant(TARGET, arguments);
    // The next variant is built to the same place.
    let kept = built.with_file_name(format!("libautoflow_plugin_{name}.so"));
    let _ = std::fs::remove_file(&kept);
    std::fs::copy(&built, &kept).expect("the target directory takes a file");
    kept
}

fn door(variant: &str, parts: &[&str], patches: &[Patch]) -> Door {
    let root = &artifacts().root;
    let profile = artifacts()
        .plugin
        .parent()
        .expect("a file lies in a directory");
    let target = profile.with_file_name(format!("variant-{TARGET}"));
    let source = target.join("source").join(variant);

    // The whole workspace's profiles and versions, with two members of its own.
    let own = format!("members = [\"{variant}/plugin-abi\", \"{variant}/door\"]");
    let path = format!("plugin-abi = {{ path = \"{variant}/plugin-abi\"");
    let workspace = text(&root.join("Cargo.toml"))
        .lines()
        .filter(|line| !line.starts_with("exclude = "))
        .map(|line| match line {
            _ if line.starts_with("members = ") => own.clone() + "\n",
            _ => line.replace("plugin-abi = { path = \"plugin-abi\"", &path) + "\n",
        })
        .collect();
    let mut files = vec![
        ("Cargo.lock".into(), text(&root.join("Cargo.lock"))),
        (PathBuf::from("Cargo.toml"), workspace),
    ];
    let mut members = vec![(
        "plugin-abi/Cargo.toml".into(),
        text(&root.join("plugin-abi/Cargo.toml")),
    )];
    gather(root, Path::new("plugin-abi/src"), &mut members);
    for file in ["Cargo.toml", "src/plugin.rs", "src/host.rs"] {
        let content = text(&root.join("tests/boundary/door").join(file));
        members.push((
            Path::new("door").join(file),
            content.replace("VARIANT", variant),
        ));
    }
    for patch in patches {
        let (_, text) = files
            .iter_mut()
            .chain(&mut members)
            .find(|(file, _)| file == Path::new(patch.file))
            .expect("the patched file is there");
        assert_eq!(
            text.matches(patch.from).count(),
            1,
            "{}: {}",
            patch.file,
            patch.from
        );
        *text = text.replace(patch.from, patch.to);
    }
    for (file, text) in &files {
        write(&source.join(file), text);
    }
    for (file, text) in &members {
        // Cargo tells packages of one name apart by their path in the workspace.
        write(&source.join(variant).join(file), text);
    }

    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(&source)
        .env("CARGO_INCREMENTAL", "0")
        .args(["build", "--quiet", "--offline", "-p"]);
    cargo
        .arg(format!("door-{variant}"))
        .args(parts)
        .arg("--target-dir")
        .arg(&target);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    good(&mut cargo);
    let built = target.join(profile.file_name().expect("a profile has a name"));
    Door {
        plugin: built.join(format!("libdoor_{variant}.so")),
        host: built.join(format!("host-{variant}")),
    }
}

fn gather(root: &Path, directory: &Path, files: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(root.join(directory)).expect("the directory is there") {
        let entry = entry.expect("the directory can be read");
        let path = directory.join(entry.file_name());
        if entry.path().is_dir() {
            gather(root, &path, files);
        } else {
            files.push((path, text(&entry.path())));
        }
    }
}

fn text(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Leaves a file that is right alone, so that nothing is compiled again.
fn write(file: &Path, text: &str) {
    if std::fs::read_to_string(file).is_ok_and(|found| found == text) {
        return;
    }
    let directory = file.parent().expect("a file lies in a directory");
    std::fs::create_dir_all(directory).expect("the target directory takes directories");
    std::fs::write(file, text).expect("the target directory takes files");
}
