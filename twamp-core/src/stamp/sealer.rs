//! T3 as late as it can be, and what must come after it.

use super::security::Security;
use crate::probe::StampFormat;
use crate::time::Wall;
use crate::wire::stamp::ReflectorPacket;

/// Finishes the replies of one session. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sealer {
    security: Security,
    stamps: StampFormat,
}

impl Sealer {
    pub(super) fn new(security: Security, stamps: StampFormat) -> Self {
        Sealer { security, stamps }
    }

    /// Stamps a reply with T3, right before it is sent, and signs it. T3 is never before T2, even
    /// if our clock was stepped back in between.
    pub fn seal(&self, reply: &mut [u8], t3: Wall) {
        let layout = self.security.layout();
        if reply.len() < layout.base_len() {
            return;
        }
        let Ok(packet) = ReflectorPacket::parse(layout, reply) else {
            return;
        };
        let t3 = self.stamps.encode(t3);
        // The era is the same on both, so the wrapped difference has the right sign.
        let processing = t3.0.wrapping_sub(packet.receive.0) as i64;
        let timestamp = if processing < 0 { packet.receive } else { t3 };
        ReflectorPacket {
            timestamp,
            ..packet
        }
        .write(layout, reply);
        self.security.sign_base(reply);
    }
}
