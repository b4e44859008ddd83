//! `check` and `run`: all mistakes of a configuration at once, and nothing started half-way.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};

use autoflow_tests::artifacts;
use serde_json::Value;
use tempfile::TempDir;

use crate::address;
use crate::golden::{assert_golden, path};
use crate::host::{Answer, Running, answer, host_command, host_sim};

/// Runs `host-sim` on a file of `golden/`, which messages name without its directory.
fn on_golden(words: &str, name: &str) -> Answer {
    let file = path(name);
    let directory = file.parent().expect("a file lies in a directory");
    let words = words.split_whitespace();
    answer(host_command().current_dir(directory).args(words).arg(name))
}

fn written(directory: &TempDir, text: &str) -> PathBuf {
    let file = directory.path().join("host.toml");
    std::fs::write(&file, text).unwrap();
    file
}

/// The words that run it, with a control socket of its own.
fn run(directory: &TempDir, file: &Path, more: &str) -> String {
    let socket = directory.path().join("socket");
    let (file, socket) = (file.display(), socket.display());
    format!("run {more} --config {file} --socket {socket}")
}

#[test]
fn the_examples_are_good() {
    for example in ["branch.toml", "topology.toml"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host-sim/examples");
        let answer = host_sim(&format!("check --config {}", file.join(example).display()));
        assert_eq!(answer.code, 0, "{answer:?}");
    }
}

#[test]
fn every_mistake_of_a_configuration_is_shown_at_once_with_its_place() {
    let answer = on_golden("check --config", "mistakes.toml");
    assert_golden("mistakes.txt", &answer.stdout);
    assert_eq!((answer.code, answer.stderr.as_str()), (2, ""));
}

#[test]
fn every_mistake_of_syntax_is_shown_at_once_with_its_place() {
    let answer = on_golden("check --config", "syntax.toml");
    assert_golden("syntax.txt", &answer.stdout);
    assert_eq!((answer.code, answer.stderr.as_str()), (2, ""));
}

#[test]
fn programs_are_told_the_same_mistakes_with_the_same_places() {
    for name in ["mistakes", "syntax"] {
        let answer = on_golden("check --json --config", &format!("{name}.toml"));
        assert_eq!((answer.code, answer.stderr.as_str()), (2, ""));
        let object = answer.object();
        assert_eq!(object["good"], false);
        let text = std::fs::read_to_string(path(&format!("{name}.txt"))).unwrap();
        let shown = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("--> "));
        let problems = object["problems"].as_array().unwrap();
        let told = problems.iter().map(|problem| {
            for key in ["path", "expected", "found", "fix"] {
                assert!(problem[key].is_string(), "{key}: {problem}");
            }
            format!("{name}.toml:{}:{}", problem["line"], problem["column"])
        });
        assert!(told.eq(shown), "{object}");
    }
}

