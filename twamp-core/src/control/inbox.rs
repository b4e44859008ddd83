use super::ControlError;
use crate::security::ControlOpener;
use crate::wire::control::BLOCK_LEN;

/// Octets of commands a peer may send ahead while an answer is still to be decided.
pub const BACKLOG_LIMIT: usize = 64 * 1024;

/// Octets that came in and are not yet a whole message. Decrypts them, once it can.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
    /// How many of `bytes` are taken.
    taken: usize,
    /// Less than a block that is still encrypted.
    sealed: Vec<u8>,
    opener: Option<ControlOpener>,
}

impl Inbox {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        let Some(opener) = &mut self.opener else {
            return self.bytes.extend_from_slice(bytes);
        };
        let plain = self.bytes.len();
        self.bytes.append(&mut self.sealed);
        self.bytes.extend_from_slice(bytes);
        let whole = (self.bytes.len() - plain) / BLOCK_LEN * BLOCK_LEN;
        self.sealed = self.bytes.split_off(plain + whole);
        opener.decrypt(&mut self.bytes[plain..]);
    }

    /// What is not taken yet, and all that comes, is encrypted; messages carry HMACs.
    pub(super) fn protect(&mut self, opener: ControlOpener) {
        let rest = self.bytes.split_off(self.taken);
        self.opener = Some(opener);
        self.push(&rest);
    }

    /// The next `len` octets, left where they are. Their HMAC is not verified.
    pub(super) fn peek(&self, len: usize) -> Option<&[u8]> {
        self.bytes[self.taken..].get(..len)
    }

    /// The next `len` octets, if so many have come: a message without HMAC.
    pub(super) fn take(&mut self, len: usize) -> Option<&[u8]> {
        let start = self.taken;
        let message = self.bytes.get(start..start + len)?;
        self.taken += len;
        Some(message)
    }

    /// The next `len` octets, if so many have come: a message that ends with its HMAC, which is
    /// verified unless the mode is open.
    pub(super) fn take_verified(&mut self, len: usize) -> Result<Option<&[u8]>, ControlError> {
        let start = self.taken;
        let Some(message) = self.bytes.get(start..start + len) else {
            return Ok(None);
        };
        if let Some(opener) = &mut self.opener
            && !opener.verify(message)
        {
            return Err(ControlError::BadHmac);
        }
        self.taken += len;
        Ok(Some(message))
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.taken + self.sealed.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn check_backlog(&self) -> Result<(), ControlError> {
        if self.len() > BACKLOG_LIMIT {
            return Err(ControlError::Backlog {
                limit: BACKLOG_LIMIT,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::{ControlKeys, ControlSealer};

    #[test]
    fn messages_come_out_whole_however_they_came_in() {
        let mut inbox = Inbox::default();
        inbox.push(&[1, 2]);
        assert_eq!(inbox.take(3), None);
        inbox.push(&[3, 4, 5]);
        assert_eq!(inbox.peek(1), Some(&[1][..]));
        assert_eq!(inbox.take(3), Some(&[1, 2, 3][..]));
        assert_eq!(inbox.len(), 2);
        inbox.push(&[6]);
        assert_eq!(inbox.take(3), Some(&[4, 5, 6][..]));
        assert!(inbox.is_empty());
    }

    #[test]
    fn encrypted_messages_do_too_also_those_that_came_before_the_key() {
        let keys = ControlKeys::new([1; 16], [2; 32]);
        let mut sealer = ControlSealer::new(&keys, &[3; 16]);
        let plain = [[4; 32], [5; 32], [6; 32]];
        let sealed = plain.map(|mut message| {
            sealer.seal_message(&mut message);
            message
        });
        for cut in 0..96 {
            let (early, late) = sealed.as_flattened().split_at(cut);
            let mut inbox = Inbox::default();
            inbox.push(&[9; 7]);
            inbox.push(early);
            assert_eq!(inbox.take(7), Some(&[9; 7][..]));
            inbox.protect(ControlOpener::new(&keys, &[3; 16]));
            for octet in late {
                inbox.push(&[*octet]);
            }
            assert_eq!(inbox.len(), 96);
            for message in plain {
                let taken = inbox.take_verified(32).unwrap().unwrap();
                assert_eq!(taken[..16], message[..16]);
            }
            assert_eq!(inbox.take_verified(32), Ok(None));
        }
    }

    #[test]
    fn a_message_with_a_bad_hmac_is_not_taken() {
        let keys = ControlKeys::new([1; 16], [2; 32]);
        let mut message = [7; 48];
        ControlSealer::new(&keys, &[3; 16]).seal_message(&mut message);
        message[20] ^= 1;
        let mut inbox = Inbox::default();
        inbox.protect(ControlOpener::new(&keys, &[3; 16]));
        inbox.push(&message);
        assert_eq!(inbox.take_verified(48), Err(ControlError::BadHmac));
        assert_eq!(inbox.len(), 48);
    }
}
