//! OpenWrt's mwan3, by its tracker.
//!
//! Each line has its own cycle: ping a host; if it answers within the time-out the cycle has
//! passed, if not the next host is tried, and if none answers it has failed. The next cycle begins
//! an interval after the end of this one. A score begins at down + up. Failed: it falls by one;
//! at `up` the line goes off-line and the score to 0, and below `up` any failure makes it 0, so a
//! return needs `up` passes in a row. Passed: it rises by one; from `up` on the line is on-line and
//! the score down + up again, so only failures in a row take a line down. Traffic goes to the first
//! member that is on-line; if none is, it stays.
//!
//! Read in `mwan3track` and in the configuration that ships: interval 5 s, time-out 2 s, down 3,
//! up 8 (shipped); 10 s, 4 s, 5, 5 (the script's defaults). A line has one host, as it has one far
//! end here; each more would add a time-out to each failed cycle. `mwan3-quality` sends 10 pings,
//! one a second, and fails at 40 % loss or a mean of 1000 ms, passes at up to 10 % and 500 ms, and
//! between them fails as well, all of it by the script.

use super::seat::Seats;
use super::{Rival, phase, seconds, timed};
use crate::sim::policy::{Knob, Policy, Probe, Probing, Reply, Setting, Timed};

const OCTETS: usize = 84;
/// From a ping of a cycle to the next.
const BETWEEN_S: f64 = 1.0;
const NS_PER_MS: f64 = 1e6;

const KNOB: Knob = Knob {
    name: "failed cycles until a line is down",
    positions: &[1.0, 2.0, 3.0, 5.0, 8.0],
};

const BY_SHIPPED_FILE: Config = Config {
    interval_s: 5.0,
    timeout_s: 2.0,
    pings: 1,
    down: 3,
    up: 8,
};

/// By the configuration that ships.
pub(super) const SHIPPED: Rival = Rival {
    name: "mwan3",
    says: "OpenWrt mwan3 as configured when shipped: a ping each 5 s, 3 failures down, 8 passes up",
    knob: Some(KNOB),
    in_line: false,
    make: |setting, at| Mwan3::policy(setting, at, BY_SHIPPED_FILE),
};

/// By the defaults of its code.
pub(super) const DEFAULTS: Rival = Rival {
    name: "mwan3-defaults",
    says: "OpenWrt mwan3 by its script's defaults: a ping each 10 s, 5 failures down, 5 passes up",
    knob: Some(KNOB),
    in_line: false,
    make: |setting, at| {
        let defaults = Config {
            interval_s: 10.0,
            timeout_s: 4.0,
            pings: 1,
            down: 5,
            up: 5,
        };
        Mwan3::policy(setting, at, defaults)
    },
};

/// With its check of quality: its best known setting.
pub(super) const QUALITY: Rival = Rival {
    name: "mwan3-quality",
    says: "OpenWrt mwan3 with check_quality: 10 pings a cycle, down at 40 % loss or 1000 ms",
    knob: Some(KNOB),
    in_line: false,
    make: |setting, at| {
        let quality = Config {
            pings: 10,
            ..BY_SHIPPED_FILE
        };
        Mwan3::policy(setting, at, quality)
    },
};

#[derive(Clone, Copy)]
struct Config {
    interval_s: f64,
    timeout_s: f64,
    /// Of a cycle; with several, quality is checked.
    pings: u32,
    down: u32,
    up: u32,
}

struct Mwan3 {
    config: Config,
    members: Vec<Member>,
    seats: Seats,
    /// When the first of the members is due.
    due: u64,
}

/// A line.
#[derive(Clone)]
struct Member {
    online: bool,
    score: u32,
    /// When it sends the next ping of its cycle, ends it or begins one.
    due: u64,
    /// Pings of this cycle sent; 0: it waits for the next cycle.
    sent: u32,
    /// The number of this cycle's first ping.
    first: u64,
    /// One bit for each answered ping of this cycle.
    answered: u32,
    /// The sum of their round trips, milliseconds.
    round_trips_ms: f64,
}

impl Mwan3 {
    fn policy(setting: &Setting<'_>, down: Option<f64>, config: Config) -> Box<dyn Policy> {
        let config = Config {
            down: down.map_or(config.down, |down| down as u32),
            ..config
        };
        let member = |line: u64| Member {
            online: true,
            score: config.down + config.up,
            due: phase(setting, line, config.interval_s),
            sent: 0,
            first: 0,
            answered: 0,
            round_trips_ms: 0.0,
        };
        let members: Vec<_> = (0..).map(member).take(setting.lines.len()).collect();
        timed(Self {
            config,
            due: first_due(&members),
            members,
            seats: Seats::new(setting, &()),
        })
    }
}

fn first_due(members: &[Member]) -> u64 {
    let due = members.iter().map(|member| member.due);
    due.min().unwrap_or(u64::MAX)
}

impl Member {
    /// Sends the next ping of its cycle, or ends the cycle. Answers the number of the ping.
    fn wake(&mut self, now: u64, config: &Config) -> Option<u64> {
        if self.sent < config.pings {
            if self.sent == 0 {
                self.answered = 0;
                self.round_trips_ms = 0.0;
            }
            let number = self.first + u64::from(self.sent);
            self.sent += 1;
            let last = self.sent == config.pings;
            let wait_s = if last { config.timeout_s } else { BETWEEN_S };
            self.due = now + seconds(wait_s);
            return Some(number);
        }
        self.end(now, config);
        None
    }

