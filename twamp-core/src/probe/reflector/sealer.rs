use crate::probe::StampFormat;
use crate::security::TestSecurity;
use crate::time::{Ntp64, Wall};
use crate::wire::test::{
    REFLECTOR_LEN, REPLY_STAMPS, SECURE_REFLECTOR_FIXED, SECURE_REFLECTOR_LEN, SECURE_REPLY_STAMPS,
};

/// Finishes the replies of one session: T3 as late as it can be, and what must come after it.
///
/// Cheap to clone. The default one is of a session without protection and features.
#[derive(Clone, Debug, Default)]
pub struct Sealer {
    pub(super) security: TestSecurity,
    pub(super) stamps: StampFormat,
}

impl Sealer {
    /// Stamps a reply with T3, right before it is sent, and encrypts it if it is to be. Once for
    /// each reply. T3 is never before T2, even if our clock was stepped back in between.
    pub fn seal(&self, reply: &mut [u8], t3: Wall) {
        let (len, (t3_at, t2_at)) = match self.security.is_secure() {
            true => (SECURE_REFLECTOR_LEN, SECURE_REPLY_STAMPS),
            false => (REFLECTOR_LEN, REPLY_STAMPS),
        };
        if reply.len() < len {
            return;
        }
        let mut t2 = [0; 8];
        t2.copy_from_slice(&reply[t2_at..t2_at + 8]);
        let (t2, t3) = (Ntp64(u64::from_be_bytes(t2)), self.stamps.encode(t3));
        // The era is the same on both, so the wrapped difference has the right sign.
        let processing = t3.0.wrapping_sub(t2.0) as i64;
        let t3 = if processing < 0 { t2 } else { t3 };
        reply[t3_at..t3_at + 8].copy_from_slice(&t3.0.to_be_bytes());
        if self.security.covers_stamps() {
            self.security.protect(reply, SECURE_REFLECTOR_FIXED);
        }
    }
}
