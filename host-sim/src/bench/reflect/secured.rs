//! What the modes with keys cost beyond open, for the same octets.
//!
//! Two engines agree on a session over TWAMP-Control, with a tap in between (`bare/tap`). The
//! probe that it keeps is a true one of its mode, and sent again and again it makes a flood that
//! needs no key. The reflector treats each copy as any probe but for the books: a duplicate is
//! counted, and enters no delay. That is the same in all modes, and so it is with their difference.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use plugin_abi::host::Plugin;
use serde_json::{Value, json};

use super::{UNIT, WARM_UP, cost};
use crate::bench::bare::flood::{Flood, Load};
use crate::bench::bare::tap::Tap;
use crate::bench::row::Pairs;
use crate::bench::{BenchError, Look, Plan, Row, engine, system};

/// Addresses of the tap, towards either end, and of the responder.
const NEAR: Ipv4Addr = Ipv4Addr::new(127, 0, 11, 1);
const SIDE: Ipv4Addr = Ipv4Addr::new(127, 0, 11, 2);
const FAR: Ipv4Addr = Ipv4Addr::new(127, 0, 11, 3);

/// A mode, and the padding that makes its probes and replies 112 octets long.
struct Mode {
    protocol: &'static str,
    name: &'static str,
    padding: u16,
}

const OPEN: Mode = Mode {
    protocol: "open",
    name: "open",
    padding: 98,
};
const SECURE: [Mode; 2] = [
    Mode {
        protocol: "auth",
        name: "authenticated",
        padding: 64,
    },
    Mode {
        protocol: "encrypted",
        name: "encrypted",
        padding: 64,
    },
];

pub(super) fn run(
    plugin: &Plugin,
    plan: &Plan,
    look: &mut Look<'_>,
) -> Result<Vec<Row>, BenchError> {
    let mut all: [(Pairs, Pairs); 2] = Default::default();
    for round in 1..=plan.rounds {
        let mut turn = |mode: &Mode| {
            look(&format!("round {round} of {}: {}", plan.rounds, mode.name))?;
            reflect(plugin, mode, plan.turn)
        };
        let open = turn(&OPEN)?;
        for (mode, (whole, extra)) in SECURE.iter().zip(&mut all) {
            let secured = turn(mode)?;
            whole.push(secured, open);
            extra.push(secured - open, open);
        }
    }
    let rows = SECURE.iter().zip(&all).flat_map(|(mode, (whole, extra))| {
        let name = format!("IPv4, {} against open", mode.name);
        let beyond = format!("IPv4, {} beyond open", mode.name);
        [whole.row(name, UNIT), extra.row(beyond, UNIT)]
    });
    Ok(rows.collect())
}

fn reflect(plugin: &Plugin, mode: &Mode, turn: Duration) -> Result<f64, BenchError> {
    let tap = Tap::open(NEAR.into()).map_err(system("open a tap"))?;
    let control = tap.control().map_err(system("open a tap"))?;
    let test = SocketAddr::from((FAR, tap.test_port().map_err(system("open a tap"))?));
    let far = SocketAddr::from((FAR, control.port()));
    let responder = engine::start(plugin, &responder(far, test.port()))?;
    let _initiator = engine::start(plugin, &initiator(mode, control))?;
    let tapped = tap
        .listen(SIDE.into(), far)
        .map_err(system("see a session agreed on"))?;
    let load = Load::replay(test, SIDE.into(), tapped.probe.clone());
    let _flood = Flood::start(load).map_err(system("flood"))?;
    std::thread::sleep(WARM_UP);
    cost(&responder, turn)
}

fn responder(control: SocketAddr, test_port: u16) -> Value {
    json!({
        "keys": keys(),
        "responder": {
            "listen": [control],
            "peers": ["any"],
            "modes": ["open", "auth", "encrypted"],
            "test_ports": [test_port, test_port],
        },
    })
}

/// One that sends a probe, and then hardly any more.
fn initiator(mode: &Mode, far: SocketAddr) -> Value {
    let mut probe = json!({
        "protocol": mode.protocol,
        "interval_ms": 1000,
        "padding": mode.padding,
    });
    if mode.protocol != OPEN.protocol {
        probe["key_id"] = "bench".into();
    }
    json!({
        "keys": keys(),
        "probe": probe,
        "responder": { "test_ports": [10_000, 60_000] },
        "lines": [{ "id": 1, "name": "tapped", "remote": far }],
    })
}

fn keys() -> Value {
    json!([{ "id": "bench", "passphrase": "of no value to anybody" }])
}
