//! What arrives is what was sent, whatever that is, and no message is too long.

use std::net::SocketAddr;

use plugin_abi::TwampScore;
use plugin_abi::config::Mode;
use plugin_abi::manage::{Asked, EventObject, EventRow, EventSeverity, RunState, ServedResult};
use proptest::prelude::*;
use twamp_core::metrics::loss::LossCounts;
use twamp_core::time::Wall;

use super::super::decoder::{Decoded, Decoder};
use super::super::record::{
    ChoiceRecord, DecisionRecord, EventRecord, QuantilesRecord, ScoreRecord, ServedRecord,
    SessionRecord,
};
use super::*;
use crate::session::result::{Interval, Way};

const ORIGIN: Origin = Origin {
    domain: 7,
    enterprise: 32_473,
};
/// Octets of a message in the smallest IP packet that may be configured.
const LEAST: usize = 576 - 40 - 8;

fn name() -> impl Strategy<Value = (u64, String)> {
    (any::<u64>(), "\\PC{0,128}")
}

fn wall() -> impl Strategy<Value = Wall> {
    (0..i64::MAX).prop_map(Wall)
}

fn way() -> impl Strategy<Value = Way> {
    any::<[i64; 6]>().prop_map(|[min, mean, max, p50, p95, p99]| Way {
        min,
        mean,
        max,
        p50,
        p95,
        p99,
    })
}

fn counts() -> impl Strategy<Value = LossCounts> {
    any::<[u32; 9]>().prop_map(|n| {
        let [
            sent,
            received,
            lost_forward,
            lost_backward,
            unattributed,
            in_flight,
            late,
            one,
            two,
        ] = n.map(u64::from);
        LossCounts {
            sent,
            received,
            lost_forward,
            lost_backward,
            unattributed,
            in_flight,
            late,
            duplicates_forward: one,
            duplicates_backward: two,
            ..LossCounts::default()
        }
    })
}

fn ends() -> impl Strategy<Value = (SocketAddr, SocketAddr)> {
    prop_oneof![
        any::<([u8; 4], u16, [u8; 4], u16)>()
            .prop_map(|(near, from, far, to)| { ((near, from).into(), (far, to).into()) }),
        any::<([u8; 16], u16, [u8; 16], u16)>()
            .prop_map(|(near, from, far, to)| { ((near, from).into(), (far, to).into()) }),
    ]
}

fn session() -> impl Strategy<Value = SessionRecord> {
    let texts = (
        "\\PC{0,128}",
        "\\PC{0,128}",
        proptest::option::of("\\PC{0,300}"),
    );
    let line = proptest::option::of(name());
    let figures = (
        ends(),
        counts(),
        proptest::option::of([way(), way(), way()]),
        any::<[Option<u32>; 3]>(),
        any::<[Option<u8>; 4]>(),
        any::<Option<i64>>(),
    );
    let plain = (
        wall(),
        wall(),
        any::<[u32; 3]>(),
        any::<[bool; 3]>(),
        0..64_u8,
        0..4_u8,
    );
    (texts, line, figures, plain).prop_map(|(texts, line, figures, plain)| {
        let ((local, remote), total, delays, jitter, marks, offset) = figures;
        let (since, until, [sent, received, lost], flags, dscp, ecn) = plain;
        SessionRecord {
            name: texts.0,
            line,
            seen: Interval {
                session: texts.1,
                run: 5,
                mode: "encrypted",
                local,
                remote,
                state: RunState::Ended,
                failure: texts.2,
                since,
                until,
                asked: Asked {
                    dscp,
                    ecn,
                    ttl: 64,
                    dont_fragment: false,
                },
                probe_octets: Some(69),
                sent: sent.into(),
                received: received.into(),
                lost: lost.into(),
                total,
                set_aside_total: 3,
                reordered_total: 4,
                directed: flags[0],
                delays,
                outbound_sum: i128::from(sent) * 1_000,
                jitter: jitter.map(|nanos| nanos.map(f64::from)),
                tos_forward: marks[0],
                tos_backward: marks[1],
                ttl_forward: marks[2],
                ttl_backward: marks[3],
                synchronised: flags[1],
                kernel_stamps: flags[2],
                offset,
            },
        }
    })
}

