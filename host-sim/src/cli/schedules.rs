//! The words of `host-sim schedules`.

use clap::{Args, Subcommand};

use super::Socket;

/// `host-sim schedules`.
#[derive(Args, Clone, Debug)]
pub struct Schedules {
    /// What to do with them.
    #[command(subcommand)]
    pub what: Option<SchedulesCommand>,
    /// The host.
    #[command(flatten)]
    pub socket: Socket,
}

/// What can be done with schedules.
#[derive(Clone, Debug, Subcommand)]
pub enum SchedulesCommand {
    /// Show when each session runs next [the default]
    List,
    /// Begin no more runs by a schedule
    Pause(OneSchedule),
    /// Begin runs again
    Resume(OneSchedule),
}

/// One schedule, or the global one.
#[derive(Args, Clone, Debug)]
pub struct OneSchedule {
    /// The session whose schedule it is [default: the global schedule]
    #[arg(value_name = "ID|NAME")]
    pub session: Option<String>,
}
