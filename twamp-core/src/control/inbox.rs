use super::ControlError;

/// Octets of commands a peer may send ahead while an answer is still to be decided.
pub const BACKLOG_LIMIT: usize = 64 * 1024;

/// Octets that came in and are not yet a whole message.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
    /// How many of `bytes` are taken.
    taken: usize,
}

impl Inbox {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next `len` octets, left where they are.
    pub(super) fn peek(&self, len: usize) -> Option<&[u8]> {
        self.bytes[self.taken..].get(..len)
    }

    /// The next `len` octets, if so many have come.
    pub(super) fn take(&mut self, len: usize) -> Option<&[u8]> {
        let start = self.taken;
        let message = self.bytes.get(start..start + len)?;
        self.taken += len;
        Some(message)
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.taken
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
}
