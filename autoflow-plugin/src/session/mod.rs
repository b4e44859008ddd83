//! Sessions: who talks to whom, when probes leave, and what came of it.
//!
//! ```text
//!      twamp-ctl                                        twamp-io/n
//!   initiator ─┐ (Control-Client)                    ┌────────────────┐
//!   target  ───┼── Order ───────────────────────────▶│ Probes         │◀──▶ net
//!              │   Send, Finish, Reflect, Retire …   │  senders       │
//!              │                                     │  reflectors    │
//!   board ◀────┴── Report ◀──────────────────────────└────────────────┘
//!   (results)      outcomes, pulses, what was served
//! ```
//!
//! A probe thread knows no line, no class and no score; it sends on time, answers, and reports.
//! Where there are several, a session is on the one that has its path, and all orders go there.

pub(crate) mod admission;
pub(crate) mod answering;
mod backward;
pub(crate) mod board;
mod calendar;
mod clocks;
mod connect;
mod conversation;
mod counters;
pub(crate) mod credentials;
mod entropy;
mod far_end;
pub(crate) mod features;
mod figures;
mod findings;
pub(crate) mod ground;
pub(crate) mod history;
pub(crate) mod identity;
pub(crate) mod initiator;
pub(crate) mod keyed;
pub(crate) mod keys;
mod lateness;
pub(crate) mod meter;
mod metered;
pub(crate) mod outlet;
mod peers;
mod phases;
pub(crate) mod probes;
mod reflector;
pub(crate) mod registry;
pub(crate) mod result;
pub(crate) mod rhythm;
mod roster;
mod sender;
mod sending;
pub(crate) mod setback;
mod sizes;
pub(crate) mod stamp;
pub(crate) mod subject;
pub(crate) mod target;

use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use plugin_abi::manage::{Backward, ResponderLimited};
use tokio::sync::oneshot;
use twamp_core::metrics::loss::LossCounts;
use twamp_core::probe::{Outcome, ReflectorReport};
use twamp_core::security::TestSecurity;
use twamp_core::stamp::Returned;
use twamp_core::time::{Mono, Now, Wall};
use twamp_core::wire::control::Modes;

use self::admission::Stay;
use self::answering::Door;
pub(crate) use self::counters::Counters;
use self::credentials::Credentials;
pub(crate) use self::features::Terms;
use self::meter::Meter;
pub(crate) use self::rhythm::Rate;
use self::rhythm::Rhythm;
pub(crate) use self::sender::Dialect;
use self::setback::Setback;
pub(crate) use self::sizes::Sizes;
use crate::net::{NetError, Options, Path, PathSpec};

/// A session's number inside this process. Never reused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct Key(pub(crate) u64);

impl Key {
    /// The next one.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// As people are told of times.
pub(crate) fn unix_seconds(wall: Wall) -> f64 {
    wall.nanos() as f64 / 1e9
}

/// What a probe thread is told.
pub(crate) enum Order {
    /// Open a path on the first free port of the range. For probes to `far` one may do that is
    /// there already. Of a socket that the host handed over, one is made of that.
    Bind {
        spec: Box<PathSpec>,
        handed: Option<OwnedFd>,
        ports: (u16, u16),
        far: Option<IpAddr>,
        answer: oneshot::Sender<Result<(Path, SocketAddr), NetError>>,
    },
    /// A session to `far` has no use for it any more; if nobody has, it is closed.
    Leave { path: Path, far: IpAddr },
    /// Close it, and end the sessions that are answered on it.
    Close(Path),
    /// Send probes; to a session that is there already: it was agreed on anew.
    Send { key: Key, stream: Stream },
    /// From the next probe on, otherwise: the far end need not know.
    Retune {
        key: Key,
        path: Path,
        tuning: Tuning,
    },
    /// Probe more often or more seldom for a while, or as at rest again: nobody else need know.
    Pace { key: Key, path: Path, rate: Rate },
    /// Other packets from now on, to a far end that agrees on nothing: figures begin anew.
    Afresh {
        key: Key,
        stream: Stream,
        tuning: Tuning,
    },
    /// The far end has ended the session: no probes until another one is agreed on.
    Suspend { key: Key, path: Path },
    /// Send no more of them; what is in flight is waited for.
    Finish { key: Key, path: Path },
    /// Answer the probes that come from `sender` on `path`.
    Reflect {
        key: Key,
        path: Path,
        local: SocketAddr,
        sender: SocketAddr,
        refwait: Duration,
        dscp: u8,
        security: TestSecurity,
        stay: Stay,
        terms: Terms,
    },
    /// Answer strangers on `path`: each sender is a session of its own, with STAMP also each SSID.
    ReflectAll { path: Path, door: Door },
    /// Whom those paths answer that answer STAMP.
    Accept(Credentials),
    /// Stop-Sessions: answer for `timeout` longer.
    Retire {
        key: Key,
        path: Path,
        timeout: Duration,
    },
    /// This report was read; its room may be used again.
    Reuse(Box<Report>),
    /// End the thread.
    Quit,
}

impl Order {
    /// The path of the session that it is about: the path's thread is meant. `None`: any, or all.
    pub(crate) fn path(&self) -> Option<Path> {
        match self {
            Self::Leave { path, .. }
            | Self::Close(path)
            | Self::Retune { path, .. }
            | Self::Pace { path, .. }
            | Self::Suspend { path, .. }
            | Self::Finish { path, .. }
            | Self::Reflect { path, .. }
            | Self::ReflectAll { path, .. }
            | Self::Retire { path, .. } => Some(*path),
            Self::Send { stream, .. } | Self::Afresh { stream, .. } => Some(stream.path),
            Self::Bind { .. } | Self::Accept(_) | Self::Reuse(_) | Self::Quit => None,
        }
    }
}

/// One stream of probes.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) path: Path,
    pub(crate) to: SocketAddr,
    /// From one probe to the next, on average.
    pub(crate) interval: Duration,
    /// How they lie in time.
    pub(crate) rhythm: Rhythm,
    /// How many; `None`: until told otherwise.
    pub(crate) count: Option<u32>,
    /// A probe without reply for so long is lost.
    pub(crate) timeout: Duration,
    /// The reflector keeps numbers of its own.
    pub(crate) stateful: bool,
    /// Which packets it consists of.
    pub(crate) dialect: Dialect,
    /// What they may take in a month.
    pub(crate) meter: Option<Meter>,
}

