//! A steady rate from a sender that waits for nobody: what is answered, what is dropped for lack
//! of room, and what an answer costs.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use plugin_abi::host::Plugin;

use super::{UNIT, light, mark, refused};
use crate::bench::bare::flood::{Flood, Load};
use crate::bench::bare::reflector::Reflector;
use crate::bench::row::Pairs;
use crate::bench::{BenchError, Look, Plan, Row, engine, system};

/// Packets a second.
const RATE: f64 = 150_000.0;
/// A count that stands still for so long has reached its end.
const STILL: Duration = Duration::from_millis(500);
const LOOK: Duration = Duration::from_millis(20);

/// What a turn came to.
struct Turn {
    /// Packets that left, each second.
    rate: f64,
    /// Of them,
    answered: f64,
    /// and dropped because nobody fetched them in time.
    no_room: f64,
    cost_ns: f64,
}

pub(super) fn run(
    plugin: &Plugin,
    plan: &Plan,
    look: &mut Look<'_>,
) -> Result<Vec<Row>, BenchError> {
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let [mut rates, mut answers, mut drops, mut costs] = [(); 4].map(|()| Pairs::default());
    for round in 1..=plan.rounds {
        look(&format!(
            "round {round} of {}: {RATE} a second",
            plan.rounds
        ))?;
        let reference = bare(local, plan.turn)?;
        let ours = ours(plugin, local, plan.turn)?;
        rates.push(ours.rate, reference.rate);
        answers.push(ours.answered, reference.answered);
        drops.push(ours.no_room, reference.no_room);
        costs.push(ours.cost_ns, reference.cost_ns);
    }
    let name = |what| format!("IPv4, {RATE}/s{what}");
    Ok(vec![
        rates.row(name(", offered"), "packets a second"),
        answers.row(name(", answered"), "of the packets"),
        drops.row(name(", no room"), "of the packets"),
        costs.row(name(""), UNIT),
    ])
}

fn ours(plugin: &Plugin, local: SocketAddr, turn: Duration) -> Result<Turn, BenchError> {
    let (engine, local) = light(plugin, local)?;
    // Its counters begin to move, so that there is something to begin from.
    let first = Flood::start(Load::light(local, 1).paced(1_000.0)).map_err(system("flood"))?;
    mark(&engine)?;
    first.end();
    let settled = |reached: u64| {
        let now = || engine::statistics(&engine).map(|all| all.reflected);
        settle(now, reached)
    };
    let before = settled(u64::MAX)?;
    let cpu = engine::cpu()?;
    let (offered, rate) = offer(local, turn)?;
    let answered = settled(before + offered)? - before;
    let cost = engine::cpu()? - cpu;
    let counters = engine::statistics(&engine)?;
    match refused(&counters) {
        0 => Ok(Turn {
            rate,
            answered: answered as f64 / offered as f64,
            no_room: counters.overflows as f64 / offered as f64,
            cost_ns: cost.as_nanos() as f64 / answered as f64,
        }),
        refused => Err(BenchError::Refused { refused }),
    }
}

fn bare(local: SocketAddr, turn: Duration) -> Result<Turn, BenchError> {
    let reflector = Reflector::start(local).map_err(system("start the reference"))?;
    let (before, cpu) = reflector.figures();
    let (offered, rate) = offer(reflector.local(), turn)?;
    let answered = settle(|| Ok(reflector.figures().0), before + offered)? - before;
    let cost = reflector.figures().1 - cpu;
    Ok(Turn {
        rate,
        answered: answered as f64 / offered as f64,
        // It answers all that it fetches.
        no_room: offered.saturating_sub(answered) as f64 / offered as f64,
        cost_ns: cost.as_nanos() as f64 / answered as f64,
    })
}

/// Sends for a turn; answers how many packets left, and how many a second.
fn offer(to: SocketAddr, turn: Duration) -> Result<(u64, f64), BenchError> {
    let began = Instant::now();
    let load = Load::light(to, 1).paced(RATE);
    let flood = Flood::start(load).map_err(system("send at a pace"))?;
    std::thread::sleep(turn);
    let sent = flood.end();
    Ok((sent, sent as f64 / began.elapsed().as_secs_f64()))
}

/// A count once it has reached what is expected, or moves no more.
fn settle(
    mut count: impl FnMut() -> Result<u64, BenchError>,
    expected: u64,
) -> Result<u64, BenchError> {
    let (mut last, mut since) = (count()?, Instant::now());
    while last < expected && since.elapsed() < STILL {
        std::thread::sleep(LOOK);
        let now = count()?;
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    Ok(last)
}
