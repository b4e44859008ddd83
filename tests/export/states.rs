//! Bad collectors, each told with what is wrong; and who is told of what.

use autoflow_tests::address;
use plugin_abi::manage::CollectorState;
use serde_json::json;

use crate::engine::{Exporting, collector, records};
use crate::sink::Sink;
use crate::values::decoded;

#[test]
fn a_bad_collector_says_what_is_wrong_and_a_good_one_beside_it_hears_all() {
    let ip = address::own().into();
    let udp = Sink::udp(ip);
    let collectors = json!([
        collector("good", &udp.at, "udp"),
        collector("closed", &format!("{ip}:9"), "udp"),
        collector("closed too", &format!("{ip}:9"), "tcp"),
        collector("nameless", &"nowhere.invalid:4739", "tcp"),
        {"name": "narrow", "at": udp.at.to_string(), "mtu": 576},
    ]);
    let engine = Exporting::to(&collectors, json!({}));
    engine.run(50);
    engine.until("each has its state", |rows| {
        let states: Vec<_> = rows.iter().map(|row| row.state).collect();
        use CollectorState::{Refused, Sending, Unresolved};
        states == [Sending, Refused, Refused, Unresolved, Sending]
            && rows
                .iter()
                .filter(|row| row.state == Sending)
                .all(|row| row.queued == 0)
    });
    let (results, rows) = engine.end();
    let told = records(&results);
    for row in &rows {
        let good = row.state == CollectorState::Sending;
        assert_eq!(row.trouble.is_none(), good, "{row:?}");
        assert_eq!(
            (row.produced, row.dropped),
            (told, if good { 0 } else { told }),
            "{row:?}"
        );
    }
    let longest = udp.end().iter().map(Vec::len).max().unwrap();
    assert!((576..=1_400 - 28).contains(&longest), "{longest}");
    assert!(rows[4].octets / rows[4].messages < 576 - 28);
}

#[test]
fn a_session_is_told_of_in_its_own_interval_or_not_at_all() {
    let udp = Sink::udp(address::own().into());
    let from = address::own().to_string();
    let sessions = |to| {
        let probe = json!({"protocol": "stamp", "interval_ms": 20});
        let remote = format!("{to}:8622");
        json!({"sessions": [
            {"name": "told", "remote": remote, "local": from, "local_port": 20_001, "probe": probe},
            {"name": "often", "remote": remote, "local": from, "local_port": 20_002, "probe": probe,
             "export_s": 1},
            {"name": "kept", "remote": remote, "local": from, "local_port": 20_003, "probe": probe,
             "export": false},
        ]})
    };
    let collectors = json!([collector("it", &udp.at, "udp")]);
    let engine = Exporting::every(3_600, &collectors, sessions);
    engine.until("five intervals of one", |rows| {
        rows.first().is_some_and(|row| row.sent >= 10)
    });
    engine.end();
    let Some(heard) = decoded(&udp.end().concat()) else {
        return;
    };
    let count = |name: &str| {
        let named = heard
            .iter()
            .filter(|record| record["twampSessionName"] == name);
        named
            .filter(|record| record["sourceTransportPort"].is_u64())
            .count()
    };
    assert!(count("often") >= 5, "once each second");
    assert_eq!(count("told"), 1, "when it ends");
    assert_eq!(count("kept"), 0);
}

#[test]
fn what_a_responder_here_serves_is_told_too_unless_that_is_not_wanted() {
    for wanted in [true, false] {
        let udp = Sink::udp(address::own().into());
        let from = address::own().to_string();
        let at = format!("{from}:8630");
        let probe = json!({"protocol": "stamp", "interval_ms": 20});
        let config = json!({
            "responder": {"stamp": [at], "peers": ["any"]},
            "sessions": [{"name": "own", "remote": at, "local": from, "probe": probe}],
            "export": {"served": wanted},
        });
        let collectors = json!([collector("it", &udp.at, "udp")]);
        let engine = Exporting::every(1, &collectors, |_| config);
        engine.until("three intervals", |rows| {
            rows.first().is_some_and(|row| row.sent >= 9)
        });
        let probes = engine.probes_sent();
        engine.end();
        let Some(heard) = decoded(&udp.end().concat()) else {
            return;
        };
        let served = heard.iter();
        let served = served.filter_map(|record| record["twampServedReceivedTotalCount"].as_u64());
        let served: Vec<u64> = served.collect();
        assert_eq!(served.len() >= 3, wanted, "{served:?}");
        assert!(served.is_sorted(), "{served:?}");
        if let Some(last) = served.last() {
            assert!(*last >= probes / 2, "{last} of {probes}");
        }
    }
}
