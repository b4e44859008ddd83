//! Loss, round trip and jitter of a line as a rival sees them, held against what a class needs.

use plugin_abi::config::Sla;

/// Means over whatever span. Unknown is not 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Means {
    /// Probes lost, percent.
    pub(super) loss_percent: Option<f64>,
    /// Mean round trip, milliseconds.
    pub(super) round_trip_ms: Option<f64>,
    /// Mean difference between the round trips of two answered probes in a row, milliseconds.
    pub(super) jitter_ms: Option<f64>,
}

impl Means {
    /// Is what a class needs kept, as far as is known?
    pub(super) fn keep(&self, sla: &Sla) -> bool {
        let within = |limit: Option<f64>, found: Option<f64>| {
            limit.zip(found).is_none_or(|(limit, found)| found <= limit)
        };
        within(sla.loss_percent, self.loss_percent)
            && within(sla.round_trip_ms, self.round_trip_ms)
            && within(sla.jitter_ms, self.jitter_ms)
    }

    /// For comparing lines: what is unknown is worse than anything known.
    pub(super) fn or_worst(value: Option<f64>) -> f64 {
        value.unwrap_or(f64::INFINITY)
    }
}
