//! The line emulator: lines that delay, lose, duplicate and reorder packets on purpose, by a seed,
//! and count exactly what they did.
//!
//! ```text
//!   Script ──► Impairment ──► Line ◄── offer(now, direction, stream, size)
//!                              │
//!                              └─► Fate: dropped and why, or delivered and when
//!
//!   near end ◄──► near side ┌──────────┐ far side ◄──► far end
//!   127.a.b.1     127.a.b.2 │ Emulator │ 127.a.b.3     127.a.b.4
//!                           └──────────┘
//! ```
//!
//! **Without input or output**: [`Line`] decides about packets and knows neither sockets nor
//! clocks; the simulator drives it in virtual time. **Over real sockets**: [`Emulator`] moves UDP
//! and TCP through lines on the loopback interface, asking the same [`Line`].
//!
//! # What repeats with the seed
//! Each draw is a hash of (seed, line, direction, stream, n-th packet of that stream): whether a
//! packet is lost, doubled or held back and what jitter it meets doesn't depend on other streams.
//! Bad spells of bursty loss are a function of (seed, line, direction) and time. Only what streams
//! share couples them, as on a real line: the rate with its queue, and the radio that sleeps.
//! An [`Emulator`]'s streams are pairs of ports and its time starts with it; when a packet is read
//! is up to the machine, so there random loss repeats exactly and bursty loss as closely as that.
//!
//! # Order
//! A stream keeps its order whatever the jitter: a packet with a short delay waits for the one
//! before it, and only [`Reorder`] breaks this. So a stream with less time between packets than it
//! has jitter sees a longer mean delay; the counts say which. Between streams nothing is promised,
//! as on a network that spreads flows over parallel paths: were the order kept over a whole
//! direction, every stream's delay would depend on all others' packets.
//!
//! # What the sockets can't carry
//! The emulator re-sends payloads from its own sockets, marked as they came: the TTL of a packet
//! doesn't pass, nor does an ICMP error. TCP is relayed as bytes, unimpaired except in a black-out, when both its
//! ends see silence but their kernels' keep-alives are still answered.

mod counts;
mod delay;
mod draw;
mod impairment;
mod line;
mod loss;
mod one_way;
mod queue;
mod script;
mod wake;

mod addresses;
mod clock;
mod emulator;
mod kernel_drops;
mod poll;
mod reactor;
mod report;
mod tcp;
mod tcp_relay;
mod traffic;
mod transit;
mod udp;

pub use addresses::LineAddresses;
pub use counts::{Counts, Drops, Reason};
pub use draw::uniform;
pub use emulator::{Emulator, EmulatorConfig, EmulatorError, LineConfig};
pub use impairment::{Burst, Crowd, Impairment, ImpairmentError, Jitter, Reorder, Wake};
pub use line::{Direction, Directions, Line};
pub use one_way::{Fate, OneWay, StreamId};
pub use report::{DirectionCounts, Imposed, LineCounts, StreamCounts};
pub use script::{Event, Moment, Player, Script, ScriptError, ScriptFault};
