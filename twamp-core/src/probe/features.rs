//! What two ends may agree on beyond the base protocol.

use super::StampFormat;
use crate::wire::control::Modes;
use crate::wire::test::{
    RECEIVED_TOS, REFLECTOR_DSCP_LEN, REFLECTOR_LEN, SECURE_RECEIVED_TOS, SECURE_REFLECTOR_LEN,
    SECURE_SENDER_LEN, SENDER_LEN,
};

/// Features of a session's packets. The default is none of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Features {
    /// Probes begin their padding with as many zeros as replies are longer, and the padding after
    /// them is reflected (RFC 6038, section 5).
    pub symmetrical: bool,
    /// Replies tell with which DSCP and ECN the probe came in (RFC 7750).
    pub dscp_ecn: bool,
    /// How this end writes its stamps (RFC 8186). Of a peer's stamps the error estimate tells.
    pub stamps: StampFormat,
}

impl Features {
    /// As selected on a control connection. `stamps` is how this end would like to write stamps;
    /// without [`Modes::PTP_TIMESTAMPS`] it is NTP.
    pub fn negotiated(modes: Modes, stamps: StampFormat) -> Self {
        Features {
            symmetrical: modes.contains(Modes::SYMMETRICAL_SIZE),
            dscp_ecn: modes.contains(Modes::DSCP_ECN),
            stamps: match modes.contains(Modes::PTP_TIMESTAMPS) {
                true => stamps,
                false => StampFormat {
                    ptp: false,
                    ..stamps
                },
            },
        }
    }

    pub(super) fn layout(&self, secure: bool) -> Layout {
        let (sender, reflector, received_tos) = match (secure, self.dscp_ecn) {
            (true, _) => (SECURE_SENDER_LEN, SECURE_REFLECTOR_LEN, SECURE_RECEIVED_TOS),
            (false, true) => (SENDER_LEN, REFLECTOR_DSCP_LEN, RECEIVED_TOS),
            (false, false) => (SENDER_LEN, REFLECTOR_LEN, RECEIVED_TOS),
        };
        Layout {
            sender,
            reflector,
            padding: if self.symmetrical { reflector } else { sender },
            received_tos,
        }
    }
}

/// Where things stand in a session's packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Layout {
    /// Octets of a probe before its padding.
    pub(super) sender: usize,
    /// Octets of a reply before its padding.
    pub(super) reflector: usize,
    /// Where in a probe that padding begins that is reflected.
    pub(super) padding: usize,
    /// Where in a reply S-DSCP-ECN stands.
    pub(super) received_tos: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_selected_is_used() {
        let ptp = StampFormat {
            ptp: true,
            tai_offset_s: 36,
        };
        let none = Features::negotiated(Modes::OPEN, ptp);
        assert!(!none.symmetrical && !none.dscp_ecn && !none.stamps.ptp);
        assert_eq!(none.stamps.tai_offset_s, 36);
        let all = Features::negotiated(Modes(u32::MAX), ptp);
        assert!(all.symmetrical && all.dscp_ecn);
        assert_eq!(all.stamps, ptp);
        assert!(
            !Features::negotiated(Modes(u32::MAX), StampFormat::default())
                .stamps
                .ptp
        );
    }
}
