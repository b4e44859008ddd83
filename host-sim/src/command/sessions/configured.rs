//! What the configuration says of a session.

use plugin_abi::config::{Probe, Session};
use plugin_abi::manage::SessionRow;

use super::super::CommandError;
use super::super::asking::Asking;

/// What is known of a run before it has ended; `None`: the configuration doesn't tell.
#[derive(Debug, Default)]
pub(super) struct Configured {
    /// How many probes it sends.
    pub(super) count: Option<u32>,
    /// What they are marked with.
    pub(super) dscp: Option<u8>,
}

/// Finds the session in the configuration, where it has no id: by its name, else by its far end.
pub(super) fn configured(host: &mut Asking, row: &SessionRow) -> Result<Configured, CommandError> {
    let document = host.configuration()?;
    let engine: Probe = document.part("probe")?;
    let sessions: Vec<Session> = document.part("sessions")?;
    let far = row.result.as_ref().map(|result| result.remote);
    let found = sessions
        .iter()
        .find(|session| match (&row.name, &session.name) {
            (Some(name), Some(other)) => name == other,
            (None, None) => far == Some(session.remote.socket()),
            _ => false,
        });
    Ok(found.map_or_else(Configured::default, |session| {
        let of_tos = session.tos.map(|tos| tos >> 2);
        let probe = session.probe.as_ref().unwrap_or(&engine);
        Configured {
            count: session.count,
            dscp: Some(of_tos.unwrap_or(probe.dscp)),
        }
    }))
}
