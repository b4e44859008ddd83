//! What goes out of this room and what comes back from it.

use std::net::{IpAddr, SocketAddr};
use std::ops::AddAssign;
use std::time::Duration;

use twamp_core::probe::{Arrival, TxStamp};
use twamp_core::time::{Now, Wall};

use super::error::SendError;
use super::seal::Seal;

/// An open path: a socket, known to the engine by this handle only. Never used again once closed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Path {
    pub(super) slot: u32,
    pub(super) generation: u32,
    /// Paths of one network namespace have the same number.
    pub(super) network: u32,
    pub(super) thread: u16,
}

impl Path {
    /// A path that nothing leaves by: packets to and from it are the host's to move.
    pub(crate) fn imagined(place: u32) -> Self {
        Self {
            slot: place,
            generation: 0,
            network: 0,
            thread: 0,
        }
    }

    /// The number of the thread that has it: no other may use it.
    pub(crate) fn thread(self) -> u16 {
        self.thread
    }

    /// Which of this host's networks it is in: the same address in another one is another host's.
    pub(crate) fn network(self) -> u32 {
        self.network
    }

    /// Its place among the thread's open ones, a small number. When it closes, another one may get it.
    pub(crate) fn place(self) -> usize {
        self.slot as usize
    }
}

/// A packet to send, with the token that comes back once it left (or didn't).
#[derive(Debug)]
pub(crate) struct Outgoing<T> {
    /// Where through.
    pub(crate) path: Path,
    /// Where to.
    pub(crate) to: SocketAddr,
    /// The UDP payload.
    pub(crate) payload: Vec<u8>,
    /// Seals it just before it leaves: it tells its time of sending.
    pub(crate) seal: Option<Seal>,
    /// Comes back in [`Event::Sent`], with the stamps.
    pub(crate) token: Option<T>,
    /// Where the path's own settings aren't wanted.
    pub(crate) options: Options,
    /// How far it is.
    pub(crate) progress: Progress,
}

/// How far a packet is on its way out. A new one has none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Progress {
    pub(super) sealed: bool,
    /// Asked for a stamp in the last try,
    pub(super) asked: bool,
    /// and the interface as well.
    pub(super) both: bool,
    /// Has failed once, maybe by an error that was another packet's.
    pub(super) tried: bool,
}

impl<T> Outgoing<T> {
    /// Its token, if it has one, as of a path that closed before the packet left.
    pub(super) fn unsent(self) -> Option<Sent<T>> {
        let (path, token) = (self.path, self.token?);
        let result = Err(SendError::Closed);
        Some(Sent {
            path,
            token,
            result,
        })
    }
}

/// What a single packet has of its own. `None`: as the path was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Options {
    /// Time to live or hop limit.
    pub(crate) ttl: Option<u8>,
    /// Type of service or traffic class: DSCP and ECN.
    pub(crate) tos: Option<u8>,
    /// Source address; must be one of the host's.
    pub(crate) source: Option<IpAddr>,
    /// Index of the interface to leave by.
    pub(crate) interface: Option<u32>,
    /// Firewall mark (needs `CAP_NET_ADMIN`; Linux 5.5 and up, no effect before).
    pub(crate) mark: Option<u32>,
}

/// Something to tell the engine.
#[derive(Debug)]
pub(crate) enum Event<'a, T> {
    /// A token comes back.
    Sent(Sent<T>),
    /// A packet arrived.
    Datagram(Datagram<'a>),
    /// Something about the path. It is still open.
    Notice(Notice),
}

/// The token of a packet that was sent, or should have been.
#[derive(Debug)]
pub(crate) struct Sent<T> {
    /// Where through.
    pub(crate) path: Path,
    /// As it was given.
    pub(crate) token: T,
    /// When it left, or why it didn't.
    pub(crate) result: Result<TxStamps, SendError>,
}

