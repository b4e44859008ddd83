//! Which engine's host this thread is in the hands of, so that re-entry is noticed.

use std::cell::Cell;
use std::marker::PhantomData;

thread_local! {
    /// The engine whose host is being called on this thread; 0: none.
    static CALLING: Cell<u64> = const { Cell::new(0) };
}

/// This thread is in the hands of an engine's host until the value is dropped.
#[must_use]
pub(crate) struct Calling {
    former: u64,
    here: PhantomData<*const ()>,
}

/// Marks the thread as inside a callback of the engine `id`.
pub(crate) fn calling(id: u64) -> Calling {
    let former = CALLING.try_with(|calling| calling.replace(id));
    Calling {
        former: former.unwrap_or(0),
        here: PhantomData,
    }
}

/// Is the thread inside a callback of the engine `id`, and in no other engine's since?
pub(crate) fn is_calling(id: u64) -> bool {
    CALLING.try_with(Cell::get) == Ok(id)
}

impl Drop for Calling {
    fn drop(&mut self) {
        let _ = CALLING.try_with(|calling| calling.set(self.former));
    }
}
