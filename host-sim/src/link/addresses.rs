//! The four loopback addresses of a line.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::line::Direction;

/// The four addresses of a line. The ends belong to whoever uses the line, the sides to the
/// emulator: the near end talks to the near side as if it were the far end, and the far end sees
/// the near end as the far side. Port numbers are kept.
///
/// ```text
/// near_end:P ──► near_side:Q ═══ line ═══ far_side:P ──► far_end:Q
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LineAddresses {
    /// Where the near end binds.
    pub near_end: Ipv4Addr,
    /// Where the near end sends to.
    pub near_side: Ipv4Addr,
    /// Where the far end sends to.
    pub far_side: Ipv4Addr,
    /// Where the far end binds.
    pub far_end: Ipv4Addr,
}

impl LineAddresses {
    /// `127.block.index.1` to `.4`. Take `block` ≥ 1: block 0 has 127.0.0.1, which others use.
    /// Every address of 127.0.0.0/8 is there on Linux without being configured.
    #[must_use]
    pub fn loopback(block: u8, index: u8) -> Self {
        let address = |host| Ipv4Addr::new(127, block, index, host);
        Self {
            near_end: address(1),
            near_side: address(2),
            far_side: address(3),
            far_end: address(4),
        }
    }

    /// The side of the emulator that packets of a direction come in at.
    pub(super) fn entrance(&self, direction: Direction) -> Ipv4Addr {
        match direction {
            Direction::Forward => self.near_side,
            Direction::Backward => self.far_side,
        }
    }

    /// The side of the emulator that packets of a direction leave from.
    pub(super) fn exit(&self, direction: Direction) -> Ipv4Addr {
        self.entrance(direction.opposite())
    }

    /// The end that sends packets of a direction.
    pub(super) fn sender(&self, direction: Direction) -> Ipv4Addr {
        match direction {
            Direction::Forward => self.near_end,
            Direction::Backward => self.far_end,
        }
    }

    /// The end that packets of a direction go to.
    pub(super) fn receiver(&self, direction: Direction) -> Ipv4Addr {
        self.sender(direction.opposite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_addresses_lie_side_by_side() {
        let addresses = LineAddresses::loopback(7, 2);
        assert_eq!(addresses.near_end, Ipv4Addr::new(127, 7, 2, 1));
        assert_eq!(addresses.entrance(Direction::Forward).octets()[3], 2);
        assert_eq!(addresses.exit(Direction::Forward).octets()[3], 3);
        assert_eq!(addresses.receiver(Direction::Forward).octets()[3], 4);
        assert_eq!(addresses.sender(Direction::Backward), addresses.far_end);
    }
}
