//! Reading the published snapshot through the loaded library, while it is published over and over:
//! held anew for each read, or kept and renewed; beside the swap alone, in this program.

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Cache};
use plugin_abi::host::{Engine, Plugin};
use serde_json::json;

use super::bare::reflector::Reflector;
use super::row::{Pairs, median};
use super::{BenchError, Look, Plan, Row, engine, system};

const UNIT: &str = "ns a read";
/// How many read at once; a row each.
const READERS: [usize; 2] = [1, 2];
/// Reads between two looks at the clock.
const STRETCH: u32 = 1_000;
/// From one publication to the next.
const PUBLISH: Duration = Duration::from_millis(1);

pub(super) fn run(
    plugin: &Plugin,
    plan: &Plan,
    look: &mut Look<'_>,
) -> Result<Vec<Row>, BenchError> {
    let far = Reflector::start((Ipv4Addr::LOCALHOST, 0).into());
    let far = far.map_err(system("start the far end"))?;
    // Samples at all times, so that there is something new to publish.
    let config = json!({
        "probe": { "protocol": "light", "interval_ms": 1 },
        "decision": { "publish_ms": PUBLISH.as_millis() as u64 },
        "lines": [{ "id": 1, "name": "line", "remote": far.local(), "groups": [1] }],
        "groups": [{ "id": 1, "name": "group" }],
        "classes": [{ "id": 1, "name": "class", "sla": { "loss_percent": 1.0 } }],
    });
    let engine = engine::start(plugin, &config)?;
    let mut all: [[Pairs; 2]; READERS.len()] = Default::default();
    for round in 1..=plan.rounds {
        for ([held, kept], readers) in all.iter_mut().zip(READERS) {
            look(&format!(
                "round {round} of {}: {readers} readers",
                plan.rounds
            ))?;
            let turn = plan.turn;
            let swapped = |cell: &ArcSwap<u64>| read(readers, turn, || || swap(cell));
            held.push(read(readers, turn, || || hold(&engine)), bare(swapped));
            let cached = |cell: &ArcSwap<u64>| read(readers, turn, || cache(cell));
            kept.push(read(readers, turn, || keep(&engine)), bare(cached));
        }
    }
    let rows = all.iter().zip(READERS).flat_map(|([held, kept], readers)| {
        let name = match readers {
            1 => "1 reader".to_owned(),
            many => format!("{many} readers"),
        };
        let renewed = format!("{name}, kept and renewed");
        [held.row(name, UNIT), kept.row(renewed, UNIT)]
    });
    Ok(rows.collect())
}

/// Acquire, read, release.
fn hold(engine: &Engine) {
    if let Ok(snapshot) = engine.snapshot() {
        black_box(snapshot.epoch);
    }
}

/// Renew and read what a thread keeps.
fn keep(engine: &Engine) -> impl FnMut() {
    let mut kept = engine.snapshot();
    move || {
        if let Ok(snapshot) = &mut kept
            && snapshot.renew().is_ok()
        {
            black_box(snapshot.epoch);
        }
    }
}

/// As [`hold`], with a swap of our own.
fn swap(cell: &ArcSwap<u64>) {
    black_box(**cell.load());
}

/// As [`keep`], with a swap of our own.
fn cache(cell: &ArcSwap<u64>) -> impl FnMut() {
    let mut cache = Cache::new(cell);
    move || {
        black_box(**cache.load());
    }
}

/// Reads a cell of our own while something new is put into it over and over.
fn bare(read: impl FnOnce(&ArcSwap<u64>) -> f64) -> f64 {
    let cell = ArcSwap::from_pointee(0u64);
    let end = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut epoch = 0;
            while !end.load(Ordering::Relaxed) {
                epoch += 1;
                cell.store(Arc::new(epoch));
                std::thread::sleep(PUBLISH);
            }
        });
        let nanos = read(&cell);
        end.store(true, Ordering::Relaxed);
        nanos
    })
}

/// Median of the stretches of all readers, in nanoseconds a read. Each reader has a `reading` of its
/// own.
pub(super) fn read<Read: FnMut()>(
    readers: usize,
    turn: Duration,
    reading: impl Fn() -> Read + Sync,
) -> f64 {
    let stretches = || {
        let mut one = reading();
        let began = Instant::now();
        let mut nanos = Vec::new();
        while began.elapsed() < turn {
            let from = Instant::now();
            for _ in 0..STRETCH {
                one();
            }
            nanos.push(from.elapsed().as_nanos() as f64 / f64::from(STRETCH));
        }
        nanos
    };
    let all: Vec<f64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..readers).map(|_| scope.spawn(stretches)).collect();
        let joined = threads.into_iter().filter_map(|thread| thread.join().ok());
        joined.flatten().collect()
    });
    median(all.into_iter())
}
