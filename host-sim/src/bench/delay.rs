//! How true the round trip is, at rest and with every processor busy: what the engine reports,
//! beside the kernel's stamps as a plain loop reads them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use plugin_abi::config::{Probe, Protocol};
use plugin_abi::host::{Engine, Plugin};
use plugin_abi::manage::{Answer, Progress, Request, RunRequest, RunState};
use serde_json::json;

use super::bare::reflector::Reflector;
use super::bare::trip::round_trips;
use super::row::{Pairs, quantile};
use super::{BenchError, Look, Plan, Row, engine, system};

const UNIT: &str = "µs of round trip";
/// Between two probes.
const INTERVAL: Duration = Duration::from_millis(2);

/// Of one turn, in microseconds.
#[derive(Clone, Copy)]
struct Trip {
    p50: f64,
    p99: f64,
}

pub(super) fn run(
    plugin: &Plugin,
    plan: &Plan,
    look: &mut Look<'_>,
) -> Result<Vec<Row>, BenchError> {
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let far = Reflector::start(local).map_err(system("start the far end"))?;
    let engine = engine::start(plugin, &json!({}))?;
    let mut figures: [Pairs; 4] = Default::default();
    let mut growth = Pairs::default();
    for round in 1..=plan.rounds {
        look(&format!("round {round} of {}: at rest", plan.rounds))?;
        let rest = (
            ours(&engine, far.local(), plan.turn)?,
            bare(far.local(), plan.turn)?,
        );
        look(&format!("round {round} of {}: all busy", plan.rounds))?;
        let hogs = Hogs::start().map_err(system("start a thread"))?;
        let busy = (
            ours(&engine, far.local(), plan.turn)?,
            bare(far.local(), plan.turn)?,
        );
        drop(hogs);
        let [rest_p50, rest_p99, busy_p50, busy_p99] = &mut figures;
        rest_p50.push(rest.0.p50, rest.1.p50);
        rest_p99.push(rest.0.p99, rest.1.p99);
        busy_p50.push(busy.0.p50, busy.1.p50);
        busy_p99.push(busy.0.p99, busy.1.p99);
        growth.push(busy.0.p99, rest.0.p99);
    }
    let names = [
        "at rest, p50",
        "at rest, p99",
        "all busy, p50",
        "all busy, p99",
    ];
    let rows = names.iter().zip(&figures);
    let mut rows: Vec<Row> = rows.map(|(name, pairs)| pairs.row(*name, UNIT)).collect();
    rows.push(growth.row("p99, all busy against at rest", UNIT));
    Ok(rows)
}

/// One run of the engine.
fn ours(engine: &Engine, far: SocketAddr, turn: Duration) -> Result<Trip, BenchError> {
    let run = RunRequest {
        remote: far,
        local: None,
        count: probes(turn),
        probe: Probe {
            protocol: Protocol::Light,
            interval_ms: Some(INTERVAL.as_secs_f64() * 1e3),
            ..Probe::default()
        },
        tos: None,
        line: None,
    };
    let nothing = || BenchError::Nothing { what: "a run" };
    let Answer::Run(run) = engine.manage(&Request::Run { run })? else {
        return Err(nothing());
    };
    let progress: Progress = loop {
        match engine.manage(&Request::Progress { run })? {
            Answer::Progress(now) if matches!(now.state, RunState::Ended | RunState::Failed) => {
                break *now;
            }
            Answer::Progress(_) => std::thread::sleep(Duration::from_millis(20)),
            _ => return Err(nothing()),
        }
    };
    let trip = progress.result.and_then(|result| result.round_trip_us);
    let trip = trip.ok_or_else(nothing)?;
    Ok(Trip {
        p50: trip.p50,
        p99: trip.p99,
    })
}

/// One run of the reference.
fn bare(far: SocketAddr, turn: Duration) -> Result<Trip, BenchError> {
    let trips = round_trips(far, probes(turn), INTERVAL);
    let trips = trips.map_err(system("measure as the reference does"))?;
    if trips.is_empty() {
        return Err(BenchError::Nothing {
            what: "the reference",
        });
    }
    let micros = || trips.iter().map(|nanos| *nanos as f64 / 1e3);
    Ok(Trip {
        p50: quantile(micros(), 0.5),
        p99: quantile(micros(), 0.99),
    })
}

fn probes(turn: Duration) -> u32 {
    (turn.as_secs_f64() / INTERVAL.as_secs_f64()).ceil() as u32
}

/// A busy thread for each processor.
struct Hogs {
    end: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Hogs {
    fn start() -> io::Result<Self> {
        let end = Arc::new(AtomicBool::new(false));
        let count = std::thread::available_parallelism().map_or(2, usize::from);
        let hog = |_| {
            let ends = Arc::clone(&end);
            let busy = move || {
                while !ends.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            };
            std::thread::Builder::new().name("hog".into()).spawn(busy)
        };
        let threads = (0..count).map(hog).collect::<io::Result<_>>()?;
        Ok(Self { end, threads })
    }
}

impl Drop for Hogs {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
