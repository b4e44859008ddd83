//! Several engines in one process share nothing but code.

use std::sync::Arc;

use host_sim::link::Impairment;
use plugin_abi::config::Mode;
use plugin_abi::host::Choice;

use crate::ends::{Ends, Heard, PLUGIN, Pair, started};
use crate::patience::until_true;

#[test]
fn two_pairs_in_one_process_measure_choose_log_and_end_on_their_own() {
    // The same names and ids at both: they must not meet anywhere.
    let names = ["first", "second"];
    let (clean_ends, lossy_ends) = (Ends::joined_by(&names), Ends::joined_by(&names));
    let near_by = Impairment::delay(2.0);
    let far_off = Impairment {
        loss_percent: 30.0,
        ..Impairment::delay(60.0)
    };
    let (clean_heard, lossy_heard) = (Heard::default(), Heard::default());
    let emulator = clean_ends.emulator(41, near_by, near_by);
    let clean = Pair::start(&clean_ends, Mode::Act, emulator, clean_heard.clone());
    let emulator = lossy_ends.emulator(42, far_off, far_off);
    let lossy = Pair::start(&lossy_ends, Mode::Advise, emulator, lossy_heard.clone());

    until_true("the clean one has chosen", || {
        clean.choice() == Choice::Line(1)
    });
    until_true("both have measured", || {
        clean.result("first").received > 100 && lossy.result("second").received > 100
    });
    assert_eq!(lossy.choice(), Choice::NoOpinion, "it only advises");
    let round_trip = |pair: &Pair| pair.result("first").round_trip_us.unwrap();
    assert!(round_trip(&clean).p50 < 60_000.0 && round_trip(&lossy).min > 119_000.0);
    assert_eq!(clean.result("first").lost.forward, Some(0));
    assert!(lossy.result("first").lost.forward.unwrap() > 0);
    until_true("each has told its host of its own switch", || {
        clean_heard.changes().len() == 1 && !lossy_heard.changes().is_empty()
    });

    // One ends: the other doesn't notice.
    clean.near.stop().unwrap();
    assert_eq!(clean.choice(), Choice::NoOpinion);
    let ended = clean.result("first");
    let messages = clean_heard.log().len();
    goes_on(&lossy);
    assert_eq!(clean.result("first"), ended, "what has ended stays");
    assert_eq!(
        clean_heard.log().len(),
        messages,
        "nor does it say anything"
    );

    // A new engine takes the place of the destroyed one, addresses and all.
    let Pair {
        near,
        far,
        emulator,
    } = clean;
    drop(Arc::into_inner(near).expect("nobody else has the engine"));
    let near = Arc::new(started(&PLUGIN, &clean_ends.near(Mode::Act), clean_heard));
    let again = Pair {
        near,
        far,
        emulator,
    };
    until_true("it chooses again", || again.choice() == Choice::Line(1));
    goes_on(&lossy);
    assert_eq!(lossy.choice(), Choice::NoOpinion);
}

fn goes_on(pair: &Pair) {
    let before = pair.result("first").received;
    until_true("it goes on", || pair.result("first").received > before + 20);
}
