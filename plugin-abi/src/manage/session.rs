//! What people are told of sessions of their own: runs, schedules, changes.

use serde::{Deserialize, Serialize};

use super::{Failure, RunState, SessionResult};
use crate::config::Schedule;

/// What one run of a session came to, or what a continuous one has come to so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// The session's id.
    pub session: String,
    /// Its name; of a line's session, the line's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Of a line's session, the probe class that it measures the line for, by name; none: that of
    /// all classes of traffic that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_class: Option<String>,
    /// The run's number inside the engine.
    pub run: u64,
    /// Why it began.
    pub cause: Cause,
    /// When, Unix seconds.
    pub started_at: f64,
    /// When it ended, Unix seconds; none while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<f64>,
    /// Since when the figures count, Unix seconds, where that is not since the start: a change has
    /// made other packets of the probes, whose figures would not mix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<f64>,
    /// Where it is in its life.
    pub state: RunState,
    /// Why it failed, or what keeps it from running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What was measured.
    pub result: SessionResult,
}

/// Why a run began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Its schedule said so.
    Schedule,
    /// A person asked for it.
    Person,
    /// It goes on as long as the engine does.
    Continuous,
}

/// A session that runs by a schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScheduleRow {
    /// The session's id.
    pub session: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it runs.
    pub schedule: Schedule,
    /// That is the global schedule.
    pub global: bool,
    /// No run begins until it is resumed.
    pub paused: bool,
    /// When the next run begins, Unix seconds; none is to come, or it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<f64>,
    /// When the last one began, Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<f64>,
    /// Runs that have begun.
    pub begun: u64,
    /// Runs that did not begin because the one before had not ended.
    pub skipped: u64,
    /// Runs whose time went by while nobody could begin them.
    pub missed: u64,
}

/// What a change of a session has come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// The session's id.
    pub session: String,
    /// From when it holds.
    pub takes_effect: TakesEffect,
}

/// From when a change holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TakesEffect {
    /// The session goes on; its next probe leaves so.
    NextProbe,
    /// The next run is such a one.
    NextRun,
    /// Now. Where both ends had to agree on it, or other packets leave, the session has begun anew.
    AtOnce,
}

/// A schedule that was paused, or goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    /// The session's id; none: the global one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// No run begins until it is resumed.
    pub paused: bool,
}

/// Whose a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionKind {
    /// A line's: it measures it.
    Line,
    /// One that is configured by itself.
    Own,
    /// A single run.
    Run,
    /// Somebody else's, answered here.
    Served,
}
