//! `host-sim confirm`: the configuration that was applied for a time stays.

use plugin_abi::manage::{Answer, Request};

use super::asking::{Asking, read};
use super::{CommandError, Surroundings};
use crate::cli::Confirm;
use crate::exit::Exit;
use crate::text::Style;

pub(super) fn run(arguments: &Confirm, around: &Surroundings) -> Result<Exit, CommandError> {
    let mut host = Asking::at(&arguments.socket)?;
    let answer = host.ask(&Request::Confirm)?;
    around.output.object(&answer)?;
    let Answer::Confirmed(generation) = read(&answer)? else {
        return Err(CommandError::Answer("a confirmation"));
    };
    let sentence = format!("the configuration stays (generation {generation})");
    around.output.styled(Style::Good, &sentence)?;
    Ok(Exit::Good)
}
