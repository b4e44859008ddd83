//! Many packets a system call: `sendmmsg` and `recvmmsg`.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use super::cmsg::Control;
use super::name::Name;

/// Packets of one system call, at most.
pub(super) const BATCH: usize = 32;
/// Room that is prepared for each call at least: where packets are few, more is work for nothing.
const FEW: usize = 4;

/// What stands around a payload: the other end's address and the control messages.
#[derive(Clone)]
pub(super) struct Envelope {
    pub(super) name: Name,
    pub(super) control: Control,
}

/// As many empty envelopes as a batch takes.
pub(super) fn envelopes() -> Vec<Envelope> {
    let empty = Envelope {
        name: Name::new(),
        control: Control::new(),
    };
    vec![empty; BATCH]
}

/// Sends the packets in order, without blocking.
///
/// Answers how many left. Fewer than given: the next one failed, and the kernel keeps its error to
/// itself; try it again first to hear it. The error is the first packet's.
pub(super) fn send<'a>(
    socket: BorrowedFd<'_>,
    packets: impl Iterator<Item = (&'a Envelope, &'a [u8])>,
) -> io::Result<usize> {
    let mut pieces = [NO_PIECE; BATCH];
    let mut headers = no_headers();
    let mut count = 0;
    for ((piece, header), (envelope, payload)) in pieces.iter_mut().zip(&mut headers).zip(packets) {
        piece.iov_base = payload.as_ptr().cast_mut().cast();
        piece.iov_len = payload.len();
        let (name, control) = (envelope.name.filled(), envelope.control.filled());
        header.msg_hdr.msg_name = name.as_ptr().cast_mut().cast();
        header.msg_hdr.msg_namelen = name.len() as _;
        header.msg_hdr.msg_iov = piece;
        header.msg_hdr.msg_iovlen = 1;
        header.msg_hdr.msg_control = control.as_ptr().cast_mut().cast();
        header.msg_hdr.msg_controllen = control.len() as _;
        count += 1;
    }
    // SAFETY: the first `count` headers point to `pieces`, and these and the headers to names,
    // control messages and payloads that are borrowed for `'a`, longer than this call. The kernel
    // only reads what `sendmmsg` is pointed to, but for `msg_len` in `headers`, which is ours.
    let sent = unsafe {
        libc::sendmmsg(
            socket.as_raw_fd(),
            headers.as_mut_ptr(),
            count,
            libc::MSG_DONTWAIT as _,
        )
    };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Room for one batch of packets from the kernel.
pub(super) struct Inbox {
    payloads: Vec<u8>,
    /// Octets from the start of one payload to that of the next.
    stride: usize,
    envelopes: Vec<Envelope>,
    lengths: [usize; BATCH],
    flags: [libc::c_int; BATCH],
    /// For so many packets the next call is prepared: twice as many as came last.
    expected: usize,
}

impl Inbox {
    /// Room for payloads of up to `stride` octets; longer ones are cut (and marked so).
    pub(super) fn new(stride: usize) -> Inbox {
        Inbox {
            payloads: vec![0; stride * BATCH],
            stride,
            envelopes: envelopes(),
            lengths: [0; BATCH],
            flags: [0; BATCH],
            expected: FEW,
        }
    }

    /// Takes what is there, without blocking, in place of what was taken before: a batch at most.
    pub(super) fn receive(&mut self, socket: BorrowedFd<'_>, flags: i32) -> io::Result<usize> {
        let expected = self.expected;
        let mut count = self.receive_after(0, expected, socket, flags)?;
        if count == expected && expected < BATCH {
            // More than expected. What keeps them from coming now will do so at the next call.
            count += self.receive_after(count, BATCH, socket, flags).unwrap_or(0);
        }
        self.expected = (2 * count).clamp(FEW, BATCH);
        Ok(count)
    }

    /// Takes packets in the places from `first` up to `end`, in one call. Answers how many.
    fn receive_after(
        &mut self,
        first: usize,
        end: usize,
        socket: BorrowedFd<'_>,
        flags: i32,
    ) -> io::Result<usize> {
        let mut pieces = [NO_PIECE; BATCH];
        let mut headers = no_headers();
        let rooms = self.payloads.chunks_exact_mut(self.stride);
        let rooms = rooms.zip(&mut self.envelopes).take(end).skip(first);
        let places = pieces.iter_mut().zip(&mut headers);
        let mut prepared = 0;
        for ((room, envelope), (piece, header)) in rooms.zip(places) {
            piece.iov_base = room.as_mut_ptr().cast();
            piece.iov_len = room.len();
            let (name, control) = (envelope.name.room(), envelope.control.room());
            header.msg_hdr.msg_name = name.as_mut_ptr().cast();
            header.msg_hdr.msg_namelen = name.len() as _;
            header.msg_hdr.msg_iov = piece;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = control.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = control.len() as _;
            prepared += 1;
        }
        // SAFETY: the first `prepared` headers were filled above, each pointing to its own piece, name and
        // control buffer, and each piece to its own room; all are borrowed mutably or owned by
        // this function, none is touched before the call returns, and every length given is the
        // length of what it goes with. The name and control buffers are aligned to 8. No time-out
        // is given.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                prepared,
                (flags | libc::MSG_DONTWAIT) as _,
                ptr::null_mut(),
            )
        };
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        for (index, header) in (first..).zip(headers.iter().take(count)) {
            let envelope = &mut self.envelopes[index];
            envelope.name.set_len(header.msg_hdr.msg_namelen as usize);
            envelope.control.set_len(header.msg_hdr.msg_controllen as _);
            self.lengths[index] = (header.msg_len as usize).min(self.stride);
            self.flags[index] = header.msg_hdr.msg_flags;
        }
        Ok(count)
    }

    /// The payload of packet `index` of the batch.
    pub(super) fn payload(&self, index: usize) -> &[u8] {
        &self.payloads[index * self.stride..][..self.lengths[index]]
    }

    /// What stood around packet `index`.
    pub(super) fn envelope(&self, index: usize) -> &Envelope {
        &self.envelopes[index]
    }

    /// Packet `index` was longer than the room for it.
    pub(super) fn truncated(&self, index: usize) -> bool {
        self.flags[index] & libc::MSG_TRUNC != 0
    }
}