/// What of a stream may change while it lasts: when probes leave, and how.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Tuning {
    pub(crate) interval: Duration,
    pub(crate) rhythm: Rhythm,
    /// Where the path's own settings aren't wanted any more.
    pub(crate) options: Options,
}

/// What a probe thread has seen since its last report.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) at: Now,
    /// When the next one is due, if nothing happens before; `None`: when something does.
    pub(crate) next: Option<Mono>,
    /// In the order in which they happened.
    pub(crate) entries: Vec<(Key, Entry)>,
    /// Of those streams that something has happened to, and of those that are silent.
    pub(crate) pulses: Vec<(Key, Pulse)>,
    pub(crate) served: Vec<(Key, Served)>,
    /// What has kept probes from being answered; each of a sender's once.
    pub(crate) setbacks: Vec<(Key, Setback)>,
    /// This thread was held up for so long: samples of that span are set aside.
    pub(crate) paused: Option<Duration>,
    pub(crate) counters: Counters,
}

impl Report {
    /// An empty one with room for as much.
    fn alike(&self) -> Self {
        Self {
            entries: Vec::with_capacity(self.entries.len()),
            pulses: Vec::with_capacity(self.pulses.len()),
            ..Self::default()
        }
    }

    /// An empty one in the same room.
    fn emptied(mut self) -> Self {
        self.entries.clear();
        self.pulses.clear();
        Self {
            entries: self.entries,
            pulses: self.pulses,
            ..Self::default()
        }
    }
}

/// Something that happened to a stream of probes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entry {
    /// What became of a probe.
    Probe(Outcome),
    /// What the far end told besides, with the reply to the probe before (STAMP).
    FarEnd(Returned),
    /// A session was agreed on anew: numbers begin at 0 again, at both ends.
    NewSession,
    /// Probes leave otherwise, those that leave from then on.
    Retuned(Mono),
    /// Other packets leave from now on: what was counted before is another matter.
    Afresh,
}

/// How a stream of probes stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pulse {
    pub(crate) counts: LossCounts,
    pub(crate) last_reply: Option<Mono>,
    /// When the first probe left that has found no answer since the last reply.
    pub(crate) unanswered_since: Option<Mono>,
    /// The longest that is usual between two probes, where they are not closer than at rest.
    pub(crate) interval: Duration,
    /// That is so many times as long as at rest, 1 or more.
    pub(crate) slowed: f32,
    /// How long its packets are, and whether too long.
    pub(crate) sizes: Sizes,
    /// All probes are sent and the fate of each is known.
    pub(crate) finished: bool,
}

/// How a served session stands.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    pub(crate) remote: SocketAddr,
    pub(crate) local: SocketAddr,
    /// That of STAMP, if it has one.
    pub(crate) ssid: Option<u16>,
    pub(crate) report: ReflectorReport,
    /// What this host itself kept from being answered.
    pub(crate) limited: ResponderLimited,
    /// What its sender told of the way back.
    pub(crate) backward: Option<Backward>,
    /// Why it is over.
    pub(crate) ended: Option<&'static str>,
    /// The features that were selected.
    pub(crate) features: Modes,
}
