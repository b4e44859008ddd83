//! What holds of any good topology.

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use super::super::judge;
use super::*;

const PROTOCOLS: [&str; 3] = ["open", "light", "stamp"];

/// Sites `s0`…, each with an address in each of three underlays, and links between them. No two
/// links are between the same addresses.
fn topology() -> impl Strategy<Value = Value> {
    let link = (
        any::<(Index, Index)>(),
        0..3u8,
        0..3usize,
        0..3u8,
        any::<bool>(),
    );
    (2..6usize, proptest::collection::vec(link, 0..12)).prop_map(|(count, wishes)| {
        let sites = (0..count).map(|site| {
            let uplinks = (0..3).map(|net| {
                json!({"name": format!("u{net}"), "address": format!("10.{net}.0.{}", site + 1)})
            });
            json!({"name": format!("s{site}"), "uplinks": uplinks.collect::<Vec<_>>()})
        });
        let sites: Vec<_> = sites.collect();
        let mut seen = std::collections::HashSet::new();
        let mut links = Vec::new();
        for ((one, other), net, protocol, sender, port) in wishes {
            let (one, other) = (one.index(count), other.index(count));
            if one == other || !seen.insert((one.min(other), one.max(other), net)) {
                continue;
            }
            let end = |site| json!({"site": format!("s{site}"), "uplink": format!("u{net}")});
            let mut link = json!({"id": links.len() + 1, "ends": [end(one), end(other)],
                                  "probe": {"protocol": PROTOCOLS[protocol]}});
            if let Some(site) = [None, Some(one), Some(other)][usize::from(sender)] {
                link["sender"] = json!(format!("s{site}"));
            }
            if port {
                link["port"] = json!(9_000);
            }
            links.push(link);
        }
        json!({"sites": sites, "links": links})
    })
}

/// What each site works with, in the order of their names.
fn everywhere(topology: &Value) -> Vec<Config> {
    let count = topology["sites"].as_array().unwrap().len();
    let at = |site| {
        let document = json!({"site": format!("s{site}"), "topology": topology});
        expand(&judge(&document).unwrap())
    };
    (0..count).map(at).collect()
}

fn line(config: &Config, id: u64) -> Option<&Line> {
    config
        .lines
        .iter()
        .find(|line| line.id == id)
        .map(|line| &**line)
}

fn answers(config: &Config, line: &Line, at: SocketAddr) -> bool {
    let responder = &config.responder;
    match line.probe.as_ref().unwrap().protocol {
        Protocol::Light => responder.light.contains(&at) || responder.stamp.contains(&at),
        Protocol::Stamp => responder.stamp.contains(&at),
        _ => {
            line.responder && at.port() == responder.control_port || responder.listen.contains(&at)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_sender_has_its_responder_and_both_know_each_other(topology in topology()) {
        let all = everywhere(&topology);
        let links = topology["links"].as_array().unwrap();
        prop_assert_eq!(all.iter().map(|c| c.lines.len()).sum::<usize>(), 2 * links.len());
        for (site, config) in all.iter().enumerate() {
            for near in &config.lines {
                let far_site = near.far_end()[1..].parse::<usize>().unwrap();
                prop_assert_ne!(far_site, site);
                let far = line(&all[far_site], near.id).unwrap();
                prop_assert_eq!(far.far_end(), format!("s{site}"));
                let (to, back) = (near.remote.unwrap(), far.remote.unwrap());
                prop_assert_eq!(Some(to.address), far.local);
                // The far end of a line is a peer of the responder.
                prop_assert_eq!(Some(back.address), near.local);
                prop_assert!(near.sender || far.sender);
                if near.sender {
                    prop_assert!(answers(&all[far_site], far, to.socket()));
                }
            }
        }
    }

    #[test]
    fn the_order_of_sites_and_links_means_nothing(topology in topology()) {
        let mut turned = topology.clone();
        for list in ["sites", "links"] {
            turned[list].as_array_mut().unwrap().reverse();
        }
        prop_assert_eq!(everywhere(&turned), everywhere(&topology));
    }

    #[test]
    fn an_edit_of_one_link_changes_one_line_at_each_of_its_ends(
        topology in topology(), which: Index,
    ) {
        let count = topology["links"].as_array().unwrap().len();
        prop_assume!(count > 0);
        let which = which.index(count);
        let mut edited = topology.clone();
        edited["links"][which]["cost"] = json!(77);
        let (before, after) = (everywhere(&topology), everywhere(&edited));
        let mut touched = 0;
        for (before, after) in before.iter().zip(&after) {
            let changed = before.lines.iter().zip(&after.lines);
            let changed: Vec<_> = changed.filter(|(one, other)| one != other).collect();
            prop_assert!(changed.iter().all(|(line, _)| line.id == which as u64 + 1));
            prop_assert_eq!(&before.responder, &after.responder);
            touched += changed.len();
        }
        prop_assert_eq!(touched, 2);
    }
}
