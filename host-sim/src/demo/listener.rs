//! What the plugin tells during the demo: changed choices and warnings, in order.

use std::sync::mpsc::{Receiver, Sender, channel};

use plugin_abi::host::{Callbacks, Change, Level};

/// Something the plugin told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    Change(Change),
    Warning(String),
}

/// Takes the plugin's callbacks; they come from its thread, so nothing here waits.
#[derive(Debug)]
pub(super) struct Listener {
    heard: Sender<Heard>,
}

/// A listener, and what it hears.
pub(super) fn listen() -> (Listener, Receiver<Heard>) {
    let (heard, receiver) = channel();
    (Listener { heard }, receiver)
}

impl Callbacks for Listener {
    fn log_enabled(&self, level: Level) -> bool {
        level <= Level::Warn
    }

    fn log(&self, level: Level, _target: &str, message: &str) {
        if self.log_enabled(level) {
            self.tell(Heard::Warning(message.to_owned()));
        }
    }

    fn choice_changed(&self, change: &Change) {
        self.tell(Heard::Change(change.clone()));
    }
}

impl Listener {
    fn tell(&self, heard: Heard) {
        // The demo may have ended before the engine: then nobody wants to know.
        let _ = self.heard.send(heard);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_heard_and_chatter_is_not() {
        let (listener, heard) = listen();
        listener.log(Level::Warn, "session", "B is silent");
        listener.log(Level::Info, "session", "probing");
        drop(listener);
        let heard: Vec<_> = heard.iter().collect();
        assert_eq!(heard, [Heard::Warning("B is silent".to_owned())]);
    }
}
