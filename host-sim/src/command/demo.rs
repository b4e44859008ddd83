//! `host-sim demo`: the whole idea in half a minute; see [`crate::demo`].

use super::{CommandError, Surroundings};
use crate::cli::Demo;
use crate::demo::{self, DemoArguments};
use crate::exit::Exit;

pub(super) fn run(arguments: &Demo, around: &Surroundings) -> Result<Exit, CommandError> {
    let report = demo::run(&DemoArguments {
        seconds: arguments.seconds,
        seed: arguments.seed,
        json: around.output.is_json(),
        plugin: around.plugin()?,
        record: arguments.record.clone(),
    })?;
    Ok(if report.is_good() {
        Exit::Good
    } else {
        Exit::Failed
    })
}