const NO_PIECE: libc::iovec = libc::iovec {
    iov_base: ptr::null_mut(),
    iov_len: 0,
};

/// On the stack of each call, so that no pointer outlives it.
fn no_headers() -> [libc::mmsghdr; BATCH] {
    // SAFETY: a `mmsghdr` is integers and pointers only; all zero is a valid, empty one. (It has
    // private padding on some C libraries, so it can't be written out.)
    unsafe { std::mem::zeroed() }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_batch_is_whole_however_many_were_expected() {
        let [near, far] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        near.connect(far.local_addr().unwrap()).unwrap();
        let mut inbox = Inbox::new(64);
        for sent in [1, 0, FEW, 3 * FEW, 2, BATCH, BATCH + 3, FEW + 1, 1] {
            (0..sent).for_each(|octet| _ = near.send(&[octet as u8]).unwrap());
            let mut seen = Vec::new();
            while let Ok(count @ 1..) = inbox.receive(far.as_fd(), 0) {
                assert_eq!(count, (sent - seen.len()).min(BATCH));
                seen.extend((0..count).map(|index| inbox.payload(index)[0] as usize));
            }
            assert_eq!(seen, (0..sent).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_packet_longer_than_its_room_is_marked_and_shows_nothing_of_the_one_before_it() {
        let [near, far] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        near.connect(far.local_addr().unwrap()).unwrap();
        let mut inbox = Inbox::new(64);
        for (octet, len) in [(1, 64), (2, 65), (3, 1), (4, 0)] {
            near.send(&vec![octet; len]).unwrap();
            // On the loopback it has arrived.
            assert_eq!(inbox.receive(far.as_fd(), 0).unwrap(), 1);
            assert_eq!(inbox.truncated(0), len > 64);
            assert_eq!(inbox.payload(0), vec![octet; len.min(64)]);
        }
    }
}
