//! What two ends may agree on: what this end asks for as a client, what it offers as a server
//! beyond the security modes, and what an agreement means for test packets.
//!
//! Individual session control (RFC 5938) is offered but never asked for: a client of ours has one
//! session on each connection, so that starting all of them is starting each of them.

use plugin_abi::config::{Feature, Probe, Protocol, Responder};
use twamp_core::control::Reflection;
use twamp_core::probe::{Features, StampFormat};
use twamp_core::wire::control::Modes;
use twamp_core::wire::test::header_difference;

use crate::net::tai_offset_s;

/// What two ends have agreed on beyond the security mode; by default, and without TWAMP-Control,
/// nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Terms {
    /// The features that were selected.
    pub(crate) modes: Modes,
    /// What they mean for test packets.
    pub(crate) packets: Features,
    /// What the padding that is to be reflected begins with; 0: nothing.
    pub(crate) server_octets: u16,
}

impl Terms {
    /// As `modes` were selected on a control connection.
    pub(super) fn of(modes: Modes) -> Self {
        let stamps = StampFormat {
            ptp: true,
            tai_offset_s: tai_offset_s(),
        };
        Self {
            modes: modes.features(),
            packets: Features::negotiated(modes, stamps),
            server_octets: 0,
        }
    }
}

/// The names of features, for people and programs.
pub(super) fn names(modes: Modes) -> Vec<String> {
    modes.features().names().map(str::to_owned).collect()
}

/// The one mode that a protocol may select: nobody on the way can talk us into a weaker one.
pub(super) fn security(protocol: Protocol) -> Modes {
    match protocol {
        Protocol::Open => Modes::OPEN,
        Protocol::Auth => Modes::AUTHENTICATED,
        Protocol::Encrypted => Modes::ENCRYPTED,
        Protocol::Mixed => Modes::MIXED,
        Protocol::Light | Protocol::Stamp => Modes::NONE,
    }
}

/// What a client asks for, where it is offered. DSCP and ECN are always worth knowing.
pub(super) fn wanted(probe: &Probe) -> Modes {
    let wishes = [
        (true, Modes::DSCP_ECN),
        (probe.ptp, Modes::PTP_TIMESTAMPS),
        (probe.symmetric, Modes::SYMMETRICAL_SIZE),
        (probe.reflect_octets.is_some(), Modes::REFLECT_OCTETS),
    ];
    all(wishes
        .into_iter()
        .filter_map(|(wish, mode)| wish.then_some(mode)))
}

/// What a client has reflected, where that is selected.
pub(super) fn reflection(probe: &Probe) -> Reflection {
    Reflection {
        octets: 0,
        padding: probe.reflect_octets.unwrap_or(0),
    }
}

/// Octets after the sender packet in these modes. Unless told, as many as make probe and reply
/// equal in size, and hold what is reflected (RFC 6038, section 4.3; RFC 7750, section 2.2).
pub(super) fn padding(probe: &Probe, modes: Modes) -> u16 {
    if probe.padding.is_some() {
        return probe.padding();
    }
    let secure = modes.protects_test();
    let longer = header_difference(secure, modes.contains(Modes::DSCP_ECN))
        - header_difference(secure, false);
    let reflected = match modes.contains(Modes::REFLECT_OCTETS) {
        true => probe.reflect_octets.unwrap_or(0),
        false => 0,
    };
    let more = reflected.saturating_add(longer as u16);
    probe.padding().saturating_add(more)
}

/// The same where all is agreed on that is asked for.
pub(crate) fn most_padding(probe: &Probe) -> u16 {
    let features = match probe.protocol.has_control() {
        true => wanted(probe),
        false => Modes::NONE,
    };
    padding(probe, security(probe.protocol) | features)
}

