//! A small world in virtual time: lines with a seed, probes on them, and one engine's decisions.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use plugin_abi::config::{
    Class, Config, Group, METERED_MS, Mode, Probe, ProbeClass, Profile, STANDBY_TIMES, Sla,
};
use twamp_core::probe::Outcome;
use twamp_core::time::{Mono, Now, Wall};

use super::super::{AutoFlow, Candidate, Policy, Ruling};
use crate::line::synthetic::{self, Random};
use crate::line::{Estimate, Estimator, EstimatorConfig, FullSize, Life, Pulse, Trouble};
use crate::session::Rate;

pub(super) const GROUP: u64 = 1;
pub(super) const VOICE: u64 = 10;
pub(super) const TIMEOUT: Duration = Duration::from_secs(1);
pub(super) const START_S: u64 = 1_000;

/// Lines in order of id, one group, one engine.
pub(super) struct World {
    pub(super) now: Mono,
    /// How often lines are looked at and decisions are made.
    pub(super) tick: Duration,
    pub(super) paths: Vec<Path>,
    pub(super) flow: AutoFlow,
    pub(super) rulings: Vec<Ruling>,
    /// Of classes, what their traffic takes of a line, Mbit/s.
    pub(super) loads: Vec<(u64, f64)>,
    /// How long the last decision took, really.
    pub(super) took: Duration,
    config: Config,
}

/// A line as the world has it, and as one probe class sees it.
pub(super) struct Path {
    pub(super) name: &'static str,
    pub(super) cost: u32,
    pub(super) underlay: &'static str,
    pub(super) far_end: &'static str,
    pub(super) interval: Duration,
    pub(super) round_trip: Duration,
    /// Each round trip is longer by up to so much.
    pub(super) noise: Duration,
    /// Of probes, there and back together, 0 to 1.
    pub(super) loss: f64,
    /// Of lost probes, those that never come to the far end, 0 to 1.
    pub(super) forward: f64,
    pub(super) cut: bool,
    /// How many probes came to the far end.
    reflected: u64,
    /// Flows may leave it while it lives.
    pub(super) movable: bool,
    /// Each way, Mbit/s, if it is known.
    pub(super) capacity: Option<f64>,
    /// More traffic is on it than it has room for.
    crowded: bool,
    /// What the host tells of its traffic.
    pub(super) rates: Option<[f64; 2]>,
    pub(super) rate: Rate,
    /// It is metered, and nobody says how often it is to be probed.
    pub(super) has_standby: bool,
    id: u64,
    pub(super) probe_class: u64,
    random: Random,
    sequence: u64,
    next_send: Mono,
    /// Outcomes to come, by the time they are known.
    coming: BTreeMap<(Mono, u64), Outcome>,
    /// Unanswered probes, sent after the last answered one.
    unanswered: VecDeque<(u64, Mono)>,
    last_reply: Option<Mono>,
    /// What is known of its full-size packets, if they are probed.
    pub(super) full_size: Option<FullSize>,
    /// Small ones beside them.
    pub(super) small: u64,
    estimator: Estimator,
}

/// A class with the SLA of voice.
pub(super) fn voice() -> Class {
    let sla = Sla {
        round_trip_ms: Some(150.0),
        jitter_ms: Some(30.0),
        loss_percent: Some(1.0),
        packet_octets: None,
    };
    Class::new(VOICE, "voice", sla)
}

/// One class, one group, mode `act`, and the shipped windows and times.
pub(super) fn config() -> Config {
    Config {
        mode: Mode::Act,
        groups: vec![Group {
            id: GROUP,
            name: "hub".into(),
            mode: None,
        }],
        classes: vec![voice()],
        ..Config::default()
    }
}

