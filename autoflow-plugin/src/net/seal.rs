//! What finishes a reply just before it leaves, in the reflector's stead.

use twamp_core::time::Wall;
use twamp_core::{probe, stamp};

/// A reflector's sealer.
#[derive(Debug)]
pub(crate) enum Seal {
    /// Of a session of TWAMP-Test.
    Twamp(probe::Sealer),
    /// Of a session of STAMP.
    Stamp(stamp::Sealer),
}

impl Seal {
    /// Writes T3 and what depends on it.
    pub(crate) fn seal(&self, reply: &mut [u8], t3: Wall) {
        match self {
            Self::Twamp(sealer) => sealer.seal(reply, t3),
            Self::Stamp(sealer) => sealer.seal(reply, t3),
        }
    }
}
