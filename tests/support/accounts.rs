//! What has become of the probes of a session, summed up.

/// Is each probe known to be received or set aside? One may be both: its reply has come, but with
/// times that can't be, as the far end foretells when a reply leaves.
#[must_use]
pub fn accounted(sent: u64, received: u64, set_aside: u64) -> bool {
    (received..=received + set_aside).contains(&sent)
}