impl World {
    /// Lines named `names`, the first one preferred, 10 probes a second, 20 ms, nothing lost.
    pub(super) fn new(names: &[&'static str]) -> Self {
        Self::with(config(), names)
    }

    pub(super) fn with(config: Config, names: &[&'static str]) -> Self {
        let now = Mono(START_S * 1_000_000_000);
        let flow = AutoFlow::new(Policy::new(&config));
        let by = config.probed().by.into_iter();
        let by: Vec<u64> = by.map(ProbeClass::id_of).collect();
        let mut paths = Vec::new();
        for (id, name) in (0..).zip(names) {
            for (place, probe_class) in by.iter().enumerate() {
                let mut path = Path::new(id, name, now, &config);
                path.probe_class = *probe_class;
                path.estimator.watch(flow.demands(place));
                paths.push(path);
            }
        }
        Self {
            now,
            tick: Duration::from_millis(100),
            paths,
            flow,
            rulings: Vec::new(),
            loads: Vec::new(),
            took: Duration::ZERO,
            config,
        }
    }

    /// The same world from another seed.
    pub(super) fn seeded(mut self, seed: u64) -> Self {
        for path in &mut self.paths {
            path.random = Random::new(path.id + 1 + 1_000 * seed);
        }
        self
    }

    /// The same world with `rate` probes a second on each line.
    pub(super) fn probing(mut self, rate: u32) -> Self {
        let interval = Duration::from_secs(1) / rate;
        self.config.probe.interval_ms = Some(interval.as_secs_f64() * 1e3);
        for path in &mut self.paths {
            path.interval = interval;
            path.estimator = estimator(&self.config);
            path.estimator.watch(self.flow.demands(0));
        }
        self
    }

    /// A line is metered, and nobody says how often it is to be probed.
    pub(super) fn meter(&mut self, name: &str) {
        let probe = Probe {
            interval_ms: Some(METERED_MS),
            ..Probe::default()
        };
        let config = EstimatorConfig::new(&self.config.decision, &probe, Profile::Fibre);
        let mut estimator = Estimator::new(config.slowed_up_to(STANDBY_TIMES));
        estimator.watch(self.flow.demands(0));
        let path = self.path(name);
        (path.interval, path.has_standby) = (probe.interval(), true);
        path.estimator = estimator;
    }

    pub(super) fn path(&mut self, name: &str) -> &mut Path {
        self.paths
            .iter_mut()
            .find(|path| path.name == name)
            .unwrap()
    }

    /// The same line as the probes of a class see it.
    pub(super) fn seen_by(&mut self, name: &str, probe_class: u64) -> &mut Path {
        let mut paths = self.paths.iter_mut();
        let seen = paths.find(|path| (path.name, path.probe_class) == (name, probe_class));
        seen.unwrap()
    }

    /// The host takes a line away.
    pub(super) fn take_away(&mut self, name: &str) {
        self.paths.retain(|path| path.name != name);
    }

    pub(super) fn trouble(&mut self, name: &str, trouble: Option<Trouble>) {
        let now = self.now;
        self.path(name).estimator.trouble(now, trouble);
    }

    pub(super) fn run(&mut self, seconds: u64) {
        self.run_for(Duration::from_secs(seconds));
    }

    pub(super) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now = self.now + self.tick;
            self.step();
        }
    }

    /// Runs until `done`, at most for so long; answers how long it took.
    pub(super) fn run_until(&mut self, seconds: u64, done: impl Fn(&Self) -> bool) -> Duration {
        let begin = self.now;
        while self.now.since(begin) < Duration::from_secs(seconds) && !done(self) {
            self.now = self.now + self.tick;
            self.step();
        }
        self.now.since(begin)
    }

