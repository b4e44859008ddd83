//! Receiving: packets with their stamps, and what stands in the error queue.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;

use twamp_core::probe::Arrival;
use twamp_core::time::{Now, Wall};

use super::batch::{BATCH, Inbox};
use super::clock::clock;
use super::cmsg::{Control, Message, word};
use super::event::{Datagram, NetCounters, Notice, NoticeKind, Path, Sent, TxStamps};
use super::phc::Raw;
use super::send::{Endpoint, SEALED_BATCH};
use super::stamps::{Found, Stamped};

/// No UDP packet is longer; the odd lines keep the payloads of a batch in different cache sets.
const LONGEST: usize = 65_536 + 5 * 64;
/// Of a packet that an ICMP error is about nothing is needed, and a stamp comes without any.
const ERROR_PAYLOAD: usize = 64;

/// What has come in and waits to be told to the engine.
pub(super) struct Desk<T> {
    pub(super) told: VecDeque<Told<T>>,
    inbox: Inbox,
    errors: Inbox,
    /// The packets in `inbox`, of one path.
    parcels: VecDeque<Parcel>,
    path: Path,
    /// Replies to them that had better leave together.
    pub(super) replies: usize,
}

/// An event without borrowed parts.
pub(super) enum Told<T> {
    Sent(Sent<T>),
    Notice(Notice),
}

/// A packet in the inbox.
struct Parcel {
    index: usize,
    from: SocketAddr,
    to: Option<IpAddr>,
    interface: u32,
    arrival: Arrival,
}

/// What a drained error queue had.
#[derive(Default)]
pub(super) struct Drained {
    /// ICMP errors.
    pub(super) icmp: usize,
    /// Entries of any kind.
    pub(super) entries: usize,
}

impl<T> Desk<T> {
    pub(super) fn new() -> Desk<T> {
        Desk {
            told: VecDeque::new(),
            inbox: Inbox::new(LONGEST),
            errors: Inbox::new(ERROR_PAYLOAD),
            parcels: VecDeque::with_capacity(BATCH),
            path: Path {
                slot: 0,
                generation: 0,
                network: 0,
                thread: 0,
            },
            replies: SEALED_BATCH,
        }
    }

    /// Nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty() && self.parcels.is_empty()
    }

    /// A token goes back.
    pub(super) fn sent(&mut self, sent: Sent<T>) {
        self.told.push_back(Told::Sent(sent));
    }

    /// Tokens go back, of packets that have left. One that was asked for the path's own sake has
    /// none.
    pub(super) fn stamped(
        &mut self,
        path: Path,
        stamped: Stamped<Option<T>>,
        counters: &mut NetCounters,
    ) {
        let Stamped {
            token,
            user,
            kernel,
            hardware,
        } = stamped;
        counters.stamps_missing += u64::from(kernel.is_none());
        let Some(token) = token else { return };
        let result = Ok(TxStamps {
            user,
            kernel,
            hardware,
        });
        self.sent(Sent {
            path,
            token,
            result,
        });
    }

    fn notice(&mut self, path: Path, remote: Option<SocketAddr>, kind: NoticeKind) {
        self.told
            .push_back(Told::Notice(Notice { path, remote, kind }));
    }

    fn just_noticed(&self, path: Path, remote: Option<SocketAddr>, kind: NoticeKind) -> bool {
        let same = Notice { path, remote, kind };
        matches!(self.told.back(), Some(Told::Notice(notice)) if *notice == same)
    }

    /// The next packet.
    pub(super) fn datagram(&mut self) -> Option<Datagram<'_>> {
        let parcel = self.parcels.pop_front()?;
        Some(Datagram {
            path: self.path,
            from: parcel.from,
            to: parcel.to,
            interface: parcel.interface,
            payload: self.inbox.payload(parcel.index),
            arrival: parcel.arrival,
        })
    }

    /// Forgets the packets of a path that closes.
    pub(super) fn forget(&mut self, path: Path) {
        if self.path == path {
            self.parcels.clear();
        }
    }
}