/// What a server offers.
pub(super) fn offered(responder: &Responder) -> Modes {
    all(responder.features.iter().map(|feature| match feature {
        Feature::IndividualSessions => Modes::INDIVIDUAL_SESSIONS,
        Feature::ReflectOctets => Modes::REFLECT_OCTETS,
        Feature::SymmetricalSize => Modes::SYMMETRICAL_SIZE,
        Feature::DscpEcn => Modes::DSCP_ECN,
        Feature::PtpTimestamps => Modes::PTP_TIMESTAMPS,
    }))
}

fn all(modes: impl Iterator<Item = Modes>) -> Modes {
    modes.fold(Modes::NONE, |all, mode| all | mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(protocol: Protocol) -> Probe {
        Probe {
            protocol,
            ..Probe::default()
        }
    }

    #[test]
    fn a_client_asks_for_what_it_was_told_and_always_for_dscp_and_ecn() {
        let plain = probe(Protocol::Open);
        assert_eq!(wanted(&plain), Modes::DSCP_ECN);
        assert_eq!(reflection(&plain), Reflection::default());
        let full = Probe {
            ptp: true,
            symmetric: true,
            reflect_octets: Some(9),
            ..plain
        };
        let never = Modes::INDIVIDUAL_SESSIONS | Modes::IKEV2_KEYS;
        let all = Modes::FEATURES.without(never);
        assert_eq!(wanted(&full), all);
        assert_eq!(reflection(&full).padding, 9);
    }

    #[test]
    fn a_server_offers_what_it_was_told_under_the_names_of_the_core() {
        let responder = |features: &[Feature]| Responder {
            features: features.to_vec(),
            ..Responder::default()
        };
        assert_eq!(offered(&responder(&[])), Modes::NONE);
        for feature in Feature::ALL {
            let modes = offered(&responder(&[feature]));
            assert_eq!(names(modes), [feature.name()]);
        }
        let all = Modes::FEATURES.without(Modes::IKEV2_KEYS);
        assert_eq!(offered(&Responder::default()), all);
    }

    #[test]
    fn probe_and_reply_are_equal_in_size_whatever_was_agreed_on() {
        let (dscp, reflect) = (Modes::DSCP_ECN, Modes::REFLECT_OCTETS);
        for (protocol, modes, octets) in [
            (Protocol::Light, Modes::NONE, 27),
            (Protocol::Open, Modes::OPEN, 27),
            (Protocol::Open, Modes::OPEN | dscp, 30),
            (Protocol::Open, Modes::OPEN | reflect, 27 + 9),
            (Protocol::Mixed, Modes::MIXED | dscp | reflect, 30 + 9),
            (Protocol::Auth, Modes::AUTHENTICATED | dscp, 64),
            (Protocol::Encrypted, Modes::ENCRYPTED | reflect, 64 + 9),
        ] {
            let nine = Probe {
                reflect_octets: Some(9),
                ..probe(protocol)
            };
            assert_eq!(padding(&nine, modes), octets, "{modes}");
            let told = Probe {
                padding: Some(100),
                ..nine
            };
            assert_eq!([padding(&told, modes), most_padding(&told)], [100, 100]);
        }
        let most = [Protocol::Light, Protocol::Mixed, Protocol::Auth].map(probe);
        assert_eq!(most.map(|probe| most_padding(&probe)), [27, 30, 64]);
    }

    #[test]
    fn what_was_not_selected_is_not_done() {
        let terms = Terms::of(Modes::MIXED);
        assert_eq!(terms.modes, Modes::NONE);
        assert!(!terms.packets.dscp_ecn && !terms.packets.symmetrical && !terms.packets.stamps.ptp);
        let terms = Terms::of(Modes::OPEN | Modes::PTP_TIMESTAMPS | Modes::DSCP_ECN);
        assert!(terms.packets.dscp_ecn && terms.packets.stamps.ptp && !terms.packets.symmetrical);
        assert_eq!(names(terms.modes), ["dscp-ecn", "ptp-timestamps"]);
    }
}
