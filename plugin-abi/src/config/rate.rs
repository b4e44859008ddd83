//! How often a line is probed that nobody says it of.
//!
//! ```text
//!   not metered       10 a second
//!   metered            1 a second   while a class is on it, or may soon be
//!     on standby     0.1 a second   while all classes that could be on it are on other lines
//! ```

use std::time::Duration;

use super::{Config, Line, Probe, ProbeClass};

/// Between two probes of a line that is not metered, in milliseconds.
pub const RESTING_MS: f64 = 100.0;
/// Between two probes of a metered line, in milliseconds.
pub const METERED_MS: f64 = 1_000.0;
/// On standby, a metered line is probed so many times as seldom.
pub const STANDBY_TIMES: u32 = 10;

impl Probe {
    /// Between two probes at rest: as it says, else [`RESTING_MS`].
    #[must_use]
    pub fn interval(&self) -> Duration {
        let ms = self.interval_ms.unwrap_or(RESTING_MS);
        Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default()
    }
}

impl Config {
    /// Whether a line is probed more seldom for a probe class while it is on standby: a metered one
    /// of which nobody says how often.
    #[must_use]
    pub fn has_standby(&self, line: &Line, class: Option<&ProbeClass>) -> bool {
        line.metered && self.stated_interval(line, class).is_none()
    }

    /// How often somebody says that it is, in milliseconds.
    pub(super) fn stated_interval(&self, line: &Line, class: Option<&ProbeClass>) -> Option<f64> {
        let probe = line.probe.as_deref().unwrap_or(&self.probe);
        class
            .and_then(|class| class.interval_ms)
            .or(probe.interval_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(json: &str) -> Config {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_metered_line_is_probed_once_a_second_unless_somebody_says_how_often() {
        let plain = config("{}");
        let stated = config(r#"{"probe": {"interval_ms": 250}}"#);
        let mut line = Line::new(1, "a");
        let ms = |config: &Config, line: &Line| config.probe_of(line, None).interval_ms;
        assert_eq!(ms(&plain, &line), Some(RESTING_MS));
        assert!(!plain.has_standby(&line, None));
        line.metered = true;
        assert_eq!(ms(&plain, &line), Some(METERED_MS));
        assert!(plain.has_standby(&line, None));
        assert_eq!(ms(&stated, &line), Some(250.0));
        assert!(!stated.has_standby(&line, None));
        line.probe = Some(Box::default());
        assert_eq!(
            ms(&stated, &line),
            Some(METERED_MS),
            "it has probes of its own"
        );
    }

    #[test]
    fn a_probe_class_may_say_it_for_its_own_probes() {
        let config = config(
            r#"{"probe_classes": [{"id": 7, "name": "x", "dscp": 46, "interval_ms": 50},
                                  {"id": 8, "name": "y", "dscp": 8}]}"#,
        );
        let mut line = Line::new(1, "a");
        line.metered = true;
        let [x, y] = [0, 1].map(|place| Some(&config.probe_classes[place]));
        assert_eq!(config.probe_of(&line, x).interval_ms, Some(50.0));
        assert!(!config.has_standby(&line, x));
        assert_eq!(config.probe_of(&line, y).interval_ms, Some(METERED_MS));
        assert!(config.has_standby(&line, y));
    }

    #[test]
    fn without_a_line_it_is_ten_a_second() {
        assert_eq!(Probe::default().interval(), Duration::from_millis(100));
    }
}
