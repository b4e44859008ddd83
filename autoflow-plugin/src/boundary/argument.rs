//! Arguments as they come from the host: checked, then made safe.

use std::mem::MaybeUninit;

use plugin_abi::{TwampChoice, TwampFlowKey, TwampHost, TwampLine, TwampLineLoad};

use super::refusal::Refusal;

/// A struct whose first field is `struct_size: u32`.
///
/// # Safety
/// It is `#[repr(C)]` and begins so.
pub(super) unsafe trait Stated: Copy {
    /// What a refusal calls it.
    const NAME: &'static str;
}

// SAFETY: these five begin with their size, by the contract.
unsafe impl Stated for TwampHost {
    const NAME: &'static str = "host";
}
// SAFETY: as above.
unsafe impl Stated for TwampLine {
    const NAME: &'static str = "line";
}
// SAFETY: as above.
unsafe impl Stated for TwampLineLoad {
    const NAME: &'static str = "load";
}
// SAFETY: as above.
unsafe impl Stated for TwampFlowKey {
    const NAME: &'static str = "flow";
}
// SAFETY: as above.
unsafe impl Stated for TwampChoice {
    const NAME: &'static str = "choice";
}

/// The size that the host states, if it is at least `smallest`.
///
/// # Safety
/// `pointer` is null or points to a `struct_size`.
pub(super) unsafe fn stated_size<T: Stated>(
    pointer: *const T,
    smallest: usize,
) -> Result<usize, Refusal> {
    let name = T::NAME;
    present(name, pointer)?;
    // SAFETY: not null and aligned; the size is the first field of every `Stated`.
    let size = unsafe { pointer.cast::<u32>().read() } as usize;
    if size < smallest {
        return Err(Refusal::invalid(format!(
            "{name}.struct_size is {size}, at least {smallest} is expected; \
             set it to sizeof the struct"
        )));
    }
    Ok(size)
}

/// A copy of a struct that the host knows at least as far as this plugin does.
///
/// # Safety
/// `pointer` is null or points to as many readable octets as its `struct_size` says.
pub(super) unsafe fn read<T: Stated>(pointer: *const T) -> Result<T, Refusal> {
    // SAFETY: the caller's promise; then the whole of T is readable.
    unsafe {
        stated_size(pointer, size_of::<T>())?;
        Ok(pointer.read())
    }
}

/// `count` values one after the other; null is none.
///
/// # Safety
/// `first` is null or points to `count` readable values that stay for `'call`.
pub(super) unsafe fn slice<'call, T>(
    name: &str,
    first: *const T,
    count: usize,
) -> Result<&'call [T], Refusal> {
    if count == 0 {
        return Ok(&[]);
    }
    present(name, first)?;
    room::<T>(name, count, size_of::<T>())?;
    // SAFETY: the caller's promise; not null, aligned, and not larger than memory can be.
    Ok(unsafe { std::slice::from_raw_parts(first, count) })
}

/// Room for `count` values one after the other, whatever is in it.
///
/// # Safety
/// `first` is null or points to room for `count` values, which is this call's alone.
pub(super) unsafe fn slice_mut<'call, T>(
    name: &str,
    first: *mut T,
    count: usize,
) -> Result<&'call mut [MaybeUninit<T>], Refusal> {
    present(name, first)?;
    room::<T>(name, count, size_of::<T>())?;
    // SAFETY: the caller's promise; not null, aligned, and not larger than memory can be.
    Ok(unsafe { std::slice::from_raw_parts_mut(first.cast(), count) })
}

/// A document: UTF-8, not empty.
///
/// # Safety
/// As [`slice`].
pub(super) unsafe fn document<'call>(
    name: &str,
    first: *const u8,
    len: usize,
) -> Result<&'call str, Refusal> {
    present(name, first)?;
    // SAFETY: the caller's promise.
    let octets = unsafe { slice(name, first, len)? };
    std::str::from_utf8(octets).map_err(|error| {
        Refusal::invalid(format!(
            "{name} is no UTF-8 from octet {} on; write it in UTF-8",
            error.valid_up_to()
        ))
    })
}

/// Where an answer goes, or an argument comes from: not null, and aligned.
pub(super) fn present<T>(name: &str, pointer: *const T) -> Result<(), Refusal> {
    if pointer.is_null() {
        Err(Refusal::invalid(format!("{name} is null")))
    } else if !pointer.is_aligned() {
        Err(Refusal::invalid(format!(
            "{name} is not aligned to {} octets",
            align_of::<T>()
        )))
    } else {
        Ok(())
    }
}

/// An array of `count` rows, `size` octets apart.
pub(super) fn room<T>(name: &str, count: usize, size: usize) -> Result<(), Refusal> {
    let whole = count.checked_mul(size);
    if size < size_of::<T>() || !size.is_multiple_of(align_of::<T>()) {
        Err(Refusal::invalid(format!(
            "{name}: rows of {size} octets, at least {} are expected; say sizeof the struct",
            size_of::<T>()
        )))
    } else if whole.is_none_or(|octets| octets > isize::MAX as usize) {
        Err(Refusal::invalid(format!(
            "{name}: {count} rows are too many"
        )))
    } else {
        Ok(())
    }
}