/// Fetches one batch of packets. All earlier ones must have been told.
///
/// The error queue is read **after** the batch and told **before** it: a packet is stamped before
/// it leaves, so the stamp of every probe that is answered in this batch is found.
pub(super) fn fetch<T>(
    endpoint: &mut Endpoint<T>,
    desk: &mut Desk<T>,
    counters: &mut NetCounters,
    errors_too: bool,
) {
    let count = receive(endpoint, desk, counters);
    let now = clock();
    endpoint.full_batches = match count {
        BATCH => endpoint.full_batches.saturating_add(1),
        _ => 0,
    };
    if errors_too || !endpoint.ledger.is_empty() {
        drain(endpoint, desk, counters);
    }
    desk.path = endpoint.path;
    desk.replies = match endpoint.is_deep() {
        true => BATCH,
        false => SEALED_BATCH,
    };
    desk.parcels.clear();
    for index in 0..count {
        let envelope = desk.inbox.envelope(index);
        let label = Label::read(&envelope.control);
        let from = envelope.name.get();
        note_drops(endpoint, desk, counters, label.drops);
        if desk.inbox.truncated(index) {
            counters.truncated += 1;
            continue;
        }
        let Some(from) = from else { continue };
        let (path, ledger) = (endpoint.path, &mut endpoint.ledger);
        ledger.release(from, now.mono, |stamped| {
            desk.stamped(path, stamped, counters);
        });
        counters.received += 1;
        let mut arrival = label.arrival(now);
        if let Some(phc) = &mut endpoint.phc
            && let (Some(raw), Some(kernel)) = (label.raw, label.kernel)
        {
            arrival.hardware = phc.arrived(raw, kernel, now.mono, counters);
        }
        desk.parcels.push_back(Parcel {
            index,
            from,
            to: label.to,
            interface: label.interface,
            arrival,
        });
    }
}

/// Fetches packets; an error that is pending from a packet sent earlier is put to the notices.
fn receive<T>(endpoint: &mut Endpoint<T>, desk: &mut Desk<T>, counters: &mut NetCounters) -> usize {
    // A second time, because the first may have failed by an ICMP error.
    for _ in 0..2 {
        match desk.inbox.receive(endpoint.socket.as_fd(), 0) {
            Ok(count) => return count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(_) => {
                drain(endpoint, desk, counters);
            }
        }
    }
    0
}

/// Reads the error queue to its end: stamps go to their tokens, ICMP errors to the notices.
pub(super) fn drain<T>(
    endpoint: &mut Endpoint<T>,
    desk: &mut Desk<T>,
    counters: &mut NetCounters,
) -> Drained {
    let mut drained = Drained::default();
    loop {
        let socket = endpoint.socket.as_fd();
        let Ok(count) = desk.errors.receive(socket, libc::MSG_ERRQUEUE) else {
            return drained;
        };
        for index in 0..count {
            drained.entries += 1;
            let envelope = desk.errors.envelope(index);
            let label = Label::read(&envelope.control);
            let remote = envelope.name.get();
            let Some(trouble) = label.trouble else {
                continue;
            };
            if trouble.origin == libc::SO_EE_ORIGIN_TIMESTAMPING {
                match take_stamp(endpoint, trouble.data, &label, counters) {
                    Found::Whole(stamped) => {
                        endpoint.learn(&stamped);
                        desk.stamped(endpoint.path, stamped, counters);
                    }
                    Found::Half => {}
                    Found::Stray => counters.stamps_stray += 1,
                }
                continue;
            }
            if trouble.is_icmp() {
                drained.icmp += 1;
                counters.icmp_errors += 1;
            } else if desk.just_noticed(endpoint.path, remote, trouble.kind()) {
                // A packet too large for the interface, tried again to hear its error.
                continue;
            }
            desk.notice(endpoint.path, remote, trouble.kind());
        }
        if count < BATCH {
            return drained;
        }
    }
}

