//! How long the packets of a session are, and whether that was too long for its path.

use std::net::SocketAddr;

use plugin_abi::manage::{PacketOctets, TooBig};

/// Octets of a UDP header.
const UDP: u32 = 8;

/// The sizes of one session's packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sizes {
    octets: PacketOctets,
    too_big: TooBig,
}

impl Sizes {
    /// A probe with so much payload was made.
    pub(super) fn probe(&mut self, payload: usize, to: SocketAddr) {
        self.octets.forward = Some(packet(payload, to));
    }

    /// A reply with so much payload has come.
    pub(super) fn reply(&mut self, payload: usize, from: SocketAddr) {
        self.octets.backward = Some(packet(payload, from));
    }

    /// This host did not let a probe out.
    pub(super) fn not_sent(&mut self) {
        self.too_big.local += 1;
    }

    /// Somebody takes at most `mtu` octets. Of this host's own refusals each comes back with its
    /// probe, so only those of routers are counted here.
    pub(super) fn refused(&mut self, mtu: u32, here: bool) {
        self.too_big.path += u64::from(!here);
        // A router of before path MTU discovery tells none (RFC 1191, section 5).
        if mtu > 0 {
            self.too_big.mtu = Some(mtu);
        }
    }

    pub(super) fn octets(&self) -> PacketOctets {
        self.octets
    }

    pub(crate) fn too_big(&self) -> TooBig {
        self.too_big
    }
}

/// Octets of the IP packet.
pub(super) fn packet(payload: usize, far: SocketAddr) -> u32 {
    let header = if far.is_ipv4() { 20 } else { 40 };
    u32::try_from(payload).map_or(u32::MAX, |payload| payload.saturating_add(UDP + header))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_its_payload_and_the_headers_of_its_family() {
        let mut sizes = Sizes::default();
        sizes.probe(1_472, "192.0.2.1:862".parse().unwrap());
        sizes.reply(1_472, "[2001:db8::1]:862".parse().unwrap());
        let octets = sizes.octets();
        assert_eq!(
            (octets.forward, octets.backward),
            (Some(1_500), Some(1_520))
        );
    }

    #[test]
    fn who_refuses_is_told_apart_and_the_newest_mtu_counts() {
        let mut sizes = Sizes::default();
        sizes.not_sent();
        sizes.refused(1_400, true);
        for mtu in [1_300, 1_280, 0] {
            sizes.refused(mtu, false);
        }
        let expected = TooBig {
            local: 1,
            path: 3,
            mtu: Some(1_280),
        };
        assert_eq!(sizes.too_big(), expected);
    }
}
