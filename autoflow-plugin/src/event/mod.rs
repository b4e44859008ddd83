//! Events: what is wrong, raised once and cleared once.
//!
//! ```text
//!   twamp-ctl, once a second
//!  ┌──────────────────────┐ Seen ┌────────┐ raised, cleared ┌► log, one line
//!  │ lines, sessions,     │─────▶│ Ledger │────────────────▶├► collectors
//!  │ counters, collectors │      └────────┘                 └► manage
//!  └──────────────────────┘
//! ```
//!
//! Whoever looks says what is wrong at this moment, each time anew. The ledger makes pairs of it:
//! what has been wrong for long enough is raised, what has not been for long enough is cleared.
//! What comes back in between is the same event, once more. Pure: no clock, no I/O.

mod ledger;

use std::collections::BTreeMap;

use plugin_abi::manage::{EventObject, EventSeverity};

pub(crate) use ledger::Ledger;

/// What may be wrong. The words are stable, and so are the numbers in records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Code {
    /// No reply although probes leave.
    LineDead,
    /// A class's limit is broken, surely.
    SlaBroken,
    /// A line is to be measured, and is not.
    LineUnmeasured,
    /// Packets arrive with another DSCP than they left with.
    MarkRewritten,
    /// A clock was set.
    ClockStepped,
    /// What was to be applied has mistakes.
    ConfigurationRefused,
    /// Somebody was refused, as there was no room left; or probes of a line are, or nearly.
    BudgetReached,
    /// Somebody came with a wrong key, or none.
    AuthenticationFailed,
    /// A collector takes nothing.
    CollectorLost,
    /// The round trip has moved to another level, whatever limits there are.
    LatencyShifted,
    /// Packets of full size vanish on a line, while small ones come back.
    MtuBlackHole,
    /// Packets of full size are refused on a line, as too long.
    MtuTooSmall,
}

/// Something that is wrong at this moment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) code: Code,
    pub(crate) object: EventObject,
    /// What it stands on, by name; a unit ends the name.
    pub(crate) numbers: BTreeMap<String, f64>,
    pub(crate) sentence: String,
}

impl Code {
    /// The word for programs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::LineDead => "line-dead",
            Self::SlaBroken => "sla-broken",
            Self::LineUnmeasured => "line-unmeasured",
            Self::MarkRewritten => "mark-rewritten",
            Self::ClockStepped => "clock-stepped",
            Self::ConfigurationRefused => "configuration-refused",
            Self::BudgetReached => "budget-reached",
            Self::AuthenticationFailed => "authentication-failed",
            Self::CollectorLost => "collector-lost",
            Self::LatencyShifted => "latency-shifted",
            Self::MtuBlackHole => "mtu-black-hole",
            Self::MtuTooSmall => "mtu-too-small",
        }
    }

    /// How bad it is.
    pub(crate) fn severity(self) -> EventSeverity {
        match self {
            Self::LineDead => EventSeverity::Critical,
            Self::SlaBroken | Self::ConfigurationRefused => EventSeverity::Major,
            Self::LineUnmeasured | Self::CollectorLost | Self::MtuBlackHole => EventSeverity::Major,
            Self::MarkRewritten | Self::BudgetReached | Self::MtuTooSmall => EventSeverity::Minor,
            Self::ClockStepped | Self::AuthenticationFailed | Self::LatencyShifted => {
                EventSeverity::Warning
            }
        }
    }

    /// It is raised once it has been wrong for so long, in seconds. Verdicts on lines have a memory
    /// of their own; what comes up takes a moment.
    fn raised_after_s(self) -> u64 {
        match self {
            Self::LineUnmeasured | Self::CollectorLost => 5,
            _ => 0,
        }
    }

    /// While it goes on it is seen so often.
    fn looked_at_each_s(self) -> u64 {
        match self {
            // A part of the sessions at a time.
            Self::MarkRewritten => 10,
            _ => 1,
        }
    }

    /// It is cleared once it has not been wrong for so long, in seconds. What happens in a moment
    /// stands for a minute.
    fn cleared_after_s(self) -> u64 {
        match self {
            // Three in a row that come back are shown already.
            Self::MtuBlackHole | Self::MtuTooSmall => 0,
            Self::ConfigurationRefused => 0,
            Self::LineDead | Self::LineUnmeasured | Self::CollectorLost => 5,
            Self::SlaBroken => 10,
            Self::MarkRewritten => 30,
            Self::ClockStepped
            | Self::BudgetReached
            | Self::AuthenticationFailed
            | Self::LatencyShifted => 60,
        }
    }
}

impl Seen {
    /// Something is wrong with the `kind` of this name.
    pub(crate) fn new(code: Code, kind: &str, name: &str, sentence: String) -> Self {
        let object = EventObject {
            kind: kind.to_owned(),
            name: name.to_owned(),
            class: None,
        };
        Self {
            code,
            object,
            numbers: BTreeMap::new(),
            sentence,
        }
    }

    /// The same, with figures.
    pub(crate) fn with(mut self, numbers: &[(&str, f64)]) -> Self {
        let numbers = numbers.iter().map(|(name, of)| ((*name).to_owned(), *of));
        self.numbers.extend(numbers);
        self
    }
}
