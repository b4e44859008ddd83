//! What became of single probes, for a host that records them.
//!
//! ```text
//!   twamp-io/n ── Report ──▶ twamp-ctl ── absorb ──▶ the newest ──▶ take ── host
//!                                                       └─▶ no room: the oldest goes, counted
//! ```
//!
//! Outcomes travel in reports whether anybody keeps them or not, so the way of a packet is the same.
//! Kept or not costs `twamp-ctl` one look a report.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use plugin_abi::config::MTU_PROBE_CLASS;
use plugin_abi::{NONE, TwampSample, sample_flag as flag, sample_kind as kind};
use twamp_core::probe::{Outcome, Reason, Sample, Stamps};
use twamp_core::time::{Mono, Wall};

use super::lock;
use super::sight::Measures;
use crate::session::{Entry, Key, Report};

/// More are never kept, whatever the host asks for: 400 megabytes.
const MOST: usize = 1 << 22;
/// A TTL that also stands for an unknown one.
const TTL_OR_UNKNOWN: u8 = 255;

/// The newest samples, if somebody wants them.
#[derive(Default)]
pub(super) struct Tap {
    /// How many are kept; 0: none.
    room: AtomicUsize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    samples: VecDeque<TwampSample>,
    /// Driven out since somebody last asked.
    dropped: u64,
}

impl Tap {
    /// Keeps the newest `room` from now on; 0: none any more.
    pub(super) fn keep(&self, room: usize) {
        let room = room.min(MOST);
        self.room.store(room, Ordering::Relaxed);
        let mut kept = lock(&self.kept);
        if room == 0 {
            *kept = Kept::default();
        }
        kept.fit(room);
    }

    /// Hands out the oldest, up to `room` of them. Answers how many, and how many were driven out
    /// since the last time.
    pub(super) fn take(
        &self,
        room: usize,
        mut out: impl FnMut(usize, TwampSample),
    ) -> (usize, u64) {
        let mut kept = lock(&self.kept);
        let count = room.min(kept.samples.len());
        for (place, sample) in kept.samples.drain(..count).enumerate() {
            out(place, sample);
        }
        (count, std::mem::take(&mut kept.dropped))
    }

    /// Keeps what a report says of the sessions of lines.
    pub(super) fn absorb(&self, report: &Report, what: impl Fn(Key) -> Option<Measures>) {
        let room = self.room.load(Ordering::Relaxed);
        if room == 0 {
            return;
        }
        let mut kept = lock(&self.kept);
        let of_lines = report.entries.iter().filter_map(|(key, entry)| {
            let sample = sample(entry, report.at.mono)?;
            // Those of full size are no part of a recording.
            let what = what(*key).filter(|what| what.class != MTU_PROBE_CLASS);
            let Measures { line, class } = what?;
            Some(TwampSample {
                line,
                probe_class: class,
                ..sample
            })
        });
        kept.samples.extend(of_lines);
        kept.samples.extend(report.paused.map(|span| TwampSample {
            line: NONE,
            kind: kind::PAUSED,
            sent_ns: report.at.mono.nanos(),
            until_ns: span.as_nanos() as u64,
            ..TwampSample::default()
        }));
        kept.fit(room);
    }
}

impl Kept {
    fn fit(&mut self, room: usize) {
        let beyond = self.samples.len().saturating_sub(room);
        self.samples.drain(..beyond);
        self.dropped += beyond as u64;
    }
}

/// An entry as the host is told of it, but for the line.
fn sample(entry: &Entry, now: Mono) -> Option<TwampSample> {
    Some(match entry {
        Entry::Probe(Outcome::Sample(sample)) => answered(sample),
        Entry::Probe(Outcome::Lost {
            sequence,
            sent,
            after,
        }) => TwampSample {
            kind: kind::LOST,
            sent_ns: sent.nanos(),
            until_ns: (*sent + *after).nanos(),
            sequence: *sequence,
            ..TwampSample::default()
        },
        Entry::Probe(Outcome::SetAside(aside)) => {
            let (reflector_sequence, epoch) = aside.reply.unwrap_or_default();
            TwampSample {
                kind: match aside.reason {
                    Reason::ClockStep => kind::CLOCK_STEP,
                    Reason::Anomaly => kind::ANOMALY,
                    Reason::LocalTrouble => kind::LOCAL_TROUBLE,
                    Reason::Overrun => kind::OVERRUN,
                },
                flags: if_known(aside.reply, flag::REFLECTOR_SEQUENCE),
                sent_ns: aside.sent.nanos(),
                sequence: aside.sequence,
                reflector_sequence,
                epoch,
                ..TwampSample::default()
            }
        }
        Entry::NewSession => TwampSample {
            kind: kind::NEW_SESSION,
            sent_ns: now.nanos(),
            ..TwampSample::default()
        },
        Entry::FarEnd(_) | Entry::Retuned(_) | Entry::Afresh => return None,
    })
}

