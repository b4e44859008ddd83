//! Sending: packets queued at a path leave in batches, their tokens wait for stamps.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;

use libc::c_int;
use socket2::Socket;
use twamp_core::time::{Mono, Now, Wall};

use super::batch::{self, BATCH, Envelope};
use super::clock::{clock, mono};
use super::cmsg::Control;
use super::event::{NetCounters, Options, Outgoing, Path, Sent, TxStamps};
use super::lead::Lead;
use super::phc::{Phc, Raw};
use super::precision::Precision;
use super::receive::{self, Desk};
use super::stamps::{Ask, Found, Ledger, Room, Stamped};
use super::wait::Urgency;

/// Packets that tell their own time of sending leave in batches as small as this, so that the last
/// of a batch isn't much older than it says.
pub(super) const SEALED_BATCH: usize = 8;
/// Unless this many full batches in a row came in: then throughput counts.
pub(super) const DEEP: u32 = 2;
/// Spent payload buffers kept for use again.
const SPARE: usize = 512;

/// A path's socket and all that belongs to it.
pub(super) struct Endpoint<T> {
    pub(super) path: Path,
    pub(super) socket: Socket,
    /// The address that it is bound to,
    pub(super) local: IpAddr,
    /// and the type of service or traffic class that packets leave with by themselves.
    pub(super) tos: u8,
    pub(super) outbox: VecDeque<Outgoing<T>>,
    pub(super) ledger: Ledger<Option<T>>,
    /// The clock that the interface stamps by, where its stamps are taken.
    pub(super) phc: Option<Box<Phc>>,
    /// How much later than they are finished packets leave, where they tell the time themselves.
    pub(super) lead: Option<Box<Lead>>,
    /// What arrives may wait a little, if it is stamped.
    pub(super) unhurried: bool,
    /// How it is watched.
    pub(super) urgency: Urgency,
    /// The kernel's last count of dropped packets.
    pub(super) drops: u32,
    /// Receive batches in a row that were full.
    pub(super) full_batches: u32,
}

impl<T> Endpoint<T> {
    /// Many packets wait to be received.
    pub(super) fn is_deep(&self) -> bool {
        self.full_batches >= DEEP
    }

    /// The first of a batch was asked when it left.
    pub(super) fn learn(&mut self, stamped: &Stamped<Option<T>>) {
        let asked = stamped.token.is_none();
        if let (Some(lead), Some(kernel), true) = (&mut self.lead, stamped.kernel, asked) {
            lead.left(kernel.since(stamped.user.wall));
        }
    }

    /// The interface has stamped a packet that it was asked to.
    pub(super) fn matched_up(
        &mut self,
        number: u32,
        raw: Raw,
        counters: &mut NetCounters,
    ) -> Found<Option<T>> {
        let mut found = self.ledger.match_up(number);
        if let Found::Whole(stamped) = &mut found
            && let (Some(phc), Some(kernel)) = (&self.phc, stamped.kernel)
        {
            stamped.hardware = phc.told(raw, kernel, stamped.user.mono, counters);
        }
        found
    }

    /// The interface's stamps could be told in our time, and did come lately.
    fn asks_both(&self, now: Mono) -> bool {
        let known = self.phc.as_ref().is_some_and(|phc| phc.is_known(now));
        known && self.ledger.asks_both(now)
    }
}

/// Tools to send with, shared by all paths.
pub(super) struct Bench<T> {
    envelopes: Vec<Envelope>,
    spare: Vec<Vec<u8>>,
    /// Room for packets that wait to be sent, and for their tokens: of the paths that have none.
    outboxes: Vec<VecDeque<Outgoing<T>>>,
    rooms: Vec<Room<Option<T>>>,
    pub(super) precision: Precision,
}

impl<T> Bench<T> {
    pub(super) fn new() -> Bench<T> {
        Bench {
            envelopes: batch::envelopes(),
            spare: Vec::new(),
            outboxes: Vec::new(),
            rooms: Vec::new(),
            precision: Precision::new(),
        }
    }

