//! A run in the foreground: looked at until it has ended; Ctrl-C ends it early.

use std::time::Duration;

use plugin_abi::manage::{Answer, Progress, Request, RunState};

use super::CommandError;
use crate::host::Interrupt;
use crate::text::{self, milliseconds};

/// How often the run is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// How the run has ended. `ask` asks the engine that has it; `count` is how many probes it sends.
pub(super) fn follow(
    run: u64,
    count: Option<u32>,
    interrupt: &Interrupt,
    mut ask: impl FnMut(&Request) -> Result<Answer, CommandError>,
) -> Result<Progress, CommandError> {
    let mut shown = text::Progress::new();
    let mut cancelled = false;
    loop {
        if interrupt.asked() && !cancelled {
            ask(&Request::Cancel { run })?;
            cancelled = true;
        }
        let Answer::Progress(progress) = ask(&Request::Progress { run })? else {
            return Err(CommandError::Answer("the progress of a run"));
        };
        if matches!(progress.state, RunState::Ended | RunState::Failed) {
            return Ok(*progress);
        }
        shown.show(&sentence(&progress, count));
        std::thread::sleep(LOOK);
    }
}

fn sentence(progress: &Progress, count: Option<u32>) -> String {
    let of = count.map_or_else(String::new, |count| format!(" of {count}"));
    match &progress.result {
        Some(result) if progress.state == RunState::Running => format!(
            "sent {}{of}, received {}, round trip {} ms",
            result.sent,
            result.received,
            milliseconds(result.round_trip_us.map(|delay| delay.p50)),
        ),
        _ => "connecting".to_owned(),
    }
}
