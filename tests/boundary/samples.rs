//! What became of single probes, as a host takes it; and an engine whose probes leave when the host
//! says.

use autoflow_tests::artifacts;
use plugin_abi::host::{Engine, Plugin, Silent};
use plugin_abi::manage::{Answer, Request};
use plugin_abi::{
    TwampObservation, TwampProbe, TwampSample, capability, code, observation, sample_flag,
    sample_kind,
};

use crate::raw;

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;

const CONFIG: &str = r#"{
    "clock": "manual", "probe": {"interval_ms": 100, "timeout_ms": 500},
    "lines": [{"id": 7, "name": "A", "remote": "192.0.2.1"}]}"#;

fn engine() -> Engine {
    let plugin = Plugin::load_checked(&artifacts().plugin).expect("the plugin is let in");
    assert_ne!(plugin.capabilities() & capability::SAMPLES, 0);
    let engine = plugin.create(CONFIG, Silent).expect("an engine");
    engine.start().expect("it starts");
    engine
}

fn seen(kind: u32, at_ns: u64) -> TwampObservation {
    TwampObservation {
        line: 7,
        kind,
        at_ns,
        ..TwampObservation::default()
    }
}

/// Goes on to `until`. Each third probe is lost; the others come back after 20 ms. Answers when
/// probes left.
fn run(engine: &Engine, until: u64) -> Vec<u64> {
    let (mut left, mut underway) = (Vec::new(), Vec::<TwampObservation>::new());
    let mut now = 0;
    while now < until {
        let next = underway
            .first()
            .map_or(until, |reply| reply.at_ns.min(until));
        let mut probes = [TwampProbe::default(); 1];
        let (count, reached) = engine.advance(next, &mut probes).expect("it goes on");
        now = reached;
        for probe in &probes[..count] {
            left.push(probe.at_ns);
            if probe.sequence % 3 == 2 {
                continue;
            }
            let t1 = probe.t1_wall_ns;
            underway.push(TwampObservation {
                stamps_wall_ns: [0, 8, 9, 20].map(|ms| t1 + ms * MS as i64),
                sequence: probe.sequence.into(),
                reflector_sequence: u64::from(probe.sequence - probe.sequence / 3),
                flags: 1,
                ttl: 61,
                ..seen(observation::REPLY, probe.at_ns + 20 * MS)
            });
        }
        while underway.first().is_some_and(|reply| reply.at_ns <= now) {
            engine.observe(&[underway.remove(0)]).expect("a reply");
        }
    }
    left
}

fn taken(engine: &Engine, room: usize) -> (Vec<TwampSample>, u64) {
    let mut samples = vec![TwampSample::default(); room];
    let (count, dropped) = engine.take_samples(&mut samples).expect("samples");
    samples.truncate(count);
    (samples, dropped)
}

#[test]
fn each_probe_is_told_as_it_fared() {
    let engine = engine();
    engine.keep_samples(1_000).unwrap();
    let left = run(&engine, 10 * SECOND);
    let (mut samples, dropped) = taken(&engine, 1_000);
    assert_eq!(dropped, 0);
    assert!(
        samples.len() > 90 && samples.len() <= left.len(),
        "{}",
        samples.len()
    );
    samples.sort_by_key(|sample| sample.sequence);
    // Those behind may be in flight.
    samples.truncate(90);
    for (number, sample) in (0..).zip(&samples) {
        assert_eq!((sample.line, sample.sequence), (7, number));
        assert_eq!(sample.sent_ns, left[number as usize]);
        if number % 3 == 2 {
            assert_eq!(sample.kind, sample_kind::LOST);
            assert_eq!(sample.until_ns, sample.sent_ns + 500 * MS);
            continue;
        }
        assert_eq!(sample.kind, sample_kind::ANSWERED);
        assert_eq!(sample.until_ns, sample.sent_ns + 20 * MS);
        let [t1, t2, t3, t4] = sample.stamps_wall_ns;
        assert_eq!(t1, sample.sent_ns as i64);
        // The far end's stamps are those of NTP, which are a fraction of a nanosecond off.
        for (stamp, ms) in [(t2, 8), (t3, 9), (t4, 20)] {
            assert!((stamp - t1 - ms * MS as i64).abs() <= 1, "{sample:?}");
        }
        assert_eq!(sample.reflector_sequence, number - number / 3);
        let known = sample_flag::REFLECTOR_SEQUENCE | sample_flag::TTL_BACKWARD;
        assert_eq!(sample.flags & known, known);
        assert_eq!(sample.ttl_backward, 61);
        assert_eq!(sample.flags & sample_flag::TOS_BACKWARD, 0);
    }
    // Each is told once.
    assert_eq!(taken(&engine, 1_000), (vec![], 0));
}

