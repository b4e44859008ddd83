//! Bad collectors, each told with what is wrong; and who is told of what.

use autoflow_tests::address;
use plugin_abi::manage::CollectorState;
use serde_json::json;

use crate::engine::{Exporting, collector};
use crate::sink::Sink;

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
    let (_, rows) = engine.end();
    for row in &rows {
        let good = row.state == CollectorState::Sending;
        assert_eq!(row.trouble.is_none(), good, "{row:?}");
        assert_eq!(
            (row.produced, row.dropped),
            (50, if good { 0 } else { 50 }),
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
        rows.first().is_some_and(|row| row.sent >= 5)
    });
    engine.end();
    let heard = udp.end().concat();
    let count = |name: &[u8]| heard.windows(name.len()).filter(|at| *at == name).count();
    assert!(count(b"\x05often") >= 5, "once each second");
    assert_eq!(count(b"\x04told"), 1, "when it ends");
    assert_eq!(count(b"\x04kept"), 0);
}
