//! The figures that an SLA may state, by name.

use plugin_abi::config::Sla;

use super::summary::Summary;

/// One figure of an SLA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Metric {
    /// Loss in both directions together, percent.
    Loss,
    /// Mean round trip, milliseconds.
    RoundTrip,
    /// RFC 3550 jitter of the round trip, milliseconds.
    Jitter,
}

impl Metric {
    /// All of them; loss first, it hurts most.
    pub(crate) const ALL: [Self; 3] = [Self::Loss, Self::RoundTrip, Self::Jitter];

    /// What the SLA allows at most; `None`: anything.
    pub(crate) fn limit(self, sla: &Sla) -> Option<f64> {
        match self {
            Self::Loss => sla.loss_percent,
            Self::RoundTrip => sla.round_trip_ms,
            Self::Jitter => sla.jitter_ms,
        }
    }

    /// What was measured, in the unit of the limit.
    pub(crate) fn measured(self, summary: &Summary) -> Option<f64> {
        let round_trip = summary.round_trip.as_ref();
        match self {
            Self::Loss => summary.loss().map(|loss| loss * 1e2),
            Self::RoundTrip => round_trip.map(|round_trip| round_trip.mean_ns as f64 / 1e6),
            Self::Jitter => round_trip.map(|round_trip| round_trip.jitter_ns as f64 / 1e6),
        }
    }

    /// What people call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::RoundTrip => "mean round trip",
            Self::Jitter => "jitter",
        }
    }

    /// The unit of its figures.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::Loss => "%",
            Self::RoundTrip | Self::Jitter => "ms",
        }
    }
}

/// Whether each figure as measured is within the SLA; `None` if one that it states is unknown.
pub(crate) fn within(summary: &Summary, sla: &Sla) -> Option<bool> {
    let mut within = true;
    for metric in Metric::ALL {
        if let Some(limit) = metric.limit(sla) {
            within &= metric.measured(summary)? <= limit;
        }
    }
    Some(within)
}