#[test]
fn who_does_not_come_in_time_is_told_how_much_is_gone() {
    let engine = engine();
    run(&engine, 5 * SECOND);
    assert_eq!(taken(&engine, 9), (vec![], 0), "nobody has asked for any");
    engine.keep_samples(10).unwrap();
    run(&engine, 15 * SECOND);
    let (samples, dropped) = taken(&engine, 4);
    assert_eq!(samples.len(), 4);
    assert!(dropped > 80, "{dropped}");
    let (rest, again) = taken(&engine, 1_000);
    assert_eq!((rest.len(), again), (6, 0));
    assert!(
        rest.iter()
            .all(|sample| sample.sent_ns >= samples[0].sent_ns)
    );
}

#[test]
fn rows_may_be_longer_than_the_plugin_knows_and_not_shorter() {
    let table = raw::table();
    let take = table.take_samples.expect("it is there");
    let (mut count, mut dropped) = (0, 0);
    let listener = crate::listener::Listener::new(table);
    let engine = raw::create(table, &listener, "{}").expect("an engine");
    let mut rows = [TwampSample::default(); 2];
    let size = size_of::<TwampSample>();
    for (size, answered) in [
        (size, code::OK),
        (size + 8, code::OK),
        (size - 8, code::INVALID),
    ] {
        // SAFETY: there is room for one row of either size; the engine lives.
        let code = unsafe {
            let (count, dropped) = (&raw mut count, &raw mut dropped);
            take(engine, rows.as_mut_ptr(), 1, size, count, dropped)
        };
        assert_eq!(code, answered, "{size}");
    }
    // SAFETY: null is refused unread.
    let nowhere = unsafe {
        let (count, dropped) = (&raw mut count, &raw mut dropped);
        take(engine, std::ptr::null_mut(), 1, size, count, dropped)
    };
    assert_eq!(nowhere, code::INVALID);
    // SAFETY: it lives.
    assert_eq!(unsafe { (table.destroy)(engine) }, code::OK);
}

#[test]
fn probes_leave_when_the_host_says_and_sessions_begin_anew() {
    let engine = engine();
    engine.keep_samples(1_000).unwrap();
    let due = |at_ns| engine.observe(&[seen(observation::DUE, at_ns)]).unwrap();
    let mut probes = [TwampProbe::default(); 4];
    due(3 * SECOND + 7);
    let (count, reached) = engine.advance(5 * SECOND, &mut probes).unwrap();
    assert_eq!((count, reached), (1, 3 * SECOND + 7));
    due(u64::MAX);
    assert_eq!(
        engine.advance(60 * SECOND, &mut probes).unwrap(),
        (0, 60 * SECOND)
    );
    due(61 * SECOND);
    engine.advance(61 * SECOND, &mut probes).unwrap();
    assert_eq!(probes[0].sequence, 1);
    engine
        .observe(&[seen(observation::NEW_SESSION, 0)])
        .unwrap();
    due(62 * SECOND);
    engine.advance(62 * SECOND, &mut probes).unwrap();
    assert_eq!((probes[0].at_ns, probes[0].sequence), (62 * SECOND, 0));
    due(u64::MAX);
    engine.advance(70 * SECOND, &mut probes).unwrap();
    let (samples, _) = taken(&engine, 9);
    let told: Vec<_> = samples
        .iter()
        .map(|sample| (sample.kind, sample.sequence))
        .collect();
    let expected = [
        (sample_kind::LOST, 0),
        // In flight when the other session began.
        (sample_kind::LOCAL_TROUBLE, 1),
        (sample_kind::NEW_SESSION, 0),
        (sample_kind::LOST, 0),
    ];
    assert_eq!(told, expected);
    let stranger = TwampObservation {
        line: 9,
        ..seen(observation::DUE, 0)
    };
    assert_eq!(engine.observe(&[stranger]).unwrap_err().code, code::UNKNOWN);
    let Answer::Sessions(rows) = engine.manage(&Request::Sessions).unwrap() else {
        panic!("no sessions");
    };
    assert_eq!(rows[0].result.as_ref().map(|result| result.sent), Some(3));
}
