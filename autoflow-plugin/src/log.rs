//! The log of an engine: queued where it happens, handed to the host by `twamp-ctl` alone.
//!
//! ```text
//! any thread ─ tracing event ─► Forward ─► Queue of the thread's engine ─► twamp-ctl ─► host
//! ```
//!
//! The image has one subscriber and one panic hook, whatever the number of engines; each thread
//! says by [`enter`] for which engine it works. What happens for no engine is counted.

mod forward;
mod limit;
mod panic;

use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};

use limit::Limit;
pub(crate) use panic::last_panic;

/// Levels of the boundary, 1 error … 5 trace.
pub(crate) const ERROR: u32 = 1;
pub(crate) const INFO: u32 = 3;

/// Messages that wait for `twamp-ctl`, at most.
const ROOM: usize = 1_024;
/// Octets of one message, at most.
const LONGEST: usize = 4_096;

/// Events that happened for no engine.
static UNROUTED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static CURRENT: RefCell<Option<Queue>> = const { RefCell::new(None) };
}

/// The messages of one engine on their way to its host. Clones share one queue.
#[derive(Clone)]
pub(crate) struct Queue(Arc<Inner>);

struct Inner {
    level: AtomicU32,
    /// Sending never waits: a full queue drops.
    sender: mpsc::Sender<Message>,
    /// Locked by whoever takes, never by those who log.
    receiver: Mutex<mpsc::Receiver<Message>>,
    filled: Notify,
    started: Instant,
    limit: Limit,
    /// Refused by the limit and not yet told.
    suppressed: AtomicU64,
    dropped: AtomicU64,
    panics: AtomicU64,
}

/// One message for the host.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// 1 error … 5 trace.
    pub(crate) level: u32,
    /// The module it comes from.
    pub(crate) target: &'static str,
    /// The sentence, with its fields as `key=value` behind it.
    pub(crate) text: String,
}

/// This thread works for an engine until the value is dropped.
#[must_use]
pub(crate) struct Entered {
    former: Option<Queue>,
    /// The thread that entered must leave.
    here: PhantomData<*const ()>,
}

/// Makes `queue` take what this thread logs, until the answer is dropped.
pub(crate) fn enter(queue: &Queue) -> Entered {
    let queue = queue.clone();
    let former = CURRENT.try_with(|current| current.replace(Some(queue)));
    Entered {
        former: former.unwrap_or(None),
        here: PhantomData,
    }
}

/// Installs the subscriber and the panic hook of this image, once.
pub(crate) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        forward::install();
        panic::install();
    });
}

/// Events that happened for no engine, in the life of the image.
pub(crate) fn unrouted() -> u64 {
    UNROUTED.load(Ordering::Relaxed)
}