/// A session of which everything is known.
pub(in super::super) fn richest_session() -> Record {
    let way = Way {
        min: -1,
        mean: 5,
        max: 9,
        p50: 5,
        p95: 8,
        p99: 9,
    };
    Record::Session(Box::new(SessionRecord {
        name: "hub-2 each night".into(),
        line: Some((7, "fibre-hq".into())),
        seen: Interval {
            session: "1ab74ef3d8789963".into(),
            run: 5,
            mode: "stamp",
            local: ([192, 0, 2, 1], 20_000).into(),
            remote: ([192, 0, 2, 2], 862).into(),
            state: RunState::Running,
            failure: None,
            since: Wall(0),
            until: Wall(1),
            asked: Asked::default(),
            probe_octets: Some(69),
            sent: 100,
            received: 99,
            lost: 1,
            total: LossCounts::default(),
            set_aside_total: 0,
            reordered_total: 0,
            directed: true,
            delays: Some([way, Way { min: 1, ..way }, way]),
            outbound_sum: 9,
            jitter: [Some(1.0); 3],
            tos_forward: Some(0),
            tos_backward: Some(0),
            ttl_forward: Some(64),
            ttl_backward: Some(64),
            synchronised: false,
            kernel_stamps: true,
            offset: Some(-5),
        },
    }))
}

fn score() -> impl Strategy<Value = ScoreRecord> {
    let class = proptest::option::of("\\PC{0,128}");
    (wall(), "\\PC{0,128}", class, 0..4_u32, any::<(u32, i64)>()).prop_map(
        |(at, line, class, state, (figure, delay))| {
            let mut row = TwampScore {
                line: figure.into(),
                class: 9,
                flags: figure & 0x7f,
                loss_ppm: figure,
                ..TwampScore::default()
            };
            row.round_trip.mean_ns = delay;
            ScoreRecord {
                at,
                line,
                probe_class: class.clone().unwrap_or_default(),
                class,
                state,
                row,
            }
        },
    )
}

fn decision() -> impl Strategy<Value = DecisionRecord> {
    let lines = (proptest::option::of(name()), proptest::option::of(name()));
    (wall(), name(), name(), lines, any::<bool>(), "\\PC{0,400}").prop_map(
        |(at, group, class, (from, to), switched, sentence)| DecisionRecord {
            at,
            group,
            class,
            from,
            to,
            reason: 3,
            switched,
            sentence,
        },
    )
}

fn choice() -> impl Strategy<Value = ChoiceRecord> {
    (wall(), name(), name(), proptest::option::of(name())).prop_map(|(at, group, class, line)| {
        ChoiceRecord {
            at,
            group,
            class,
            line,
            answer: 1,
            reason: 6,
            mode: Mode::Act,
        }
    })
}

fn event() -> impl Strategy<Value = EventRecord> {
    let words = ["\\PC{0,128}", "\\PC{0,400}"];
    let class = proptest::option::of("\\PC{0,128}");
    let over = proptest::option::of(0.0..1e9);
    (wall(), words, class, over, any::<f64>()).prop_map(
        |(at, [name, sentence], class, over, of)| {
            let row = EventRow {
                code: "line-dead".into(),
                severity: EventSeverity::Critical,
                object: EventObject {
                    kind: "line".into(),
                    name,
                    class,
                },
                raised_at: 1.0,
                cleared_at: over,
                times: 3,
                numbers: [("silent_s".to_owned(), of)].into(),
                sentence,
            };
            EventRecord::new(at, row)
        },
    )
}

const WAY: Way = Way {
    min: -1,
    mean: 2,
    max: 9,
    p50: 3,
    p95: 7,
    p99: 8,
};

fn served() -> impl Strategy<Value = ServedRecord> {
    let micros = || proptest::option::of(0.0..1e9);
    let at = |v6: bool| match v6 {
        true => "[2001:db8::1]:862",
        false => "192.0.2.1:862",
    };
    let parts = (
        wall(),
        any::<bool>(),
        any::<u64>(),
        micros(),
        micros(),
        "\\PC{0,99}",
    );
    parts.prop_map(move |(when, v6, received, jitter_us, variation, ended)| {
        let address = at(v6).parse().unwrap();
        let seen = ServedResult {
            session_id: "0123456789abcdef".into(),
            remote: address,
            local: address,
            received,
            lost_forward: 1,
            duplicates: 2,
            reordered: 3,
            reflected: received,
            jitter_us,
            variation_mean_us: variation,
            variation_max_us: variation,
            ssid: None,
            backward: None,
            responder_limited: Default::default(),
            ended,
            features: Vec::new(),
            figures: Default::default(),
        };
        ServedRecord { at: when, seen }
    })
}

fn record() -> impl Strategy<Value = Record> {
    prop_oneof![
        session().prop_map(|record| Record::Session(Box::new(record))),
        score().prop_map(|record| Record::Score(Box::new(record))),
        decision().prop_map(|record| Record::Decision(Box::new(record))),
        choice().prop_map(|record| Record::Choice(Box::new(record))),
        event().prop_map(|record| Record::Event(Box::new(record))),
        served().prop_map(|record| Record::Served(Box::new(record))),
        session().prop_map(|mut record| {
            record.seen.delays.get_or_insert([WAY; 3]);
            Record::Quantiles(Box::new(QuantilesRecord(record)))
        }),
    ]
}

