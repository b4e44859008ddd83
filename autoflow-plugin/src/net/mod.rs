//! Packets out, packets in, with the truest time of both. The engine above never sees a socket:
//! it hands over packets with their tokens and receives packets with their stamps.
//!
//! ```text
//!            queue ──► outbox ──flush──► sendmmsg ────────► network
//!   engine              │ token                                │
//!            poll ◄── desk ◄── ledger ◄── error queue ◄── kernel stamp
//!                       ▲
//!                       └──────────── recvmmsg ◄─────────── network
//! ```
//!
//! One thread drives it; where there are several, each has a network of its own. In this order:
//!
//! 1. [`Net::wait`] sleeps until something happens or the given time is reached. Without a time
//!    and without packets nothing wakes it.
//! 2. [`Net::poll`], until it has nothing more to tell: tokens, packets, notices.
//! 3. [`Net::queue`] what is due, [`Net::flush`], and again. (`flush` between two polls is fine
//!    too, and wise after as many replies as [`Net::batch`] says.)
//!
//! **When a token comes back.** Each token comes back exactly once, in [`Event::Sent`]:
//! * at once, if its packet failed, or didn't ask for a kernel stamp: a path opened without
//!   `transmit_stamps`, or one that was found not to stamp (eight packets in a row; one packet a
//!   second still tries), or after a failed send while the kernel's numbers are in doubt;
//! * otherwise with its stamp, most often by the end of the `flush` that sent it; where the
//!   interface stamps too, with both, a little later;
//! * without the stamp, after 50 ms, or when a packet from its far end has arrived and the stamp
//!   is still not there. So a token always comes back **before an answer to its packet**.
//!
//! No token ever gets another packet's stamp; `stamps.rs` tells how.
//!
//! A packet that arrives in the first moments after a host's first path was opened may lack its
//! kernel stamp: the kernel starts to stamp a little later than it says.
//!
//! A wait that is short anyway, until the next batch is due, may be slept through: what comes by an
//! `unhurried` path whose packets are stamped is fetched after it.
//!
//! ICMP errors never end anything: they come as [`Notice`]s and the path lives on.
//!
//! This is the only room with `unsafe` but for the plugin's boundary.

#![allow(
    dead_code,
    reason = "tests look at more of a path than the engine does"
)]

#[cfg(test)]
mod allocations;
mod batch;
mod bell;
mod binding;
mod clock;
mod cmsg;
mod error;
mod event;
mod handed;
mod hardware;
mod lead;
mod name;
mod namespace;
mod path;
mod phc;
mod precision;
mod receive;
mod register;
mod seal;
mod send;
mod stamps;
#[cfg(test)]
mod tests;
mod thread;
mod wait;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use socket2::Socket;
use twamp_core::probe::UNREAD;
use twamp_core::time::{ErrorEstimate, Mono};

#[cfg(test)]
pub(crate) use allocations::allocations;
pub(crate) use bell::Bell;
pub(crate) use binding::Binding;
pub(crate) use clock::{clock, clock_error, tai_offset_s};
pub(crate) use error::{NetError, SendError};
pub(crate) use event::{
    Datagram, Event, NetCounters, Notice, NoticeKind, Options, Outgoing, Path, Progress, Sent,
    TxStamps, Woken,
};
pub(crate) use handed::{Purpose, judge as judge_handed, take as take_handed};
pub(crate) use hardware::have_stamped;
pub(crate) use namespace::Namespace;
pub(crate) use path::{PathSpec, Sharing};
pub(crate) use seal::Seal;
pub(crate) use thread::{pin, run_in_real_time, take_short_turns, with_signals_blocked};
pub(crate) use wait::Waker;

use phc::Phc;
use receive::{Desk, Told};
use register::Register;
use send::{Bench, Endpoint};
use stamps::Ledger;
use wait::{Poller, Ready, Urgency, Wait};

/// A wake-up later than this is counted as late.
const LATE: Duration = Duration::from_millis(1);
/// For so long, packets with stamps may wait to be fetched, with the next batch to be sent or the
/// next report: nobody would hear of them sooner. It saves up to half of all wake-ups.
const PATIENCE: Duration = UNREAD;
/// Between two waits a path with many packets is read so often again: it needn't be waited for. A
/// probe that is due is not held up by more than a hundred packets for it.
const AGAIN: u32 = 3;

