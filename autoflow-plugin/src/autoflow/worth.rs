//! What decisions would have been worth: the line that a class is advised to be on beside the one
//! that it is on.
//!
//! ```text
//!   host: choose(current) ─► in use ─┐
//!   decisions ───────────► advised ──┴► seconds in which one broke the SLA and the other kept it
//! ```
//!
//! A host that tells no line is taken to use the most preferred one, as it would without advice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use plugin_abi::NONE;
use twamp_core::time::Mono;

use super::choose::Row;
use super::detect::Verdict;

/// A look that is later than this says nothing of the time before it.
const LONGEST: Duration = Duration::from_secs(5);

/// Kept with the choice of a class of a group; a clone is the same one.
#[derive(Clone, Debug)]
pub(crate) struct Worth(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    /// The line of the last flow that the host asked for.
    told: AtomicU64,
    /// The one compared with.
    in_use: AtomicU64,
    /// When it was last looked at.
    looked: AtomicU64,
    /// Nanoseconds: looked at, on different lines, the line in use broke the SLA and the advised one
    /// kept it, the other way round.
    nanos: [AtomicU64; 4],
    switches: AtomicU64,
    refused: AtomicU64,
}

/// What stands in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Balance {
    pub(crate) in_use: Option<u64>,
    /// The host has told that line.
    pub(crate) told: bool,
    pub(crate) watched: Duration,
    pub(crate) differs: Duration,
    pub(crate) spared: Duration,
    pub(crate) harmed: Duration,
    pub(crate) switches: u64,
    pub(crate) refused: u64,
}

impl Worth {
    /// The host asks for a flow that is on this line.
    pub(crate) fn tell(&self, line: u64) {
        // Threads ask at the same time, mostly for flows of one line.
        if self.0.told.load(Relaxed) != line {
            self.0.told.store(line, Relaxed);
        }
    }

    /// Something was ruled.
    pub(super) fn ruled(&self, switched: bool) {
        let count = if switched {
            &self.0.switches
        } else {
            &self.0.refused
        };
        count.fetch_add(1, Relaxed);
    }

    /// The class is advised to be on `advised` now.
    pub(super) fn look(&self, now: Mono, advised: Option<u64>, rows: &[Row<'_>]) {
        let counts = &*self.0;
        let told = counts.told.load(Relaxed);
        let row = |line: u64| rows.iter().find(|row| row.candidate.line == line);
        let in_use = row(told).or_else(|| rows.first());
        let since = Mono(counts.looked.swap(now.nanos(), Relaxed));
        let (Some(in_use), Some(advised)) = (in_use, advised.and_then(row)) else {
            return;
        };
        counts.in_use.store(in_use.candidate.line, Relaxed);
        let took = now.since(since);
        if since == Mono::default() || took > LONGEST {
            return;
        }
        let differs = in_use.candidate.line != advised.candidate.line;
        let is_bad =
            |row: &Row<'_>| matches!(row.standing.verdict, Verdict::Breaks(_) | Verdict::Dead);
        let spared = differs && is_bad(in_use) && advised.is_good();
        let harmed = differs && is_bad(advised) && in_use.is_good();
        for (sum, counts) in counts.nanos.iter().zip([true, differs, spared, harmed]) {
            if counts {
                sum.fetch_add(took.as_nanos() as u64, Relaxed);
            }
        }
    }

    /// What stands in it.
    pub(crate) fn balance(&self) -> Balance {
        let counts = &*self.0;
        let line = |cell: &AtomicU64| Some(cell.load(Relaxed)).filter(|line| *line != NONE);
        let span = |place: usize| Duration::from_nanos(counts.nanos[place].load(Relaxed));
        let in_use = line(&counts.in_use);
        Balance {
            in_use,
            told: in_use.is_some() && in_use == line(&counts.told),
            watched: span(0),
            differs: span(1),
            spared: span(2),
            harmed: span(3),
            switches: counts.switches.load(Relaxed),
            refused: counts.refused.load(Relaxed),
        }
    }
}

impl Default for Worth {
    fn default() -> Self {
        Self(Arc::new(Counts {
            told: AtomicU64::new(NONE),
            in_use: AtomicU64::new(NONE),
            looked: AtomicU64::new(0),
            nanos: Default::default(),
            switches: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }))
    }
}

/// One seat has one.
impl PartialEq for Worth {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
