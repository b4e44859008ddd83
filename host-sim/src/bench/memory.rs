//! Resident memory a session: that of an engine with many lines, whose books are full, beside a
//! table of what any sender must remember.

use std::fmt::Write;
use std::fs;
use std::hint::black_box;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use plugin_abi::host::Plugin;

use super::row::Pairs;
use super::{BenchError, Look, Row, engine, system};

const UNIT: &str = "octets of memory a session";
/// From the start until the books of all sessions are full: longer than the window of a verdict.
const FILLING: Duration = Duration::from_secs(12);

/// What fewer take is lost among pages that are there already.
const LEAST: u32 = 1_000;

/// When the probes in flight left, and count, sum, smallest and largest of three delays.
#[derive(Clone)]
struct Bare {
    _departures: [u64; 16],
    _delays: [[i64; 4]; 3],
}

/// Lines of TWAMP Light to `far` at ten probes a second, beside an engine without lines; nothing if
/// there are too few to be seen. Measured once: memory that was taken before is used again.
///
/// # Errors
/// The engine can't be started, or the system hides what it takes.
pub(super) fn row(
    plugin: &Plugin,
    far: &[SocketAddr],
    sessions: u32,
    look: &mut Look<'_>,
) -> Result<Option<Row>, BenchError> {
    if sessions < LEAST {
        return Ok(None);
    }
    look(&format!("memory of {sessions} sessions"))?;
    let text = config(far, sessions);
    let _idle = engine::start_text(plugin, &config(far, 0))?;
    let resident = || resident().map_err(system("read how much memory is resident"));

    let before = resident()?;
    let table: Vec<Box<Bare>> = (0..sessions).map(|number| bare(number.into())).collect();
    black_box(&table);
    let reference = resident()?.saturating_sub(before);

    let before = resident()?;
    let measuring = engine::start_text(plugin, &text)?;
    std::thread::sleep(FILLING);
    let ours = resident()?.saturating_sub(before);
    drop((measuring, table));

    let each = |octets: u64| octets as f64 / f64::from(sessions);
    let mut pairs = Pairs::default();
    pairs.push(each(ours), each(reference).max(1.0));
    Ok(Some(
        pairs.row(format!("{sessions} sessions, memory"), UNIT),
    ))
}

fn bare(number: u64) -> Box<Bare> {
    Box::new(Bare {
        _departures: [number; 16],
        _delays: [[number as i64; 4]; 3],
    })
}

/// Written at once: parts that were put together first would lie in memory as well.
fn config(far: &[SocketAddr], sessions: u32) -> String {
    let mut text = String::from(
        r#"{"probe":{"protocol":"light","interval_ms":100},
            "responder":{"test_ports":[10000,60000]},"lines":["#,
    );
    for (id, far) in (1..=sessions).zip(far.iter().cycle()) {
        let comma = if id > 1 { "," } else { "" };
        // Writing to a string can't fail.
        let _ = write!(
            text,
            r#"{comma}{{"id":{id},"name":"line {id}","remote":"{far}"}}"#
        );
    }
    text.push_str("]}");
    text
}

/// Octets of this process that are in memory.
fn resident() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let kib = status.lines().find_map(|line| {
        let kib = line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?;
        kib.trim().parse::<u64>().ok()
    });
    kib.map(|kib| kib * 1024)
        .ok_or_else(|| io::Error::other("no VmRSS in /proc/self/status"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_seen() {
        let before = resident().unwrap();
        let taken = black_box(vec![1u8; 64 << 20]);
        assert!(resident().unwrap() >= before + (32 << 20));
        drop(taken);
    }

    #[test]
    fn each_line_has_its_far_end_in_turn() {
        let far: Vec<SocketAddr> = ["127.0.9.1:1", "127.0.9.2:2"]
            .map(|far| far.parse().unwrap())
            .to_vec();
        let config: serde_json::Value = serde_json::from_str(&config(&far, 3)).unwrap();
        let remotes = [0, 1, 2].map(|line| config["lines"][line]["remote"].as_str());
        assert_eq!(
            remotes,
            [
                Some("127.0.9.1:1"),
                Some("127.0.9.2:2"),
                Some("127.0.9.1:1")
            ]
        );
    }
}
