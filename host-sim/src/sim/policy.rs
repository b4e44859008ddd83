//! A path policy: what it may see, and what it may do. The plugin is one, each rival another.

use plugin_abi::config::Class;

pub use super::revealed::Revealed;

/// A path policy in the life of one run. Times are nanoseconds since the start.
///
/// A loss is never told: it is silence. What the lines do to packets depends on the seed alone, so
/// policies are compared on the same lines, however often each of them probes.
pub trait Policy {
    /// Goes on to `until`, but stops where it sends probes; answers where it stopped.
    fn advance(&mut self, until: u64, probing: &mut dyn Probing) -> u64;
    /// A probe of its own has come back, perhaps late, perhaps twice. It is `now`, where the last
    /// `advance` stopped.
    fn heard(&mut self, now: u64, reply: &Reply);
    /// How packets of the classes fared of late. Only who measures by them looks at it.
    fn carried(&mut self, now: u64, carried: &[Carried]) {
        let _ = (now, carried);
    }
    /// This host stood still from the last `advance` on: nothing was sent or read until `now`.
    /// What came meanwhile is heard next.
    fn paused(&mut self, now: u64) {
        let _ = now;
    }
    /// What is true of the lines now, right before each choice. Only oracles look at it: a policy
    /// that does is none.
    fn for_oracles_only(&mut self, now: u64, truth: &Revealed<'_>) {
        let _ = (now, truth);
    }
    /// The line that a class of a group is on from now on; `None`: none yet.
    fn choose(&mut self, now: u64, group: usize, class: usize) -> Option<usize>;
    /// When and why it last moved a class of a group, if it says so.
    fn why(&mut self, group: usize, class: usize) -> Option<(u64, String)> {
        let _ = (group, class);
        None
    }
}

/// Where probes go.
pub trait Probing {
    /// Sends a probe over a line at a time that is not before that of the last one.
    fn probe(&mut self, at: u64, line: usize, probe: Probe);
}

/// A policy with a timer of its own: most are.
pub trait Timed {
    /// When it wants to be woken next: to probe, to give a probe up, to decide.
    fn next(&self) -> u64;
    /// It is `now`. It may send probes.
    fn wake(&mut self, now: u64, probing: &mut dyn Probing);
    /// As [`Policy::heard`].
    fn heard(&mut self, now: u64, reply: &Reply);
    /// As [`Policy::carried`].
    fn carried(&mut self, now: u64, carried: &[Carried]) {
        let _ = (now, carried);
    }
    /// As [`Policy::paused`].
    fn paused(&mut self, now: u64) {
        let _ = now;
    }
    /// As [`Policy::choose`].
    fn choose(&mut self, now: u64, group: usize, class: usize) -> Option<usize>;
}

impl<T: Timed> Policy for T {
    fn advance(&mut self, until: u64, probing: &mut dyn Probing) -> u64 {
        match self.next() {
            next if next <= until => {
                self.wake(next, probing);
                next
            }
            _ => until,
        }
    }

    fn heard(&mut self, now: u64, reply: &Reply) {
        Timed::heard(self, now, reply);
    }

    fn carried(&mut self, now: u64, carried: &[Carried]) {
        Timed::carried(self, now, carried);
    }

    fn paused(&mut self, now: u64) {
        Timed::paused(self, now);
    }

    fn choose(&mut self, now: u64, group: usize, class: usize) -> Option<usize> {
        Timed::choose(self, now, group, class)
    }
}

/// A probe that leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The policy's own number; comes back with the reply.
    pub number: u64,
    /// Octets on the wire, with all headers.
    pub octets: usize,
    /// DSCP, 0–63.
    pub dscp: u8,
    /// It is of a session beside that of small ones, which asks whether packets of full size pass.
    pub full_size: bool,
}

/// A probe that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Over which line.
    pub line: usize,
    /// The probe's number.
    pub number: u64,
    /// When the probe left.
    pub sent_at: u64,
    /// T1 to T4 by the clocks of the ends, nanoseconds; T1 and T4 are times of the run.
    pub stamps: [i64; 4],
    /// The reflector's own number.
    pub reflector_sequence: u32,
}

impl Reply {
    /// The round trip without the far end's processing, nanoseconds.
    #[must_use]
    pub fn round_trip(&self) -> i64 {
        let [t1, t2, t3, t4] = self.stamps;
        (t4 - t1) - (t3 - t2)
    }
}

/// How packets of one class fared on the line that they were on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Carried {
    /// The line.
    pub line: usize,
    /// The class.
    pub class: usize,
    /// Packets sent since the last time.
    pub packets: u32,
    /// Of them, lost towards the far end.
    pub lost_forward: u32,
    /// Of as many that came the other way, lost.
    pub lost_backward: u32,
    /// Mean one-way delays, forward and backward, nanoseconds.
    pub delay: [f64; 2],
    /// Mean difference between two in a row, forward and backward, nanoseconds.
    pub jitter: [f64; 2],
}

/// What a policy is made for.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The lines.
    pub lines: &'a [Uplink],
    /// The lines of each group: all of them reach the same destination.
    pub groups: &'a [Vec<usize>],
    /// The classes of traffic. What a class prefers are names of underlays.
    pub classes: &'a [Class],
    /// The DSCP of the packets of each class.
    pub dscps: &'a [u8],
    /// What it may draw from.
    pub seed: u64,
}

/// What is known of a line before it is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uplink {
    /// Its name.
    pub name: String,
    /// The physical uplink.
    pub underlay: String,
    /// Who is at the other end.
    pub far_end: String,
    /// Lower is preferred.
    pub cost: u32,
    /// Paid by volume.
    pub metered: bool,
}

impl Setting<'_> {
    /// The lines of a group in the order in which a class prefers them.
    #[must_use]
    pub fn order(&self, group: usize, class: usize) -> Vec<usize> {
        let prefer = &self.classes[class].prefer;
        let rank = |&line: &usize| {
            let Uplink { underlay, cost, .. } = &self.lines[line];
            let place = prefer.iter().position(|preferred| preferred == underlay);
            (place.unwrap_or(prefer.len()), *cost, line)
        };
        let mut order = self.groups[group].clone();
        order.sort_by_key(rank);
        order
    }
}

/// Makes a policy for each run.
pub trait Maker: Sync {
    /// Its slug: `fortios-sla`.
    fn name(&self) -> &'static str;
    /// What it is, in a sentence.
    fn says(&self) -> &'static str;
    /// What can be turned to trade delay against pointless switches; none: nothing.
    fn knob(&self) -> Option<Knob> {
        None
    }
    /// Does it measure by [`Policy::carried`] as well?
    fn is_in_line(&self) -> bool {
        false
    }
    /// Does it look at what is true of the lines? Only oracles do.
    fn looks_at_truth(&self) -> bool {
        false
    }
    /// One for a run; `at` is a position of the knob, absent: as shipped.
    ///
    /// # Errors
    /// What it is made from is not to be had: the plugin, for one.
    fn make(&self, setting: &Setting<'_>, at: Option<f64>) -> Result<Box<dyn Policy>, MakeError>;
}

/// What can be turned about a policy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Knob {
    /// What it is, with its unit.
    pub name: &'static str,
    /// Its positions, from quick to calm.
    pub positions: &'static [f64],
}

/// A policy can't be made.
#[derive(Debug, thiserror::Error)]
#[error("policy {policy}: {why}")]
pub struct MakeError {
    /// Its slug.
    pub policy: &'static str,
    /// Who is at fault, and why.
    pub why: String,
}
