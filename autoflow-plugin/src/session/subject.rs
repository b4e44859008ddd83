//! What a session that sends probes is for.

use plugin_abi::config::{Config, MTU_PROBE_CLASS, MTU_PROBE_NAME};
use plugin_abi::manage::{Cause, SessionKind};

use super::registry::Id;

/// What a session that sends probes is for.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    /// It measures a line, of this name; for a probe class of this name, or by probes of full size,
    /// unless for all that name none.
    Line(Box<str>, Option<Box<str>>),
    /// It is configured by itself, or is a run of such a one.
    Own {
        /// Whose it is.
        id: Id,
        /// Why it began.
        cause: Cause,
    },
    /// Somebody asked for a single run.
    Run,
}

impl Subject {
    /// It measures a line for a probe class.
    pub(crate) fn of_line(config: &Config, line: &str, class: u64) -> Self {
        let name = match class {
            MTU_PROBE_CLASS => Some(MTU_PROBE_NAME),
            _ => {
                let mut known = config.probe_classes.iter();
                let known = known.find(|known| known.id == class);
                known.map(|known| known.name.as_str())
            }
        };
        Self::Line(line.into(), name.map(Box::from))
    }

    /// It ends by itself.
    pub(crate) fn is_run(&self) -> bool {
        match self {
            Self::Line(..) => false,
            Self::Own { cause, .. } => *cause != Cause::Continuous,
            Self::Run => true,
        }
    }

    /// It measures a line.
    pub(crate) fn is_line(&self) -> bool {
        matches!(self, Self::Line(..))
    }

    /// Which kind of row it is.
    pub(crate) fn kind(&self) -> SessionKind {
        match self {
            Self::Line(..) => SessionKind::Line,
            Self::Own { .. } => SessionKind::Own,
            Self::Run => SessionKind::Run,
        }
    }

    /// The line that it measures.
    pub(crate) fn line(&self) -> Option<&str> {
        match self {
            Self::Line(name, _) => Some(name),
            Self::Own { .. } | Self::Run => None,
        }
    }

    /// The probe class that it measures the line for, if that has a name.
    pub(crate) fn probe_class(&self) -> Option<&str> {
        match self {
            Self::Line(_, class) => class.as_deref(),
            Self::Own { .. } | Self::Run => None,
        }
    }

    /// The session that it is, or is a run of.
    pub(crate) fn own(&self) -> Option<&Id> {
        match self {
            Self::Own { id, .. } => Some(id),
            Self::Line(..) | Self::Run => None,
        }
    }

    /// Why it began.
    pub(crate) fn cause(&self) -> Cause {
        match self {
            Self::Line(..) => Cause::Continuous,
            Self::Own { cause, .. } => *cause,
            Self::Run => Cause::Person,
        }
    }
}
