//! Aruba EdgeConnect (Silver Peak) with fast fail.
//!
//! A keepalive a second in each tunnel; after the first that is missed, 10 a second until one
//! comes back. Nothing back for 1 s: the tunnel is down. Once a second loss, latency and jitter of
//! a second's keepalives are held against the limits. The first tunnel in order that is up and
//! within them, which is returned to at once; if there is none, the first that is up.
//!
//! Read in the vendor's guides: the rates, 1 s to fail, the check once a second, the return at
//! once. From memory: that the order of tunnels decides. Ours: a keepalive is missed after twice
//! the last round trip, at least 100 ms, and counted for the check after 1 s. Its tunnels number
//! data packets as well; how they enter the check isn't known here.

use super::means::Means;
use super::seat::Seats;
use super::{Rival, phase, seconds, timed};
use crate::sim::policy::{Probe, Probing, Reply, Timed};

const OCTETS: usize = 84;
/// Beats of 100 ms: at each a keepalive may leave.
const BEAT_S: f64 = 0.1;
/// Beats of a second.
const SECOND: u64 = 10;
/// Beats remembered: the second that is checked and the one that is being waited for.
const REMEMBERED: usize = 2 * SECOND as usize;
const MISSED_MS: u64 = 100;
const NS_PER_MS: u64 = 1_000_000;

/// With fast fail on.
pub(super) const FAST_FAIL: Rival = Rival {
    name: "edgeconnect-ff",
    says: "EdgeConnect, fast fail: a keepalive a second, ten after a miss, down after 1 s",
    knob: None,
    in_line: false,
    make: |setting, _| {
        let tunnel = Tunnel {
            beats: [Beat::Silent; REMEMBERED],
            unanswered_since: None,
            last_ns: 0,
            means: Means::default(),
        };
        timed(EdgeConnect {
            beat: 0,
            beat_at: phase(setting, 0, 1.0),
            tunnels: vec![tunnel; setting.lines.len()],
            seats: Seats::new(setting, &()),
        })
    },
};

struct EdgeConnect {
    /// The number of the next beat, and when it is.
    beat: u64,
    beat_at: u64,
    tunnels: Vec<Tunnel>,
    seats: Seats,
}

/// A line.
#[derive(Clone)]
struct Tunnel {
    /// What became of the keepalives of the last beats, by beat.
    beats: [Beat; REMEMBERED],
    /// When the first keepalive left since the last that came back.
    unanswered_since: Option<u64>,
    /// The last round trip.
    last_ns: u64,
    /// Of the second that was checked last.
    means: Means,
}

#[derive(Clone, Copy)]
enum Beat {
    /// None left.
    Silent,
    Left,
    /// Answered after so many nanoseconds.
    Answered(i64),
}

impl Tunnel {
    fn is_missing(&self, now: u64) -> bool {
        let patience = (2 * self.last_ns).max(MISSED_MS * NS_PER_MS);
        self.unanswered_since
            .is_some_and(|since| now - since > patience)
    }

    fn is_down(&self, now: u64) -> bool {
        self.unanswered_since
            .is_some_and(|since| now - since >= seconds(1.0))
    }

    /// The second before the last one.
    fn check(&mut self, beat: u64) {
        let (mut lost, mut answered) = (0.0, 0.0);
        let (mut sum, mut steps) = (0, 0);
        let mut last = None;
        for old in beat - 2 * SECOND..beat - SECOND {
            match self.beats[place(old)] {
                Beat::Silent => {}
                Beat::Left => lost += 1.0,
                Beat::Answered(round_trip) => {
                    answered += 1.0;
                    sum += round_trip;
                    steps += (round_trip - last.replace(round_trip).unwrap_or(round_trip)).abs();
                }
            }
        }
        let ms =
            |sum: i64, count: f64| (count > 0.0).then(|| sum as f64 / count / NS_PER_MS as f64);
        let sent = lost + answered;
        self.means = Means {
            loss_percent: (sent > 0.0).then(|| 100.0 * lost / sent),
            round_trip_ms: ms(sum, answered),
            jitter_ms: ms(steps, answered - 1.0),
        };
    }
}

fn place(beat: u64) -> usize {
    (beat % REMEMBERED as u64) as usize
}

impl Timed for EdgeConnect {
    fn next(&self) -> u64 {
        self.beat_at
    }

    fn wake(&mut self, now: u64, probing: &mut dyn Probing) {
        let number = self.beat;
        for (line, tunnel) in self.tunnels.iter_mut().enumerate() {
            let whole = number.is_multiple_of(SECOND);
            if whole && number >= 2 * SECOND {
                tunnel.check(number);
            }
            let hurried = tunnel.is_missing(now) && !tunnel.is_down(now);
            let beat = &mut tunnel.beats[place(number)];
            *beat = Beat::Silent;
            if whole || hurried {
                *beat = Beat::Left;
                tunnel.unanswered_since = tunnel.unanswered_since.or(Some(now));
                let (octets, dscp) = (OCTETS, 48);
                probing.probe(
                    now,
                    line,
                    Probe {
                        number,
                        octets,
                        dscp,
                        full_size: false,
                    },
                );
            }
        }
        self.beat += 1;
        self.beat_at += seconds(BEAT_S);
    }

    fn heard(&mut self, _: u64, reply: &Reply) {
        let tunnel = &mut self.tunnels[reply.line];
        tunnel.unanswered_since = None;
        tunnel.last_ns = reply.round_trip().max(0) as u64;
        if reply.number + REMEMBERED as u64 >= self.beat {
            tunnel.beats[place(reply.number)] = Beat::Answered(reply.round_trip());
        }
    }

    fn paused(&mut self, now: u64) {
        let beats = now.saturating_sub(self.beat_at).div_ceil(seconds(BEAT_S));
        self.beat += beats;
        self.beat_at += beats * seconds(BEAT_S);
        if beats > 0 {
            for tunnel in &mut self.tunnels {
                tunnel.beats.fill(Beat::Silent);
            }
        }
    }

    fn choose(&mut self, now: u64, group: usize, class: usize) -> Option<usize> {
        let tunnels = &self.tunnels;
        let seat = self.seats.at(group, class);
        let good = |line: usize, sla: &_, _: &()| {
            !tunnels[line].is_down(now) && tunnels[line].means.keep(sla)
        };
        if !seat.settle(now, 0, good) {
            let up = seat.first(|line| !tunnels[line].is_down(now));
            seat.on = up.unwrap_or(seat.on);
        }
        seat.line()
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench::{Bench, dead};
    use super::*;

    #[test]
    fn a_dead_tunnel_is_down_a_second_after_its_first_miss_and_back_at_once() {
        let mut bench = Bench::new(&FAST_FAIL);
        let changes = bench.run(200.0, &mut dead(100.5, 150.0));
        let [(left, 1), (back, 0)] = changes[..] else {
            panic!("{changes:?}");
        };
        assert!((101.5..=102.7).contains(&left), "left at {left}");
        // The check of the last whole second with a loss.
        assert!((150.0..=153.2).contains(&back), "back at {back}");
    }

    #[test]
    fn a_miss_raises_the_rate_tenfold_until_an_answer() {
        let probes = |lose: u32| {
            let mut lost = 0;
            let mut lines = |line, at: f64| {
                let loses = line == 0 && at > 10.0 && lost < lose;
                lost += u32::from(loses);
                (!loses).then_some(20.0)
            };
            let mut bench = Bench::new(&FAST_FAIL);
            bench.run(20.0, &mut lines);
            bench.probes
        };
        // Five more that are lost, and the one that comes back.
        assert_eq!(probes(6) - probes(0), 6);
    }
}
