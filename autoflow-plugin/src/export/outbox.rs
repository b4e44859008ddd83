//! What waits for one collector, and what has become of all that was there for it. It never waits:
//! who offers a record to a full queue drops the oldest one.
//!
//! ```text
//!   offer ──▶ queue ──fill──▶ in hand ──▶ in doubt ──▶ sent
//!               │                │           │
//!               └────────────────┴───────────┴──▶ dropped
//! ```

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use plugin_abi::config::Collector;
use plugin_abi::manage::{CollectorRow, CollectorState};
use tokio::sync::{Notify, watch};
use twamp_core::time::Wall;

use super::record::Record;
use super::stream::{Account, Pushed, Stream};
use crate::net::clock;
use crate::session::unix_seconds;

/// What waits for one collector.
pub(super) struct Outbox {
    pub(super) collector: Collector,
    /// Something has come.
    pub(super) filled: Notify,
    /// All is to end.
    pub(super) quit: watch::Sender<bool>,
    inner: Mutex<Inner>,
}

struct Inner {
    queue: VecDeque<Arc<Record>>,
    /// In a message that is being sent.
    in_hand: u64,
    /// Sent, and perhaps about to be refused.
    in_doubt: u64,
    sent: u64,
    dropped: u64,
    messages: u64,
    octets: u64,
    announced: u64,
    connections: u64,
    state: CollectorState,
    since: Wall,
    trouble: Option<String>,
}

impl Outbox {
    pub(super) fn new(collector: Collector) -> Self {
        Self {
            collector,
            filled: Notify::new(),
            quit: watch::Sender::new(false),
            inner: Mutex::new(Inner {
                queue: VecDeque::new(),
                in_hand: 0,
                in_doubt: 0,
                sent: 0,
                dropped: 0,
                messages: 0,
                octets: 0,
                announced: 0,
                connections: 0,
                state: CollectorState::Connecting,
                since: clock().wall,
                trouble: None,
            }),
        }
    }

    /// Takes records, and drops the oldest beyond what has room.
    pub(super) fn offer(&self, records: &[Arc<Record>]) {
        let room = self.collector.queue as usize;
        let mut inner = self.lock();
        for record in records {
            if inner.queue.len() >= room {
                inner.queue.pop_front();
                inner.dropped += 1;
            }
            inner.queue.push_back(Arc::clone(record));
        }
        drop(inner);
        self.filled.notify_one();
    }

    /// Puts as many records as fit into the message of a stream. What has become of the last one;
    /// `None`: there is no other one.
    pub(super) fn fill(&self, stream: &mut Stream) -> Option<Pushed> {
        let mut inner = self.lock();
        loop {
            let pushed = stream.push(inner.queue.front()?);
            if pushed != Pushed::Taken {
                return Some(pushed);
            }
            inner.queue.pop_front();
            inner.in_hand += 1;
        }
    }

    /// The network has taken a message with so many results; it may say later that it was refused.
    pub(super) fn handed_over(&self, octets: usize, results: u32) {
        let mut inner = self.lock();
        inner.settle();
        inner.in_hand -= u64::from(results);
        inner.in_doubt += u64::from(results);
        inner.messages += 1;
        inner.octets += octets as u64;
    }

    /// What was sent was not refused.
    pub(super) fn settle(&self) {
        self.lock().settle();
    }

    /// What was on its way is lost.
    pub(super) fn lose(&self) {
        let mut inner = self.lock();
        inner.dropped += inner.in_hand + inner.in_doubt;
        (inner.in_hand, inner.in_doubt) = (0, 0);
    }

    /// Nothing will be sent any more.
    pub(super) fn close(&self) {
        let mut inner = self.lock();
        inner.settle();
        inner.dropped += inner.in_hand + inner.queue.len() as u64;
        inner.in_hand = 0;
        inner.queue.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().queue.is_empty()
    }

    pub(super) fn is_in_doubt(&self) -> bool {
        self.lock().in_doubt > 0
    }

    pub(super) fn connected(&self) {
        self.lock().connections += 1;
    }

    pub(super) fn announced(&self) {
        self.lock().announced += 1;
    }

    /// It stands so from now on. True if that is new.
    pub(super) fn stands(&self, state: CollectorState, trouble: Option<String>) -> bool {
        let mut inner = self.lock();
        let is_new = inner.state != state;
        if is_new {
            inner.since = clock().wall;
        }
        (inner.state, inner.trouble) = (state, trouble);
        is_new
    }

    /// What the exporter says of itself.
    pub(super) fn account(&self) -> Account {
        let inner = self.lock();
        Account {
            produced: inner.sent + inner.dropped + inner.queued(),
            sent: inner.sent,
            dropped: inner.dropped,
            queued: inner.queued(),
            messages: inner.messages,
            octets: inner.octets,
            connections: inner.connections,
        }
    }

    /// For people.
    pub(super) fn row(&self) -> CollectorRow {
        let account = self.account();
        let inner = self.lock();
        CollectorRow {
            name: self.collector.name.clone(),
            at: self.collector.at.clone(),
            transport: self.collector.transport,
            state: inner.state,
            since: unix_seconds(inner.since),
            trouble: inner.trouble.clone(),
            produced: account.produced,
            sent: account.sent,
            dropped: account.dropped,
            queued: account.queued,
            messages: account.messages,
            octets: account.octets,
            announced: inner.announced,
            connections: account.connections,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn settle(&mut self) {
        self.sent += std::mem::take(&mut self.in_doubt);
    }

    fn queued(&self) -> u64 {
        self.queue.len() as u64 + self.in_hand + self.in_doubt
    }
}