/// What becomes of the stamps of the packet of this number. The kernel's and the interface's come
/// one after the other, or together.
pub(super) fn take_stamp<T>(
    endpoint: &mut Endpoint<T>,
    number: u32,
    label: &Label,
    counters: &mut NetCounters,
) -> Found<Option<T>> {
    let kernel = label.kernel;
    let found = kernel.map(|kernel| endpoint.ledger.stamp(number, kernel));
    match (found, label.raw) {
        (None | Some(Found::Half), Some(raw)) => endpoint.matched_up(number, raw, counters),
        (Some(found), _) => found,
        (None, None) => Found::Stray,
    }
}

/// Answers an error event of the socket. An error that left nothing in the queue is taken off, or
/// it would wake the thread for ever.
pub(super) fn settle<T>(
    endpoint: &mut Endpoint<T>,
    desk: &mut Desk<T>,
    counters: &mut NetCounters,
) {
    if drain(endpoint, desk, counters).entries == 0 {
        let _ = endpoint.socket.take_error();
    }
}

/// The kernel counts all it ever dropped; what is new is told.
fn note_drops<T>(
    endpoint: &mut Endpoint<T>,
    desk: &mut Desk<T>,
    counters: &mut NetCounters,
    drops: Option<u32>,
) {
    let Some(drops) = drops else { return };
    let packets = drops.wrapping_sub(endpoint.drops);
    // Counts of packets that were queued on different processors may come out of order.
    if packets == 0 || packets > u32::MAX / 2 {
        return;
    }
    endpoint.drops = drops;
    counters.overflows += u64::from(packets);
    desk.notice(endpoint.path, None, NoticeKind::Overflow { packets });
}

/// What the control messages say.
#[derive(Default)]
pub(super) struct Label {
    kernel: Option<Wall>,
    /// By the interface's own clock.
    raw: Option<Raw>,
    ttl: Option<u8>,
    tos: Option<u8>,
    to: Option<IpAddr>,
    interface: u32,
    drops: Option<u32>,
    trouble: Option<Trouble>,
}

/// The kernel's `sock_extended_err`.
#[derive(Clone, Copy)]
struct Trouble {
    number: i32,
    origin: u8,
    info: u32,
    data: u32,
}

impl Label {
    pub(super) fn read(control: &Control) -> Label {
        let mut label = Label::default();
        for message in control.messages() {
            label.take(&message);
        }
        label
    }