/// All messages that tell of these records.
fn messages(stream: &mut Stream, records: &[Record]) -> Vec<Message> {
    let mut messages = stream.announce(1);
    for record in records {
        loop {
            match stream.push(record) {
                Pushed::Taken => break,
                Pushed::Full => messages.extend(stream.take(1)),
                Pushed::Unannounced(template) => messages.extend(stream.introduce(template, 1)),
            }
        }
    }
    messages.extend(stream.take(1));
    messages
}

/// What a collector makes of them, options left out.
fn decoded(decoder: &mut Decoder, messages: &[Message]) -> Vec<Decoded> {
    let mut results = Vec::new();
    for message in messages {
        let records = decoder.message(&message.octets);
        let own: Vec<_> = records
            .into_iter()
            .filter(|record| record.template > STATISTICS)
            .collect();
        assert_eq!(own.len(), message.results as usize);
        results.extend(own);
    }
    results
}

/// Is what arrived a beginning of what was sent, and whole where there is room?
fn same_text(arrived: Option<&str>, sent: &str, whole: bool) -> bool {
    let arrived = arrived.expect("it is UTF-8, and there");
    sent.starts_with(arrived) && (!whole || arrived == sent)
}

fn arrived(record: &Record, decoded: &Decoded, roomy: bool) {
    const OWN: u32 = ORIGIN.enterprise;
    let text = |id: u16, sent: &str| {
        let whole = roomy && sent.len() <= 255;
        assert!(
            same_text(decoded.text(OWN, id), sent, whole),
            "{id} {sent:?}"
        );
    };
    match record {
        Record::Session(record) => {
            let seen = &record.seen;
            text(1, &seen.session);
            text(2, &record.name);
            match seen.delays {
                None => text(6, seen.failure.as_deref().unwrap_or_default()),
                Some(_) => assert_eq!(decoded.text(OWN, 6), None),
            }
            let line = decoded.unsigned(OWN, 7);
            assert_eq!(line, record.line.as_ref().map(|(id, _)| *id));
            let ports = [7, 11].map(|id| decoded.unsigned(0, id));
            let sent = [seen.local.port(), seen.remote.port()];
            assert_eq!(ports, sent.map(|port| Some(port.into())));
            let address = match seen.remote {
                SocketAddr::V4(at) => (12, at.ip().octets().to_vec()),
                SocketAddr::V6(at) => (28, at.ip().octets().to_vec()),
            };
            assert_eq!(decoded.octets(0, address.0), Some(&*address.1));
            let ways = seen.delays;
            for (which, first) in [(0, 40), (1, 50), (2, 60)] {
                let min = decoded.signed(OWN, first);
                assert_eq!(min, ways.map(|ways| ways[which].min));
                let p95 = decoded.signed(OWN, first + 4);
                assert_eq!(p95, ways.map(|ways| ways[which].p95));
            }
            let forward = decoded.unsigned(OWN, 23);
            assert_eq!(forward, seen.directed.then_some(seen.total.lost_forward));
            assert_eq!(decoded.signed(OWN, 76), seen.offset);
            assert_eq!(decoded.unsigned(OWN, 19), Some(seen.total.sent));
            let tos = u64::from(seen.asked.dscp << 2 | seen.asked.ecn);
            assert_eq!(decoded.unsigned(0, 5), Some(tos));
        }
        Record::Score(record) => {
            text(8, &record.line);
            assert_eq!(decoded.octets(OWN, 82).is_some(), record.class.is_some());
            assert_eq!(decoded.unsigned(OWN, 84), Some(record.row.flags.into()));
            let known = record.row.flags & 2 != 0;
            let delay = known.then_some(record.row.round_trip.mean_ns);
            assert_eq!(decoded.signed(OWN, 41), delay);
        }
        Record::Decision(record) => {
            text(107, &record.sentence);
            let [from, to] = [102, 7].map(|id| decoded.unsigned(OWN, id));
            assert_eq!(from, record.from.as_ref().map(|(id, _)| *id));
            assert_eq!(to, record.to.as_ref().map(|(id, _)| *id));
            assert_eq!(
                decoded.unsigned(OWN, 104),
                Some(2 - u64::from(record.switched))
            );
        }
        Record::Choice(record) => {
            text(101, &record.group.1);
            assert_eq!(decoded.unsigned(OWN, 7).is_some(), record.line.is_some());
            assert_eq!(decoded.unsigned(OWN, 109), Some(2));
        }
        Record::Quantiles(record) => {
            text(1, &record.0.seen.session);
            let [_, there, back] = record.0.seen.delays.unwrap();
            let told = [53, 55, 63, 65].map(|id| decoded.signed(OWN, id).unwrap());
            assert_eq!(told, [there.p50, there.p99, back.p50, back.p99]);
        }
        Record::Served(record) => {
            text(38, &record.seen.ended);
            assert_eq!(decoded.unsigned(OWN, 32), Some(record.seen.received));
            let nanos = |micros: f64| (micros * 1e3).round() as u64;
            let jitter = record.seen.jitter_us.map(nanos);
            assert_eq!(decoded.unsigned(OWN, 56), jitter);
            let variation = record.seen.variation_max_us.map(nanos);
            assert_eq!(decoded.unsigned(OWN, 37), variation);
        }
        Record::Event(record) => {
            text(110, "line-dead");
            text(107, &record.row.sentence);
            text(114, &record.row.object.name);
            let raised = record.row.cleared_at.is_none();
            assert_eq!(decoded.unsigned(OWN, 112), Some(2 - u64::from(raised)));
            assert_eq!(
                decoded.octets(OWN, 82).is_some(),
                record.row.object.class.is_some()
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_is_read_back_is_what_was_told_and_no_message_is_too_long(
        records in proptest::collection::vec(record(), 1..60),
        limit in prop_oneof![Just(LEAST), LEAST..1_400, Just(16_384)],
    ) {
        let messages = messages(&mut Stream::new(ORIGIN, limit), &records);
        for message in &messages {
            prop_assert!(message.octets.len() <= limit);
        }
        let decoded = decoded(&mut Decoder::default(), &messages);
        prop_assert_eq!(decoded.len(), records.len());
        for (record, decoded) in records.iter().zip(&decoded) {
            arrived(record, decoded, limit >= 3_000);
        }
    }
}

/// Templates with all that may be known, of each kind.
fn richest() -> Vec<u16> {
    let kinds = [
        (512, 9),
        (320, 5),
        (352, 2),
        (360, 1),
        (364, 1),
        (366, 1),
        (368, 3),
    ];
    kinds.map(|(first, bits)| first + (1 << bits) - 1).to_vec()
}

#[test]
fn the_largest_template_fits_into_the_smallest_message() {
    let mut stream = Stream::new(ORIGIN, LEAST);
    let mut decoder = Decoder::default();
    let announced = stream.announce(1);
    decoded(&mut decoder, &announced);
    for template in richest() {
        let fields = record::elements(template).len();
        assert!(
            (6..=record::MOST_FIELDS).contains(&fields),
            "{template} has {fields}"
        );
        let messages = stream.introduce(template, 1);
        assert_eq!(messages.len(), 1, "{template}");
        assert!(messages[0].octets.len() <= LEAST);
        decoded(&mut decoder, &messages);
    }
}

#[test]
fn types_come_before_the_templates_that_need_them_in_messages_of_their_own() {
    let mut stream = Stream::new(ORIGIN, 1_372);
    richest().into_iter().for_each(|template| {
        stream.introduce(template, 1);
    });
    let mut decoder = Decoder::default();
    stream.restart(1_372);
    let messages = stream.announce(1);
    // The first set of each message.
    let sets: Vec<_> = messages
        .iter()
        .map(|message| u16::from_be_bytes([message.octets[16], message.octets[17]]))
        .collect();
    // Of the template of types; of types; of all others.
    let others = sets.iter().rposition(|set| *set == TYPES).unwrap() + 1;
    assert_eq!(sets[0], OPTIONS_SET);
    assert!(sets[1..others].iter().all(|set| *set == TYPES), "{sets:?}");
    assert!(others < sets.len(), "{sets:?}");
    decoded(&mut decoder, &messages);
    for element in of::OWN {
        let name = decoder.names.get(&(ORIGIN.enterprise, element.id));
        assert_eq!(name.map(String::as_str), Some(element.name));
    }
}

#[test]
fn a_refresh_tells_all_templates_again_and_numbers_go_on() {
    let choice = Record::Choice(Box::new(ChoiceRecord {
        at: Wall(0),
        group: (1, "hub".into()),
        class: (2, "voice".into()),
        line: None,
        answer: 0,
        reason: 0,
        mode: Mode::Advise,
    }));
    let mut stream = Stream::new(ORIGIN, 1_372);
    let mut first = Decoder::default();
    let records = [choice];
    assert_eq!(
        decoded(&mut first, &messages(&mut stream, &records)).len(),
        1
    );

    // A collector that comes later understands what it hears from the next refresh on.
    let mut later = Decoder::default();
    later.sequence = first.sequence;
    let refreshed = messages(&mut stream, &records);
    assert_eq!(decoded(&mut later, &refreshed).len(), 1);
    assert_eq!(decoded(&mut first, &refreshed).len(), 1);
    let account = stream.account(&Account::default(), 1);
    assert_eq!(first.message(&account[0].octets)[0].template, STATISTICS);
}
