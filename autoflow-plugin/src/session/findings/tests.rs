//! Each finding, and that nothing is found where all came as it was asked for.

use plugin_abi::config::Protocol;
use plugin_abi::manage::Asked;
use twamp_core::metrics::loss::LossCounts;
use twamp_core::probe::{Outcome, Sample};
use twamp_core::time::{ErrorEstimate, Mono, Wall};
use twamp_core::wire::control::Modes;

use crate::line::synthetic::sample;
use crate::session::result::{Identity, Tally};
use crate::session::{Entry, Sizes};

const EF: u8 = 46 << 2;
const CS0: u8 = 0;
const AF11: u8 = 10 << 2;

fn who() -> Identity {
    Identity {
        configured: None,
        run: true,
        mode: "open",
        local: "192.0.2.1:20000".parse().unwrap(),
        remote: "192.0.2.2:862".parse().unwrap(),
        stateful: true,
        control: true,
        features: Modes::NONE,
        refused: Modes::NONE,
        asked: Asked {
            dscp: 46,
            ecn: 0,
            ttl: 255,
            dont_fragment: false,
        },
    }
}

fn arrived(nth: u64, tos: [Option<u8>; 2], ttl: [u8; 2]) -> Outcome {
    let Outcome::Sample(sample) = sample(nth, Mono(nth), std::time::Duration::from_millis(1))
    else {
        panic!("a sample");
    };
    Outcome::Sample(Sample {
        tos_forward: tos[0],
        tos_backward: tos[1],
        ttl_forward: ttl[0],
        ttl_backward: Some(ttl[1]),
        t4: Wall(nth as i64 * 1_000_000_000),
        ..sample
    })
}

fn found(who: &Identity, outcomes: &[Outcome], sizes: &Sizes) -> Vec<(String, String)> {
    let mut tally = Tally::new(who.run, Protocol::Open);
    for outcome in outcomes {
        tally.absorb(&Entry::Probe(*outcome));
    }
    let counts = LossCounts {
        sent: outcomes.len().max(3) as u64,
        received: outcomes.len() as u64,
        ..LossCounts::default()
    };
    let result = tally.result(who, &counts, sizes, ErrorEstimate::default());
    let findings = result.figures.findings.into_iter();
    findings.map(|found| (found.code, found.sentence)).collect()
}

fn of(outcomes: &[Outcome]) -> Vec<(String, String)> {
    found(&who(), outcomes, &Sizes::default())
}

fn pair(code: &str, sentence: &str) -> (String, String) {
    (code.to_owned(), sentence.to_owned())
}

#[test]
fn nothing_is_found_where_all_came_as_it_was_asked_for() {
    assert_eq!(of(&[arrived(0, [Some(EF); 2], [252; 2])]), []);
}

#[test]
fn another_dscp_is_named_for_each_direction() {
    let both = arrived(0, [Some(CS0), Some(AF11)], [255; 2]);
    let expected = [
        pair(
            "dscp-forward-changed",
            "EF asked, CS0 arrived at the far end",
        ),
        pair(
            "dscp-backward-changed",
            "EF asked, replies come back as AF11",
        ),
    ];
    assert_eq!(of(&[both]), expected);
}

#[test]
fn a_mark_that_is_lost_now_and_then_is_counted() {
    let marks = [EF, CS0, EF, AF11];
    let outcomes: Vec<_> = (0..)
        .zip(marks)
        .map(|(nth, tos)| arrived(nth, [Some(tos), Some(EF)], [255; 2]))
        .collect();
    let sentence = "EF asked, CS0 and AF11 arrived at the far end, with 2 of 4";
    assert_eq!(of(&outcomes), [pair("dscp-forward-changed", sentence)]);
}

#[test]
fn congestion_is_no_other_dscp() {
    let outcome = arrived(0, [Some(EF | 3), Some(EF | 3)], [255; 2]);
    let codes: Vec<_> = of(&[outcome]).into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, ["ecn-forward-changed", "ecn-backward-congestion"]);
}

#[test]
fn a_far_end_that_does_not_tell_is_no_far_end_where_cs0_arrives() {
    let outcomes = [arrived(0, [None, Some(EF)], [255; 2])];
    assert_eq!(of(&outcomes)[0].0, "dscp-forward-untold");
    let mut unmarked = who();
    unmarked.asked.dscp = 0;
    let outcomes = [arrived(0, [None, Some(CS0)], [255; 2])];
    assert_eq!(found(&unmarked, &outcomes, &Sizes::default()), []);
}

#[test]
fn light_asks_for_no_mark_of_replies() {
    let light = Identity {
        mode: "light",
        ..who()
    };
    let outcomes = [arrived(0, [Some(EF), Some(CS0)], [255; 2])];
    assert_eq!(found(&light, &outcomes, &Sizes::default()), []);
}

#[test]
fn a_longer_way_is_told_with_its_time() {
    let outcomes = [
        arrived(0, [Some(EF); 2], [252, 64]),
        arrived(3_661, [Some(EF); 2], [250, 64]),
    ];
    let sentence = "the way there took 3 hops, from 01:01:01 UTC on 5; it changed 1 time";
    let expected = [pair("path-length-forward-changed", sentence)];
    assert_eq!(of(&outcomes), expected);
}

#[test]
fn each_fate_of_a_size_has_a_finding_of_its_own() {
    let mut whole = who();
    whole.asked.dont_fragment = true;
    let answered = [arrived(0, [Some(EF); 2], [255; 2])];
    let remote = whole.remote;
    let sizes = |more: fn(&mut Sizes)| {
        let mut sizes = Sizes::default();
        sizes.probe(1_472, remote);
        more(&mut sizes);
        sizes
    };
    for (outcomes, sizes, code, word) in [
        (
            &answered[..],
            sizes(|_| {}),
            "size-went-through",
            "1,500 octets went through whole",
        ),
        (&[], sizes(|_| {}), "size-unanswered", "MTU black hole?"),
        (
            &[],
            sizes(|sizes| sizes.refused(1_280, false)),
            "size-refused-on-path",
            "the next hop takes at most 1,280",
        ),
        (
            &[],
            sizes(|sizes| {
                sizes.not_sent();
                sizes.refused(1_400, true);
            }),
            "size-refused-here",
            "the interface takes at most 1,400",
        ),
    ] {
        let found = found(&whole, outcomes, &sizes);
        assert_eq!(found[0].0, code);
        assert!(found[0].1.contains(word), "{found:?}");
    }
}
