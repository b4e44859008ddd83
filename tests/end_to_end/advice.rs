//! An engine that only advises: it decides, and `choose` has no opinion all the same.

use std::sync::Arc;
use std::time::Duration;

use host_sim::host::flows::Flows;
use host_sim::link::{Directions, Impairment};
use plugin_abi::config::Mode;
use plugin_abi::host::{Choice, Engine};
use plugin_abi::manage::{Answer, ChoiceRow, Request};

use crate::ends::{Ends, HUB, Heard, Pair};
use crate::patience::{until, until_true};

#[test]
fn decisions_are_made_and_told_but_no_flow_follows_before_the_operator_says_act() {
    let ends = Ends::joined_by(&["first", "second"]);
    let healthy = Impairment::delay(5.0);
    let emulator = ends.emulator(21, healthy, healthy);
    let pair = Pair::start(&ends, Mode::Advise, emulator, Heard::default());
    let near = Arc::clone(&pair.near);
    let asked = move |class, hash, current| near.choose(HUB, class, hash, current, 0);
    let flows = Flows::start(&ends.flows(), asked).unwrap();

    decided_for(&pair, "first");
    let broken = Impairment::blackout();
    pair.emulator
        .set("first", Directions::Both, &broken)
        .unwrap();
    let row = decided_for(&pair, "second");
    assert_eq!(row.mode, Mode::Advise);
    let newest = &row.decisions[0];
    assert!(
        newest.switched && newest.reason == "dead line",
        "{newest:?}"
    );
    assert_eq!(newest.from.as_deref(), Some("first"));

    // The traffic went by the host's own default, into the dead line.
    let before = flows.counts()[0];
    until_true("traffic goes on", || {
        flows.counts()[0].sent > before.sent + 50
    });
    assert_eq!(flows.counts()[0].line, Some(1));
    assert_eq!(flows.moves(), [], "it never left it");

    // The decision was there all the time: allowed to act, it is the answer at once.
    let config = serde_json::to_string(&ends.near(Mode::Act)).unwrap();
    pair.near.apply(&config, 1, false).unwrap();
    until_true("it may act", || pair.choice() == Choice::Line(2));
    until_true("traffic follows", || flows.counts()[0].line == Some(2));
    let counts = flows.stop(Duration::from_secs(1))[0];
    assert!(
        counts.received < counts.sent,
        "the dead line took its share"
    );
}

/// Waits until the class is on a line by the plugin's own account; meanwhile `choose` has no
/// opinion at any time.
fn decided_for(pair: &Pair, line: &str) -> ChoiceRow {
    until("a decision", || {
        for _ in 0..1_000 {
            assert_eq!(pair.choice(), Choice::NoOpinion);
        }
        why(&pair.near).filter(|row| row.line.as_deref() == Some(line))
    })
}

fn why(engine: &Engine) -> Option<ChoiceRow> {
    let class = Some("voice".to_owned());
    match engine.manage(&Request::Why { class }) {
        Ok(Answer::Why(mut rows)) => rows.pop(),
        other => panic!("no reason: {other:?}"),
    }
}
