//! Who has nothing to do doesn't wake up.

use std::thread::sleep;
use std::time::Duration;

use plugin_abi::config::Config;

use crate::child::{Host, text};
use crate::ends::Ends;
use crate::patience::until_true;

/// Long enough for a tick of any kind to show.
const WATCHED: Duration = Duration::from_secs(3);

#[test]
fn an_engine_without_sessions_sleeps() {
    sleeps_when_run_by(&Config::default());
}

#[test]
fn a_responder_that_nobody_asks_sleeps() {
    sleeps_when_run_by(&Ends::joined_by(&["unused"]).far());
}

#[test]
fn more_threads_sleep_as_well_where_nobody_asks() {
    let mut config = Ends::joined_by(&["unused"]).far();
    config.io.threads = 3;
    sleeps_when_run_by(&config);
}

fn sleeps_when_run_by(config: &Config) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("idle.toml");
    std::fs::write(&file, toml::to_string(config).unwrap()).unwrap();
    let socket = directory.path().join("socket");
    let host = Host::spawn(&["run", "--config", text(&file), "--socket", text(&socket)]);
    // The first status comes a second after the start: by then all is set up.
    until_true("a status", || {
        host.output()
            .iter()
            .any(|told| told.object["event"] == "status")
    });
    let probing = (0..config.io.threads).map(|n| host.threads(&format!("twamp-io/{n}")));
    let threads: Vec<_> = probing
        .chain([host.threads("twamp-ctl")])
        .flatten()
        .collect();
    let expected = usize::from(config.io.threads) + 1;
    assert_eq!(threads.len(), expected, "one engine has these");
    let sleeps = || {
        threads
            .iter()
            .map(|thread| host.sleeps(*thread))
            .collect::<Vec<_>>()
    };
    let before = sleeps();
    sleep(WATCHED);
    assert_eq!(sleeps(), before, "each wake-up ends with another sleep");
}
