//! What came of a run: each choice held against the truth of the lines.

use super::peak::Peak;
use super::policy::{Revealed, Setting};
use super::revealed::Loss;
use super::run::TICK;
use super::truth::{Quality, right};
use super::world::World;

const NS_PER_S: f64 = 1e9;
const HOUR_S: f64 = 3_600.0;
const WEEK_S: f64 = 7.0 * 24.0 * HOUR_S;
/// There and back within this time is a flap.
const FLAP: u64 = 60_000_000_000;
/// Classes that leave a line within this time leave it for one cause.
const TOGETHER: u64 = 10_000_000_000;

/// Sums of one run or of several.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measures {
    /// Runs.
    pub runs: u32,
    /// Seconds of all runs.
    pub seconds: f64,
    /// Seconds of all lines that carried a class.
    pub line_seconds: f64,
    /// Seconds of all classes of all groups.
    pub class_seconds: f64,
    /// From when a class's line was no longer right until it was on a right one, seconds.
    pub to_switch: Vec<f64>,
    /// Probes of that time, sent over the line that was no longer right.
    pub looked: u64,
    /// Times that it was on none until the end, or until its line was right again.
    pub never: u32,
    /// From when a preferred line was right again until it was used, seconds.
    pub to_return: Vec<f64>,
    /// Switches, whatever for.
    pub switches: u32,
    /// Times that a line was left that was right, for none that is preferred.
    pub pointless: u32,
    /// Switches to a line that was not right while another was.
    pub wrong: u32,
    /// There and back again within a minute.
    pub flaps: u32,
    /// Seconds on a line that broke the SLA while another kept it.
    pub violation_s: f64,
    /// Mean opinion given away, summed over seconds.
    pub regret: f64,
    /// Probes sent, over all lines.
    pub probes: u64,
    /// Their octets.
    pub octets: u64,
    /// By run: the most that were sent over all lines in ten seconds, by the median ten seconds.
    pub probe_peaks: Vec<f64>,
    /// Lines, times runs.
    pub lines: u64,
    /// What came of each run.
    pub each: Vec<Figures>,
}

/// Rates of one run, or of several together; `None` where nothing was carried.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Lines left that were right, for none that is preferred: of a line and week.
    pub pointless_switches_per_line_week: Option<f64>,
    /// Switches to a line that was not right while another was, an hour.
    pub wrong_switches_per_hour: Option<f64>,
    /// Seconds on a line that broke the SLA while another kept it, an hour.
    pub violation_s_per_h: Option<f64>,
    /// Mean opinion given away, on average over time.
    pub regret: Option<f64>,
    /// There and back again within a minute, an hour.
    pub flaps_per_hour: Option<f64>,
}

impl Measures {
    /// Takes in those of another run.
    pub fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.seconds += other.seconds;
        self.line_seconds += other.line_seconds;
        self.class_seconds += other.class_seconds;
        self.to_switch.extend_from_slice(&other.to_switch);
        self.looked += other.looked;
        self.never += other.never;
        self.to_return.extend_from_slice(&other.to_return);
        self.switches += other.switches;
        self.pointless += other.pointless;
        self.wrong += other.wrong;
        self.flaps += other.flaps;
        self.violation_s += other.violation_s;
        self.regret += other.regret;
        self.probes += other.probes;
        self.octets += other.octets;
        self.probe_peaks.extend_from_slice(&other.probe_peaks);
        self.lines += other.lines;
        self.each.extend_from_slice(&other.each);
    }

    /// Its rates.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let per =
            |count: f64, seconds: f64, unit: f64| (seconds > 0.0).then(|| count * unit / seconds);
        let hourly = |count: f64| per(count, self.class_seconds, HOUR_S);
        Figures {
            pointless_switches_per_line_week: per(self.pointless.into(), self.line_seconds, WEEK_S),
            wrong_switches_per_hour: hourly(self.wrong.into()),
            violation_s_per_h: hourly(self.violation_s),
            regret: per(self.regret, self.class_seconds, 1.0),
            flaps_per_hour: hourly(self.flaps.into()),
        }
    }

    /// Times that no switch came, by switches and these.
    #[must_use]
    pub fn never_switched(&self) -> f64 {
        let never = f64::from(self.never);
        let told = never + self.to_switch.len() as f64;
        if told > 0.0 { never / told } else { 0.0 }
    }

    /// Probes a second of each line.
    #[must_use]
    pub fn probes_per_s(&self) -> f64 {
        self.probes as f64 / self.probed_seconds()
    }

    /// Bits a second of each line, all headers included.
    #[must_use]
    pub fn probe_bit_per_s(&self) -> f64 {
        self.octets as f64 * 8.0 / self.probed_seconds()
    }

    fn probed_seconds(&self) -> f64 {
        let of_lines = self.seconds * self.lines as f64 / f64::from(self.runs.max(1));
        of_lines.max(f64::MIN_POSITIVE)
    }
}

