//! The image's panic hook. std is part of this image, so the host's own hook is another one.

use std::cell::RefCell;
use std::panic::{PanicHookInfo, set_hook, take_hook};

use super::current;

thread_local! {
    static LAST: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// What a panic said.
pub(crate) struct Panic {
    /// The message and its place in the source.
    pub(crate) text: String,
    /// An engine's log has it already.
    pub(crate) told: bool,
}

/// Installs the hook.
pub(super) fn install() {
    let former = take_hook();
    set_hook(Box::new(move |panic| {
        report(panic);
        // The test harness prints why a test failed.
        if cfg!(test) {
            former(panic);
        }
    }));
}

/// What this thread last panicked about; asked once.
pub(crate) fn last_panic() -> Option<Panic> {
    LAST.try_with(RefCell::take).unwrap_or(None)
}

/// Nothing here may panic: that would abort the host.
fn report(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("no message");
    let text = match panic.location() {
        Some(place) => format!("{message} (at {}:{})", place.file(), place.line()),
        None => message.to_owned(),
    };
    let engine = current();
    if let Some(queue) = &engine {
        queue.panicked(&text);
    }
    let told = engine.is_some();
    let _ = LAST.try_with(|last| last.replace(Some(Panic { text, told })));
}