/// All paths of one probe thread. `T` is the token that travels with a packet.
pub(crate) struct Net<T> {
    poller: Poller,
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    /// The thread's number.
    thread: u16,
    register: Register,
    /// Paths with queued packets, in the order of their first.
    dirty: Vec<Path>,
    /// Paths that something happened at.
    ready: VecDeque<Ready>,
    /// Batches that may be read beyond those, up to the next wait.
    again: u32,
    /// When tokens of a path may have waited long enough; soonest first.
    overdue: VecDeque<(Mono, Path)>,
    bench: Bench<T>,
    desk: Desk<T>,
    counters: NetCounters,
}

/// A place for a path. The generation tells the handles of its successive tenants apart.
struct Slot<T> {
    generation: u32,
    endpoint: Option<Endpoint<T>>,
}

impl<T> Net<T> {
    /// Without paths. The waker may be copied to any thread.
    ///
    /// # Errors
    /// [`NetError::TooManyFiles`], or what the kernel says.
    pub(crate) fn new() -> Result<(Net<T>, Waker), NetError> {
        Self::of(0, Register::default())
    }

    /// That of another thread of the same engine.
    ///
    /// # Errors
    /// As [`Net::new`].
    pub(crate) fn beside(&self, thread: u16) -> Result<(Net<T>, Waker), NetError> {
        Self::of(thread, self.register.clone())
    }

    fn of(thread: u16, register: Register) -> Result<(Net<T>, Waker), NetError> {
        let made = Poller::new();
        let (poller, waker) = made.map_err(|error| NetError::system("set up waiting", error))?;
        let net = Net {
            poller,
            slots: Vec::new(),
            free: Vec::new(),
            thread,
            register,
            dirty: Vec::new(),
            ready: VecDeque::new(),
            again: 0,
            overdue: VecDeque::new(),
            bench: Bench::new(),
            desk: Desk::new(),
            counters: NetCounters::default(),
        };
        Ok((net, waker))
    }

    /// Opens a path; answers its handle and the address it is bound to.
    ///
    /// # Errors
    /// Says what is wrong with the specification, or which privilege is missing.
    pub(crate) fn open(&mut self, spec: &PathSpec) -> Result<(Path, SocketAddr), NetError> {
        let (socket, local) = path::open(spec)?;
        Ok((self.settle(socket, spec, local)?, local))
    }

    /// Makes a path of a UDP socket that the host has opened and bound. Of the specification the
    /// address is held against the socket's; device, mark, namespace and port sharing are the
    /// host's. The socket is the path's alone: if others send through it, stamps go astray.
    ///
    /// # Errors
    /// It is not the socket that was asked for, or what the kernel says.
    pub(crate) fn adopt(
        &mut self,
        socket: OwnedFd,
        spec: &PathSpec,
    ) -> Result<(Path, SocketAddr), NetError> {
        let (socket, local) = path::adopt(socket, spec)?;
        let cookie = socket.cookie();
        let cookie = cookie.map_err(|error| NetError::system("tell a socket", error))?;
        if !self.register.take(cookie) {
            return Err(NetError::HostTwice);
        }
        Ok((self.settle(socket, spec, local)?, local))
    }

    /// Closes a path. Its tokens come back; packets that were queued do not leave.
    pub(crate) fn close(&mut self, path: Path) {
        let Some(slot) = self.slots.get_mut(path.slot as usize) else {
            return;
        };
        let Some(endpoint) = slot.endpoint.take_if(|endpoint| endpoint.path == path) else {
            return;
        };
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(path.slot);
        let urgency = endpoint.urgency;
        self.poller.forget(endpoint.socket.as_fd(), urgency);
        self.desk.forget(path);
        if let Ok(cookie) = endpoint.socket.cookie() {
            self.register.give_back(cookie);
        }
        for stamped in endpoint.ledger.into_tokens() {
            self.desk.stamped(path, stamped, &mut self.counters);
        }
        for sent in endpoint.outbox.into_iter().filter_map(Outgoing::unsent) {
            self.desk.sent(sent);
        }
    }

    /// An empty payload buffer; those of packets that have left are used again.
    pub(crate) fn buffer(&mut self) -> Vec<u8> {
        self.bench.buffer()
    }

    /// Queues a packet; it leaves with the next [`Net::flush`]. On a closed path its token comes
    /// straight back.
    pub(crate) fn queue(&mut self, packet: Outgoing<T>) {
        let path = packet.path;
        let Some(endpoint) = find(&mut self.slots, path) else {
            if let Some(sent) = packet.unsent() {
                self.desk.sent(sent);
            }
            return;
        };
        if endpoint.outbox.is_empty() {
            endpoint.outbox = self.bench.outbox();
            self.dirty.push(path);
        }
        endpoint.outbox.push_back(packet);
    }

