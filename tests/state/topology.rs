//! One document for all sites: each makes of it its own senders and responders.

use std::net::Ipv4Addr;

use autoflow_tests::address;
use serde_json::{Value, json};

use crate::ends::{End, until};

/// Ports of the responders of both sites.
const CONTROL: u16 = 8_640;

/// Two sites with three links between them; a link is probed at its own interval.
struct Sites {
    north: Ipv4Addr,
    /// An address for each link.
    south: [Ipv4Addr; 3],
    interval_ms: [u32; 3],
}

impl Sites {
    fn new() -> Self {
        Self {
            north: address::own(),
            south: [(); 3].map(|()| address::own()),
            interval_ms: [20; 3],
        }
    }

    /// What both get; each is told who it is.
    fn document(&self, site: &str) -> Value {
        let uplink = |name: &str, address: Ipv4Addr| json!({"name": name, "address": address});
        let south = ["a", "b", "c"].into_iter().zip(self.south);
        let south: Vec<_> = south.map(|(name, address)| uplink(name, address)).collect();
        let links = (1..).zip(["a", "b", "c"]).zip(self.interval_ms);
        let links: Vec<_> = links
            .map(|((id, name), interval_ms)| {
                json!({
                    "id": id, "name": name, "probe": {"interval_ms": interval_ms},
                    "ends": [{"site": "north", "uplink": "only"}, {"site": "south", "uplink": name}],
                })
            })
            .collect();
        json!({"site": site, "topology": {
            "sites": [
                {"name": "north", "uplinks": [uplink("only", self.north)],
                 "control_port": CONTROL, "test_ports": [8_700, 8_719]},
                {"name": "south", "uplinks": south,
                 "control_port": CONTROL, "test_ports": [8_700, 8_719]},
            ],
            "links": links,
        }})
    }
}

#[test]
fn two_sites_with_the_same_document_measure_each_other() {
    let sites = Sites::new();
    let ends = ["north", "south"].map(|site| End::of(sites.north, &sites.document(site)));
    for end in &ends {
        for link in ["a", "b", "c"] {
            until("each end has answers over each link", || {
                end.received(link) >= 10
            });
            assert_eq!(end.line(link)["owner"], "topology");
        }
        until("each end has served each link", || end.served().len() >= 3);
    }
}

#[test]
fn a_change_of_one_link_touches_one_session_at_each_end_and_no_probe_of_others() {
    let mut sites = Sites::new();
    let ends = ["north", "south"].map(|site| End::of(sites.north, &sites.document(site)));
    let links = ["a", "b", "c"];
    for end in &ends {
        links.iter().for_each(|link| end.await_replies(link, 5));
    }
    let runs = |end: &End| links.map(|link| end.sender(link).unwrap()["result"].clone());
    let before = ends.each_ref().map(runs);
    let served = ends.each_ref().map(|end| end.served().len());

    sites.interval_ms[1] = 30;
    for (end, site) in ends.iter().zip(["north", "south"]) {
        let applied = end.told(
            &json!({"do": "apply", "config": sites.document(site)}),
            "applied",
        );
        assert_eq!(applied["lines"]["changed"], json!(["b"]), "{applied}");
        assert_eq!(applied["lines"]["added"], json!([]));
        assert_eq!(applied["lines"]["removed"], json!([]));
    }
    for end in &ends {
        links.iter().for_each(|link| end.await_replies(link, 20));
    }
    for ((end, before), served) in ends.iter().zip(before).zip(served) {
        for untouched in [0, 2] {
            let after = end.sender(links[untouched]).unwrap()["result"].clone();
            // Numbers go on from where they were, and nothing is missing.
            assert!(after["sent"].as_u64() > before[untouched]["sent"].as_u64());
            assert_eq!(after["local"], before[untouched]["local"]);
            assert_eq!(after["lost"]["percent"], 0.0, "{after}");
        }
        // The far end of the changed link has made one more session with this one, no other has.
        until("the changed link is served anew", || {
            end.served().len() == served + 1
        });
    }
}

/// Two hundred sites in a ring, each with a line to its opposite besides: three lines each.
fn many() -> Value {
    const SITES: u64 = 200;
    let uplinks = ["ring", "back", "across"].map(|name| json!({"name": name}));
    let site = |site: u64| json!({"name": format!("s{site}"), "uplinks": uplinks});
    let link = |id: u64, [near, far]: [u64; 2], uplinks: [&str; 2]| {
        let end = |which: usize, site: u64| {
            let address = format!("10.{}.{}.{}", id / 250, id % 250, which + 1);
            json!({"site": format!("s{site}"), "uplink": uplinks[which], "address": address})
        };
        json!({"id": id, "ends": [end(0, near), end(1, far)]})
    };
    let ring = (0..SITES).map(|near| link(near + 1, [near, (near + 1) % SITES], ["ring", "back"]));
    let across = (0..SITES / 2).map(|near| {
        let ends = [near, near + SITES / 2];
        link(SITES + near + 1, ends, ["across"; 2])
    });
    json!({"topology": {
        "sites": (0..SITES).map(site).collect::<Vec<_>>(),
        "links": ring.chain(across).collect::<Vec<_>>(),
    }})
}

#[test]
fn of_two_hundred_sites_each_has_its_own_lines_and_every_sender_its_responder() {
    let mut document = many();
    let end = End::of(address::own(), &json!({}));
    let mut seen = Vec::new();
    let began = std::time::Instant::now();
    for site in 0..200 {
        document["site"] = json!(format!("s{site}"));
        let told = end.told(&json!({"do": "expand", "config": document}), "expanded");
        let lines = told["lines"].as_array().unwrap().clone();
        assert_eq!(lines.len(), 3, "s{site}");
        seen.extend(lines);
    }
    println!("{:?} each, with the judge", began.elapsed() / 200);
    for line in &seen {
        let answers = |other: &&Value| {
            other["id"] == line["id"]
                && other["local"] == line["remote"].as_str().unwrap().trim_end_matches(":862")
                && other["responder"] == true
        };
        assert_eq!(seen.iter().filter(answers).count(), 1, "{line}");
    }
}
