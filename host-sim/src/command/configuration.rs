//! `host-sim configuration`: what a running host was told, without secrets.

use plugin_abi::manage::Request;

use super::asking::Asking;
use super::{CommandError, Surroundings};
use crate::cli::Configuration;
use crate::exit::Exit;

pub(super) fn run(arguments: &Configuration, around: &Surroundings) -> Result<Exit, CommandError> {
    let mut host = Asking::at(&arguments.socket)?;
    let answer = host.ask(&Request::Configuration)?;
    around.output.object(&answer)?;
    let toml = toml::to_string(&answer["configuration"])
        .map_err(|_| CommandError::Answer("its configuration"))?;
    around.output.text(&toml)?;
    Ok(Exit::Good)
}
