//! Results on their way to collectors of IPFIX (RFC 7011).
//!
//! ```text
//!   twamp-ctl            twamp-export
//!  ┌──────────┐  offer  ┌──────────────────────────────────────────┐
//!  │ results, │────────▶│ outbox ─▶ stream ─▶ link ──── UDP, TCP ──┼──▶ a collector
//!  │ scores,  │────────▶│ outbox ─▶ stream ─▶ link ────────────────┼──▶ another one
//!  │ choices  │         └──────────────────────────────────────────┘
//!  └──────────┘
//! ```
//!
//! `twamp-ctl` offers and never waits: a collector that is slow or away loses the oldest of what
//! waits for it, which is counted. All else happens on a thread of its own, `twamp-export`, which
//! is there once there is a collector. It asks the system's resolver where a collector has a name.
//!
//! The encoder is ours, and small: templates and records are fixed by one table
//! (`table.rs`, `record.rs`), and what is left of RFC 7011 for an exporter are headers, lengths and
//! an order (`stream.rs`). `netgauze-flow-pkt`, the crate that is kept best, writes packets as well,
//! but builds 115 crates for it, a C library of cryptography among them. What holds the encoder to
//! the RFC are the collectors themselves, in the tests.

#[cfg(test)]
mod decoder;
mod delivery;
#[cfg(test)]
mod document;
mod element;
mod link;
mod outbox;
mod record;
mod stream;
mod table;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use plugin_abi::config::Export;
use plugin_abi::manage::CollectorRow;
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinSet, LocalSet};

use crate::log;
use crate::net::with_signals_blocked;
use outbox::Outbox;
pub(crate) use record::{
    ChoiceRecord, DecisionRecord, EventRecord, QuantilesRecord, Record, ScoreRecord, ServedRecord,
    SessionRecord,
};
use stream::Origin;

/// The collectors of one engine.
#[derive(Default)]
pub(crate) struct Exporter {
    inner: Mutex<Inner>,
    /// Somebody listens.
    active: AtomicBool,
}

#[derive(Default)]
struct Inner {
    origin: Option<Origin>,
    collectors: Vec<Arc<Outbox>>,
    thread: Option<Thread>,
}

struct Thread {
    /// Collectors to be served.
    new: UnboundedSender<(Arc<Outbox>, Origin)>,
    thread: JoinHandle<()>,
}

impl Exporter {
    /// These are the collectors from now on. Those that stay as they are notice nothing.
    pub(crate) fn configure(&self, export: &Export, log: &log::Queue) {
        let mut inner = self.lock();
        let origin = Origin {
            domain: export.domain,
            enterprise: export.enterprise,
        };
        let same = inner.origin.replace(origin) == Some(origin);
        let former = std::mem::take(&mut inner.collectors);
        for collector in &export.collectors {
            let mut known = former.iter().filter(|_| same);
            if let Some(known) = known.find(|known| known.collector == *collector) {
                inner.collectors.push(Arc::clone(known));
                continue;
            }
            let outbox = Arc::new(Outbox::new(collector.clone()));
            match inner.serve(&outbox, origin, log) {
                Ok(()) => inner.collectors.push(outbox),
                Err(error) => tracing::error!(
                    "local system: can't start the thread that exports: {error}; no collector is \
                     told anything"
                ),
            }
        }
        for gone in &former {
            if !inner.collectors.iter().any(|kept| Arc::ptr_eq(kept, gone)) {
                gone.quit.send_replace(true);
            }
        }
        self.active
            .store(!inner.collectors.is_empty(), Ordering::Release);
    }

    /// Does anybody listen?
    pub(crate) fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }

    /// Every collector is to be told of these. Never waits.
    pub(crate) fn offer(&self, records: Vec<Record>) {
        if records.is_empty() {
            return;
        }
        let records: Vec<_> = records.into_iter().map(Arc::new).collect();
        for outbox in &self.lock().collectors {
            outbox.offer(&records);
        }
    }

    /// Every collector, for people.
    pub(crate) fn rows(&self) -> Vec<CollectorRow> {
        let inner = self.lock();
        inner.collectors.iter().map(|outbox| outbox.row()).collect()
    }

    /// Nothing more comes: what waits has a moment to leave.
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        for outbox in &inner.collectors {
            outbox.quit.send_replace(true);
        }
        let thread = inner.thread.take();
        // Whoever asks how collectors stand doesn't wait.
        drop(inner);
        if let Some(Thread { new, thread }) = thread {
            drop(new);
            // A panic in it has been caught and counted there.
            let _ = thread.join();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Has a collector served, by a thread that is started for the first one.
    fn serve(
        &mut self,
        outbox: &Arc<Outbox>,
        origin: Origin,
        log: &log::Queue,
    ) -> std::io::Result<()> {
        let thread = match self.thread.take() {
            Some(thread) => thread,
            None => start(log.clone())?,
        };
        // It ends after its last order alone.
        let _ = thread.new.send((Arc::clone(outbox), origin));
        self.thread = Some(thread);
        Ok(())
    }
}

fn start(log: log::Queue) -> std::io::Result<Thread> {
    let runtime = Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()?;
    let (new, news) = unbounded_channel();
    let thread = with_signals_blocked(|| {
        thread::Builder::new()
            .name("twamp-export".into())
            .spawn(move || {
                let _log = log::enter(&log);
                LocalSet::new().block_on(&runtime, serve_all(news));
                // A look-up that is not answered yet holds nobody up.
                runtime.shutdown_background();
            })
    })?;
    Ok(Thread { new, thread })
}

/// Serves collectors until no new one can come and all have ended.
async fn serve_all(mut news: UnboundedReceiver<(Arc<Outbox>, Origin)>) {
    let mut served = JoinSet::new();
    let mut open = true;
    while open || !served.is_empty() {
        tokio::select! {
            new = news.recv(), if open => match new {
                Some((outbox, origin)) => _ = served.spawn_local(delivery::serve(outbox, origin)),
                None => open = false,
            },
            Some(_) = served.join_next() => {}
        }
    }
}
