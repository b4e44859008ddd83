//! What the two threads and the reader of the counters share.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use plugin_abi::NONE;

use super::{FlowCounts, FlowsConfig, Move};

/// Moves kept.
const MAX_MOVES: usize = 4096;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) classes: Vec<Counters>,
    moves: Mutex<VecDeque<Move>>,
}

/// The counters of one class; each has one writer.
#[derive(Debug)]
pub(super) struct Counters {
    class: u64,
    pub(super) line: AtomicU64,
    pub(super) sent: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) received: AtomicU64,
    pub(super) expected: AtomicU64,
}

impl Shared {
    pub(super) fn new(config: &FlowsConfig) -> Self {
        let counters = |class| Counters {
            class,
            line: AtomicU64::new(NONE),
            sent: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            received: AtomicU64::new(0),
            expected: AtomicU64::new(0),
        };
        Self {
            classes: config.classes.iter().map(|c| counters(c.class)).collect(),
            moves: Mutex::default(),
        }
    }

    pub(super) fn counts(&self) -> Vec<FlowCounts> {
        self.classes.iter().map(Counters::read).collect()
    }

    pub(super) fn moves(&self) -> Vec<Move> {
        let moves = self.moves.lock().unwrap_or_else(PoisonError::into_inner);
        moves.iter().copied().collect()
    }

    pub(super) fn moved(&self, moved: Move) {
        let mut moves = self.moves.lock().unwrap_or_else(PoisonError::into_inner);
        if moves.len() == MAX_MOVES {
            moves.pop_front();
        }
        moves.push_back(moved);
    }

    /// Whether a packet that was sent has not arrived.
    pub(super) fn is_awaiting(&self) -> bool {
        self.counts().iter().any(|c| c.received < c.sent)
    }
}

impl Counters {
    fn read(&self) -> FlowCounts {
        let line = self.line.load(Ordering::Relaxed);
        // In this order none is read above the next.
        let received = self.received.load(Ordering::Acquire);
        let expected = self.expected.load(Ordering::Acquire);
        FlowCounts {
            class: self.class,
            line: (line != NONE).then_some(line),
            sent: self.sent.load(Ordering::Acquire),
            received,
            expected,
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}
