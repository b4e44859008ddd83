//! A held snapshot and its rows.

use std::ops::Deref;

use super::error::CallError;
use crate::{
    TwampEngine, TwampGuard, TwampLineState, TwampPlugin, TwampScore, TwampSnapshot, code,
};

/// A snapshot, the newest when it was taken, held until dropped. Hold it for microseconds, at most
/// eight a thread; or keep it, and [`renew`](Self::renew) it before each look.
pub struct Snapshot<'engine> {
    raw: TwampGuard,
    table: &'engine TwampPlugin,
    engine: *const TwampEngine,
}

// SAFETY: the contract lets a guard be moved, renewed and released by another thread, and the
// snapshot behind it never changes.
unsafe impl Send for Snapshot<'_> {}

/// # Safety
/// `engine` must live for `'engine`.
#[inline]
pub(super) unsafe fn acquire<'engine>(
    table: &'engine TwampPlugin,
    engine: *const TwampEngine,
) -> Result<Snapshot<'engine>, CallError> {
    let mut raw = TwampGuard {
        snapshot: std::ptr::null(),
        hold: [0; 2],
        owner: std::ptr::null(),
    };
    // SAFETY: the caller's promise; `raw` is zeroed as the contract wants.
    let answered = unsafe { (table.acquire)(engine, &raw mut raw) };
    if answered != code::OK || raw.snapshot.is_null() {
        return Err(refused("acquire", answered));
    }
    // The plugin has just stored both words, one by one. To copy them in one go, as compilers do,
    // the processor would have to wait until both are in its cache: a third of the whole call.
    // SAFETY: two words of a live array.
    let hold = unsafe {
        let [first, second] = [&raw const raw.hold[0], &raw const raw.hold[1]];
        [first.read_volatile(), second.read_volatile()]
    };
    Ok(Snapshot {
        raw: TwampGuard { hold, ..raw },
        table,
        engine,
    })
}

#[cold]
fn refused(call: &'static str, answered: i32) -> CallError {
    CallError {
        call,
        code: match answered {
            code::OK => code::FAILED,
            refusal => refusal,
        },
        message: String::new(),
    }
}

impl Snapshot<'_> {
    /// Makes it the newest. A thread that reads often keeps one and renews it: that costs a
    /// comparison as long as nothing newer is published, a fifth of another snapshot.
    ///
    /// # Errors
    /// A panic inside the plugin; then it is what it was.
    #[inline]
    pub fn renew(&mut self) -> Result<(), CallError> {
        let Some(renew) = self.table.renew else {
            // SAFETY: the engine outlives `self`.
            *self = unsafe { acquire(self.table, self.engine)? };
            return Ok(());
        };
        // SAFETY: as above; `raw` is held, and borrowed alone.
        match unsafe { renew(self.engine, &raw mut self.raw) } {
            code::OK => Ok(()),
            answered => Err(refused("renew", answered)),
        }
    }

    /// The lines.
    pub fn lines(&self) -> impl Iterator<Item = &TwampLineState> {
        // SAFETY: the plugin promises `count` rows of `size` octets while held.
        unsafe { rows(self.lines, self.line_count, self.line_size) }
    }

    /// The scores, ordered as the lines are.
    pub fn scores(&self) -> impl Iterator<Item = &TwampScore> {
        // SAFETY: as above.
        unsafe { rows(self.scores, self.score_count, self.score_size) }
    }
}

impl Deref for Snapshot<'_> {
    type Target = TwampSnapshot;

    #[inline]
    fn deref(&self) -> &TwampSnapshot {
        // SAFETY: non-null since `acquire`, and alive until `release`.
        unsafe { &*self.raw.snapshot }
    }
}

impl Drop for Snapshot<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: `raw` was filled by `acquire` and is released once.
        unsafe { (self.table.release)(&raw mut self.raw) };
    }
}

/// Steps by the writer's row size, and yields nothing where a row is smaller than this host's.
///
/// # Safety
/// `first` must point to `count` rows of `size` octets that live for `'a`.
unsafe fn rows<'a, Row: 'a>(
    first: *const Row,
    count: u32,
    size: u32,
) -> impl Iterator<Item = &'a Row> {
    let fits = size as usize >= size_of::<Row>() && !first.is_null();
    (0..if fits { count as usize } else { 0 }).map(move |index| {
        // SAFETY: the caller's promise; a row of a newer minor begins with this host's row.
        unsafe { &*first.byte_add(index * size as usize) }
    })
}
