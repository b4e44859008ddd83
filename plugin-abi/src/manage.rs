//! Requests and answers of `manage`: one JSON object in, one JSON object out.

mod collector;
mod cost;
mod event;
mod far_end;
mod figures;
mod result;
mod row;
mod session;
mod state;
mod statistics;

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::config::{Answers, Config, Probe, Session};
pub use collector::{CollectorRow, CollectorState};
pub use cost::{Cost, CostRow};
pub use event::{EventObject, EventRow, EventSeverity, Events};
pub use far_end::{Backward, Endpoint, FarClock, FarEnd};
pub use figures::{
    Arrived, Asked, Counted, Duplicated, Figures, Finding, LossFigures, MarkTable, PacketOctets,
    Percentiles, ServedFigures, Severity, Share, TooBig, Variation,
};
pub use result::{
    ClockState, Delay, Jitter, LostCounts, ResponderLimited, Seen, ServedResult, SessionResult,
};
pub use row::{
    AdviceRow, BudgetRow, ChoiceRow, Decision, LineRow, MtuRow, MtuState, Opinions, OverrideRow,
    SessionRow,
};
pub use session::{Cause, Changed, Paused, RunResult, ScheduleRow, SessionKind, TakesEffect};
pub use state::{Applied, Difference, LineRoles, Pending, ResponderRow, Roles};
pub use statistics::{SendLateness, Statistics};

/// What people ask an engine for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Judge a configuration, change nothing.
    Validate {
        /// The configuration, as written.
        config: serde_json::Value,
    },
    /// Name what is right in a configuration, but perhaps not meant.
    Warnings {
        /// The configuration, as written. Of one with mistakes the mistakes are answered.
        config: serde_json::Value,
    },
    /// What the probes of each line of a configuration take.
    Costs {
        /// The configuration, as written. Of one with mistakes the mistakes are answered.
        config: serde_json::Value,
    },
    /// Start one measurement run.
    Run {
        /// What to measure, and how.
        run: RunRequest,
    },
    /// How a run stands.
    Progress {
        /// Its id.
        run: u64,
    },
    /// End a run early; its result so far is its result.
    Cancel {
        /// Its id.
        run: u64,
    },
    /// Every session of this engine and every one that it serves.
    Sessions,
    /// Add a session. It is a person's, whatever it says of its owner.
    AddSession {
        /// The session, as written.
        session: serde_json::Value,
    },
    /// Change a session, but not its ends: local address and port, remote, line, device, namespace.
    ChangeSession {
        /// Its id, or its name.
        session: String,
        /// What is to be otherwise, as a merge patch (RFC 7396). Into a session that is probed as
        /// the engine says, `probe` is merged as if that stood there.
        change: serde_json::Value,
    },
    /// Remove a session: no more probes, those in flight are waited for.
    DeleteSession {
        /// Its id, or its name.
        session: String,
    },
    /// Begin a run of a session. It goes on by itself, as one of [`Request::Run`] does.
    RunSession {
        /// Its id, or its name.
        session: String,
    },
    /// What sessions have measured, the newest last. Of lines and continuous sessions it is what
    /// they have measured so far.
    Results {
        /// Only this session, by its id or its name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<String>,
        /// Only that of this line, by name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        line: Option<String>,
        /// Of each session no more than so many, the newest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last: Option<u32>,
    },
    /// Every session that runs by a schedule.
    Schedules,
    /// Hold a schedule, or let it go on. Runs that have begun go on.
    PauseSchedule {
        /// That of this session, by its id or its name; absent: the global one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<String>,
        /// No run is to begin.
        paused: bool,
    },
    /// Make this the whole wanted state. What persons own stays.
    Apply {
        /// The configuration, as written.
        config: serde_json::Value,
        /// Refused if it is not above the newest one that was applied; absent: it doesn't count.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        generation: Option<u64>,
        /// Answer the difference and change nothing.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        dry_run: bool,
        /// Unless [`Confirm`](Request::Confirm) comes within so many seconds, the last document
        /// that was confirmed returns. Absent: it is confirmed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        confirm_within_s: Option<u32>,
    },
    /// What was applied shall stay.
    Confirm,
    /// The whole wanted state as a document without secrets: with its topology as written, with
    /// what persons own.
    Configuration,
    /// What a document means: all that follows from its topology written out. Changes nothing.
    Expand {
        /// The configuration, as written.
        config: serde_json::Value,
    },
    /// Toggle what a line does, until a document is applied that has another line there.
    Roles {
        /// The line, by name.
        line: String,
        /// Send probes; absent: as before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sender: Option<bool>,
        /// Answer probes; absent: as before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        responder: Option<bool>,
    },
    /// Have an address answer, or no more.
    Respond {
        /// Address and port: of TWAMP the control port, else the reflector's.
        at: SocketAddr,
        /// What it answers.
        protocol: Answers,
        /// It shall.
        on: bool,
    },
    /// What goes before the decisions, or will.
    Overrides,
    /// Lay something upon the decisions for a time.
    AddOverride {
        /// The [`Override`](crate::config::Override), as written. Without a name it gets one.
        #[serde(rename = "override")]
        order: serde_json::Value,
    },
    /// End an override before it expires.
    EndOverride {
        /// Its name.
        name: String,
    },
    /// Every line with its state.
    Lines,
    /// Which line each class of each group is on, and the last decisions about it.
    Why {
        /// Only this class, by name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        class: Option<String>,
    },
    /// What decisions have been worth, or would have been if they had been acted on.
    Advice {
        /// Only of this class, by name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        class: Option<String>,
    },
    /// Counters of the engine.
    Statistics,
    /// Every collector, how it stands and what it has been told.
    Collectors,
    /// What is wrong, and what was of late.
    Events,
}

