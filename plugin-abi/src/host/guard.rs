//! A held snapshot and its rows.

use std::marker::PhantomData;
use std::ops::Deref;

use super::error::CallError;
use crate::{
    TwampEngine, TwampGuard, TwampLineState, TwampPlugin, TwampScore, TwampSnapshot, code,
};

/// The newest snapshot, held until dropped. Hold it for microseconds, at most eight a thread.
pub struct Snapshot<'engine> {
    raw: TwampGuard,
    release: unsafe extern "C" fn(*mut TwampGuard) -> i32,
    engine: PhantomData<&'engine TwampEngine>,
}

// SAFETY: the contract lets a guard be moved and released by another thread, and the snapshot
// behind it never changes.
unsafe impl Send for Snapshot<'_> {}

/// # Safety
/// `engine` must live for `'engine`.
#[inline]
pub(super) unsafe fn acquire<'engine>(
    table: &TwampPlugin,
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
        return Err(refused(answered));
    }
    // The plugin has just stored both words, one by one. To copy them in one go, as compilers do,
    // the processor would have to wait until both are in its cache: a third of the whole call.
    // SAFETY: two words of a live array.
    let hold = [0, 1].map(|word| unsafe { (&raw const raw.hold[word]).read_volatile() });
    Ok(Snapshot {
        raw: TwampGuard { hold, ..raw },
        release: table.release,
        engine: PhantomData,
    })
}

#[cold]
fn refused(answered: i32) -> CallError {
    CallError {
        call: "acquire",
        code: match answered {
            code::OK => code::FAILED,
            refusal => refusal,
        },
        message: String::new(),
    }
}

impl Snapshot<'_> {
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
        unsafe { (self.release)(&raw mut self.raw) };
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
