//! How large a flood is.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// The one in short form, the other if `FLOOD=long` is set.
pub(crate) fn short_or_long<T>(short: T, long: T) -> T {
    match std::env::var("FLOOD").as_deref() {
        Ok("long") => long,
        _ => short,
    }
}

/// Allows this process, and those that it starts, as many descriptors as the system lets it.
pub(crate) fn raise_descriptors() {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
}
