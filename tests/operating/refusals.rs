//! What goes wrong has a sentence that says what to do, and an exit code.

use autoflow_tests::host::host_sim;

use crate::host::Host;

const ASKING: [&str; 10] = [
    "sessions",
    "results",
    "schedules",
    "lines",
    "responders",
    "overrides",
    "why",
    "confirm",
    "configuration",
    "sessions add 192.0.2.1",
];

#[test]
fn where_no_host_runs_it_is_said_how_to_start_one() {
    for words in ASKING {
        let answer = host_sim(&format!("{words} --socket /nowhere/socket"));
        let sentence = "no host runs at /nowhere/socket: start one with `host-sim run --config \
                        FILE`, or name its socket with --socket";
        assert_eq!(answer.stderr, format!("host-sim: {sentence}\n"), "{words}");
        assert_eq!((answer.code, answer.stdout.as_str()), (1, ""), "{words}");
        let told = host_sim(&format!("{words} --json --socket /nowhere/socket"));
        assert_eq!(told.object()["error"], sentence, "{words}");
        assert_eq!(told.code, 1, "{words}");
    }
}

#[test]
fn an_unknown_name_names_the_nearest() {
    let host = Host::start();
    for (words, says) in [
        (
            "sessions delete fiber",
            "no session has the id or name fiber; did you mean fibre?",
        ),
        (
            "sessions run fiber",
            "no session has the id or name fiber; did you mean fibre?",
        ),
        (
            "sessions change fiber --ttl 9",
            "no session has the id or name fiber; did you mean fibre?",
        ),
        (
            "results fiber",
            "no session or line is called fiber; did you mean fibre?",
        ),
        (
            "schedules pause fiber",
            "no session has the id or name fiber; did you mean fibre?",
        ),
        (
            "lines role fiber --sender off",
            "no line is called fiber; did you mean fibre?",
        ),
        (
            "ping --line fiber",
            "no line is called fiber; did you mean fibre?",
        ),
        ("why vioce", "no class is called vioce; did you mean voice?"),
    ] {
        let answer = host.command(words);
        assert_eq!(answer.stderr, format!("host-sim: {says}\n"), "{words}");
        assert_eq!((answer.code, answer.stdout.as_str()), (2, ""), "{words}");
    }
}

#[test]
fn every_bad_parameter_is_told_with_its_place() {
    let host = Host::start();
    let answer = host.command("sessions add FAR:8621 --mode light --interval 0.01 --padding 65000");
    assert_eq!((answer.code, answer.stdout.as_str()), (2, ""), "{answer:?}");
    for place in ["probe.interval_ms: expected ", "probe.padding: expected "] {
        assert!(answer.stderr.contains(place), "{place}: {answer:?}");
    }
    let told =
        host.command("sessions add FAR:8621 --mode light --interval 0.01 --padding 65000 --json");
    let object = told.object();
    let problems = object["problems"].as_array().unwrap();
    assert_eq!((told.code, problems.len()), (2, 2), "{object}");
    for key in ["path", "expected", "found", "fix"] {
        assert!(problems[0][key].is_string(), "{object}");
    }
}

#[test]
fn a_configuration_with_mistakes_is_not_applied_and_shown_as_check_shows_it() {
    let host = Host::start();
    let file = host.file("wrong.toml");
    std::fs::write(&file, "mode = \"act\"\nlines = 1\n").unwrap();
    let applied = host.command(&format!("apply --config {}", file.display()));
    let checked = host_sim(&format!("check --config {}", file.display()));
    assert_eq!((applied.code, checked.code), (2, 2), "{applied:?}");
    assert_eq!(applied.stdout, checked.stdout);
    assert_eq!(host.object("lines")["lines"][0]["name"], "fibre");
}

#[test]
fn the_ends_of_a_session_are_not_changed() {
    let host = Host::start();
    host.text("sessions add FAR:8621 --mode light --name spare --count 3");
    let answer = host.command("sessions change spare --local 127.0.0.9");
    assert_eq!((answer.code, answer.stdout.as_str()), (2, ""), "{answer:?}");
    assert!(answer.stderr.contains("local"), "{answer:?}");
}

#[test]
fn the_session_of_a_line_is_the_lines() {
    let host = Host::start();
    for words in ["sessions delete fibre", "sessions run fibre"] {
        let answer = host.command(words);
        let says = "fibre is the session of line fibre, and goes with it; `host-sim lines role \
                    fibre` turns it on and off, ";
        assert!(answer.stderr.contains(says), "{answer:?}");
        assert_eq!((answer.code, answer.stdout.as_str()), (2, ""), "{answer:?}");
    }
    assert_eq!(host.object("lines")["lines"][0]["name"], "fibre");
}
