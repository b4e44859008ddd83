//! The keys of one engine: the ring, which may be replaced at any time, and the thread
//! `twamp-kdf`, which derives from it. Derivation is slow on purpose, so it is kept off all others.
//!
//! ```text
//!   twamp-ctl                               twamp-kdf
//!   conversation ── Job, queued in turns ──▶ derive, with the ring as it is then
//!                ◀─ oneshot ───────────────
//! ```
//!
//! The thread is started by the first job and sleeps between jobs.

mod queue;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use arc_swap::ArcSwap;
use plugin_abi::config::Key;
use tokio::sync::oneshot;
use twamp_core::security::{DerivedKey, KeyDerivation, KeyError, KeyId, KeyRing, SharedSecret};
use twamp_core::stamp;
use twamp_core::time::Wall;

use crate::log;
use crate::net::{clock, with_signals_blocked};
use queue::Queue;

/// The keys of one engine. A clone is the same keys.
#[derive(Clone)]
pub(crate) struct Keys(Arc<Inner>);

/// A key in the making; an error: it will never come.
pub(super) type Deriving = oneshot::Receiver<DerivedKey>;

/// Too much work waits already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Overloaded;

struct Inner {
    ring: ArcSwap<KeyRing>,
    log: log::Queue,
    desk: Mutex<Desk>,
    /// A job has come, or the end.
    bell: Condvar,
}

#[derive(Default)]
struct Desk {
    thread: Option<JoinHandle<()>>,
    queue: Queue<Job>,
    refused: u64,
    closed: bool,
}

struct Job {
    derivation: KeyDerivation,
    /// Dropped where the job loses its place.
    answer: oneshot::Sender<DerivedKey>,
}

impl Keys {
    /// The keys of a configuration. Starts no thread.
    pub(crate) fn new(keys: &[Key], log: &log::Queue) -> Self {
        let _log = log::enter(log);
        Self(Arc::new(Inner {
            ring: ArcSwap::from_pointee(ring(keys)),
            log: log.clone(),
            desk: Mutex::default(),
            bell: Condvar::new(),
        }))
    }

    /// Other keys, for all connections from now on. Those that are set up keep theirs.
    pub(crate) fn replace(&self, keys: &[Key]) {
        self.0.ring.store(Arc::new(ring(keys)));
    }

    /// The key of this name for STAMP, which derives nothing; `None`: it is not there, or not valid
    /// now.
    pub(super) fn stamp(&self, id: &str, now: Wall) -> Option<stamp::Key> {
        let ring = self.0.ring.load();
        let secret = ring.valid(&KeyId::new(id).ok()?, now)?;
        stamp::Key::shared(secret).ok()
    }

    /// All keys for STAMP, each with the secret that knows when it is valid.
    pub(super) fn of_stamp(&self) -> Arc<[(SharedSecret, stamp::Key)]> {
        let ring = self.0.ring.load();
        let keys = ring.secrets().filter_map(|secret| {
            let key = stamp::Key::shared(secret).ok()?;
            Some((secret.clone(), key))
        });
        keys.collect()
    }

    /// Connections that got no key because too many waited.
    pub(crate) fn refused(&self) -> u64 {
        self.desk().refused
    }

    /// Has a key derived, for a connection that `peer` made; `None`: one of this end's own.
    pub(super) fn derive(
        &self,
        derivation: KeyDerivation,
        peer: Option<IpAddr>,
    ) -> Result<Deriving, Overloaded> {
        let (answer, deriving) = oneshot::channel();
        let mut desk = self.desk();
        let job = Job { derivation, answer };
        let displaced = self.accept(&mut desk, peer, job);
        // One of the two has no place.
        desk.refused += u64::from(!matches!(displaced, Ok(None)));
        displaced.map(|_| deriving)
    }

    fn accept(
        &self,
        desk: &mut Desk,
        peer: Option<IpAddr>,
        job: Job,
    ) -> Result<Option<Job>, Overloaded> {
        if desk.closed {
            return Err(Overloaded);
        }
        if desk.thread.is_none() {
            desk.thread = Some(self.start().map_err(|error| {
                tracing::error!("local system: can't start the thread twamp-kdf: {error}");
                Overloaded
            })?);
        }
        let displaced = desk.queue.push(peer, job).map_err(|_| Overloaded)?;
        self.0.bell.notify_one();
        Ok(displaced)
    }

    fn start(&self) -> std::io::Result<JoinHandle<()>> {
        let keys = self.clone();
        let thread = thread::Builder::new().name("twamp-kdf".into());
        with_signals_blocked(|| {
            thread.spawn(move || {
                let log = keys.0.log.clone();
                let _log = log::enter(&log);
                keys.work();
            })
        })
    }

    fn work(&self) {
        while let Some(job) = self.next_job() {
            // Nobody waits for it any more where the connection has ended.
            if !job.answer.is_closed() {
                let key = job.derivation.run(&self.0.ring.load(), clock().wall);
                let _ = job.answer.send(key);
            }
        }
    }

    /// Sleeps until there is one; `None`: there will be none.
    fn next_job(&self) -> Option<Job> {
        let idle = |desk: &mut Desk| !desk.closed && desk.queue.is_empty();
        let desk = self.0.bell.wait_while(self.desk(), idle);
        let mut desk = desk.unwrap_or_else(PoisonError::into_inner);
        desk.queue.pop()
    }