    /// The name of voice's line.
    pub(super) fn on(&self) -> &'static str {
        self.line_of(VOICE)
    }

    /// That of any class.
    pub(super) fn line_of(&self, class: u64) -> &'static str {
        let line = self
            .flow
            .choices()
            .get(GROUP, class)
            .and_then(|choice| choice.line);
        let path = self.paths.iter().find(|path| Some(path.id) == line);
        path.map_or("none", |path| path.name)
    }

    /// The lines of 1,000 flows that are on no line yet.
    pub(super) fn flows(&self) -> Vec<&'static str> {
        (0..1_000).map(|flow| self.flow_on(flow, None)).collect()
    }

    /// The line of a flow that is on `current`.
    pub(super) fn flow_on(&self, flow: u64, current: Option<&str>) -> &'static str {
        let current = current.and_then(|name| self.paths.iter().find(|path| path.name == name));
        let choices = self.flow.choices();
        let choice = choices.get(GROUP, VOICE).expect("a choice");
        let line = choices.take(choice, flow, current.map(|path| path.id)).line;
        let path = self.paths.iter().find(|path| Some(path.id) == line);
        path.map_or("none", |path| path.name)
    }

    pub(super) fn answer(&self) -> u32 {
        self.flow
            .choices()
            .get(GROUP, VOICE)
            .map_or(u32::MAX, |choice| choice.answer)
    }

    /// Sentences of the switches after the first verdict.
    pub(super) fn switches(&self) -> Vec<&str> {
        let switches = self.rulings.iter().filter(|ruling| ruling.switched);
        switches
            .skip(1)
            .map(|ruling| ruling.sentence.as_str())
            .collect()
    }

    /// Sentences of the refusals.
    pub(super) fn refusals(&self) -> Vec<&str> {
        let refusals = self.rulings.iter().filter(|ruling| !ruling.switched);
        refusals.map(|ruling| ruling.sentence.as_str()).collect()
    }

    pub(super) fn estimate(&mut self, name: &str) -> Estimate {
        let now = self.now;
        self.path(name).estimator.view(now)
    }

    /// The part of a class's flows that is on a line.
    pub(super) fn part(&self, class: u64, name: &str) -> f64 {
        let path = self.paths.iter().find(|path| path.name == name);
        let (Some(choice), Some(path)) = (self.flow.choices().get(GROUP, class), path) else {
            return 0.0;
        };
        match &choice.shares {
            Some(shares) => {
                let parts = shares.parts().into_iter();
                let own = parts.filter(|(line, _)| *line == path.id);
                own.map(|(_, part)| f64::from(part)).sum()
            }
            None => f64::from(u8::from(choice.line == Some(path.id))),
        }
    }

    fn crowd(&mut self) {
        for place in 0..self.paths.len() {
            let name = self.paths[place].name;
            let loads = self.loads.iter();
            let load: f64 = loads
                .map(|(class, load)| load * self.part(*class, name))
                .sum();
            let path = &mut self.paths[place];
            path.crowded = path.capacity.is_some_and(|capacity| load > capacity);
        }
    }

    fn step(&mut self) {
        let now = self.now;
        if !self.loads.is_empty() {
            self.crowd();
        }
        for path in &mut self.paths {
            path.advance(now);
        }
        let paths = self.paths.iter_mut();
        let mut estimates: Vec<_> = paths.map(|path| path.estimator.view(now)).collect();
        let each = self.config.probed().by.len();
        for (paths, seen) in self.paths.chunks(each).zip(estimates.chunks_mut(each)) {
            let line = Life::of_line(&paths.iter().map(|path| path.estimator.life()));
            for (path, estimate) in paths.iter().zip(seen) {
                estimate.set_life(&path.estimator.life().on(&line));
            }
        }
        let candidates: Vec<_> = self.paths.iter().zip(&estimates).map(candidate).collect();
        let both = Now {
            mono: now,
            wall: Wall(now.nanos() as i64),
        };
        let began = Instant::now();
        let decided = self.flow.decide(both, &candidates);
        self.took = began.elapsed();
        self.rulings.extend(decided.rulings);
        for request in decided.rates {
            let mut paths = self.paths.iter_mut();
            let asked = (request.line, request.probe_class);
            let path = paths.find(|path| (path.id, path.probe_class) == asked);
            if let Some(path) = path {
                let before = path.spacing();
                path.rate = request.rate;
                path.wake(now, before);
            }
        }
    }
}

impl Path {
    fn new(id: u64, name: &'static str, now: Mono, config: &Config) -> Self {
        Self {
            name,
            cost: id as u32,
            underlay: name,
            far_end: "hub",
            interval: Duration::from_millis(100),
            round_trip: Duration::from_millis(20),
            noise: Duration::from_millis(2),
            loss: 0.0,
            forward: 0.0,
            cut: false,
            reflected: 0,
            movable: true,
            capacity: None,
            crowded: false,
            rates: None,
            rate: Rate::Rest,
            has_standby: false,
            id,
            probe_class: 0,
            random: Random::new(id + 1),
            sequence: 0,
            // Lines are not probed in step.
            next_send: now + Duration::from_millis(7 * (id + 1)),
            coming: BTreeMap::new(),
            unanswered: VecDeque::new(),
            last_reply: None,
            full_size: None,
            small: 0,
            estimator: estimator(config),
        }
    }