#[test]
fn run_refuses_what_check_refuses_in_the_same_words() {
    for name in ["mistakes.toml", "syntax.toml"] {
        for json in ["", "--json"] {
            let checked = on_golden(&format!("check {json} --config"), name);
            let run = on_golden(&format!("run {json} --config"), name);
            assert_eq!(run.stdout, checked.stdout);
            assert_eq!((run.code, run.stderr.as_str()), (2, ""));
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_wrong_use() {
    for command in ["check", "run"] {
        let answer = host_sim(&format!("{command} --config /nowhere/a.toml"));
        assert_eq!((answer.code, answer.stdout.as_str()), (2, ""));
        assert_eq!(
            answer.stderr,
            "host-sim: can't read /nowhere/a.toml: No such file or directory (os error 2)\n"
        );
    }
}

#[test]
fn every_shipped_example_is_good() {
    let examples = artifacts().root.join("host-sim/examples");
    let files: Vec<_> = std::fs::read_dir(examples)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|file| {
            file.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    assert!(!files.is_empty());
    for file in files {
        assert_is_good(&file);
    }
}

fn assert_is_good(file: &Path) {
    let answer = host_sim(&format!("check --json --config {}", file.display()));
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{answer:?}");
    let mut told = answer.object();
    let good = serde_json::json!({"good": true, "problems": [], "warnings": []});
    let costs = told.as_object_mut().and_then(|told| told.remove("costs"));
    assert_eq!(told, good, "{}", file.display());
    // Of each line that sends probes, what they take.
    for row in costs.iter().flat_map(|costs| costs.as_array().unwrap()) {
        let (rest, most) = (&row["rest"]["gb_per_month"], &row["most"]["gb_per_month"]);
        assert!(
            rest.as_f64() > Some(0.0) && most.as_f64() >= rest.as_f64(),
            "{row}"
        );
    }
}

#[test]
fn what_is_perhaps_not_meant_is_named_and_good_all_the_same() {
    let checked = on_golden("check --config", "warnings.toml");
    assert_golden("warnings.txt", &checked.stdout);
    assert_eq!((checked.code, checked.stderr.as_str()), (0, ""));
    let told = on_golden("check --json --config", "warnings.toml");
    assert_eq!((told.code, told.stderr.as_str()), (0, ""));
    let object = told.object();
    assert_eq!(object["good"], true);
    assert_eq!(object["problems"], serde_json::json!([]));
    let warnings = object["warnings"].as_array().unwrap();
    let paths: Vec<_> = warnings.iter().map(|warning| &warning["path"]).collect();
    assert_eq!(
        paths,
        [
            "probe.padding",
            "responder.listen[0]",
            "responder.light[0]",
            "responder.modes[1]",
            "classes[0].prefer[1]",
        ]
    );
}

#[test]
fn a_start_that_finds_a_port_taken_leaves_none_behind() {
    let (first, second) = (address::own(), address::own());
    let _taken = TcpListener::bind((second, 8620)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let config = format!(
        "[responder]\nlisten = [\"{first}:8620\", \"{second}:8620\"]\nlight = [\"{first}:8621\"]\n\
         peers = [\"127.0.0.0/8\"]\ntest_ports = [8700, 8710]\n"
    );
    let file = written(&directory, &config);
    let answer = host_sim(&run(&directory, &file, ""));
    assert_eq!(
        answer.stderr,
        format!(
            "host-sim: the plugin refused `start`: local system: can't listen for TWAMP-Control \
             on {second}:8620: Address already in use (os error 98); `ss -tlpn` shows who has it; \
             free it or name another port\n"
        )
    );
    assert_eq!((answer.code, answer.stdout.as_str()), (1, ""));
    assert_free(first);
}

#[test]
fn a_start_that_finds_a_light_port_taken_leaves_none_behind() {
    let (first, second) = (address::own(), address::own());
    let _taken = UdpSocket::bind((second, 8621)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let config = format!(
        "[responder]\nlisten = [\"{first}:8620\"]\nlight = [\"{first}:8621\", \"{second}:8621\"]\n\
         peers = [\"127.0.0.0/8\"]\ntest_ports = [8700, 8710]\n"
    );
    let file = written(&directory, &config);
    let answer = host_sim(&run(&directory, &file, "--json"));
    let sentence = format!(
        "the plugin refused `start`: TWAMP Light responder on {second}:8621: configuration: port \
         8621 of {second} is in use by another socket; `ss -ulpn` shows whose it is; free it or \
         choose another port (0 takes any)"
    );
    assert_eq!(answer.object(), serde_json::json!({ "error": sentence }));
    assert_eq!(answer.stderr, format!("host-sim: {sentence}\n"));
    assert_eq!(answer.code, 1);
    assert_free(first);
}

/// Control, Light and the first test port.
fn assert_free(address: Ipv4Addr) {
    TcpListener::bind((address, 8620)).unwrap();
    for port in [8621, 8700] {
        UdpSocket::bind((address, port)).unwrap();
    }
}

#[test]
fn a_daemon_starts_and_ends_with_an_event_and_answers_meanwhile() {
    let far = address::own();
    let directory = tempfile::tempdir().unwrap();
    let config = format!(
        "[responder]\nlisten = [\"{far}:8620\"]\ntest_ports = [8700, 8710]\n\
         [[lines]]\nid = 1\nname = \"loop\"\nremote = \"{far}:8620\"\nlocal = \"{far}\"\n\
         [lines.probe]\ninterval_ms = 20\n"
    );
    let file = written(&directory, &config);
    assert_is_good(&file);
    let running = Running::host_sim(&run(&directory, &file, "--json"));
    let event = |line: String| serde_json::from_str::<Value>(&line).unwrap();
    assert_eq!(event(running.line())["event"], "started");
    loop {
        let told = event(running.line());
        if told["event"] == "line" && told["to"] == "alive" {
            break;
        }
    }
    assert!(TcpListener::bind(SocketAddr::from((far, 8620))).is_err());
    running.interrupt();
    let answer = running.end();
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{answer:?}");
    assert_eq!(answer.objects().last().unwrap()["event"], "stopped");
    TcpListener::bind(SocketAddr::from((far, 8620))).unwrap();
}