/// One measurement run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// Far end: control port, or with Light and STAMP the reflector's port.
    pub remote: SocketAddr,
    /// Address to measure from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<IpAddr>,
    /// Probes to send.
    pub count: u32,
    /// How to probe.
    #[serde(default)]
    pub probe: Probe,
    /// Whole TOS octet of the probes instead of the DSCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tos: Option<u8>,
    /// Packets leave exactly as those of this line, by name: interface, mark, namespace, and its
    /// local address unless one is given here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
}

/// What `manage` answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The mistakes of a configuration; none: it is good.
    Problems(Vec<Problem>),
    /// What is right in a configuration, but perhaps not meant.
    Warnings(Vec<Problem>),
    /// What the probes of each line take.
    Costs(Vec<CostRow>),
    /// The id of the run that was started.
    Run(u64),
    /// How a run stands.
    Progress(Box<Progress>),
    /// A run was asked to end.
    Cancelled(u64),
    /// The sessions.
    Sessions(Vec<SessionRow>),
    /// The id of the session that was added.
    Session(String),
    /// What a change has come to.
    Changed(Changed),
    /// The id of the session that was deleted.
    Deleted(String),
    /// What was measured.
    Results(Vec<RunResult>),
    /// The schedules.
    Schedules(Vec<ScheduleRow>),
    /// The schedule that was paused, or goes on.
    Paused(Paused),
    /// What an apply has changed, or would.
    Applied(Box<Applied>),
    /// The generation that stays.
    Confirmed(u64),
    /// The whole wanted state, as a document.
    Configuration(serde_json::Value),
    /// What a document means, as a document without topology.
    Expanded(serde_json::Value),
    /// What a line does now.
    Roles(LineRoles),
    /// An address that answers, or no more.
    Responder(ResponderRow),
    /// What goes before the decisions, or will.
    Overrides(Vec<OverrideRow>),
    /// The override that was added.
    Override(OverrideRow),
    /// The name of the override that was ended.
    Ended(String),
    /// The lines.
    Lines(Vec<LineRow>),
    /// The choices and why.
    Why(Vec<ChoiceRow>),
    /// What decisions have been worth.
    Advice(Vec<AdviceRow>),
    /// The counters.
    Statistics(Statistics),
    /// The collectors.
    Collectors(Vec<CollectorRow>),
    /// What is wrong, and what was of late.
    Events(Events),
    /// The request is refused.
    Error(Refusal),
}

/// One mistake: where it is, what was expected, what was found, how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Path in the document: `lines[2].remote`.
    pub path: String,
    /// What would be right.
    pub expected: String,
    /// What is there.
    pub found: String,
    /// What to do.
    pub fix: String,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// A code of [`crate::code`].
    pub code: i32,
    /// The sentence.
    pub message: String,
}

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Its id.
    pub run: u64,
    /// Where it is in its life.
    pub state: RunState,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The result so far; final when the run has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<SessionResult>,
}

/// The life of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// Talking to the far end.
    Connecting,
    /// Probes are on their way.
    Running,
    /// Over, with a result.
    Ended,
    /// Over, without.
    Failed,
}

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of failure, for programs.
    pub kind: FailureKind,
    /// The sentence, for people.
    pub message: String,
}

/// Kinds of failure of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// No route, or the network says the host is unreachable.
    Unreachable,
    /// Nobody listens there.
    Refused,
    /// No answer at all to the connection.
    NoAnswer,
    /// The far end speaks, but refuses the session or the mode.
    Rejected,
    /// The far end does not keep to the protocol.
    Protocol,
    /// The local system refused: address, port, permission.
    Local,
}

impl Request {
    /// Judges `config` when sent.
    ///
    /// # Errors
    /// A configuration that is no JSON value, which can't happen for [`Config`].
    pub fn validate(config: &Config) -> Result<Self, serde_json::Error> {
        Ok(Self::Validate {
            config: serde_json::to_value(config)?,
        })
    }

    /// Adds `session` when sent.
    ///
    /// # Errors
    /// A session that is no JSON value, which can't happen for [`Session`].
    pub fn add_session(session: &Session) -> Result<Self, serde_json::Error> {
        Ok(Self::AddSession {
            session: serde_json::to_value(session)?,
        })
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}: expected {}, found {}; {}",
            self.path, self.expected, self.found, self.fix
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_one_object_with_its_verb_in_do() {
        let request: Request = serde_json::from_str(r#"{"do":"why","class":"voice"}"#).unwrap();
        assert_eq!(
            request,
            Request::Why {
                class: Some("voice".into())
            }
        );
        assert!(serde_json::from_str::<Request>(r#"{"do":"dance"}"#).is_err());
    }
}