/// When a packet left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TxStamps {
    /// Read just before its batch was handed to the kernel. (A sealed packet that needed a second
    /// try tells the time of the first.)
    pub(crate) user: Now,
    /// When the kernel handed it to the interface; not before `user`.
    pub(crate) kernel: Option<Wall>,
    /// When the interface sent it, by its own clock, told in our time.
    pub(crate) hardware: Option<Wall>,
}

impl From<TxStamps> for TxStamp {
    fn from(stamps: TxStamps) -> Self {
        Self {
            user: stamps.user.wall,
            kernel: stamps.kernel,
            hardware: stamps.hardware,
        }
    }
}

/// A packet that arrived.
#[derive(Debug)]
pub(crate) struct Datagram<'a> {
    /// Where through.
    pub(crate) path: Path,
    /// Where from.
    pub(crate) from: SocketAddr,
    /// The address it was sent to.
    pub(crate) to: Option<IpAddr>,
    /// Index of the interface it came in by; 0 if not known.
    pub(crate) interface: u32,
    /// The UDP payload, whole.
    pub(crate) payload: &'a [u8],
    /// Stamps, TTL and TOS.
    pub(crate) arrival: Arrival,
}

/// Something about a path that is no packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Notice {
    /// Which path.
    pub(crate) path: Path,
    /// The far end of the packet it is about.
    pub(crate) remote: Option<SocketAddr>,
    /// What it is.
    pub(crate) kind: NoticeKind,
}

/// What a [`Notice`] says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NoticeKind {
    /// The far end is there, but nobody listens on the port (ICMP).
    PortUnreachable,
    /// The far end can't be reached, or a filter on the way says so (ICMP).
    HostUnreachable,
    /// A hop on the way, or this host's interface, takes at most `mtu` octets.
    TooBig {
        /// Size of the largest IP packet that gets through; 0 if it isn't told.
        mtu: u32,
        /// This host says so, not a router (ICMP).
        here: bool,
    },
    /// This host dropped packets for lack of room: not a loss on the line.
    Overflow {
        /// How many, since the last such notice.
        packets: u32,
    },
    /// Another error, by the kernel's number.
    Other(i32),
}

/// What a wait was ended by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Woken {
    /// Read after the wait.
    pub(crate) now: Now,
    /// A [`super::Waker`] was used.
    pub(crate) by_call: bool,
    /// How late the timer was; zero if something else ended the wait. Much of it is local trouble.
    pub(crate) late: Duration,
}

/// What has been counted since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct NetCounters {
    /// Packets the kernel took.
    pub(crate) sent: u64,
    /// Packets that arrived whole.
    pub(crate) received: u64,
    /// Packets that didn't leave.
    pub(crate) send_errors: u64,
    /// Packets the kernel dropped because they weren't fetched in time.
    pub(crate) overflows: u64,
    /// Packets dropped because they were cut.
    pub(crate) truncated: u64,
    /// ICMP errors about packets sent.
    pub(crate) icmp_errors: u64,
    /// Tokens given back without the kernel stamp they waited for.
    pub(crate) stamps_missing: u64,
    /// Kernel stamps that were nobody's: too late, doubled, or in doubt.
    pub(crate) stamps_stray: u64,
    /// Stamps of an interface that were too far from the kernel's to be true.
    pub(crate) stamps_refused: u64,
    /// Times the thread woke up.
    pub(crate) wakeups: u64,
    /// Times the timer woke it more than 1 ms late.
    pub(crate) late_wakeups: u64,
}

impl AddAssign for NetCounters {
    fn add_assign(&mut self, other: Self) {
        self.sent += other.sent;
        self.received += other.received;
        self.send_errors += other.send_errors;
        self.overflows += other.overflows;
        self.truncated += other.truncated;
        self.icmp_errors += other.icmp_errors;
        self.stamps_missing += other.stamps_missing;
        self.stamps_stray += other.stamps_stray;
        self.stamps_refused += other.stamps_refused;
        self.wakeups += other.wakeups;
        self.late_wakeups += other.late_wakeups;
    }
}