    fn heard(&mut self, now: u64, reply: &Reply, config: &Config) {
        let Some(which) = reply.number.checked_sub(self.first) else {
            return;
        };
        let late = reply.round_trip() > seconds(config.timeout_s) as i64;
        if which >= self.sent.into() || late || self.answered & 1 << which != 0 {
            return;
        }
        self.answered |= 1 << which;
        self.round_trips_ms += reply.round_trip() as f64 / NS_PER_MS;
        // `ping` is over with the last answer.
        if self.sent == config.pings && self.answered.count_ones() == config.pings {
            self.end(now, config);
        }
    }

    /// The cycle is over.
    fn end(&mut self, now: u64, config: &Config) {
        match self.passes(config) {
            true => self.pass(config),
            false => self.fail(config),
        }
        self.first += u64::from(self.sent);
        self.sent = 0;
        self.due = now + seconds(config.interval_s);
    }

    fn passes(&self, config: &Config) -> bool {
        let answered = f64::from(self.answered.count_ones());
        match config.pings {
            1 => answered > 0.0,
            pings => {
                let loss = 1.0 - answered / f64::from(pings);
                loss <= 0.1 + f64::EPSILON && self.round_trips_ms <= 500.0 * answered
            }
        }
    }

    fn pass(&mut self, config: &Config) {
        self.score += 1;
        if self.score >= config.up {
            self.online = true;
            self.score = config.down + config.up;
        }
    }

    fn fail(&mut self, config: &Config) {
        self.score = self.score.saturating_sub(1);
        if self.score == config.up {
            self.online = false;
        }
        if self.score <= config.up {
            self.score = 0;
        }
    }
}

impl Timed for Mwan3 {
    fn next(&self) -> u64 {
        self.due
    }

    fn wake(&mut self, now: u64, probing: &mut dyn Probing) {
        for (line, member) in self.members.iter_mut().enumerate() {
            if member.due <= now
                && let Some(number) = member.wake(now, &self.config)
            {
                let (octets, dscp) = (OCTETS, 0);
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
        self.due = first_due(&self.members);
    }

    fn heard(&mut self, now: u64, reply: &Reply) {
        // A cycle that ends early is due later: nobody is due before `due`.
        self.members[reply.line].heard(now, reply, &self.config);
        self.due = self.due.min(self.members[reply.line].due);
    }

    fn paused(&mut self, now: u64) {
        for member in &mut self.members {
            member.due = member.due.max(now);
        }
        self.due = first_due(&self.members);
    }

    fn choose(&mut self, now: u64, group: usize, class: usize) -> Option<usize> {
        let members = &self.members;
        let seat = self.seats.at(group, class);
        seat.settle(now, 0, |line, _, ()| members[line].online);
        seat.line()
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench::{Bench, dead};
    use super::*;

    /// Loses those pings of line 0, counted from 0.
    fn lose(lost: &[u32]) -> impl FnMut(usize, f64) -> Option<f64> {
        let mut sent = 0;
        move |line, _| {
            let lose = line == 0 && lost.contains(&sent);
            sent += u32::from(line == 0);
            (!lose).then_some(20.0)
        }
    }

    #[test]
    fn three_failures_in_a_row_take_a_line_down_and_two_do_not() {
        let two = &mut lose(&[5, 6, 8, 9, 11, 12]);
        assert_eq!(Bench::new(&SHIPPED).run(200.0, two), []);
        let three = &mut lose(&[5, 6, 7]);
        let changes = Bench::new(&SHIPPED).run(200.0, three);
        let [(left, 1), (back, 0)] = changes[..] else {
            panic!("{changes:?}");
        };
        // From the third failure: an interval before each of eight passes.
        assert!(
            (40.0..=40.5).contains(&(back - left)),
            "after {}",
            back - left
        );
    }

    #[test]
    fn the_passes_of_a_return_are_in_a_row() {
        let changes = Bench::new(&SHIPPED).run(200.0, &mut lose(&[5, 6, 7, 14]));
        let [(left, 1), (back, 0)] = changes[..] else {
            panic!("{changes:?}");
        };
        // Six passes for nothing, one failure with its time-out, eight passes.
        assert!(
            (76.5..=77.5).contains(&(back - left)),
            "after {}",
            back - left
        );
    }

    #[test]
    fn a_dead_line_is_down_after_15_to_21_s() {
        let mut bench = Bench::new(&SHIPPED);
        let changes = bench.run(150.0, &mut dead(100.0, f64::MAX));
        let [(left, 1)] = changes[..] else {
            panic!("{changes:?}");
        };
        assert!((115.0..=121.2).contains(&left), "left at {left}");
    }

    #[test]
    fn quality_between_the_limits_is_no_pass() {
        for (lost_of_ten, down) in [(1, false), (2, true)] {
            let mut sent = 0;
            let mut lines = |line, at: f64| {
                sent += u32::from(line == 0);
                let lose = line == 0 && at > 30.0 && sent % 10 < lost_of_ten;
                (!lose).then_some(20.0)
            };
            let changes = Bench::new(&QUALITY).run(200.0, &mut lines);
            assert_eq!(
                !changes.is_empty(),
                down,
                "{lost_of_ten} of 10: {changes:?}"
            );
        }
    }

    #[test]
    fn a_late_answer_passes_no_cycle() {
        let mut lines = |line, _| Some([2_100.0, 20.0][line]);
        let changes = Bench::new(&SHIPPED).run(60.0, &mut lines);
        assert!(matches!(changes[..], [(_, 1)]), "{changes:?}");
    }
}