/// Looks on while a run goes.
pub(super) struct Measure {
    sums: Measures,
    seats: Vec<Seat>,
    /// What is true of each line, and the mean opinion of a call on it.
    qualities: Vec<Quality>,
    opinions: Vec<f64>,
    /// Which lines are right, by seat; and whether they keep the SLA.
    right: Vec<(Vec<usize>, bool)>,
    /// The order of preference, by seat.
    order: Vec<Vec<usize>>,
    /// When a right line was last left, by line.
    left: Vec<Option<u64>>,
    used: Vec<bool>,
    peak: Peak,
    stale: bool,
}

/// A class of a group.
#[derive(Clone, Default)]
struct Seat {
    line: Option<usize>,
    /// The line before, and when it was left.
    former: Option<(usize, u64)>,
    /// Was its line right when last looked at?
    was_right: bool,
    /// Since when its line is not right, though it was.
    wrong_since: Option<Broken>,
    /// Since when a line that it prefers is right.
    better_since: Option<u64>,
}

/// A line is no longer right.
#[derive(Clone, Copy)]
struct Broken {
    at: u64,
    line: usize,
    /// Probes sent over it until then.
    probes: u64,
}

impl Measure {
    pub(super) fn new(setting: &Setting<'_>) -> Self {
        let classes = setting.classes.len();
        let seats = setting.groups.len() * classes;
        let order = |seat: usize| setting.order(seat / classes, seat % classes);
        let lines = setting.lines.len();
        Self {
            sums: Measures {
                runs: 1,
                lines: lines as u64,
                ..Measures::default()
            },
            seats: vec![Seat::default(); seats],
            qualities: vec![Quality::default(); lines],
            opinions: vec![0.0; lines],
            right: vec![(Vec::new(), false); seats],
            order: (0..seats).map(order).collect(),
            left: vec![None; lines],
            used: vec![false; lines],
            peak: Peak::default(),
            stale: true,
        }
    }

    /// An impairment is another.
    pub(super) fn changed(&mut self) {
        self.stale = true;
    }

    /// What is true now: before the choices, which change it only from the next tick on.
    pub(super) fn learn(&mut self, setting: &Setting<'_>, world: &World, overflow: &[[f64; 2]]) {
        for (line, known) in self.qualities.iter_mut().enumerate() {
            if self.stale || world.is_limited(line) {
                let quality = world.quality(line, overflow[line]);
                self.stale |= *known != quality;
                *known = quality;
            }
        }
        if std::mem::take(&mut self.stale) {
            for (opinion, quality) in self.opinions.iter_mut().zip(&self.qualities) {
                *opinion = quality.opinion();
            }
            let classes = setting.classes.len();
            for (place, known) in self.right.iter_mut().enumerate() {
                let class = place % classes;
                let right = right(setting, place / classes, class, &self.qualities);
                let sla = &setting.classes[class].sla;
                let kept = right.first().is_some_and(|&line| {
                    self.qualities[line].marked(setting.dscps[class]).keeps(sla)
                });
                *known = (right, kept);
            }
        }
    }

    /// What it has learnt, with what the lines will lose.
    pub(super) fn revealed<'a>(&'a self, losses: &'a [Vec<Loss>]) -> Revealed<'a> {
        Revealed {
            qualities: &self.qualities,
            right: &self.right,
            losses,
        }
    }

    /// A tick has passed, and these are the choices from now on.
    pub(super) fn look(&mut self, now: u64, world: &World, choices: &[Option<usize>]) {
        let tick = TICK as f64 / NS_PER_S;
        self.used.fill(false);
        for (place, choice) in choices.iter().enumerate() {
            self.seat(now, world, place, *choice);
            let Some(line) = *choice else { continue };
            self.used[line] = true;
            self.sums.class_seconds += tick;
            let (right, kept) = &self.right[place];
            if *kept && !right.contains(&line) {
                self.sums.violation_s += tick;
            }
            let best = right.first().map_or(line, |first| *first);
            let given_away = self.opinions[best] - self.opinions[line];
            self.sums.regret += given_away.max(0.0) * tick;
        }
        let used = self.used.iter().filter(|used| **used).count();
        self.sums.line_seconds += used as f64 * tick;
        self.peak.look(now, world.spent().0);
    }

    /// The run is over.
    pub(super) fn end(mut self, (probes, octets): (u64, u64), now: u64) -> Measures {
        let waiting = |seat: &&Seat| seat.wrong_since.is_some();
        self.sums.never += self.seats.iter().filter(waiting).count() as u32;
        self.sums.seconds = now as f64 / NS_PER_S;
        (self.sums.probes, self.sums.octets) = (probes, octets);
        self.sums.probe_peaks.extend(self.peak.ratio());
        self.sums.each = vec![self.sums.figures()];
        self.sums
    }

