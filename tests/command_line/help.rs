//! Help and version: the first things that anybody types.

use crate::host::host_sim;

const COMMANDS: [&str; 18] = [
    "demo",
    "run",
    "check",
    "ping",
    "respond",
    "bench",
    "sim",
    "sessions",
    "results",
    "schedules",
    "lines",
    "responders",
    "why",
    "apply",
    "confirm",
    "configuration",
    "completions",
    "man",
];

/// What commands have below them.
const SUBCOMMANDS: [&str; 13] = [
    "sessions list",
    "sessions add",
    "sessions change",
    "sessions delete",
    "sessions run",
    "schedules list",
    "schedules pause",
    "schedules resume",
    "lines list",
    "lines role",
    "responders list",
    "responders on",
    "responders off",
];

#[test]
fn every_command_has_a_help_text() {
    let answer = host_sim("--help");
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    for command in COMMANDS {
        assert!(
            answer.stdout.contains(&format!("\n  {command} ")),
            "{}",
            answer.stdout
        );
        let answer = host_sim(&format!("{command} --help"));
        assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{command}");
        let usage = format!("Usage: host-sim {command}");
        assert!(answer.stdout.contains(&usage), "{}", answer.stdout);
    }
}

#[test]
fn what_a_command_has_below_it_has_a_help_text_as_well() {
    for command in SUBCOMMANDS {
        let answer = host_sim(&format!("{command} --help"));
        assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{command}");
        let usage = format!("Usage: host-sim {command}");
        assert!(answer.stdout.contains(&usage), "{}", answer.stdout);
    }
}

#[test]
fn each_shell_is_told_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = host_sim(&format!("completions {shell}"));
        assert_eq!((script.code, script.stderr.as_str()), (0, ""), "{shell}");
        for command in COMMANDS.into_iter().chain(SUBCOMMANDS) {
            let word = command.rsplit(' ').next().unwrap();
            assert!(script.stdout.contains(word), "{shell}: {command}");
        }
    }
    let parsed = std::process::Command::new("bash")
        .args(["-c", "eval \"$1\" && complete -p host-sim", "bash"])
        .arg(host_sim("completions bash").stdout)
        .output()
        .unwrap();
    assert!(parsed.status.success(), "{parsed:?}");
}

#[test]
fn every_command_has_a_manual_page_of_its_own() {
    let main = host_sim("man");
    assert_eq!((main.code, main.stderr.as_str()), (0, ""));
    assert!(main.stdout.contains(".TH host-sim 1"), "{}", main.stdout);
    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("man1");
    let answer = host_sim(&format!("man --dir {}", pages.display()));
    assert_eq!((answer.code, answer.stdout.as_str()), (0, ""));
    for command in COMMANDS.into_iter().chain(SUBCOMMANDS) {
        let name = format!("host-sim-{}", command.replace(' ', "-"));
        let page = std::fs::read_to_string(pages.join(format!("{name}.1"))).unwrap();
        assert!(page.contains(&format!(".TH {name} 1")), "{page}");
    }
    assert_eq!(
        std::fs::read_to_string(pages.join("host-sim.1")).unwrap(),
        main.stdout
    );
}

#[test]
fn no_line_of_a_help_text_is_wider_than_a_terminal() {
    for command in COMMANDS.into_iter().chain(SUBCOMMANDS) {
        let text = host_sim(&format!("{command} --help")).stdout;
        for line in text.lines() {
            assert!(line.chars().count() <= 100, "{command}: {line}");
        }
    }
}

#[test]
fn the_version_is_the_one_of_the_package() {
    let version = format!("host-sim {}\n", env!("CARGO_PKG_VERSION"));
    for words in ["--version", "-V"] {
        let answer = host_sim(words);
        assert_eq!((answer.code, answer.stdout.as_str()), (0, version.as_str()));
    }
}

#[test]
fn wrong_use_is_one_clear_sentence_and_exit_code_2() {
    for (words, says) in [
        (
            "ping --count 0 h",
            "invalid value '0' for '--count <N>': 0 is not in 1..=4294967295",
        ),
        (
            "ping --ttl 0 h",
            "invalid value '0' for '--ttl <N>': 0 is not in 1..=255",
        ),
        (
            "ping --dscp 64 h",
            "invalid value '64' for '--dscp <DSCP>': expected 0 to 63 or a name like EF, AF41 or \
             CS6, found `64`",
        ),
        (
            "ping --interval 0 h",
            "invalid value '0' for '--interval <MS>': expected a number above 0",
        ),
        (
            "ping h:0",
            "invalid value 'h:0' for '[HOST[:PORT]]': expected a port from 1 to 65535, found `0`",
        ),
        (
            "ping [::1",
            "invalid value '[::1' for '[HOST[:PORT]]': expected an IPv6 address in the brackets, \
             found `::1`",
        ),
        ("ping --colour h", "unexpected argument '--colour' found"),
        (
            "respond --test-ports 9-8",
            "invalid value '9-8' for '--test-ports <A-B>': expected first and last port as A-B, \
             A not above B, found `9-8`",
        ),
    ] {
        let answer = host_sim(words);
        assert_eq!((answer.code, answer.stdout.as_str()), (2, ""), "{words}");
        let first = answer.stderr.lines().next().unwrap_or_default();
        assert_eq!(first, format!("error: {says}"), "{words}");
    }
}

#[test]
fn options_that_exclude_each_other_are_wrong_use() {
    let answer = host_sim("ping -6 --local 127.0.0.1 h");
    assert_eq!((answer.code, answer.stdout.as_str()), (2, ""));
    assert_eq!(
        answer.stderr,
        "host-sim: --local 127.0.0.1 is no IPv6 address; leave the -4 or -6 out, or give another\n"
    );
}
