//! DSCP and TTL on the way there and back.

use std::time::Duration;

use crate::ping::{FAR, ping, responder, sentence, warnings};
use crate::relay::{Relay, Way};

const PLAIN: Way = Way {
    tos: None,
    hops: 0,
    longest: None,
};

fn marked(tos: u8) -> Way {
    Way {
        tos: Some(tos),
        ..PLAIN
    }
}

#[test]
fn a_mark_that_is_wiped_on_the_way_there_is_found_there() {
    let Some(relay) = Relay::start(marked(0), PLAIN) else {
        return;
    };
    let _responder = responder(&relay.far);
    for (far, _) in FAR {
        let result = ping(&relay.near, &format!("--dscp 46 --count 20 {far}:862"));
        assert_eq!(warnings(&result), ["dscp-forward-changed"], "{result}");
        assert_eq!(
            sentence(&result, "dscp-forward-changed"),
            Some("EF asked, CS0 arrived at the far end")
        );
        assert_eq!(result["seen"]["dscp_forward"], 0);
        assert_eq!(result["seen"]["dscp_backward"], 46);
    }
}

#[test]
fn a_mark_that_is_changed_on_the_way_back_is_found_there() {
    let Some(relay) = Relay::start(PLAIN, marked(10 << 2)) else {
        return;
    };
    let _responder = responder(&relay.far);
    for (far, _) in FAR {
        let result = ping(&relay.near, &format!("--dscp 46 --count 20 {far}:862"));
        assert_eq!(warnings(&result), ["dscp-backward-changed"], "{result}");
        assert_eq!(
            sentence(&result, "dscp-backward-changed"),
            Some("EF asked, replies come back as AF11")
        );
        assert_eq!(result["seen"]["dscp_forward"], 46);
    }
}

#[test]
fn hops_are_counted_each_way_and_a_detour_is_told() {
    let hops = |hops| Way { hops, ..PLAIN };
    let Some(relay) = Relay::start(hops(2), hops(1)) else {
        return;
    };
    let _responder = responder(&relay.far);
    for (far, _) in FAR {
        relay.reroute(hops(2));
        let result = ping(&relay.near, &format!("--count 20 {far}:862"));
        let arrived = &result["arrived"];
        assert_eq!(arrived["hops_forward"], 2, "{result}");
        assert_eq!(arrived["hops_backward"], 1);
        assert_eq!(sentence(&result, "path-length-forward-changed"), None);

        let result = std::thread::scope(|scope| {
            let words = format!("--mode stamp --count 200 {far}:8620");
            let near = &relay.near;
            let run = scope.spawn(move || ping(near, &words));
            // In the middle of two seconds; that it was not is told apart below.
            std::thread::sleep(Duration::from_millis(1_500));
            relay.reroute(hops(4));
            run.join().unwrap()
        });
        let kinds = result["arrived"]["ttl_forward"]["seen"].as_array().unwrap();
        if kinds.len() < 2 {
            println!("the detour came before the run or after it: {kinds:?}");
            continue;
        }
        let told = sentence(&result, "path-length-forward-changed").unwrap();
        assert!(
            told.starts_with("the way there took 2 hops, from "),
            "{told}"
        );
        assert!(told.ends_with(" UTC on 4; it changed 1 time"), "{told}");
    }
}