    /// An empty outbox, used before if possible: thousands of paths have packets in turn.
    pub(super) fn outbox(&mut self) -> VecDeque<Outgoing<T>> {
        self.outboxes.pop().unwrap_or_default()
    }

    /// An empty buffer, used before if possible.
    pub(super) fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    fn recycle(&mut self, mut buffer: Vec<u8>) {
        if self.spare.len() < SPARE {
            buffer.clear();
            self.spare.push(buffer);
        }
    }
}

/// Sends all that is queued at a path.
///
/// A packet that fails is given back with its error and the next ones go on; after an ICMP error
/// it gets a second try, because the kernel reports such errors at whatever call comes next.
pub(super) fn flush<T>(
    endpoint: &mut Endpoint<T>,
    bench: &mut Bench<T>,
    desk: &mut Desk<T>,
    counters: &mut NetCounters,
) {
    endpoint.ledger.borrow(&mut bench.rooms);
    while !endpoint.outbox.is_empty() {
        let now = clock();
        let count = prepare(endpoint, &mut bench.envelopes, now);
        let packets = bench.envelopes.iter().zip(&endpoint.outbox).take(count);
        let packets = packets.map(|(envelope, queued)| (envelope, &*queued.payload));
        let outcome = batch::send(endpoint.socket.as_fd(), packets);
        let ended = mono();
        bench.precision.took(now.mono, ended);
        let sent = *outcome.as_ref().unwrap_or(&0);
        if let Some(lead) = &mut endpoint.lead {
            lead.took(sent, ended.since(now.mono));
        }
        // Emptied where they are: to take each out would copy it.
        let Endpoint { outbox, ledger, .. } = endpoint;
        for queued in outbox.iter_mut().take(sent) {
            counters.sent += 1;
            bench.recycle(mem::take(&mut queued.payload));
            match queued.token.take() {
                token if queued.progress.asked => {
                    ledger.sent(queued.to, now, token);
                    if queued.progress.both {
                        ledger.awaits_both();
                    }
                }
                Some(token) => {
                    let stamps = TxStamps {
                        user: now,
                        kernel: None,
                        hardware: None,
                    };
                    desk.sent(Sent {
                        path: queued.path,
                        token,
                        result: Ok(stamps),
                    });
                }
                None => {}
            }
        }
        outbox.drain(..sent);
        if sent < count {
            give_way(endpoint, bench, desk, counters, outcome.err());
        } else if !endpoint.ledger.is_empty() {
            // Most drivers stamp at once: no need to be woken for it.
            receive::drain(endpoint, desk, counters);
        }
    }
    endpoint.ledger.give_back(&mut bench.rooms);
    bench.outboxes.push(mem::take(&mut endpoint.outbox));
}

impl Options {
    /// Those that differ from what a socket bound to `local` does by itself. What is not
    /// said again is no work for the kernel.
    fn beyond(&self, local: IpAddr, tos: u8) -> Options {
        Options {
            tos: self.tos.filter(|own| *own != tos),
            source: self
                .source
                .filter(|own| *own != local || self.interface.is_some()),
            ..*self
        }
    }
}

/// Fills envelopes for the next batch, seals what must be; answers how many.
fn prepare<T>(endpoint: &mut Endpoint<T>, envelopes: &mut [Envelope], now: Now) -> usize {
    let (ask, deep) = (endpoint.ledger.ask(now.mono), endpoint.is_deep());
    let both = ask == Ask::All && endpoint.asks_both(now.mono);
    let mut room = BATCH;
    let mut count = 0;
    for (queued, envelope) in endpoint.outbox.iter_mut().zip(envelopes) {
        if queued.seal.is_some() && !deep {
            room = room.min(SEALED_BATCH);
        }
        if count >= room {
            break;
        }
        let mut scout = false;
        if let Some(sealer) = &queued.seal
            && !queued.progress.sealed
        {
            let lead = endpoint.lead.get_or_insert_default();
            scout = count == 0 && lead.asks(now.mono);
            let leaves = Wall(now.wall.0 + lead.of(count));
            sealer.seal(&mut queued.payload, leaves);
            queued.progress.sealed = true;
        }
        queued.progress.asked = (scout || queued.token.is_some()) && ask != Ask::Nobody;
        queued.progress.both = queued.progress.asked && both;
        envelope.name.set(queued.to);
        let own = queued.options.beyond(endpoint.local, endpoint.tos);
        write(&mut envelope.control, queued.to, &own);
        ask_for_stamps(
            &mut envelope.control,
            queued.progress.asked,
            queued.progress.both,
        );
        count += 1;
        if queued.progress.asked && ask == Ask::One {
            break;
        }
    }
    count
}

