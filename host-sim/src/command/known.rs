//! Which session somebody means.

use plugin_abi::manage::{Answer, Request, SessionKind, SessionRow};

use super::asking::Asking;
use super::{CommandError, nearest};

/// The session of its own with this id or name. A line's is the line's business.
pub(super) fn known(host: &mut Asking, word: &str) -> Result<SessionRow, CommandError> {
    let rows = sessions(host.typed(&Request::Sessions)?)?;
    let Some(row) = find(&rows, word) else {
        return Err(unknown("session has the id or name", word, &rows));
    };
    match line(row) {
        None => Ok(row.clone()),
        Some(line) => Err(CommandError::Usage(format!(
            "{word} is the session of line {line}, and goes with it; `host-sim lines role {line}` \
             turns it on and off, `host-sim ping --line {line}` measures beside it"
        ))),
    }
}

/// That session among these; a line's is known by the line's name as well.
pub(super) fn find<'a>(rows: &'a [SessionRow], word: &str) -> Option<&'a SessionRow> {
    let rows = || rows.iter().filter(|row| is_ours(row));
    let by_name = rows().find(|row| row.name.as_deref() == Some(word));
    let by_line = || rows().find(|row| line(row) == Some(word));
    by_name
        .or_else(|| rows().find(|row| row.id == word))
        .or_else(by_line)
}

/// No such `what`; names what is nearest.
pub(super) fn unknown(what: &str, word: &str, rows: &[SessionRow]) -> CommandError {
    let rows = rows.iter().filter(|row| is_ours(row));
    let words = rows.map(|row| row.name.as_deref().or(line(row)).unwrap_or(&row.id));
    CommandError::Usage(format!("no {what} {word}{}", nearest(word, words)))
}

/// The sessions of an answer.
pub(super) fn sessions(answer: Answer) -> Result<Vec<SessionRow>, CommandError> {
    match answer {
        Answer::Sessions(rows) => Ok(rows),
        _ => Err(CommandError::Answer("the sessions")),
    }
}

/// Somebody else's, answered here, is not for us to change; a single run ends by itself.
fn is_ours(row: &SessionRow) -> bool {
    matches!(row.kind, SessionKind::Line | SessionKind::Own)
}

fn line(row: &SessionRow) -> Option<&str> {
    row.line
        .as_deref()
        .filter(|_| row.kind == SessionKind::Line)
}
