//! Probes in one piece on paths that take less: refused here, refused by a router, vanished.

use autoflow_tests::net::Net;
use serde_json::json;

use crate::ping::{FAR, ping, responder, sentence, warnings};
use crate::relay::{Relay, Way};

/// Octets of STAMP's Extra Padding: more than the small paths take.
const PADDING: u32 = 1_300;

/// Near, a router of the kernel, far; the second link takes 1,280 octets.
pub(crate) fn routed() -> Option<[Net; 3]> {
    let [near, router, far] = Net::several()?;
    near.cable("wan", &router, "near");
    router.cable("far", &far, "wan");
    near.run(
        "ip address add 10.8.0.1/24 dev wan\nip address add fd00:8::1/64 dev wan nodad\n\
         ip route add default via 10.8.0.254\nip -6 route add default via fd00:8::fe",
    );
    far.run(
        "ip address add 10.7.0.2/24 dev wan\nip address add fd00:7::2/64 dev wan nodad\n\
         ip route add default via 10.7.0.254\nip -6 route add default via fd00:7::fe",
    );
    // For a packet that is not its own a router asks for the neighbour by a link-local address.
    router.run(
        "ip address add fe80::1/64 dev near nodad\nip address add fe80::1/64 dev far nodad\n\
         echo 1 > /proc/sys/net/ipv4/ip_forward\n\
         echo 1 > /proc/sys/net/ipv6/conf/all/forwarding\n\
         ip address add 10.8.0.254/24 dev near\nip address add fd00:8::fe/64 dev near nodad\n\
         ip address add 10.7.0.254/24 dev far\nip address add fd00:7::fe/64 dev far nodad\n\
         ip link set far mtu 1280",
    );
    Some([near, router, far])
}

fn stamp(far: &str, padding: u32) -> String {
    format!("--mode stamp --df --padding {padding} --count 20 {far}:8620")
}

#[test]
fn a_router_that_refuses_the_size_is_told_with_its_mtu_and_asked_anew_each_time() {
    let Some([near, router, far]) = routed() else {
        return;
    };
    let _responder = responder(&far);
    for (address, headers) in FAR {
        router.run("ip link set far mtu 1280");
        let result = ping(&near, &stamp(address, PADDING));
        assert_eq!(warnings(&result), ["size-refused-on-path"], "{result}");
        assert_eq!(result["too_big"]["mtu"], 1280);
        assert_eq!(result["too_big"]["local"], 0);
        assert!(result["too_big"]["path"].as_u64() >= Some(1), "{result}");
        let told = sentence(&result, "size-refused-on-path").unwrap();
        assert!(told.ends_with("the next hop takes at most 1,280"), "{told}");
        // None was refused by what this host remembers of the path: all went as far as the router.
        assert_eq!(
            (&result["sent"], &result["received"]),
            (&json!(20), &json!(0))
        );
        assert_eq!(result["failure"]["kind"], "unreachable");
        let octets = result["packet_octets"]["forward"].as_u64().unwrap();
        assert!(octets > u64::from(PADDING) + headers, "{result}");

        router.run("ip link set far mtu 1500");
        let result = ping(&near, &stamp(address, PADDING));
        assert_eq!(warnings(&result), [""; 0], "{result}");
        assert!(sentence(&result, "size-went-through").is_some());
        assert_eq!(result["received"], 20);
    }
}

#[test]
fn what_this_host_refuses_is_told_with_the_mtu_and_is_no_loss() {
    let Some(relay) = Relay::start(Way::default(), Way::default()) else {
        return;
    };
    let _responder = responder(&relay.far);
    relay.near.run("ip link set line mtu 1280");
    for (far, _) in FAR {
        let result = ping(&relay.near, &stamp(far, PADDING));
        assert_eq!(warnings(&result), ["size-refused-here"], "{result}");
        let expected = json!({"local": 20, "path": 0, "mtu": 1280});
        assert_eq!(result["too_big"], expected);
        let told = sentence(&result, "size-refused-here").unwrap();
        assert!(
            told.ends_with("the interface takes at most 1,280"),
            "{told}"
        );
        assert_eq!(result["sent"], 0);
        assert!(result["lost"]["percent"].is_null(), "{result}");
    }
}

#[test]
fn a_black_hole_is_guessed_and_what_is_not_known_is_said() {
    let hole = Way {
        longest: Some(1_300),
        ..Way::default()
    };
    let Some(relay) = Relay::start(hole, Way::default()) else {
        return;
    };
    let _responder = responder(&relay.far);
    for (far, _) in FAR {
        let result = ping(&relay.near, &stamp(far, PADDING));
        assert_eq!(warnings(&result), ["size-unanswered"], "{result}");
        let told = sentence(&result, "size-unanswered").unwrap();
        assert!(told.contains("is there an MTU black hole?"), "{told}");

        let result = ping(&relay.near, &stamp(far, 1_000));
        assert_eq!(warnings(&result), [""; 0], "{result}");
        let octets = result["packet_octets"]["forward"].as_u64().unwrap();
        let whole = format!(
            "{},{:03} octets went through whole",
            octets / 1_000,
            octets % 1_000
        );
        assert_eq!(sentence(&result, "size-went-through"), Some(whole.as_str()));
    }
}
