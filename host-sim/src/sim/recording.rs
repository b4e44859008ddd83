//! What the lines did to each probe, and what was chosen, on file: `host-sim run --record` and
//! `host-sim demo --record` write it, `host-sim sim --replay` plays it.
//!
//! ```text
//!   engine ─► samples, choices ─► Recorder ─► Writer ─► file ─► Reader ─► Recording ─► replay
//! ```
//!
//! A file is lines of JSON: the first is an object that says what was measured, each after it an
//! array, a [`Record`]. Programs of any language read that with what they have; what was cut off
//! costs its last line; and squeezing it is left to those who are made for it. The format is in
//! `docs/recording.md`.

mod read;
mod recorder;
mod setting;
mod write;

pub use read::{Mistake, ReadError, Reader};
pub use recorder::{Recorded, Recorder, RecorderError};
pub use setting::Setting;
pub use write::Writer;

use serde::{Deserialize, Serialize};

/// The version that is written, and the only one that is read.
pub const VERSION: u32 = 1;
/// What the first line says that the file is.
pub const FORMAT: &str = "twamp-autoflow recording";

/// One line of a recording. Times are nanoseconds since the time of the line with the setting, by
/// `CLOCK_BOOTTIME`; of a line after another setting, since that.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// What was measured from now on; the first line always is one.
    Setting(Box<Setting>),
    /// A probe came back.
    Probe(Answered),
    /// A probe did not come back in time.
    Lost {
        /// The line's id.
        line: u64,
        /// The sender's number.
        sequence: u32,
        /// When it left.
        sent: u64,
        /// How long it was waited for.
        after: u64,
    },
    /// A probe that says nothing of the line.
    Aside {
        /// The line's id.
        line: u64,
        /// The sender's number.
        sequence: u32,
        /// When it left.
        sent: u64,
        /// Why.
        why: Aside,
        /// The reflector's number, if it came back.
        reflector: Option<u32>,
    },
    /// What holds for the answered probes of a line from here on.
    Path {
        /// The line's id.
        line: u64,
        /// What holds.
        path: Path,
    },
    /// Another session of a line was agreed on: numbers begin at 0 again.
    Session {
        /// When that was known.
        at: u64,
        /// The line's id.
        line: u64,
    },
    /// The host stood still.
    Pause {
        /// When that was known.
        at: u64,
        /// For how long.
        span: u64,
    },
    /// The recorder did not keep up: so many records are missing before this one.
    Dropped {
        /// When that was known.
        at: u64,
        /// How many.
        count: u64,
    },
    /// A line is in another state.
    State {
        /// When that was seen.
        at: u64,
        /// The line's id.
        line: u64,
        /// Its state.
        state: String,
    },
    /// A class of a group was moved.
    Choice(Moved),
    /// All was written.
    End {
        /// When.
        at: u64,
    },
}

/// A probe that came back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// The line's id.
    pub line: u64,
    /// The sender's number.
    pub sequence: u32,
    /// When it was handed out.
    pub sent: u64,
    /// T1 less what the wall clock would have shown at `sent`, had it not been corrected since the
    /// start.
    pub wall: i64,
    /// T2 − T1.
    pub out: i64,
    /// T3 − T2.
    pub far: i64,
    /// T4 − T3.
    pub back: i64,
    /// How long after T4 the reply was read.
    pub read: i64,
    /// The reflector's number, if it has one.
    pub reflector: Option<u32>,
}

/// What stays the same from one answered probe of a line to the next, mostly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// How many times the reflector's numbers have begun anew in the session.
    pub epoch: u32,
    /// TTL at the far end, and of the reply.
    pub ttl: [Option<u8>; 2],
    /// TOS at the far end, and of the reply.
    pub tos: [Option<u8>; 2],
    /// T1 and T4 are the kernel's.
    pub kernel: bool,
    /// The far clock is synchronised, as it says.
    pub synchronised: bool,
}

/// A class of a group was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// When.
    pub at: u64,
    /// The group's id.
    pub group: u64,
    /// The class's id.
    pub class: u64,
    /// The line's id that it was on.
    pub from: Option<u64>,
    /// The line's id that it is on.
    pub to: Option<u64>,
    /// Why, in a word or two.
    pub reason: String,
    /// Why, with the numbers.
    pub sentence: String,
}

/// Why a probe was set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aside {
    /// A clock was stepped.
    ClockStep,
    /// Its times can't be.
    Anomaly,
    /// The host stood still, or lost packets by its own fault.
    LocalTrouble,
    /// Too many others were sent before it came back.
    Overrun,
}

/// The word that a record begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Probe,
    Lost,
    Aside,
    Path,
    Session,
    Pause,
    Dropped,
    State,
    Choice,
    End,
    /// Of a later writer; passed over.
    #[serde(other)]
    Unknown,
}

impl Answered {
    /// T4 − T1.
    #[must_use]
    pub fn away(&self) -> i64 {
        self.out + self.far + self.back
    }
}

#[cfg(test)]
mod properties;
