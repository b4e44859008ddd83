//! What the plugin tells on its own: log messages to standard error, events to a channel.

use std::io::Write;
use std::sync::mpsc::{Receiver, Sender, channel};

use plugin_abi::host::{Callbacks, Change, Level};

/// Something has happened in the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A run has ended, or (`run` 0) a session that the engine served.
    RunEnded {
        /// Id of the run.
        run: u64,
        /// Its result, JSON.
        result: String,
    },
    /// A class of a group has changed its line.
    Choice(Change),
}

/// Takes the plugin's callbacks; they come from its thread, so nothing here waits.
#[derive(Debug)]
pub struct Listener {
    level: Level,
    events: Sender<Event>,
}

/// A listener that logs up to `level`, and the events it hears. The channel closes when the
/// engine is gone.
#[must_use]
pub fn listen(level: Level) -> (Listener, Receiver<Event>) {
    let (events, heard) = channel();
    (Listener { level, events }, heard)
}

impl Callbacks for Listener {
    fn log_enabled(&self, level: Level) -> bool {
        level <= self.level
    }

    fn log(&self, level: Level, target: &str, message: &str) {
        if self.log_enabled(level) {
            // Nobody is left to tell that standard error is closed.
            let _ = writeln!(std::io::stderr(), "{}", log_line(level, target, message));
        }
    }

    fn run_ended(&self, run: u64, result: &str) {
        self.tell(Event::RunEnded {
            run,
            result: result.to_owned(),
        });
    }

    fn choice_changed(&self, change: &Change) {
        self.tell(Event::Choice(change.clone()));
    }
}

impl Listener {
    fn tell(&self, event: Event) {
        // The receiver may have gone before the engine: then nobody wants to know.
        let _ = self.events.send(event);
    }
}

fn log_line(level: Level, target: &str, message: &str) -> String {
    let level = match level {
        Level::Error => "error",
        Level::Warn => "warning",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    };
    // A message of several lines must not pass for several messages.
    format!("{level}: {target}: {}", message.replace('\n', "\n    "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_messages_up_to_the_level_are_wanted() {
        let (listener, _events) = listen(Level::Warn);
        assert!(listener.log_enabled(Level::Error));
        assert!(listener.log_enabled(Level::Warn));
        assert!(!listener.log_enabled(Level::Info));
    }

    #[test]
    fn events_arrive_in_order_and_end_with_the_listener() {
        let (listener, events) = listen(Level::Warn);
        listener.run_ended(7, "{}");
        listener.run_ended(8, "{}");
        drop(listener);
        let runs: Vec<_> = events
            .iter()
            .map(|event| match event {
                Event::RunEnded { run, .. } => run,
                Event::Choice(_) => 0,
            })
            .collect();
        assert_eq!(runs, [7, 8]);
    }

    #[test]
    fn a_log_line_stays_one_message() {
        assert_eq!(
            log_line(Level::Warn, "session", "no answer\nagain in 1 s"),
            "warning: session: no answer\n    again in 1 s"
        );
    }
}