    /// Derives nothing more, and joins the thread.
    pub(crate) fn close(&self) {
        let thread = {
            let mut desk = self.desk();
            desk.closed = true;
            desk.queue.clear();
            desk.thread.take()
        };
        self.0.bell.notify_one();
        if let Some(thread) = thread {
            // A panic in it has been counted there.
            let _ = thread.join();
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows names, never secrets.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keys").field(&self.0.ring.load()).finish()
    }
}

/// A key without a passphrase is none: nobody can prove that they hold it.
fn ring(keys: &[Key]) -> KeyRing {
    let mut ring = KeyRing::default();
    for key in keys {
        match entry(key) {
            Ok(Some((id, secret))) => drop(ring.insert(id, secret)),
            Ok(None) => tracing::warn!(
                "the key {} has no passphrase, so nobody can use it; write one",
                key.id
            ),
            Err(error) => tracing::error!("the key {} can't be used: {error}", key.id),
        }
    }
    ring
}

fn entry(key: &Key) -> Result<Option<(KeyId, SharedSecret)>, KeyError> {
    let Some(passphrase) = &key.passphrase else {
        return Ok(None);
    };
    let at =
        |seconds: u64| Wall(i64::try_from(u128::from(seconds) * 1_000_000_000).unwrap_or(i64::MAX));
    let secret = SharedSecret::new(passphrase.reveal())?.between(
        key.not_before.map_or(Wall(i64::MIN), at),
        key.not_after.map_or(Wall(i64::MAX), at),
    );
    Ok(Some((KeyId::new(&key.id)?, secret)))
}

#[cfg(test)]
mod tests {
    use plugin_abi::config::Secret;
    use tokio::sync::oneshot::error::TryRecvError;

    use super::*;

    const SLOW: u32 = 1 << 15;

    fn keys(passphrase: &str) -> Keys {
        let key = Key::new("hub", Secret::new(passphrase));
        Keys::new(&[key], &log::Queue::new())
    }

    fn job(name: &str, count: u32) -> KeyDerivation {
        KeyDerivation::new(KeyId::new(name).ok(), [7; 16], count)
    }

    fn peer(host: u8) -> Option<IpAddr> {
        Some([192, 0, 2, host].into())
    }

    #[test]
    fn a_key_is_derived_from_the_ring_as_it_is_then() {
        let keys = keys("old");
        let derived = |keys: &Keys| {
            let deriving = keys.derive(job("hub", 1024), peer(1)).unwrap();
            deriving.blocking_recv().unwrap()
        };
        let old = derived(&keys);
        keys.replace(&[Key::new("hub", Secret::new("new"))]);
        let new = derived(&keys);
        assert!(old.is_known() && new.is_known() && old != new);
        keys.replace(&[]);
        assert!(!derived(&keys).is_known());
        keys.close();
    }

    #[test]
    fn a_key_counts_within_its_time_only_and_not_without_a_passphrase() {
        let mut key = Key::new("hub", Secret::new("x"));
        key.not_after = Some(1);
        let bare = Key {
            passphrase: None,
            ..Key::new("bare", Secret::new(""))
        };
        let ring = ring(&[key, bare]);
        let valid = |at| ring.valid_ids(Wall(at)).count();
        assert_eq!((valid(1_000_000_000), valid(1_000_000_001)), (1, 0));
    }

    #[test]
    fn a_job_that_loses_its_place_is_refused_and_counted() {
        let keys = keys("x");
        let mut waiting = Vec::new();
        let mut ask = |host| {
            let answer = keys.derive(job("hub", SLOW), peer(host));
            answer
                .map(|deriving| waiting.push((host, deriving)))
                .is_ok()
        };
        let accepted = [1, 2, 3, 4, 5].map(|host| (0..2_000).filter(|_| ask(host)).count());
        assert!(accepted.iter().all(|jobs| (1..2_000).contains(jobs)));
        assert!(ask(6), "who has none finds room");
        let lost = |(_, deriving): &mut (u8, Deriving)| {
            matches!(deriving.try_recv(), Err(TryRecvError::Closed))
        };
        let lost = waiting
            .iter_mut()
            .filter_map(|job| lost(job).then_some(job.0));
        let lost: Vec<_> = lost.collect();
        assert!(!lost.is_empty() && !lost.contains(&6));
        let asked = 5 * 2_000 + 1;
        let placed = waiting.len() - lost.len();
        assert_eq!(keys.refused(), (asked - placed) as u64);
        // Nobody waits: nothing is derived any more.
        waiting.clear();
        keys.close();
    }

    #[test]
    fn after_the_end_nothing_is_derived_and_no_thread_is_started() {
        let keys = keys("x");
        keys.close();
        assert_eq!(keys.derive(job("hub", 1024), None).err(), Some(Overloaded));
        assert!(keys.desk().thread.is_none());
    }

    #[test]
    fn debug_shows_no_passphrase() {
        let shown = format!("{:?}", keys("hidden"));
        assert!(
            shown.contains("hub") && !shown.contains("hidden"),
            "{shown}"
        );
    }
}
