//! `host-sim sessions`: the sessions of a running host, shown, added, changed, deleted, run.

mod configured;
mod list;
mod written;

use plugin_abi::manage::{Answer, Request, TakesEffect};

use self::configured::configured_count;
pub(super) use self::list::answered;
use super::asking::{Asking, read};
use super::follow::follow;
use super::known::{known, sessions};
use super::report::Report;
use super::{CommandError, Surroundings};
use crate::cli::{AddSession, ChangeSession, RunSession, Sessions, SessionsCommand};
use crate::exit::Exit;
use crate::host::clock::wall_s;
use crate::text::Style;

pub(super) fn run(arguments: Sessions, around: &Surroundings) -> Result<Exit, CommandError> {
    let mut host = Asking::at(&arguments.socket)?;
    match arguments.what.unwrap_or(SessionsCommand::List) {
        SessionsCommand::List => list(&mut host, around),
        SessionsCommand::Add(add) => self::add(&add, &mut host, around),
        SessionsCommand::Change(change) => self::change(&change, &mut host, around),
        SessionsCommand::Delete(delete) => self::delete(&delete.session, &mut host, around),
        SessionsCommand::Run(run) => once(&run, &mut host, around),
    }
}

fn list(host: &mut Asking, around: &Surroundings) -> Result<Exit, CommandError> {
    let answer = host.ask(&Request::Sessions)?;
    around.output.object(&answer)?;
    let rows = sessions(read(&answer)?)?;
    let page = list::page(&rows, wall_s(), around.output.paint());
    around.output.text(&page)?;
    Ok(Exit::Good)
}

fn add(
    arguments: &AddSession,
    host: &mut Asking,
    around: &Surroundings,
) -> Result<Exit, CommandError> {
    let session = written::session(arguments);
    let answer = host.ask(&Request::AddSession { session })?;
    let Answer::Session(id) = read(&answer)? else {
        return Err(CommandError::Answer("a session"));
    };
    around.output.object(&answer)?;
    let called = arguments.options.name.as_ref();
    let name = called.map_or_else(String::new, |name| format!(" {name}"));
    let sentence = format!("session {id}{name} is added");
    around.output.styled(Style::Good, &sentence)?;
    Ok(Exit::Good)
}

fn change(
    arguments: &ChangeSession,
    host: &mut Asking,
    around: &Surroundings,
) -> Result<Exit, CommandError> {
    let change = written::change(arguments)?;
    let session = known(host, &arguments.session)?.id;
    let answer = host.ask(&Request::ChangeSession { session, change })?;
    let Answer::Changed(changed) = read(&answer)? else {
        return Err(CommandError::Answer("a change"));
    };
    around.output.object(&answer)?;
    let when = match changed.takes_effect {
        TakesEffect::NextProbe => "from the next probe on",
        TakesEffect::NextRun => "from the next run on",
        TakesEffect::AtOnce => "at once",
    };
    let sentence = format!("session {} is changed, {when}", changed.session);
    around.output.styled(Style::Good, &sentence)?;
    Ok(Exit::Good)
}

fn delete(word: &str, host: &mut Asking, around: &Surroundings) -> Result<Exit, CommandError> {
    let session = known(host, word)?.id;
    let answer = host.ask(&Request::DeleteSession { session })?;
    let Answer::Deleted(id) = read(&answer)? else {
        return Err(CommandError::Answer("a deletion"));
    };
    around.output.object(&answer)?;
    let sentence = format!("session {id} is deleted");
    around.output.styled(Style::Good, &sentence)?;
    Ok(Exit::Good)
}

/// One run, in the foreground unless told otherwise.
fn once(
    arguments: &RunSession,
    host: &mut Asking,
    around: &Surroundings,
) -> Result<Exit, CommandError> {
    // From here on, Ctrl-C ends the run and not this program.
    let interrupt = around.interrupt()?;
    let row = known(host, &arguments.session)?;
    let count = configured_count(host, &row)?;
    let session = row.id;
    let answer = host.ask(&Request::RunSession { session })?;
    let Answer::Run(run) = read(&answer)? else {
        return Err(CommandError::Answer("a run"));
    };
    if arguments.background {
        around.output.object(&answer)?;
        let sentence = format!(
            "run {run} has begun; `host-sim results {}` shows what it finds",
            arguments.session
        );
        around.output.text(&sentence)?;
        return Ok(Exit::Good);
    }
    let ended = follow(run, count, &interrupt, |request| host.typed(request))?;
    Report::of(ended).tell(around.output)
}
