//! The image's tracing subscriber: each event becomes a message of the thread's engine.
//!
//! tracing's dispatcher is one per copy of the crate, so a host that uses tracing itself neither
//! sees these events nor is disturbed.

use std::fmt::{Debug, Write};
use std::sync::atomic::Ordering;

use tracing_core::dispatcher::{Dispatch, set_global_default};
use tracing_core::field::{Field, Visit};
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Event, Interest, Level, Metadata, Subscriber};

use super::{INFO, UNROUTED, current};

/// Installs the subscriber.
pub(super) fn install() {
    // Refused only if there is one already, and then that one is ours.
    let _ = set_global_default(Dispatch::new(Forward));
}

struct Forward;

impl Subscriber for Forward {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        // Each engine has a level of its own, and may change it.
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let level = number(*metadata.level());
        metadata.is_event() && current().map_or(level <= INFO, |queue| queue.wants(level))
    }

    fn event(&self, event: &Event<'_>) {
        let Some(queue) = current() else {
            UNROUTED.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let metadata = event.metadata();
        let mut text = Text::default();
        event.record(&mut text);
        queue.push(number(*metadata.level()), metadata.target(), text.whole());
    }

    // Spans are not enabled; none of these is ever asked for.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// The boundary's number of a level.
fn number(level: Level) -> u32 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

/// An event in words: the message, then its fields.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Text {
    fn whole(mut self) -> String {
        self.message.push_str(&self.fields);
        self.message
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a String fails only if the value's own Debug does.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
