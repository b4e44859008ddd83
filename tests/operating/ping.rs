//! `ping --line`: over exactly a line's way, by the running host or by its configuration.

use std::time::Duration;

use autoflow_tests::host::{Running, host_sim};

use crate::host::Host;

#[test]
fn a_ping_over_a_line_is_made_by_the_running_host_to_the_lines_own_far_end() {
    let host = Host::start();
    let report = host.object("ping --line fibre --count 3");
    assert_eq!(report["received"], 3);
    let local = report["local"].as_str().unwrap();
    assert!(local.starts_with(&host.far.to_string()), "{report}");
    // The line's own interval of 20 ms, not the 100 of ping.
    let text = host.text("ping --line fibre --count 3 --mode light FAR:8621");
    assert!(text.contains("light session"), "{text}");
}

#[test]
fn a_ping_over_a_line_of_a_configuration_needs_no_running_host() {
    let host = Host::start();
    let words = format!(
        "ping --json --config {} --line fibre --count 3 --socket /nowhere/socket",
        host.config.display()
    );
    let answer = host_sim(&words);
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{answer:?}");
    assert_eq!(answer.object()["received"], 3);
    let words = words.replace("fibre", "fiber");
    let answer = host_sim(&words);
    let sentence = "no line is called fiber; did you mean fibre?";
    assert_eq!(
        (answer.code, &answer.object()["error"]),
        (2, &sentence.into())
    );
}

#[test]
fn a_secret_from_a_file_is_not_handed_to_a_running_host() {
    let host = Host::start();
    let file = host.file("secret.txt");
    std::fs::write(&file, "correct horse\n").unwrap();
    let answer = host.command(&format!(
        "ping --line fibre --mode auth --key-id hub --passphrase-file {}",
        file.display()
    ));
    assert_eq!((answer.code, answer.stdout.as_str()), (2, ""), "{answer:?}");
    assert!(
        answer.stderr.contains("from its own configuration alone"),
        "{answer:?}"
    );
}

#[test]
fn ctrl_c_ends_a_run_in_the_foreground_and_what_was_measured_is_shown() {
    let host = Host::start();
    host.text("sessions add FAR:8621 --mode light --name long --count 1000 --interval 20");
    for words in ["sessions run long", "ping --line fibre --count 1000"] {
        let socket = host.socket.display();
        let running = Running::host_sim(&format!("{words} --json --socket {socket}"));
        std::thread::sleep(Duration::from_millis(1500));
        running.interrupt();
        let answer = running.end();
        assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{answer:?}");
        let report = answer.object();
        let received = report["received"].as_u64().unwrap();
        assert!((1..1000).contains(&received), "{words}: {report}");
    }
}
