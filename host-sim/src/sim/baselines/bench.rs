//! A rival on the bench: no world, but replies that a test invents.

use plugin_abi::config::{Class, Sla};

use super::Rival;
use crate::sim::policy::{Carried, Maker, Policy, Probe, Probing, Reply, Setting, Uplink};

/// What lines do to a probe: by line and time of the run in seconds, the round trip in
/// milliseconds; `None`: it is lost.
pub(super) type Lines<'a> = &'a mut dyn FnMut(usize, f64) -> Option<f64>;

/// Probes that were sent: line, when, number.
#[derive(Default)]
pub(super) struct Sent(pub(super) Vec<SentProbe>);

#[derive(Clone, Copy, Debug)]
pub(super) struct SentProbe {
    pub(super) at: u64,
    pub(super) line: usize,
    pub(super) number: u64,
}

impl Probing for Sent {
    fn probe(&mut self, at: u64, line: usize, Probe { number, .. }: Probe) {
        self.0.push(SentProbe { at, line, number });
    }
}

/// The answer to a probe after so many milliseconds.
pub(super) fn reply(sent: &SentProbe, after_ms: f64) -> Reply {
    let there = sent.at as i64;
    let back = there + (after_ms * 1e6) as i64;
    Reply {
        line: sent.line,
        number: sent.number,
        sent_at: sent.at,
        stamps: [there, there, there, back],
        reflector_sequence: 0,
    }
}

/// One group of so many lines with a class that needs 150 ms, 30 ms jitter and 2 % loss.
pub(super) fn setting<T>(lines: usize, with: impl FnOnce(&Setting<'_>) -> T) -> T {
    let uplinks: Vec<_> = (0..lines)
        .map(|line| Uplink {
            name: line.to_string(),
            underlay: line.to_string(),
            far_end: "hub".to_owned(),
            cost: 0,
            metered: false,
        })
        .collect();
    let sla = Sla {
        round_trip_ms: Some(150.0),
        jitter_ms: Some(30.0),
        loss_percent: Some(2.0),
        packet_octets: None,
    };
    let class = Class::new(1, "voice", sla);
    with(&Setting {
        lines: &uplinks,
        groups: &[(0..lines).collect()],
        classes: &[class],
        dscps: &[0],
        seed: 1,
    })
}

/// A rival at work on two lines.
pub(super) struct Bench {
    policy: Box<dyn Policy>,
    now: u64,
    sent: Sent,
    /// Replies on their way: when they arrive.
    underway: Vec<(u64, Reply)>,
    /// Probes sent so far.
    pub(super) probes: usize,
}

impl Bench {
    pub(super) fn new(rival: &Rival) -> Self {
        Self {
            policy: setting(2, |setting| rival.make(setting, None)).unwrap(),
            now: 0,
            sent: Sent::default(),
            underway: Vec::new(),
            probes: 0,
        }
    }

    /// Goes on to this second. Answers each change of the line: when, in seconds, and to which.
    pub(super) fn run(&mut self, until_s: f64, lines: Lines<'_>) -> Vec<(f64, usize)> {
        self.run_carrying(until_s, lines, &mut |_| None)
    }

    /// As well as packets of the class, lost as it is said of their line every 100 ms.
    pub(super) fn run_carrying(
        &mut self,
        until_s: f64,
        lines: Lines<'_>,
        carried: &mut dyn FnMut(usize) -> Option<Carried>,
    ) -> Vec<(f64, usize)> {
        let until = (until_s * 1e9) as u64;
        let mut changes = Vec::new();
        let mut on = self.policy.choose(self.now, 0, 0);
        while self.now < until {
            let tick = (self.now / 100_000_000 + 1) * 100_000_000;
            let arrives = self.underway.iter().map(|(at, _)| *at).min();
            let limit = arrives.map_or(tick, |at| at.min(tick));
            self.now = self.policy.advance(limit, &mut self.sent).max(self.now);
            for sent in self.sent.0.drain(..) {
                self.probes += 1;
                if let Some(after_ms) = lines(sent.line, sent.at as f64 / 1e9) {
                    let reply = reply(&sent, after_ms);
                    self.underway.push((reply.stamps[3] as u64, reply));
                }
            }
            if self.now < limit {
                continue;
            }
            let now = self.now;
            let policy = &mut self.policy;
            self.underway.retain(|(at, reply)| {
                if *at <= now {
                    policy.heard(now, reply);
                }
                *at > now
            });
            if now == tick {
                if let Some(carried) = on.and_then(&mut *carried) {
                    self.policy.carried(now, &[carried]);
                }
                let chosen = self.policy.choose(now, 0, 0);
                if chosen != on {
                    on = chosen;
                    changes.extend(on.map(|line| (now as f64 / 1e9, line)));
                }
            }
        }
        changes
    }
}

/// Line 0 is dead from a second on, to another; line 1 is clean.
pub(super) fn dead(from_s: f64, to_s: f64) -> impl FnMut(usize, f64) -> Option<f64> {
    move |line, at| (line == 1 || at < from_s || at >= to_s).then_some(20.0)
}

/// From a second on each n-th probe of line 0 is lost; line 1 is clean.
pub(super) fn each_nth_lost(from_s: f64, nth: u32) -> impl FnMut(usize, f64) -> Option<f64> {
    let mut sent = 0;
    move |line, at| {
        sent += u32::from(line == 0 && at >= from_s);
        let lost = line == 0 && at >= from_s && sent.is_multiple_of(nth);
        (!lost).then_some(20.0)
    }
}
