//! Answering probes as fast as they come: processor time a packet.
//!
//! | file | asks |
//! |---|---|
//! | `reflect` | what does a packet cost, and does it cost more where there are many sessions? |
//! | `paced` | are all answered that come at a high, steady rate? |
//! | `secured` | what do the modes with keys cost beyond open? |

mod paced;
mod secured;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use plugin_abi::host::{Engine, Plugin};
use plugin_abi::manage::Statistics;
use serde_json::json;

use super::bare::flood::{Flood, Load};
use super::bare::reflector::Reflector;
use super::engine::Mark;
use super::row::Pairs;
use super::{BenchError, Look, Plan, Row, engine, system};

const UNIT: &str = "ns of processor time a packet";
/// Until caches are warm,
const WARM_UP: Duration = Duration::from_millis(300);
/// and, longer by so much for each, until every session is known.
const ACQUAINTANCE: Duration = Duration::from_micros(100);
/// Sessions of one address that the responder takes: more than any bench has.
const PLACES: u32 = 1_000_000;

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
    rows.extend(paced::run(plugin, plan, look)?);
    rows.extend(secured::run(plugin, plan, look)?);
    Ok(rows)
}

fn ours(
    plugin: &Plugin,
    local: SocketAddr,
    sessions: u32,
    turn: Duration,
) -> Result<f64, BenchError> {
    let (engine, local) = light(plugin, local)?;
    let _flood = Flood::start(Load::light(local, sessions)).map_err(system("flood"))?;
    std::thread::sleep(WARM_UP + ACQUAINTANCE * sessions);
    cost(&engine, turn)
}

fn bare(local: SocketAddr, sessions: u32, turn: Duration) -> Result<f64, BenchError> {
    let reflector = Reflector::start(local).map_err(system("start the reference"))?;
    let load = Load::light(reflector.local(), sessions);
    let _flood = Flood::start(load).map_err(system("flood"))?;
    std::thread::sleep(WARM_UP + ACQUAINTANCE * sessions);
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

/// An engine that answers TWAMP Light, and where.
fn light(plugin: &Plugin, local: SocketAddr) -> Result<(Engine, SocketAddr), BenchError> {
    let local = free(local)?;
    let responder = json!({
        "light": [local],
        "peers": ["any"],
        "max_sessions_per_peer": PLACES,
        "max_sessions_total": PLACES,
    });
    let engine = engine::start(plugin, &json!({ "responder": responder }))?;
    Ok((engine, local))
}

/// The same with a port that was free a moment ago.
fn free(local: SocketAddr) -> Result<SocketAddr, BenchError> {
    let socket = UdpSocket::bind(local).map_err(system("bind a port"))?;
    socket.local_addr().map_err(system("bind a port"))
}

/// Processor time of a packet that the engine answers during a turn.
fn cost(engine: &Engine, turn: Duration) -> Result<f64, BenchError> {
    let from = mark(engine)?;
    std::thread::sleep(turn);
    let to = mark(engine)?;
    let packets = to.counters.reflected - from.counters.reflected;
    match refused(&to.counters) {
        0 => Ok((to.cpu - from.cpu).as_nanos() as f64 / packets as f64),
        refused => Err(BenchError::Refused { refused }),
    }
}

fn mark(engine: &Engine) -> Result<Mark, BenchError> {
    engine::mark(engine, "the reflector", |all| all.reflected)
}

/// Packets that reached the engine and got no answer, whyever.
fn refused(counters: &Statistics) -> u64 {
    counters.discarded
}