    /// Queues all packets, in their order. If all go by one path, as replies do, none is copied.
    pub(crate) fn queue_all(&mut self, packets: &mut Vec<Outgoing<T>>) {
        if let Some(path) = packets.first().map(|first| first.path)
            && packets.iter().all(|packet| packet.path == path)
            && let Some(endpoint) = find(&mut self.slots, path)
            && endpoint.outbox.is_empty()
        {
            let room = self.bench.outbox().into();
            endpoint.outbox = std::mem::replace(packets, room).into();
            self.dirty.push(path);
            return;
        }
        packets.drain(..).for_each(|packet| self.queue(packet));
    }

    /// Sends all that is queued. Packets with a sealer are sealed just before their batch leaves,
    /// each exactly once.
    pub(crate) fn flush(&mut self) {
        for path in self.dirty.drain(..) {
            let Some(endpoint) = find(&mut self.slots, path) else {
                continue;
            };
            let (bench, desk) = (&mut self.bench, &mut self.desk);
            send::flush(endpoint, bench, desk, &mut self.counters);
            if let Some(newest) = endpoint.ledger.last_deadline() {
                self.overdue.push_back((newest, path));
            }
            endpoint.follow_stamps(&mut self.poller);
        }
    }

    /// Sleeps until something happens or `until` is reached; `None`: no end. Returns at once while
    /// [`Net::poll`] has something to tell.
    ///
    /// # Errors
    /// Not in a sane process: the kernel refuses to wait.
    pub(crate) fn wait(&mut self, until: Option<Mono>) -> Result<Woken, NetError> {
        let busy = !self.desk.is_empty() || !self.ready.is_empty();
        // What was left is still ready.
        self.ready.clear();
        self.again = AGAIN;
        let until = match (until, self.next_overdue()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let began = if until.is_some() {
            clock::mono()
        } else {
            Mono(0)
        };
        let look = busy || until.is_some_and(|until| until <= began);
        let how = match until {
            _ if look => Wait::Look,
            Some(until) if until <= began + PATIENCE => Wait::Patient,
            _ => Wait::Alert,
        };
        let ended = self.poller.wait(until, how, &mut self.ready);
        let ended = ended.map_err(|error| NetError::system("wait for packets", error))?;
        let now = clock();
        self.counters.wakeups += u64::from(!look);
        let late = match until {
            Some(until) if ended.by_timer && !look => now.mono.since(until),
            _ => Duration::ZERO,
        };
        self.counters.late_wakeups += u64::from(late > LATE);
        self.give_back_overdue(now.mono);
        let by_call = ended.by_call;
        Ok(Woken { now, by_call, late })
    }

    /// The next thing to tell, in the order the engine wants it: a token before the answer to its
    /// packet. `None`: nothing more before the next [`Net::wait`].
    pub(crate) fn poll(&mut self) -> Option<Event<'_, T>> {
        while self.desk.is_empty() {
            let ready = self.ready.pop_front()?;
            let Some(endpoint) = by_key(&mut self.slots, ready.key) else {
                continue;
            };
            if ready.readable {
                receive::fetch(endpoint, &mut self.desk, &mut self.counters, ready.failing);
                if endpoint.is_deep() && self.again > 0 {
                    self.again -= 1;
                    self.ready.push_back(ready);
                }
            } else {
                receive::settle(endpoint, &mut self.desk, &mut self.counters);
            }
        }
        match self.desk.told.pop_front() {
            Some(Told::Sent(sent)) => Some(Event::Sent(sent)),
            Some(Told::Notice(notice)) => Some(Event::Notice(notice)),
            None => self.desk.datagram().map(Event::Datagram),
        }
    }

    /// A token that has come back, if nothing else is to be told before it.
    pub(crate) fn token(&mut self) -> Option<Sent<T>> {
        let is_sent = |told: &mut Told<T>| matches!(told, Told::Sent(_));
        match self.desk.told.pop_front_if(is_sent)? {
            Told::Sent(sent) => Some(sent),
            Told::Notice(_) => None,
        }
    }

    /// How many replies to packets of the present path had better leave together: few, so that
    /// none is much older than it says, unless many packets wait.
    pub(crate) fn batch(&self) -> usize {
        self.desk.replies
    }

    /// How far the times in packets may be from those of their leaving, and from true time.
    pub(crate) fn precision(&mut self, now: Mono) -> ErrorEstimate {
        self.bench.precision.estimate(now)
    }

    /// What has been counted, over all paths.
    pub(crate) fn counters(&self) -> NetCounters {
        self.counters
    }