impl Queue {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(ROOM);
        Self(Arc::new(Inner {
            level: AtomicU32::new(INFO),
            sender,
            receiver: Mutex::new(receiver),
            filled: Notify::new(),
            started: Instant::now(),
            limit: Limit::new(),
            suppressed: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            panics: AtomicU64::new(0),
        }))
    }

    /// Caches the host's answer: messages above `level` are not even formatted.
    pub(crate) fn set_level(&self, level: u32) {
        self.0.level.store(level, Ordering::Relaxed);
    }

    /// Waits until there may be something to [`take`](Self::take).
    pub(crate) async fn filled(&self) {
        self.0.filled.notified().await;
    }

    /// The oldest message. No lock is held when it returns, so the host may be called.
    pub(crate) fn take(&self) -> Option<Message> {
        // Nearly always empty, and looked at for each probe under the manual clock.
        if self.0.sender.capacity() == ROOM {
            return None;
        }
        let receiver = self.0.receiver.lock();
        let mut receiver = receiver.unwrap_or_else(PoisonError::into_inner);
        receiver.try_recv().ok()
    }

    /// Messages that the host never saw: too many at once, or more than the queue holds.
    pub(crate) fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Panics caught at the boundary or in a thread of this engine.
    pub(crate) fn panics(&self) -> u64 {
        self.0.panics.load(Ordering::Relaxed)
    }

    /// Counts a panic of this engine and says so, past the limit.
    pub(crate) fn panicked(&self, text: &str) {
        self.0.panics.fetch_add(1, Ordering::Relaxed);
        self.queue(ERROR, module_path!(), format!("panic caught: {text}"));
    }

    fn wants(&self, level: u32) -> bool {
        level <= self.0.level.load(Ordering::Relaxed)
    }

    fn push(&self, level: u32, target: &'static str, text: String) {
        self.push_at(self.0.started.elapsed(), level, target, text);
    }

    fn push_at(&self, now: Duration, level: u32, target: &'static str, mut text: String) {
        if !self.0.limit.admits(now) {
            self.0.suppressed.fetch_add(1, Ordering::Relaxed);
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let suppressed = self.0.suppressed.swap(0, Ordering::Relaxed);
        if suppressed > 0 {
            text.push_str(&format!(" (before it, {suppressed} messages too many)"));
        }
        self.queue(level, target, text);
    }

    fn queue(&self, level: u32, target: &'static str, mut text: String) {
        text.truncate(text.floor_char_boundary(LONGEST));
        let message = Message {
            level,
            target,
            text,
        };
        match self.0.sender.try_send(message) {
            Ok(()) => self.0.filled.notify_one(),
            Err(_full) => {
                self.0.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let former = self.former.take();
        // A thread that is going away has no current engine any more.
        let _ = CURRENT.try_with(|current| current.replace(former));
    }
}

/// The queue of the engine that this thread works for.
fn current() -> Option<Queue> {
    CURRENT
        .try_with(|current| current.borrow().clone())
        .unwrap_or(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(queue: &Queue) -> Vec<String> {
        std::iter::from_fn(|| queue.take())
            .map(|message| message.text)
            .collect()
    }

    #[test]
    fn what_two_engines_log_never_crosses() {
        install();
        let queues = [Queue::new(), Queue::new()];
        std::thread::scope(|scope| {
            for (name, queue) in ["one", "two"].into_iter().zip(&queues) {
                scope.spawn(move || {
                    let _entered = enter(queue);
                    for number in 0..40 {
                        tracing::info!(number, "from {name}");
                        std::thread::yield_now();
                    }
                });
            }
        });
        for (name, queue) in ["one", "two"].into_iter().zip(&queues) {
            let expected: Vec<_> = (0..40).map(|n| format!("from {name} number={n}")).collect();
            assert_eq!(texts(queue), expected);
        }
    }

    #[test]
    fn an_inner_scope_gives_the_thread_back_to_the_outer_engine() {
        install();
        let (outer, inner) = (Queue::new(), Queue::new());
        let _outside = enter(&outer);
        {
            let _inside = enter(&inner);
            tracing::warn!("inside");
        }
        tracing::warn!("outside");
        assert_eq!(texts(&inner), ["inside"]);
        assert_eq!(texts(&outer), ["outside"]);
    }

    #[test]
    fn what_happens_for_no_engine_is_dropped_and_counted() {
        install();
        let before = unrouted();
        tracing::info!("nobody hears this");
        // Other tests may be counted as well, so not exactly one more.
        assert!(unrouted() > before);
    }

    #[test]
    fn a_level_that_the_host_does_not_keep_is_not_even_formatted() {
        install();
        struct Loud;
        impl std::fmt::Display for Loud {
            fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                panic!("formatted although nobody wants it")
            }
        }
        let queue = Queue::new();
        let _entered = enter(&queue);
        tracing::debug!("{Loud}");
        queue.set_level(5);
        tracing::trace!("now");
        queue.set_level(0);
        tracing::error!("{Loud}");
        assert_eq!(texts(&queue), ["now"]);
    }

    #[test]
    fn a_flood_is_cut_and_the_next_message_says_how_much_is_missing() {
        let queue = Queue::new();
        let say = |ms| queue.push_at(Duration::from_millis(ms), INFO, "t", "a".into());
        (0..130).for_each(|_| say(0));
        assert_eq!(texts(&queue).len(), 100);
        assert_eq!(queue.dropped(), 30);
        say(2_000);
        assert_eq!(texts(&queue), ["a (before it, 30 messages too many)"]);
        say(2_000);
        assert_eq!(texts(&queue), ["a"]);
    }

    #[test]
    fn a_full_queue_drops_the_newest_and_counts_it() {
        let queue = Queue::new();
        for second in 0..1_100 {
            queue.push_at(Duration::from_secs(second), INFO, "t", second.to_string());
        }
        assert_eq!(queue.dropped(), 76);
        let kept = texts(&queue);
        assert_eq!(kept.len(), ROOM);
        assert_eq!(kept.last().map(String::as_str), Some("1023"));
    }

    #[test]
    fn a_long_message_is_cut_between_two_letters() {
        let queue = Queue::new();
        queue.push(INFO, "t", "é".repeat(LONGEST));
        queue.push(INFO, "t", format!("x{}", "é".repeat(LONGEST)));
        let kept: Vec<_> = texts(&queue).iter().map(String::len).collect();
        assert_eq!(kept, [LONGEST, LONGEST - 1]);
    }

    #[test]
    fn a_waiting_thread_is_woken_by_a_message() {
        let queue = Queue::new();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let heard = runtime.block_on(async {
            let waiting = queue.filled();
            queue.push(INFO, "t", "hello".into());
            waiting.await;
            queue.take()
        });
        assert_eq!(heard.map(|message| message.text), Some("hello".into()));
    }

    #[test]
    fn a_panic_is_counted_and_logged_for_the_engine_of_its_thread() {
        install();
        let queue = Queue::new();
        let caught = std::thread::scope(|scope| {
            let panicking = scope.spawn(|| {
                let _entered = enter(&queue);
                panic!("on purpose {}", 7);
            });
            panicking.join()
        });
        assert!(caught.is_err());
        assert_eq!(queue.panics(), 1);
        let said = queue.take().unwrap();
        assert_eq!(said.level, ERROR);
        assert!(said.text.contains("on purpose 7"), "{}", said.text);
        assert!(said.text.contains("log.rs:"), "{}", said.text);
    }
}
