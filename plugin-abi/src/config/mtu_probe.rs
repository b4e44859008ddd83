//! Probes of full size, which find out what a line doesn't let pass.

use serde::{Deserialize, Serialize};

use super::{Config, Line};

/// The id by which probes of full size stand beside probe classes; no probe class has it.
pub const MTU_PROBE_CLASS: u64 = u64::MAX;

/// What their sessions are called beside those of probe classes.
pub const MTU_PROBE_NAME: &str = "mtu-probe";

/// Seldom probes of full size that may not be fragmented, beside those that measure a line. Where
/// small ones come back and these don't, there is a black hole of the MTU (RFC 2923, section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MtuProbe {
    /// Octets of the IP packet, with all headers.
    pub octets: u16,
    /// From one to the next, in seconds.
    pub every_s: f64,
    /// False on a line: it has none, though the engine says that lines have.
    #[serde(skip_serializing_if = "is_true")]
    pub enabled: bool,
}

impl Default for MtuProbe {
    fn default() -> Self {
        Self {
            octets: 1_400,
            every_s: 30.0,
            enabled: true,
        }
    }
}

impl Config {
    /// The probes of full size of a line that sends probes, if it has any: its own, or else the
    /// engine's.
    #[must_use]
    pub fn mtu_probe_of(&self, line: &Line) -> Option<MtuProbe> {
        let probe = line.mtu_probe.or(self.mtu_probe)?;
        (probe.enabled && line.sender && line.remote.is_some()).then_some(probe)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_true(flag: &bool) -> bool {
    *flag
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(engine: &str, line: &str) -> Option<MtuProbe> {
        let config: Config = serde_json::from_str(engine).unwrap();
        let line: Line = serde_json::from_str(line).unwrap();
        config.mtu_probe_of(&line)
    }

    #[test]
    fn a_line_has_its_own_or_the_engines_or_none() {
        let plain = r#"{"id": 1, "name": "a", "remote": "192.0.2.1"}"#;
        assert_eq!(of("{}", plain), None);
        let engine = r#"{"mtu_probe": {"every_s": 60}}"#;
        let minutely = MtuProbe {
            every_s: 60.0,
            ..MtuProbe::default()
        };
        assert_eq!(of(engine, plain), Some(minutely));
        let own = r#"{"id": 1, "name": "a", "remote": "192.0.2.1", "mtu_probe": {"octets": 1280}}"#;
        let octets = of(engine, own).map(|probe| (probe.octets, probe.every_s));
        assert_eq!(octets, Some((1_280, 30.0)));
        let off =
            r#"{"id": 1, "name": "a", "remote": "192.0.2.1", "mtu_probe": {"enabled": false}}"#;
        assert_eq!(of(engine, off), None);
        let at_rest = r#"{"id": 1, "name": "a", "remote": "192.0.2.1", "sender": false}"#;
        assert_eq!(of(engine, at_rest), None);
    }
}