    fn take(&mut self, message: &Message<'_>) {
        let octet = || message.int().and_then(|int| u8::try_from(int).ok());
        match (message.level, message.kind) {
            (libc::SOL_SOCKET, libc::SO_TIMESTAMPING) => {
                self.kernel = stamp(message.data, 0).map(Wall);
                self.raw = stamp(message.data, 2).map(Raw);
            }
            (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => self.drops = message.int(),
            (libc::IPPROTO_IP, libc::IP_TTL) => self.ttl = octet(),
            (libc::IPPROTO_IP, libc::IP_TOS) => self.tos = octet(),
            (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => self.ttl = octet(),
            (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => self.tos = octet(),
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                self.interface = word(message.data, 0).unwrap_or(0);
                let to = message.data.get(8..).and_then(<[u8]>::first_chunk::<4>);
                self.to = to.map(|octets| Ipv4Addr::from(*octets).into());
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                let to = message.data.first_chunk::<16>();
                self.to = to.map(|octets| Ipv6Addr::from(*octets).into());
                self.interface = word(message.data, 16).unwrap_or(0);
            }
            (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR) => {
                self.trouble = Trouble::read(message.data);
            }
            _ => {}
        }
    }

    fn arrival(&self, now: Now) -> Arrival {
        Arrival {
            mono: now.mono,
            user: now.wall,
            kernel: self.kernel,
            hardware: None,
            ttl: self.ttl,
            tos: self.tos,
        }
    }
}

/// One of the three stamps, nanoseconds; zero means none. The first is the kernel's, the last the
/// interface's (`scm_timestamping`). Their fields are words.
fn stamp(data: &[u8], which: usize) -> Option<i64> {
    const WORD: usize = size_of::<isize>();
    let field = |at: usize| {
        let octets = data.get(at * WORD..)?.first_chunk::<WORD>()?;
        Some(isize::from_ne_bytes(*octets) as i64)
    };
    let (seconds, nanos) = (field(2 * which)?, field(2 * which + 1)?);
    let stamp = seconds.checked_mul(1_000_000_000)?.checked_add(nanos)?;
    (stamp != 0).then_some(stamp)
}

impl Trouble {
    fn read(data: &[u8]) -> Option<Trouble> {
        Some(Trouble {
            number: word(data, 0)?.cast_signed(),
            origin: *data.get(4)?,
            info: word(data, 8)?,
            data: word(data, 12)?,
        })
    }

    fn is_icmp(&self) -> bool {
        matches!(
            self.origin,
            libc::SO_EE_ORIGIN_ICMP | libc::SO_EE_ORIGIN_ICMP6
        )
    }

    fn kind(&self) -> NoticeKind {
        match self.number {
            libc::ECONNREFUSED => NoticeKind::PortUnreachable,
            libc::EHOSTUNREACH | libc::ENETUNREACH | libc::EHOSTDOWN | libc::EACCES => {
                NoticeKind::HostUnreachable
            }
            libc::EMSGSIZE => NoticeKind::TooBig {
                mtu: self.info,
                here: !self.is_icmp(),
            },
            number => NoticeKind::Other(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As the kernel writes them: seconds and nanoseconds of three stamps.
    fn three(stamps: [(isize, isize); 3]) -> Control {
        let words = stamps.iter().flat_map(|(seconds, nanos)| [seconds, nanos]);
        let octets: Vec<u8> = words.flat_map(|word| word.to_ne_bytes()).collect();
        let mut control = Control::new();
        control.push(libc::SOL_SOCKET, libc::SO_TIMESTAMPING, &octets);
        control
    }

    #[test]
    fn the_kernels_stamp_is_the_first_of_three_and_the_interfaces_the_last() {
        for (stamps, kernel, raw) in [
            ([(7, 5), (0, 0), (0, 0)], Some(7_000_000_005), None),
            ([(0, 0), (9, 9), (3, 1)], None, Some(3_000_000_001)),
            (
                [(7, 5), (0, 0), (3, 1)],
                Some(7_000_000_005),
                Some(3_000_000_001),
            ),
            ([(0, 0), (0, 0), (-1, 5)], None, Some(-999_999_995)),
            ([(isize::MAX, 0), (0, 0), (isize::MIN, 0)], None, None),
        ] {
            let label = Label::read(&three(stamps));
            assert_eq!(label.kernel, kernel.map(Wall), "{stamps:?}");
            assert_eq!(label.raw, raw.map(Raw), "{stamps:?}");
        }
    }

    proptest! {
        #[test]
        fn a_control_message_of_any_octets_is_read_without_harm(
            octets in proptest::collection::vec(any::<u8>(), 0..60),
            level in prop_oneof![Just(libc::SOL_SOCKET), Just(libc::IPPROTO_IP)],
            kind in 0..64i32,
        ) {
            let mut control = Control::new();
            control.push(level, kind, &octets);
            let label = Label::read(&control);
            let stamps = (level, kind) == (libc::SOL_SOCKET, libc::SO_TIMESTAMPING);
            prop_assert!(stamps || (label.kernel, label.raw) == (None, None));
            prop_assert!(octets.len() >= 48 || label.raw.is_none());
        }
    }
}