    /// The kernel stamps what leaves by this path (as far as is known).
    pub(crate) fn stamps_transmissions(&self, path: Path) -> bool {
        let slot = self.slots.get(path.slot as usize);
        let endpoint = slot.and_then(|slot| slot.endpoint.as_ref());
        endpoint.is_some_and(|endpoint| endpoint.path == path && endpoint.ledger.delivers())
    }

    /// Gives a socket its place.
    fn settle(
        &mut self,
        socket: Socket,
        spec: &PathSpec,
        local: SocketAddr,
    ) -> Result<Path, NetError> {
        let slot = self.free.last().copied().unwrap_or(self.slots.len() as u32);
        let generation = self
            .slots
            .get(slot as usize)
            .map_or(0, |slot| slot.generation);
        let path = Path {
            slot,
            generation,
            network: self.network(&socket, spec),
            thread: self.thread,
        };
        let watched = self
            .poller
            .watch(socket.as_fd(), path.key(), Urgency::Prompt);
        watched.map_err(|error| NetError::system("watch a socket", error))?;
        let endpoint = Some(Endpoint {
            path,
            socket,
            local: local.ip(),
            tos: spec.tos,
            outbox: VecDeque::new(),
            ledger: Ledger::new(spec.transmit_stamps),
            phc: spec.hardware_stamps.then(|| Box::new(Phc::new())),
            lead: None,
            unhurried: spec.unhurried,
            urgency: Urgency::Prompt,
            drops: 0,
            full_batches: 0,
        });
        match self.free.pop() {
            Some(slot) => self.slots[slot as usize].endpoint = endpoint,
            None => self.slots.push(Slot {
                generation,
                endpoint,
            }),
        }
        Ok(path)
    }

    /// The number of the socket's network namespace. Before Linux 5.14 that of a socket of the
    /// host's is not told: it counts as in our own.
    fn network(&self, socket: &Socket, spec: &PathSpec) -> u32 {
        let told = path::network(socket);
        let named = spec.binding.namespace.as_ref().map(Namespace::inode);
        self.register.network(told.or(named).unwrap_or(0))
    }

    /// When the first token will have waited long enough. Forgets what was answered meanwhile.
    fn next_overdue(&mut self) -> Option<Mono> {
        while let Some(&(deadline, path)) = self.overdue.front() {
            let endpoint = find(&mut self.slots, path);
            match endpoint.and_then(|endpoint| endpoint.ledger.deadline()) {
                Some(oldest) if oldest <= deadline => return Some(deadline),
                _ => self.overdue.pop_front(),
            };
        }
        None
    }

    fn give_back_overdue(&mut self, now: Mono) {
        while let Some((_, path)) = self.overdue.pop_front_if(|(deadline, _)| *deadline <= now) {
            let Some(endpoint) = find(&mut self.slots, path) else {
                continue;
            };
            // If this thread was held up, the stamps may be there.
            receive::drain(endpoint, &mut self.desk, &mut self.counters);
            let (desk, counters) = (&mut self.desk, &mut self.counters);
            let ledger = &mut endpoint.ledger;
            ledger.expire(now, |stamped| desk.stamped(path, stamped, counters));
        }
    }
}

impl<T> Endpoint<T> {
    /// Where packets are stamped, nothing is lost by fetching them a little later, if that is
    /// wished for.
    fn follow_stamps(&mut self, poller: &mut Poller) {
        let urgency = match self.unhurried && self.ledger.has_stamped() {
            true => Urgency::Patient,
            false => Urgency::Prompt,
        };
        if urgency == self.urgency {
            return;
        }
        let (socket, key) = (self.socket.as_fd(), self.path.key());
        poller.forget(socket, self.urgency);
        // Nobody else's file: what was watched can be watched again.
        if poller.watch(socket, key, urgency).is_ok() {
            self.urgency = urgency;
        } else {
            let _ = poller.watch(socket, key, self.urgency);
        }
    }
}

fn find<T>(slots: &mut [Slot<T>], path: Path) -> Option<&mut Endpoint<T>> {
    by_key(slots, path.key())
}

fn by_key<T>(slots: &mut [Slot<T>], key: u64) -> Option<&mut Endpoint<T>> {
    let endpoint = slots.get_mut(key as u32 as usize)?.endpoint.as_mut()?;
    (endpoint.path.key() == key).then_some(endpoint)
}

impl Path {
    /// The handle as one number.
    fn key(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.slot)
    }
}

/// What the kernel said, with a remedy where a privilege is missing.
fn denied_or(
    error: io::Error,
    action: &'static str,
    capability: &'static str,
    otherwise: &'static str,
) -> NetError {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => NetError::PermissionDenied {
            action,
            capability,
            otherwise,
        },
        _ => NetError::system(action, error),
    }
}