/// The first packet of the queue failed: with `error`, or with one still to be heard.
fn give_way<T>(
    endpoint: &mut Endpoint<T>,
    bench: &mut Bench<T>,
    desk: &mut Desk<T>,
    counters: &mut NetCounters,
    error: Option<io::Error>,
) {
    let asked = endpoint
        .outbox
        .front()
        .is_some_and(|queued| queued.progress.asked);
    if asked {
        endpoint.ledger.failed();
    }
    let icmp = receive::drain(endpoint, desk, counters).icmp;
    let Some(error) = error else { return };
    if let Some(first) = endpoint.outbox.front_mut()
        && icmp > 0
        && !first.progress.tried
    {
        first.progress.tried = true;
        return;
    }
    let Some(failed) = endpoint.outbox.pop_front() else {
        return;
    };
    counters.send_errors += 1;
    let Outgoing {
        path,
        payload,
        token,
        ..
    } = failed;
    bench.recycle(payload);
    if let Some(token) = token {
        desk.sent(Sent {
            path,
            token,
            result: Err(error.into()),
        });
    }
}

/// Writes what a packet has of its own.
fn write(control: &mut Control, to: SocketAddr, options: &Options) {
    control.clear();
    let (level, ttl, tos) = match to {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_TTL, libc::IP_TOS),
        SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT, libc::IPV6_TCLASS),
    };
    if let Some(value) = options.ttl {
        control.push(level, ttl, &c_int::from(value).to_ne_bytes());
    }
    if let Some(value) = options.tos {
        control.push(level, tos, &c_int::from(value).to_ne_bytes());
    }
    if options.source.is_some() || options.interface.is_some() {
        let interface = options.interface.unwrap_or(0).to_ne_bytes();
        match (to, options.source) {
            (SocketAddr::V4(_), source) => {
                // in_pktinfo: interface, source address, (on receipt) destination address.
                let mut info = [0; 12];
                info[..4].copy_from_slice(&interface);
                if let Some(IpAddr::V4(source)) = source {
                    info[4..8].copy_from_slice(&source.octets());
                }
                control.push(level, libc::IP_PKTINFO, &info);
            }
            (SocketAddr::V6(_), source) => {
                // in6_pktinfo: source address, interface.
                let mut info = [0; 20];
                if let Some(IpAddr::V6(source)) = source {
                    info[..16].copy_from_slice(&source.octets());
                }
                info[16..].copy_from_slice(&interface);
                control.push(level, libc::IPV6_PKTINFO, &info);
            }
        }
    }
    if let Some(mark) = options.mark {
        control.push(libc::SOL_SOCKET, libc::SO_MARK, &mark.to_ne_bytes());
    }
}

fn ask_for_stamps(control: &mut Control, kernel: bool, interface: bool) {
    let kinds = match interface {
        _ if !kernel => return,
        false => libc::SOF_TIMESTAMPING_TX_SOFTWARE,
        true => libc::SOF_TIMESTAMPING_TX_SOFTWARE | libc::SOF_TIMESTAMPING_TX_HARDWARE,
    };
    control.push(
        libc::SOL_SOCKET,
        libc::SO_TIMESTAMPING,
        &kinds.to_ne_bytes(),
    );
}
