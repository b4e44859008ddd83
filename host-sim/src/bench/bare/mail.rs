//! Batches of packets through one socket: `recvmmsg` and `sendmmsg`, buffers made once.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::AsRawFd;

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::sockopt::Timestamping;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, TimestampingFlag, Timestamps,
    recvmmsg, sendmmsg, setsockopt,
};
use socket2::Socket;

/// Packets of one system call, at most: twice as many as the engine takes.
pub(super) const BATCH: usize = 64;
/// Octets of a packet, at most.
const ROOM: usize = 256;

/// Packets that came in together. One for packets and another one for stamps of those that left:
/// room that a call did not need for control messages is gone for the next, until it is missed.
pub(super) struct Inbox {
    headers: MultiHeaders<SockaddrStorage>,
    buffers: Vec<[u8; ROOM]>,
    letters: Vec<Letter>,
}

/// What is known of a packet that came in.
#[derive(Clone, Copy)]
pub(super) struct Letter {
    pub(super) from: Option<SockaddrStorage>,
    pub(super) len: usize,
    /// The kernel's stamp, nanoseconds since 1970.
    pub(super) stamp: Option<i64>,
}

/// Has the kernel stamp what arrives, and (`transmitted`) what leaves.
pub(super) fn ask_for_stamps(socket: &Socket, transmitted: bool) -> io::Result<()> {
    let mut flags = TimestampingFlag::SOF_TIMESTAMPING_SOFTWARE
        | TimestampingFlag::SOF_TIMESTAMPING_RX_SOFTWARE;
    if transmitted {
        flags |= TimestampingFlag::SOF_TIMESTAMPING_TX_SOFTWARE
            | TimestampingFlag::SOF_TIMESTAMPING_OPT_ID
            | TimestampingFlag::SOF_TIMESTAMPING_OPT_TSONLY;
    }
    setsockopt(socket, Timestamping, &flags)?;
    Ok(())
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self {
            headers: headers(),
            buffers: vec![[0; ROOM]; BATCH],
            letters: Vec::with_capacity(BATCH),
        }
    }

    /// Takes what is there, in one call; with `MSG_WAITFORONE`, waits for the first.
    pub(super) fn fetch(&mut self, socket: &Socket, flags: MsgFlags) -> io::Result<usize> {
        self.letters.clear();
        let mut buffers = self.buffers.iter_mut();
        let mut slices: [[IoSliceMut<'_>; 1]; BATCH] = std::array::from_fn(|_| {
            [IoSliceMut::new(
                buffers.next().map_or(&mut [], <[u8; ROOM]>::as_mut_slice),
            )]
        });
        let fetched = recvmmsg(
            socket.as_raw_fd(),
            &mut self.headers,
            slices.iter_mut(),
            flags,
            None,
        );
        let fetched = match fetched {
            Ok(fetched) => fetched,
            // Of an earlier packet, to a port that has been closed since.
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ECONNREFUSED) => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        let mut short = false;
        for message in fetched {
            short |= message.flags.contains(MsgFlags::MSG_CTRUNC);
            let stamp = message.cmsgs().ok().and_then(|mut all| {
                all.find_map(|one| match one {
                    ControlMessageOwned::ScmTimestampsns(stamps) => {
                        let (s, ns) = (stamps.system.tv_sec(), stamps.system.tv_nsec());
                        Some(s * 1_000_000_000 + ns)
                    }
                    _ => None,
                })
            });
            self.letters.push(Letter {
                from: message.address,
                len: message.bytes,
                stamp,
            });
        }
        if short {
            self.headers = headers();
        }
        Ok(self.letters.len())
    }

    /// What came with the last call.
    pub(super) fn letters(&self) -> impl Iterator<Item = (Letter, &[u8])> {
        let all = self.letters.iter().zip(&self.buffers);
        all.map(|(letter, buffer)| (*letter, &buffer[..letter.len]))
    }
}

/// With room for a stamp, and beside it, on the error queue, what it is the stamp of; for packets,
/// TTL, TOS, destination and the count of dropped ones.
fn headers() -> MultiHeaders<SockaddrStorage> {
    MultiHeaders::preallocate(BATCH, Some(cmsg_space!(Timestamps, [u8; 64], [u8; 64])))
}

/// Packets that leave together.
pub(super) struct Outbox {
    headers: MultiHeaders<SockaddrStorage>,
    buffers: Vec<[u8; ROOM]>,
    lens: Vec<usize>,
    to: Vec<Option<SockaddrStorage>>,
}

impl Outbox {
    pub(super) fn new() -> Self {
        Self {
            headers: MultiHeaders::preallocate(BATCH, None),
            buffers: vec![[0; ROOM]; BATCH],
            lens: Vec::with_capacity(BATCH),
            to: Vec::with_capacity(BATCH),
        }
    }

    /// Is there room for no more?
    pub(super) fn is_full(&self) -> bool {
        self.to.len() == BATCH
    }

    /// Adds a packet of `len` octets, which `write` fills in.
    pub(super) fn add(
        &mut self,
        to: Option<SockaddrStorage>,
        len: usize,
        write: impl FnOnce(&mut [u8]),
    ) {
        if let Some(buffer) = self.buffers.get_mut(self.to.len()) {
            write(&mut buffer[..len]);
            self.lens.push(len);
            self.to.push(to);
        }
    }

    /// Sends all of them, in as few calls as the kernel takes; answers how many.
    pub(super) fn send(&mut self, socket: &Socket) -> io::Result<usize> {
        let count = self.to.len();
        let mut gone = 0;
        while gone < count {
            let slices: [[IoSlice<'_>; 1]; BATCH] = std::array::from_fn(|at| {
                let len = self.lens.get(at).copied().unwrap_or(0);
                [IoSlice::new(&self.buffers[at][..len])]
            });
            let sent = sendmmsg(
                socket.as_raw_fd(),
                &mut self.headers,
                slices[gone..count].iter(),
                &self.to[gone..],
                [],
                MsgFlags::empty(),
            );
            match sent {
                Ok(sent) => gone += sent.count(),
                Err(Errno::EINTR | Errno::ECONNREFUSED) => {}
                Err(error) => {
                    self.clear();
                    return Err(error.into());
                }
            }
        }
        self.clear();
        Ok(count)
    }

    fn clear(&mut self) {
        self.lens.clear();
        self.to.clear();
    }
}

/// Nanoseconds since 1970.
pub(super) fn now() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}
