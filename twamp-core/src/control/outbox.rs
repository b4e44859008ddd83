use crate::security::ControlSealer;

/// Octets on their way out. Encrypts messages, once it can.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    sealer: Option<ControlSealer>,
}

impl Outbox {
    /// A message of the set-up: as it is.
    pub(super) fn say(&mut self, message: &[u8]) {
        self.bytes.extend_from_slice(message);
    }

    /// From now on messages are encrypted.
    pub(super) fn protect(&mut self, sealer: ControlSealer) {
        self.sealer = Some(sealer);
    }

    /// A message that ends with its HMAC, which is written here unless the mode is open.
    pub(super) fn send(&mut self, message: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(message);
        if let Some(sealer) = &mut self.sealer {
            sealer.seal_message(&mut self.bytes[start..]);
        }
    }

    /// All of it, if there is something.
    pub(super) fn poll(&mut self) -> Option<Vec<u8>> {
        (!self.bytes.is_empty()).then(|| std::mem::take(&mut self.bytes))
    }
}
