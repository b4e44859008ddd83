//! Many packets a system call: `sendmmsg` and `recvmmsg`.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use super::cmsg::Control;
use super::name::Name;

/// Packets of one system call, at most.
pub(super) const BATCH: usize = 32;

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
        }
    }

    /// Takes what is there, without blocking, in place of what was taken before.
    pub(super) fn receive(&mut self, socket: BorrowedFd<'_>, flags: i32) -> io::Result<usize> {
        let mut pieces = [NO_PIECE; BATCH];
        let mut headers = no_headers();
        let rooms = self.payloads.chunks_exact_mut(self.stride);
        let places = pieces.iter_mut().zip(&mut headers);
        for ((room, envelope), (piece, header)) in rooms.zip(&mut self.envelopes).zip(places) {
            piece.iov_base = room.as_mut_ptr().cast();
            piece.iov_len = room.len();
            let (name, control) = (envelope.name.room(), envelope.control.room());
            header.msg_hdr.msg_name = name.as_mut_ptr().cast();
            header.msg_hdr.msg_namelen = name.len() as _;
            header.msg_hdr.msg_iov = piece;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = control.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = control.len() as _;
        }
        // SAFETY: all `BATCH` headers were filled above, each pointing to its own piece, name and
        // control buffer, and each piece to its own room; all are borrowed mutably or owned by
        // this function, none is touched before the call returns, and every length given is the
        // length of what it goes with. The name and control buffers are aligned to 8. No time-out
        // is given.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                BATCH as _,
                (flags | libc::MSG_DONTWAIT) as _,
                ptr::null_mut(),
            )
        };
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        for (index, header) in headers.iter().enumerate().take(count) {
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
