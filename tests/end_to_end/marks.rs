//! A queue that is full of best effort: classes are judged by probes that are marked as their packets
//! are, and only those leave that suffer.

use host_sim::link::{Crowd, Directions, Impairment};
use plugin_abi::config::{Class, Config, Mode, ProbeClass, Sla};
use plugin_abi::host::Choice;
use plugin_abi::manage::SessionRow;

use crate::ends::{Ends, HUB, Heard, PLUGIN, VOICE, sessions, started};
use crate::patience::until_true;

const BULK: u64 = 2;
const EXPEDITED: u8 = 46;

/// Voice has probes of its own, bulk is judged by those that all share.
fn near(ends: &Ends) -> Config {
    let mut config = ends.near(Mode::Act);
    config.probe_classes = vec![ProbeClass {
        id: 7,
        name: "realtime".to_owned(),
        dscp: EXPEDITED,
        padding: None,
        interval_ms: None,
    }];
    config.classes[0].probe_class = Some("realtime".to_owned());
    let sla = Sla {
        loss_percent: Some(3.0),
        ..Sla::default()
    };
    config.classes.push(Class {
        id: BULK,
        name: "bulk".to_owned(),
        sla,
        probe_class: None,
        ..config.classes[0].clone()
    });
    config
}

#[test]
fn bulk_leaves_a_queue_full_of_best_effort_and_voice_which_goes_first_stays() {
    let ends = Ends::joined_by(&["first", "second"]);
    let healthy = Impairment::delay(5.0);
    let emulator = ends.emulator(23, healthy, healthy);
    let heard = Heard::default();
    let _far = started(&PLUGIN, &ends.far(), Heard::default());
    let near = started(&PLUGIN, &near(&ends), heard.clone());
    let choices = || [VOICE, BULK].map(|class| near.choose(HUB, class, 0, None, 0));
    until_true("both are on the first", || {
        choices() == [Choice::Line(1); 2]
    });

    let full = Impairment {
        crowd: Some(Crowd {
            wait_ms: 40.0,
            loss_percent: 20.0,
            below_dscp: EXPEDITED,
        }),
        ..healthy
    };
    emulator.set("first", Directions::Both, &full).unwrap();
    until_true("bulk leaves", || choices()[1] == Choice::Line(2));
    let before = sent(&sessions(&near), Some("realtime"));
    until_true("voice is probed on", || {
        sent(&sessions(&near), Some("realtime")) > before + 300
    });
    assert_eq!(choices()[0], Choice::Line(1));
    let changes = heard.changes();
    let of_voice = changes.iter().filter(|change| change.class == VOICE);
    assert_eq!(of_voice.count(), 1, "its start alone: {changes:?}");

    let rows = sessions(&near);
    let round_trip = |class: Option<&str>| {
        let result = of_first(&rows, class).result.as_ref().unwrap();
        result.round_trip_us.unwrap().max
    };
    let (voice, bulk) = (round_trip(Some("realtime")), round_trip(None));
    assert!(bulk > voice + 40_000.0, "{bulk} and {voice} µs");
}

/// The session that measures the first line, for a probe class.
fn of_first<'a>(rows: &'a [SessionRow], class: Option<&str>) -> &'a SessionRow {
    let mut rows = rows.iter();
    let of_first = |row: &&SessionRow| {
        row.line.as_deref() == Some("first") && row.probe_class.as_deref() == class
    };
    rows.find(of_first).expect("the line has such a session")
}

fn sent(rows: &[SessionRow], class: Option<&str>) -> u64 {
    let result = of_first(rows, class).result.as_ref();
    result.map_or(0, |result| result.sent)
}
