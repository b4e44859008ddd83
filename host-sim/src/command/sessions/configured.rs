//! What the configuration says of a session.

use plugin_abi::config::Session;
use plugin_abi::manage::SessionRow;

use super::super::CommandError;
use super::super::asking::Asking;

/// How many probes a run of the session sends; `None`: the configuration doesn't tell. There it has
/// no id, and is found by its name, else by its far end.
pub(super) fn configured_count(
    host: &mut Asking,
    row: &SessionRow,
) -> Result<Option<u32>, CommandError> {
    let document = host.configuration()?;
    let sessions: Vec<Session> = document.part("sessions")?;
    let far = row.result.as_ref().map(|result| result.remote);
    let found = sessions
        .iter()
        .find(|session| match (&row.name, &session.name) {
            (Some(name), Some(other)) => name == other,
            (None, None) => far == Some(session.remote.socket()),
            _ => false,
        });
    Ok(found.and_then(|session| session.count))
}
