//! Figures that grow old: first *keep what you have*, then *no opinion*; and back again.

use std::thread::sleep;
use std::time::{Duration, Instant};

use host_sim::link::Impairment;
use nix::sys::signal::Signal;
use plugin_abi::config::Mode;
use plugin_abi::host::Engine;

use crate::child::{Ended, Host, Told, text};
use crate::ends::{Ends, Heard, PLUGIN, started};
use crate::hold::Held;
use crate::patience::until_true;

/// Without fresh samples for so long there is no opinion.
const STALE_AFTER: Duration = Duration::from_secs(3);

#[test]
fn while_the_probe_thread_stands_still_the_choice_is_kept_then_given_up_then_found_again() {
    let daemon = Daemon::start();
    let probing = daemon.host.threads("twamp-io/0");
    let held_at = Instant::now();
    let before = daemon.host.output().len();
    {
        let _held = Held::hold(probing[0]);
        daemon.wait_for("no-opinion", before);
        // Long enough to say it a second time, if it did.
        sleep(STALE_AFTER);
    }
    let given_up = daemon.host.output().len();
    daemon.wait_for("line", given_up);
    let ended = daemon.end();

    let answers: Vec<_> = choices(&ended.output[before..]).collect();
    let mut words: Vec<_> = answers.iter().map(|choice| choice.answer).collect();
    words.dedup();
    let expected = ["line", "keep", "no-opinion", "line"];
    let first = usize::from(words[0] != "line");
    assert_eq!(words, expected[first..], "and nothing between");
    let kept = answers.iter().find(|choice| choice.answer == "keep");
    assert_eq!(kept.unwrap().line, Some("first"));
    let given_up = answers.iter().find(|choice| choice.answer == "no-opinion");
    let after = given_up.unwrap().at - held_at;
    assert!(after > STALE_AFTER / 2, "given up after {after:?}");
    assert!(after < STALE_AFTER * 3, "given up after {after:?}");

    assert_eq!(said(&ended, "no fresh samples"), 1, "{:?}", ended.log);
    assert_eq!(
        said(&ended, "samples are fresh again"),
        1,
        "{:?}",
        ended.log
    );
    nothing_was_invented(&ended, before);
}

#[test]
fn a_process_that_stood_still_has_no_opinion_until_it_has_measured_again() {
    let daemon = Daemon::start();
    let before = daemon.host.output().len();
    daemon.host.signal(Signal::SIGSTOP);
    sleep(STALE_AFTER + Duration::from_secs(2));
    let stood = daemon.host.output().len();
    daemon.host.signal(Signal::SIGCONT);
    daemon.wait_for("no-opinion", stood);
    daemon.wait_for("line", stood);
    let again = daemon.host.output().len();
    until_true("some more statuses", || {
        daemon.host.output().len() > again + 2
    });
    let ended = daemon.end();

    let mut answers = choices(&ended.output[stood..]);
    assert_eq!(
        answers.next().unwrap().answer,
        "no-opinion",
        "right after it"
    );
    assert!(
        said(&ended, "this process was held up for") > 0,
        "{:?}",
        ended.log
    );
    nothing_was_invented(&ended, before);
}

/// A host that runs the plugin by a configuration, the lines and their far end in this process.
struct Daemon {
    host: Host,
    _files: tempfile::TempDir,
    _far: Engine,
    _emulator: host_sim::link::Emulator,
}

impl Daemon {
    /// Starts it, and waits until its one class is on a line.
    fn start() -> Self {
        let ends = Ends::joined_by(&["first", "second"]);
        let healthy = Impairment::delay(5.0);
        let emulator = ends.emulator(51, healthy, healthy);
        let far = started(&PLUGIN, &ends.far(), Heard::default());
        let files = tempfile::tempdir().unwrap();
        let file = files.path().join("near.toml");
        std::fs::write(&file, toml::to_string(&ends.near(Mode::Act)).unwrap()).unwrap();
        let socket = files.path().join("socket");
        let told = ["--log", "info", "--socket", text(&socket)];
        let arguments = ["run", "--config", text(&file)];
        let daemon = Self {
            host: Host::spawn(&[&arguments[..], &told[..]].concat()),
            _files: files,
            _far: far,
            _emulator: emulator,
        };
        daemon.wait_for("line", 0);
        daemon
    }

    /// Waits for an answer in what it has told since the `since`-th line.
    fn wait_for(&self, answer: &str, since: usize) {
        until_true(answer, || {
            let told = self.host.output().split_off(since);
            choices(&told).any(|choice| choice.answer == answer)
        });
    }

    fn end(self) -> Ended {
        self.host.signal(Signal::SIGINT);
        let ended = self.host.wait();
        assert_eq!(ended.status.code(), Some(0), "{:?}", ended.log);
        ended
    }
}

/// What the host was answered for its one class.
struct Asked<'a> {
    at: Instant,
    answer: &'a str,
    line: Option<&'a str>,
}

fn choices(output: &[Told]) -> impl Iterator<Item = Asked<'_>> {
    statuses(output).map(|told| {
        let choice = &told.object["choices"][0];
        Asked {
            at: told.at,
            answer: choice["answer"].as_str().expect("an answer"),
            line: choice["line"].as_str(),
        }
    })
}

fn statuses(output: &[Told]) -> impl Iterator<Item = &Told> {
    output
        .iter()
        .filter(|told| told.object["event"] == "status")
}

fn said(ended: &Ended, words: &str) -> usize {
    ended.log.iter().filter(|line| line.contains(words)).count()
}

/// The lines are well all the time: no loss, no line that changes its state, no switch.
fn nothing_was_invented(ended: &Ended, since: usize) {
    let output = &ended.output[since..];
    for told in output {
        let event = told.object["event"].as_str();
        assert!(!matches!(event, Some("line" | "choice")), "{}", told.object);
    }
    for told in statuses(output) {
        let lines = told.object["lines"].as_array().unwrap();
        for line in lines {
            let lost = &line["loss"]["percent"];
            assert!(lost.is_null() || lost.as_f64() == Some(0.0), "{line}");
        }
    }
}