fn answered(sample: &Sample) -> TwampSample {
    let ttl_forward = Some(sample.ttl_forward).filter(|ttl| *ttl != TTL_OR_UNKNOWN);
    let kernel = (sample.stamps != Stamps::User).then_some(());
    let synchronised = sample.peer_synchronised.then_some(());
    TwampSample {
        kind: kind::ANSWERED,
        flags: flag::REFLECTOR_SEQUENCE
            | if_known(ttl_forward, flag::TTL_FORWARD)
            | if_known(sample.ttl_backward, flag::TTL_BACKWARD)
            | if_known(sample.tos_forward, flag::TOS_FORWARD)
            | if_known(sample.tos_backward, flag::TOS_BACKWARD)
            | if_known(kernel, flag::KERNEL_STAMPS)
            | if_known(synchronised, flag::FAR_SYNCHRONISED),
        sent_ns: sample.sent.nanos(),
        until_ns: sample.received.nanos(),
        stamps_wall_ns: [sample.t1, sample.t2, sample.t3, sample.t4].map(Wall::nanos),
        sequence: sample.sequence,
        reflector_sequence: sample.reflector_sequence,
        epoch: sample.epoch,
        ttl_forward: ttl_forward.unwrap_or_default(),
        ttl_backward: sample.ttl_backward.unwrap_or_default(),
        tos_forward: sample.tos_forward.unwrap_or_default(),
        tos_backward: sample.tos_backward.unwrap_or_default(),
        ..TwampSample::default()
    }
}

fn if_known<T>(value: Option<T>, flag: u32) -> u32 {
    value.map_or(0, |_| flag)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use twamp_core::time::Now;

    use super::*;

    const LINE: Measures = Measures { line: 1, class: 0 };

    /// A report of so many lost probes of one session, numbered from `first` on.
    fn report(key: Key, first: u64, count: u64) -> Report {
        let lost = |sequence| {
            let outcome = Outcome::Lost {
                sequence,
                sent: Mono(sequence * 10),
                after: Duration::from_nanos(500),
            };
            (key, Entry::Probe(outcome))
        };
        Report {
            at: Now::default(),
            entries: (first..first + count).map(lost).collect(),
            ..Report::default()
        }
    }

    fn taken(tap: &Tap, room: usize) -> (Vec<u64>, u64) {
        let mut numbers = Vec::new();
        let (count, dropped) = tap.take(room, |_, sample| numbers.push(sample.sequence));
        assert_eq!(count, numbers.len());
        (numbers, dropped)
    }

    #[test]
    fn nothing_is_kept_unless_somebody_asks() {
        let (tap, key) = (Tap::default(), Key::new());
        tap.absorb(&report(key, 0, 3), |_| Some(LINE));
        assert_eq!(taken(&tap, 9), (vec![], 0));
        tap.keep(9);
        tap.absorb(&report(key, 3, 3), |_| Some(LINE));
        tap.keep(0);
        assert_eq!(taken(&tap, 9), (vec![], 0));
    }

    #[test]
    fn the_oldest_make_room_and_are_counted_once() {
        let (tap, key) = (Tap::default(), Key::new());
        tap.keep(4);
        tap.absorb(&report(key, 0, 3), |_| Some(LINE));
        tap.absorb(&report(key, 3, 3), |_| Some(LINE));
        assert_eq!(taken(&tap, 3), (vec![2, 3, 4], 2));
        assert_eq!(taken(&tap, 3), (vec![5], 0));
    }

    #[test]
    fn only_sessions_of_lines_are_kept_and_a_pause_is_nobodys() {
        let (tap, of_line, other) = (Tap::default(), Key::new(), Key::new());
        tap.keep(9);
        let mut report = report(of_line, 0, 1);
        report.entries.push((other, Entry::NewSession));
        report.entries.push((of_line, Entry::NewSession));
        report.paused = Some(Duration::from_secs(2));
        tap.absorb(&report, |key| {
            (key == of_line).then_some(Measures { line: 7, class: 3 })
        });
        let mut kept = Vec::new();
        tap.take(9, |_, it| kept.push((it.line, it.probe_class, it.kind)));
        let [lost, session] = [kind::LOST, kind::NEW_SESSION].map(|kind| (7, 3, kind));
        assert_eq!(kept, [lost, session, (NONE, 0, kind::PAUSED)]);
    }
}
