//! A held picture: arc-swap's guard, kept in the host's own struct.
//!
//! No copy, no allocation, and no count that readers share: arc-swap notes the debt in a slot of
//! the reading thread.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use plugin_abi::TwampGuard;

use crate::host::Picture;

type Held = Guard<Arc<Picture>>;

const _: () = assert!(size_of::<Held>() <= size_of::<[usize; 2]>());
const _: () = assert!(align_of::<Held>() <= align_of::<usize>());

/// Holds the newest picture in `out`. False: `out` holds one already, or was not zeroed.
///
/// # Safety
/// `out` points to a `TwampGuard` that no other thread uses now. `owner` isn't null.
#[inline(always)]
pub(super) unsafe fn hold(
    published: &ArcSwap<Picture>,
    owner: *const c_void,
    out: *mut TwampGuard,
) -> bool {
    // SAFETY: the caller's promise.
    let out = unsafe { &mut *out };
    if !out.owner.is_null() {
        return false;
    }
    let held = published.load();
    out.snapshot = held.view();
    // SAFETY: `hold` is large and aligned enough for a Held, asserted above.
    unsafe { (&raw mut out.hold).cast::<Held>().write(held) };
    out.owner = owner;
    true
}

/// Gives a picture back and zeroes the guard, if it holds one.
///
/// # Safety
/// `guard` points to a zeroed `TwampGuard`, or one that [`hold`] filled, wherever it was moved
/// since; no other thread uses it now.
#[inline(always)]
pub(super) unsafe fn give_back(guard: *mut TwampGuard) {
    // SAFETY: the caller's promise.
    let guard = unsafe { &mut *guard };
    if guard.owner.is_null() {
        return;
    }
    // First, so that a second release finds nothing, whatever happens below.
    guard.owner = ptr::null();
    guard.snapshot = ptr::null();
    // SAFETY: `hold` wrote a Held there, and `owner` says that it wasn't taken out since.
    drop(unsafe { (&raw mut guard.hold).cast::<Held>().read() });
    guard.hold = [0; 2];
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use plugin_abi::{TwampLineState, TwampSnapshot};

    use super::*;
    use crate::host::Taken;

    const OWNER: *const c_void = ptr::dangling();

    /// Every number in it is the epoch, so that a torn or freed picture shows.
    fn picture(epoch: u64) -> Arc<Picture> {
        let taken = Taken {
            epoch,
            ..Taken::default()
        };
        let row = TwampLineState {
            line: epoch,
            since_ns: epoch,
            ..TwampLineState::default()
        };
        Arc::new(Picture::new(taken, vec![row; 16], Vec::new()))
    }

    fn empty() -> TwampGuard {
        TwampGuard {
            snapshot: ptr::null(),
            hold: [0; 2],
            owner: ptr::null(),
        }
    }

    /// # Safety
    /// The snapshot is held.
    unsafe fn epoch_of(snapshot: *const TwampSnapshot) -> u64 {
        // SAFETY: the caller's promise.
        let view = unsafe { &*snapshot };
        // SAFETY: a held view has as many rows as it says.
        let rows = unsafe { std::slice::from_raw_parts(view.lines, view.line_count as usize) };
        assert_eq!(rows.len(), 16);
        for row in rows {
            assert_eq!((row.line, row.since_ns), (view.epoch, view.epoch));
        }
        view.epoch
    }

    #[test]
    fn readers_see_whole_pictures_that_never_go_back_while_new_ones_are_published() {
        let published = ArcSwap::new(picture(0));
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut last = 0;
                    while !over.load(Ordering::Relaxed) {
                        let mut guard = empty();
                        // SAFETY: a fresh guard of this thread; read while it is held.
                        unsafe {
                            assert!(hold(&published, OWNER, &raw mut guard));
                            let epoch = epoch_of(guard.snapshot);
                            give_back(&raw mut guard);
                            assert!(epoch >= last);
                            last = epoch;
                        }
                    }
                });
            }
            for epoch in 1..20_000 {
                published.store(picture(epoch));
            }
            over.store(true, Ordering::Relaxed);
        });
        assert_eq!(Arc::strong_count(&published.load_full()), 2);
    }

    #[test]
    fn a_guard_outlives_its_thread_and_is_given_back_by_another() {
        struct Carried(TwampGuard);
        // SAFETY: the contract lets a guard move to another thread.
        unsafe impl Send for Carried {}

        let first = picture(7);
        let published = ArcSwap::new(Arc::clone(&first));
        let mut carried = std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut guard = empty();
                // SAFETY: a fresh guard of this thread.
                assert!(unsafe { hold(&published, OWNER, &raw mut guard) });
                Carried(guard)
            });
            reader.join().unwrap()
        });
        (8..108).for_each(|epoch| published.store(picture(epoch)));
        // SAFETY: still held.
        assert_eq!(unsafe { epoch_of(carried.0.snapshot) }, 7);
        assert!(Arc::strong_count(&first) > 1, "the guard keeps it");
        // SAFETY: held, and used by nobody else.
        unsafe { give_back(&raw mut carried.0) };
        assert_eq!(Arc::strong_count(&first), 1, "nobody keeps it");
    }

    #[test]
    fn a_guard_is_filled_once_and_given_back_once() {
        let first = picture(1);
        let published = ArcSwap::new(Arc::clone(&first));
        let mut guard = empty();
        // SAFETY: a fresh guard of this thread.
        unsafe {
            give_back(&raw mut guard);
            assert!(hold(&published, OWNER, &raw mut guard));
            assert!(!hold(&published, OWNER, &raw mut guard), "still held");
            assert_eq!(epoch_of(guard.snapshot), 1);
            give_back(&raw mut guard);
            give_back(&raw mut guard);
        }
        assert!(guard.snapshot.is_null() && guard.owner.is_null());
        drop(published);
        assert_eq!(Arc::strong_count(&first), 1);
    }
}
