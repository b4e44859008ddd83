//! Answering probes as fast as they come: processor time a packet.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use plugin_abi::host::Plugin;
use serde_json::json;

use super::bare::flood::Flood;
use super::bare::reflector::Reflector;
use super::row::Pairs;
use super::{BenchError, Look, Plan, Row, engine, system};

const UNIT: &str = "ns of processor time a packet";
/// Until each session is known and caches are warm.
const WARM_UP: Duration = Duration::from_millis(300);

pub(super) fn run(
    plugin: &Plugin,
    plan: &Plan,
    look: &mut Look<'_>,
) -> Result<Vec<Row>, BenchError> {
    let families = [
        ("IPv4", SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
        ("IPv6", SocketAddr::from((Ipv6Addr::LOCALHOST, 0))),
    ];
    let mut rows = Vec::new();
    for (family, local) in families {
        let mut all: Vec<Pairs> = vec![Pairs::default(); plan.sessions.len()];
        for round in 1..=plan.rounds {
            for (pairs, sessions) in all.iter_mut().zip(&plan.sessions) {
                look(&format!(
                    "round {round} of {}: {family}, {sessions} sessions",
                    plan.rounds
                ))?;
                let reference = bare(local, *sessions, plan.turn)?;
                let ours = ours(plugin, local, *sessions, plan.turn)?;
                pairs.push(ours, reference);
            }
        }
        for (pairs, sessions) in all.iter().zip(&plan.sessions) {
            rows.push(pairs.row(format!("{family}, {sessions} sessions"), UNIT));
        }
        if let ([first, .., last], [few, .., many]) = (&all[..], &plan.sessions[..]) {
            let name = format!("{family}, {many} sessions against {few}");
            rows.push(last.against(first).row(name, UNIT));
        }
    }
    Ok(rows)
}

fn ours(
    plugin: &Plugin,
    local: SocketAddr,
    sessions: u32,
    turn: Duration,
) -> Result<f64, BenchError> {
    // A port that was free a moment ago.
    let probe = std::net::UdpSocket::bind(local).map_err(system("bind a port"))?;
    let local = probe.local_addr().map_err(system("bind a port"))?;
    drop(probe);
    let engine = engine::start(
        plugin,
        &json!({ "responder": { "light": [local], "peers": ["any"] } }),
    )?;
    let _flood = Flood::start(local, sessions).map_err(system("flood"))?;
    std::thread::sleep(WARM_UP);
    let reflected = |all: &plugin_abi::manage::Statistics| all.reflected;
    let from = engine::mark(&engine, "the reflector", reflected)?;
    std::thread::sleep(turn);
    let to = engine::mark(&engine, "the reflector", reflected)?;
    let packets = to.counters.reflected - from.counters.reflected;
    Ok((to.cpu - from.cpu).as_nanos() as f64 / packets as f64)
}

fn bare(local: SocketAddr, sessions: u32, turn: Duration) -> Result<f64, BenchError> {
    let reflector = Reflector::start(local).map_err(system("start the reference"))?;
    let _flood = Flood::start(reflector.local(), sessions).map_err(system("flood"))?;
    std::thread::sleep(WARM_UP);
    let (packets, cpu) = reflector.figures();
    std::thread::sleep(turn);
    let (more, longer) = reflector.figures();
    match more - packets {
        0 => Err(BenchError::Nothing {
            what: "the reference",
        }),
        packets => Ok((longer - cpu).as_nanos() as f64 / packets as f64),
    }
}