    fn seat(&mut self, now: u64, world: &World, place: usize, choice: Option<usize>) {
        let (right, _) = &self.right[place];
        let seat = &mut self.seats[place];
        let former = std::mem::replace(&mut seat.line, choice);
        let Some(line) = choice else { return };
        let is_right = right.contains(&line);
        let rank = |line: usize| self.order[place].iter().position(|of| *of == line);
        let best = right.first().copied();
        if let Some(from) = former.filter(|from| *from != line) {
            self.sums.switches += 1;
            self.sums.wrong += u32::from(!is_right);
            let returns = is_right && rank(line) < rank(from);
            if right.contains(&from) && !returns {
                let cause = self.left[from].replace(now);
                let again = cause.is_some_and(|last| now - last < TOGETHER);
                self.sums.pointless += u32::from(!again);
            }
            let back = seat.former == Some((line, seat.former.map_or(0, |(_, at)| at)));
            let soon = seat.former.is_some_and(|(_, at)| now - at < FLAP);
            self.sums.flaps += u32::from(back && soon);
            seat.former = Some((from, now));
            if let Some(since) = seat.better_since.filter(|_| best == Some(line)) {
                self.sums.to_return.push((now - since) as f64 / NS_PER_S);
            }
        }
        // A line that was chosen wrongly is another mistake than one that is left late.
        let broken = former.filter(|from| seat.was_right && !right.contains(from));
        let broken = broken.map(|line| Broken {
            at: now,
            line,
            probes: world.probes(line),
        });
        seat.was_right = is_right;
        let since = seat.wrong_since.or(broken);
        seat.wrong_since = since.filter(|_| !is_right);
        if let Some(broken) = since.filter(|_| is_right) {
            match former != choice {
                true => {
                    let after = (now - broken.at) as f64 / NS_PER_S;
                    self.sums.to_switch.push(after);
                    self.sums.looked += world.probes(broken.line) - broken.probes;
                }
                false => self.sums.never += 1,
            }
        }
        let better = is_right && best.is_some_and(|best| rank(best) < rank(line));
        seat.better_since = match better {
            true => seat.better_since.or(Some(now)),
            false => None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::policy::{MakeError, Maker, Policy, Probing, Reply};
    use crate::sim::run::Stage;
    use crate::sim::world::nanos;

    /// On these lines from these seconds on.
    #[derive(Clone)]
    struct Scripted(Vec<(f64, usize)>);

    impl Policy for Scripted {
        fn advance(&mut self, until: u64, _: &mut dyn Probing) -> u64 {
            until
        }

        fn heard(&mut self, _: u64, _: &Reply) {}

        fn choose(&mut self, now: u64, _: usize, _: usize) -> Option<usize> {
            let begun = self.0.iter().rfind(|(from_s, _)| nanos(*from_s) <= now);
            begun.map(|(_, line)| *line)
        }
    }

    impl Maker for Scripted {
        fn name(&self) -> &'static str {
            "scripted"
        }

        fn says(&self) -> &'static str {
            "does what it is told"
        }

        fn make(&self, _: &Setting<'_>, _: Option<f64>) -> Result<Box<dyn Policy>, MakeError> {
            Ok(Box::new(self.clone()))
        }
    }

    /// A is bad from 10 to 20 s.
    fn measures(choices: &[(f64, usize)]) -> Measures {
        let text = r#"
            name = "bad-for-ten-seconds"
            says = "A loses all for ten seconds"
            seconds = 30
            lines = [{ name = "A" }, { name = "B", cost = 1 }]
            classes = [{ name = "voice", sla = { loss_percent = 2 } }]
            events = [
                { at_s = 10, line = "A", set = { blackout = true } },
                { at_s = 20, line = "A" },
            ]
        "#;
        let scenario = toml::from_str(text).unwrap();
        let stage = Stage::new(&scenario);
        stage.play(&Scripted(choices.to_vec()), None, 1).unwrap()
    }

    #[test]
    fn the_time_to_switch_is_that_from_the_event_to_a_right_line() {
        let of = |choices: &[(f64, usize)]| {
            let measures = measures(choices);
            (measures.to_switch, measures.never)
        };
        assert_eq!(of(&[(0.0, 0), (13.0, 1)]), (vec![3.0], 0));
        assert_eq!(of(&[(0.0, 0), (10.0, 1)]), (vec![0.0], 0));
        assert_eq!(of(&[(0.0, 0)]), (vec![], 1));
        assert_eq!(of(&[(0.0, 1)]), (vec![], 0));
    }

    #[test]
    fn a_return_to_a_bad_line_is_a_wrong_switch_and_no_late_one() {
        let measures = measures(&[(0.0, 0), (13.0, 1), (15.0, 0), (16.0, 1)]);
        assert_eq!(measures.to_switch, [3.0]);
        assert_eq!(
            (measures.wrong, measures.flaps, measures.switches),
            (1, 2, 3)
        );
        assert!((measures.violation_s - 4.0).abs() < 0.01);
    }
}
