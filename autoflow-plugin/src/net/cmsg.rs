//! Control messages (`cmsg(3)`): what goes with a packet out of band. Plain bytes, so no `unsafe`.
//!
//! The layout is the kernel's: length of header and data (a word), level, type (an `int` each),
//! data, padding to the next word.

use libc::c_int;

const WORD: usize = size_of::<usize>();
const HEADER: usize = WORD + 2 * size_of::<c_int>();
/// Enough for every option that is switched on, on both queues.
const CAPACITY: usize = 384;

/// A buffer of control messages, to send or received.
#[repr(C, align(8))]
#[derive(Clone)]
pub(super) struct Control {
    bytes: [u8; CAPACITY],
    len: usize,
}

impl Control {
    /// Without messages.
    pub(super) const fn new() -> Control {
        Control {
            bytes: [0; CAPACITY],
            len: 0,
        }
    }

    /// Forgets all messages.
    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// Adds a message. The few kinds this room sends always fit.
    pub(super) fn push(&mut self, level: c_int, kind: c_int, data: &[u8]) {
        let (start, length) = (self.len, HEADER + data.len());
        let end = start + padded(length);
        let Some(room) = self.bytes.get_mut(start..end) else {
            debug_assert!(false, "control messages of one packet fit the buffer");
            return;
        };
        room[..WORD].copy_from_slice(&length.to_ne_bytes());
        room[WORD..WORD + 4].copy_from_slice(&level.to_ne_bytes());
        room[WORD + 4..HEADER].copy_from_slice(&kind.to_ne_bytes());
        room[HEADER..length].copy_from_slice(data);
        room[length..].fill(0);
        self.len = end;
    }

    /// The messages, to hand to the kernel.
    pub(super) fn filled(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// The whole buffer, for the kernel to write into; then comes [`Control::set_len`].
    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// How much the kernel wrote.
    pub(super) fn set_len(&mut self, len: usize) {
        self.len = len.min(CAPACITY);
    }

    /// Walks the messages; ends at the first malformed one.
    pub(super) fn messages(&self) -> Messages<'_> {
        Messages {
            rest: self.filled(),
        }
    }
}

/// One control message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Message<'a> {
    /// The protocol it belongs to (`SOL_SOCKET`, `IPPROTO_IP`, …).
    pub(super) level: c_int,
    /// What it is, within the level.
    pub(super) kind: c_int,
    /// Its octets.
    pub(super) data: &'a [u8],
}

impl Message<'_> {
    /// The data as one `int`, from four octets or (`IP_TOS`) one.
    pub(super) fn int(&self) -> Option<u32> {
        match *self.data {
            [octet] => Some(octet.into()),
            _ => word(self.data, 0),
        }
    }
}

/// Walks the messages of a buffer.
pub(super) struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let (header, _) = self.rest.split_first_chunk::<HEADER>()?;
        let (length, what) = header.split_first_chunk::<WORD>()?;
        let (level, kind) = what.split_first_chunk::<4>()?;
        let length = usize::from_ne_bytes(*length);
        let level = c_int::from_ne_bytes(*level);
        let kind = c_int::from_ne_bytes(*kind.first_chunk()?);
        let data = self.rest.get(HEADER..length)?;
        self.rest = self.rest.get(padded(length)..).unwrap_or_default();
        Some(Message { level, kind, data })
    }
}

/// The 32-bit number in host order at `offset`.
pub(super) fn word(bytes: &[u8], offset: usize) -> Option<u32> {
    let octets = bytes.get(offset..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*octets))
}

const fn padded(length: usize) -> usize {
    length.saturating_add(WORD - 1) & !(WORD - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_as_they_were_pushed() {
        let mut control = Control::new();
        control.push(1, 37, &7u32.to_ne_bytes());
        control.push(0, 1, &[0xb8]);
        control.push(41, 50, &[9; 20]);
        let read: Vec<_> = control
            .messages()
            .map(|m| (m.level, m.kind, m.data.len()))
            .collect();
        assert_eq!(read, [(1, 37, 4), (0, 1, 1), (41, 50, 20)]);
        let ints: Vec<_> = control.messages().take(2).map(|m| m.int()).collect();
        assert_eq!(ints, [Some(7), Some(0xb8)]);
    }

    #[test]
    fn a_buffer_cut_anywhere_ends_the_walk_without_harm() {
        let mut control = Control::new();
        control.push(1, 2, &[3; 12]);
        control.push(1, 2, &[4; 12]);
        let whole = control.len;
        for len in 0..whole {
            control.set_len(len);
            assert!(control.messages().count() < 2 || len >= whole - 4);
        }
    }

    #[test]
    fn a_length_that_lies_ends_the_walk() {
        for length in [0, 1, HEADER - 1, usize::MAX, usize::MAX - 3] {
            let mut control = Control::new();
            control.push(1, 2, &[3; 4]);
            control.bytes[..WORD].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(control.messages().count(), 0);
        }
    }
}