    /// Sends, receives and looks, up to `now`.
    fn advance(&mut self, now: Mono) {
        while self.next_send <= now {
            self.send();
        }
        while let Some(entry) = self.coming.first_entry() {
            let &(at, sequence) = entry.key();
            if at > now {
                break;
            }
            let outcome = entry.remove();
            if let Outcome::Sample(_) = outcome {
                self.last_reply = self.last_reply.max(Some(at));
                self.unanswered
                    .retain(|(unanswered, _)| *unanswered > sequence);
            }
            self.estimator.absorb(&outcome);
        }
        self.estimator.pulse(&Pulse {
            at: now,
            last_reply: self.last_reply,
            unanswered_since: self.unanswered.front().map(|(_, sent)| *sent),
            resting_interval: self.spacing().max(self.interval),
            slowed: self
                .spacing()
                .max(self.interval)
                .div_duration_f32(self.interval),
        });
    }

    fn send(&mut self) {
        let (sequence, sent) = (self.sequence, self.next_send);
        self.sequence += 1;
        self.next_send = sent + self.spacing();
        self.unanswered.push_back((sequence, sent));
        // A full queue is waited in, and what finds no room in it is lost.
        let (wait, overflow) = match self.crowded {
            true => (Duration::from_millis(300), 0.05),
            false => (Duration::ZERO, 0.0),
        };
        let round_trip = self.round_trip + wait + self.noise.mul_f64(self.random.uniform());
        let is_lost = self.random.uniform() < self.loss + overflow;
        let number = self.reflected;
        let (known, outcome) = if self.cut || is_lost {
            let arrives = !self.cut && self.random.uniform() >= self.forward;
            self.reflected += u64::from(arrives);
            (sent + TIMEOUT, synthetic::lost(sequence, sent, TIMEOUT))
        } else {
            self.reflected += 1;
            let mut outcome = synthetic::sample(sequence, sent, round_trip);
            if let Outcome::Sample(sample) = &mut outcome {
                sample.reflector_sequence = number;
            }
            (sent + round_trip, outcome)
        };
        self.coming.insert((known, sequence), outcome);
    }

    /// How many probes have left.
    pub(super) fn probes(&self) -> u64 {
        self.sequence
    }

    /// The next probe leaves one interval after the last one, and silence so far counts in
    /// intervals, as on the probe thread.
    fn wake(&mut self, now: Mono, before: Duration) {
        let last = self
            .next_send
            .nanos()
            .saturating_sub(before.as_nanos() as u64);
        self.next_send = now.max(Mono(last) + self.spacing());
        let after = self.spacing().max(self.interval);
        if after < before {
            for (_, sent) in &mut self.unanswered {
                let silent = now.since(*sent).mul_f64(after.div_duration_f64(before));
                *sent = Mono(now.nanos() - silent.as_nanos() as u64);
            }
        }
    }

    fn spacing(&self) -> Duration {
        match self.rate {
            Rate::Standby => self.interval * 10,
            Rate::Rest => self.interval,
            Rate::Raised => self.interval / 10,
        }
    }
}

fn estimator(config: &Config) -> Estimator {
    Estimator::new(EstimatorConfig::new(
        &config.decision,
        &config.probe,
        Profile::Fibre,
    ))
}

fn candidate<'a>((path, estimate): (&'a Path, &'a Estimate)) -> Candidate<'a> {
    Candidate {
        line: path.id,
        probe_class: path.probe_class,
        name: path.name,
        cost: path.cost,
        underlay: path.underlay,
        far_end: path.far_end,
        has_standby: path.has_standby,
        movable: path.movable,
        capacity: [path.capacity; 2],
        rates: path.rates,
        overflows: false,
        groups: &[GROUP],
        full_size: path.full_size.as_ref(),
        estimator: &path.estimator,
        estimate,
    }
}
