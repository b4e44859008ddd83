//! Sending probes at ten a second each, with kernel stamps both ways: processor time a probe, of all
//! threads and of the one that sends, how many find their answer, and how late they leave.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use plugin_abi::host::Plugin;
use plugin_abi::manage::Statistics;
use serde_json::{Value, json};

use super::bare::reflector::Reflector;
use super::bare::sender;
use super::row::Pairs;
use super::{BenchError, Look, Plan, Row, engine, memory, system};

const UNIT: &str = "ns of processor time a probe";
/// Probes a second of one session.
const RATE: u32 = 10;
/// Far ends, each with an address of its own.
const FAR_ENDS: u8 = 16;
/// Until all sessions send.
const WARM_UP: Duration = Duration::from_secs(1);

/// What one turn came to.
struct Turn {
    cpu_ns: f64,
    probing_ns: f64,
    answered: f64,
    late_us: f64,
}

/// The figures of all rounds with one number of sessions.
#[derive(Clone, Default)]
struct Figures {
    costs: Pairs,
    probing: Pairs,
    answers: Pairs,
    lateness: Pairs,
}

pub(super) fn run(
    plugin: &Plugin,
    plan: &Plan,
    look: &mut Look<'_>,
) -> Result<Vec<Row>, BenchError> {
    let reflectors: Vec<Reflector> = (1..=FAR_ENDS)
        .map(|host| Reflector::start((Ipv4Addr::new(127, 0, 9, host), 0).into()))
        .collect::<Result<_, _>>()
        .map_err(system("start the far ends"))?;
    let far: Vec<SocketAddr> = reflectors.iter().map(Reflector::local).collect();
    // First: what was taken before is used again, and isn't seen.
    let most = plan.sessions.iter().copied().max().unwrap_or(1);
    let memory = memory::row(plugin, &far, most, look)?;
    let mut all = vec![Figures::default(); plan.sessions.len()];
    for round in 1..=plan.rounds {
        for (figures, sessions) in all.iter_mut().zip(&plan.sessions) {
            look(&format!(
                "round {round} of {}: {sessions} sessions",
                plan.rounds
            ))?;
            let reference = bare(&far, *sessions, plan.turn)?;
            let ours = ours(plugin, &far, *sessions, plan.turn)?;
            figures.costs.push(ours.cpu_ns, reference.cpu_ns);
            let probing = (ours.probing_ns, reference.probing_ns);
            figures.probing.push(probing.0, probing.1);
            figures.answers.push(ours.answered, reference.answered);
            figures.lateness.push(ours.late_us, reference.late_us);
        }
    }
    let mut rows = Vec::new();
    for (figures, sessions) in all.iter().zip(&plan.sessions) {
        let name = |what: &str| format!("{sessions} sessions{what}");
        rows.push(figures.costs.row(name(&format!(" × {RATE}/s")), UNIT));
        rows.push(figures.probing.row(name(", thread that sends"), UNIT));
        rows.push(figures.answers.row(name(", answered"), "of the probes"));
        rows.push(figures.lateness.row(name(", lateness p99"), "µs"));
    }
    if let ([first, .., last], [few, .., many]) = (&all[..], &plan.sessions[..]) {
        let name = format!("{many} sessions against {few}");
        rows.push(last.costs.against(&first.costs).row(name, UNIT));
    }
    rows.extend(memory);
    Ok(rows)
}

fn ours(
    plugin: &Plugin,
    far: &[SocketAddr],
    sessions: u32,
    turn: Duration,
) -> Result<Turn, BenchError> {
    let engine = engine::start(plugin, &config(far, sessions))?;
    std::thread::sleep(WARM_UP);
    let sent = |all: &Statistics| all.probes_sent;
    let from = engine::mark(&engine, "the sender", sent)?;
    std::thread::sleep(turn);
    let to = engine::mark(&engine, "the sender", sent)?;
    let probes = to.counters.probes_sent - from.counters.probes_sent;
    let missed = to.counters.missed_sends - from.counters.missed_sends;
    let replies = to.counters.replies_received - from.counters.replies_received;
    let lateness = to.counters.send_lateness_us;
    let of_each = |span: Duration| span.as_nanos() as f64 / probes as f64;
    Ok(Turn {
        cpu_ns: of_each(to.cpu - from.cpu),
        probing_ns: of_each(to.probing - from.probing),
        // Against those that should have been sent.
        answered: replies as f64 / (probes + missed) as f64,
        late_us: lateness.map_or(f64::NAN, |late| late.p99 as f64),
    })
}

fn bare(far: &[SocketAddr], sessions: u32, turn: Duration) -> Result<Turn, BenchError> {
    let per_second = f64::from(sessions * RATE);
    let sent = sender::send(far, per_second, turn).map_err(system("send as the reference does"))?;
    match sent.probes {
        0 => Err(BenchError::Nothing {
            what: "the reference",
        }),
        probes => Ok(Turn {
            cpu_ns: sent.cpu.as_nanos() as f64 / probes as f64,
            probing_ns: sent.cpu.as_nanos() as f64 / probes as f64,
            late_us: sent.late_p99.as_nanos() as f64 / 1e3,
            answered: sent.replies as f64 / probes as f64,
        }),
    }
}

/// Lines of TWAMP Light, the far ends taken in turn. Nothing is decided: there is no class.
fn config(far: &[SocketAddr], sessions: u32) -> Value {
    let ends = far.iter().cycle();
    let lines: Vec<_> = (1..=sessions)
        .zip(ends)
        .map(|(id, far)| json!({ "id": id, "name": format!("line {id}"), "remote": far }))
        .collect();
    json!({
        "probe": { "protocol": "light", "interval_ms": 1000 / RATE },
        "responder": { "test_ports": [10_000, 60_000] },
        "lines": lines,
    })
}
