//! The arithmetic of measurement: what a stream of paired probes says about a line.
//!
//! Nothing here knows packets or clocks. All times are signed 64-bit nanoseconds, all counts
//! unsigned 64-bit, and what is not known is `None`, never 0.
//!
//! | file | question it answers |
//! |---|---|
//! | [`serial`] | which number is meant by 32 bits, and was it seen before? |
//! | [`loss`] | how many probes were lost, and in which direction? |
//! | [`ratio`] | what part of the whole, never outside 0 to 1? |
//! | [`span`] | the same for one slice of time, small enough to keep by the hundred |
//! | [`delay`] | how long, there and back, so that both add up? |
//! | [`clock`] | how far is the far clock ahead, and what is that worth? |
//! | [`variation`] | how much does the delay move? |
//! | [`marks`] | with which TOS and TTL did packets arrive? |
//! | [`reordering`] | did packets overtake one another? |
//! | [`quantile`] | what do most packets see? |
//! | [`sketch`] | the same for streams without an end, in 256 octets |
//! | [`mos`] | what would people think of a call? |
//! | [`interval`] | how far can a loss ratio be trusted? |
//! | [`sequential`] | has it changed, and how often may that be said for nothing? |

pub mod clock;
pub mod delay;
mod direction;
pub mod interval;
pub mod loss;
pub mod marks;
pub mod mos;
pub mod quantile;
pub mod ratio;
pub mod reordering;
pub mod sequential;
pub mod serial;
pub mod sketch;
pub mod span;
pub mod variation;
