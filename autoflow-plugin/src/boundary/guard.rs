//! A held picture: arc-swap's guard, or its cache, kept in the host's own struct.
//!
//! No copy and no allocation. A guard that is acquired touches no count that readers share: arc-swap
//! notes the debt in a slot of the reading thread. One that is renewed does so once a picture; as
//! long as that is the newest, it is only compared.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use arc_swap::{ArcSwap, Cache, Guard};
use plugin_abi::TwampGuard;

use super::barrier::Handle;
use crate::host::Picture;

/// Of a guard that was acquired.
type Held = Guard<Arc<Picture>>;

/// Of a guard that is renewed. The engine outlives its guards.
type Kept = Cache<&'static ArcSwap<Picture>, Arc<Picture>>;

/// In the address of the owner: the guard has a [`Kept`], not a [`Held`].
const KEPT: usize = 1;

const _: () = assert!(size_of::<Held>() <= size_of::<[usize; 2]>());
const _: () = assert!(align_of::<Held>() <= align_of::<usize>());
const _: () = assert!(size_of::<Kept>() <= size_of::<[usize; 2]>());
const _: () = assert!(align_of::<Kept>() <= align_of::<usize>());
const _: () = assert!(align_of::<Handle>() > KEPT);

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

/// Makes the guard hold the newest picture, whatever it held before.
///
/// # Safety
/// `guard` points to a zeroed `TwampGuard`, or one that was filled here, wherever it was moved
/// since; no other thread uses it now. `published` belongs to `owner`, which isn't null and lives
/// until the guard is given back.
#[inline(always)]
pub(super) unsafe fn renew(
    published: &ArcSwap<Picture>,
    owner: *const c_void,
    guard: *mut TwampGuard,
) {
    // SAFETY: the caller's promise.
    let held = unsafe { &mut *guard };
    if held.owner != owner.map_addr(|address| address | KEPT) {
        // SAFETY: the caller's promise.
        return unsafe { keep(published, owner, guard) };
    }
    // SAFETY: the mark says that there is a Kept.
    let kept = unsafe { &mut *(&raw mut held.hold).cast::<Kept>() };
    held.snapshot = kept.load().view();
}

/// The first time.
///
/// # Safety
/// As [`renew`].
#[cold]
unsafe fn keep(published: &ArcSwap<Picture>, owner: *const c_void, guard: *mut TwampGuard) {
    // SAFETY: the engine that it belongs to lives until the guard is given back.
    let published: &'static ArcSwap<Picture> = unsafe { &*ptr::from_ref(published) };
    let mut kept = Kept::new(published);
    // SAFETY: the caller's promise; in both.
    let guard = unsafe {
        give_back(guard);
        &mut *guard
    };
    guard.snapshot = kept.load().view();
    // SAFETY: `hold` is large and aligned enough for a Kept, asserted above.
    unsafe { (&raw mut guard.hold).cast::<Kept>().write(kept) };
    guard.owner = owner.map_addr(|address| address | KEPT);
}

/// Whose the guard is; null if it holds nothing.
///
/// # Safety
/// `guard` points to a `TwampGuard`.
#[inline(always)]
pub(super) unsafe fn owner(guard: *const TwampGuard) -> *const c_void {
    // SAFETY: the caller's promise.
    unsafe { (*guard).owner.map_addr(|address| address & !KEPT) }
}

/// Gives a picture back and zeroes the guard, if it holds one.
///
/// # Safety
/// `guard` points to a zeroed `TwampGuard`, or one that was filled here, wherever it was moved
/// since; no other thread uses it now.
#[inline(always)]
pub(super) unsafe fn give_back(guard: *mut TwampGuard) {
    // SAFETY: the caller's promise.
    let guard = unsafe { &mut *guard };
    if guard.owner.is_null() {
        return;
    }
    let kept = guard.owner.addr() & KEPT != 0;
    // First, so that a second release finds nothing, whatever happens below.
    guard.owner = ptr::null();
    guard.snapshot = ptr::null();
    let hold = &raw mut guard.hold;
    // SAFETY: the owner says what was written there, and that it wasn't taken out since.
    unsafe {
        match kept {
            true => drop(hold.cast::<Kept>().read()),
            false => drop(hold.cast::<Held>().read()),
        }
    }
    guard.hold = [0; 2];
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use plugin_abi::{TwampLineState, TwampSnapshot};

    use super::*;
    use crate::host::Taken;

    const OWNER: *const c_void = ptr::dangling::<Handle>().cast();

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
    fn a_guard_that_is_renewed_keeps_one_picture_which_is_the_newest() {
        let first = picture(1);
        let published = ArcSwap::new(Arc::clone(&first));
        let mut guard = empty();
        // SAFETY: a fresh guard of this thread, and a cell that lives until it is given back.
        let mut renewed = || unsafe {
            renew(&published, OWNER, &raw mut guard);
            assert_eq!(owner(&raw const guard), OWNER);
            epoch_of(guard.snapshot)
        };
        assert_eq!([renewed(), renewed()], [1, 1]);
        assert_eq!(Arc::strong_count(&first), 3);
        published.store(picture(2));
        assert_eq!(Arc::strong_count(&first), 2, "until then it is kept");
        assert_eq!([renewed(), renewed()], [2, 2]);
        assert_eq!(Arc::strong_count(&first), 1);
        // SAFETY: as above.
        unsafe { give_back(&raw mut guard) };
        assert!(guard.snapshot.is_null() && guard.owner.is_null());
        assert_eq!(Arc::strong_count(&published.load_full()), 2);
    }

    #[test]
    fn a_guard_is_renewed_whatever_it_held_before() {
        let [one, other] = [1, 2].map(|epoch| ArcSwap::new(picture(epoch)));
        let another = OWNER.wrapping_byte_add(64);
        let mut guard = empty();
        // SAFETY: as above.
        unsafe {
            assert!(hold(&one, OWNER, &raw mut guard));
            renew(&other, another, &raw mut guard);
            assert_eq!(
                (epoch_of(guard.snapshot), owner(&raw const guard)),
                (2, another)
            );
            renew(&one, OWNER, &raw mut guard);
            assert_eq!(
                (epoch_of(guard.snapshot), owner(&raw const guard)),
                (1, OWNER)
            );
            assert!(!hold(&one, OWNER, &raw mut guard), "still held");
            give_back(&raw mut guard);
            give_back(&raw mut guard);
        }
        for cell in [one, other] {
            assert_eq!(Arc::strong_count(&cell.load_full()), 2);
        }
    }

    #[test]
    fn readers_that_renew_see_whole_pictures_that_never_go_back() {
        let published = ArcSwap::new(picture(0));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let (mut last, mut guard) = (0, empty());
                    while last < 20_000 {
                        // SAFETY: a guard of this thread; read while it is held.
                        unsafe {
                            renew(&published, OWNER, &raw mut guard);
                            let epoch = epoch_of(guard.snapshot);
                            assert!(epoch >= last);
                            last = epoch;
                        }
                    }
                    // SAFETY: as above.
                    unsafe { give_back(&raw mut guard) };
                });
            }
            (1..=20_000).for_each(|epoch| published.store(picture(epoch)));
        });
        assert_eq!(Arc::strong_count(&published.load_full()), 2);
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
