//! Where random octets come from.

use twamp_core::control::Entropy;

/// The operating system's generator.
pub(super) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&mut self, out: &mut [u8]) {
        // Fails on no Linux of the last ten years once it is up; zeros would be caught by nobody,
        // so the thread's own guard takes it.
        assert!(
            getrandom::fill(out).is_ok(),
            "the system gives no random numbers"
        );
    }
}
