//! Many sessions that come and go.

use autoflow_tests::holdings::Holdings;
use serde_json::json;

use crate::ends::{CONTROL, Ends, LIGHT, STAMP, until_true};

/// A number from 0 to below `below`, by a linear congruence.
fn draw(random: &mut u64, below: usize) -> usize {
    *random = random
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1);
    (*random >> 33) as usize % below
}

#[test]
fn five_hundred_sessions_come_and_go_and_leave_nothing_behind_and_a_bystander_misses_nothing() {
    let ends = Ends::new();
    let bystander = ends.add(CONTROL, json!({"name": "bystander"}));
    ends.until_received(&bystander, 10);
    let before = Holdings::now();
    let rows = ends.rows().len();
    let mut random = 7;
    let mut there: Vec<String> = Vec::new();
    for number in 0..500_u16 {
        let port = [CONTROL, LIGHT, STAMP][usize::from(number) % 3];
        let protocol = ["open", "light", "stamp"][usize::from(number) % 3];
        let id = ends.add(
            port,
            json!({
                "local_port": 32_000 + number,
                "probe": {"protocol": protocol, "interval_ms": 50, "timeout_ms": 200},
            }),
        );
        there.push(id);
        while there.len() > 40 || (!there.is_empty() && draw(&mut random, 3) == 0) {
            let gone = there.swap_remove(draw(&mut random, there.len()));
            ends.delete(&gone);
        }
    }
    let last = there.last().cloned();
    if let Some(last) = last {
        ends.until_received(&last, 3);
    }
    for id in there {
        ends.delete(&id);
    }
    until_true("all are gone", || {
        let now = Holdings::now();
        now.descriptors <= before.descriptors && now.threads <= before.threads
    });
    assert_eq!(ends.rows().len(), rows);
    assert_eq!(ends.results(None).len(), 1);
    let more = ends.result(&bystander).unwrap().received + 10;
    let result = ends.until_received(&bystander, more);
    // A machine that is busy may hold this process up: what was in flight then is set aside.
    let known = result.received + result.in_flight + result.set_aside;
    assert!(result.sent <= known, "{result:?}");
    assert_eq!(result.lost.percent, Some(0.0));
}
