//! From what the probe thread reports to what the host reads: estimates, picture, choices.

mod why;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use plugin_abi::config::{Class, Config, Line, MTU_PROBE_CLASS, ProbeClass, STANDBY_TIMES, Sla};
use plugin_abi::{NONE, TwampLineLoad, TwampLineState, TwampScore};
use twamp_core::time::{ErrorEstimate, Mono, Now};

use super::full_size::FullSizeSight;
use super::lock;
use super::measured::Measured;
use super::shared::{Decided, Shared};
use super::sight::{Measures, Sight};
use super::sights::Sights;
use crate::autoflow::{AutoFlow, Broken, Candidate, Policy, Ruling};
use crate::host::{Change, Host, Picture, Taken};
use crate::line::{EstimatorConfig, Obstruction, Pulse, Shift, Trouble, score_row};
use crate::net::{SendError, clock};
use crate::session::keyed::Keyed;
use crate::session::setback::Setback;
use crate::session::{Key, Rate, Report};

/// Everything between a report and the published cells.
pub(super) struct Publisher {
    /// Without its lines.
    config: Config,
    lines: BTreeMap<u64, Box<Measured>>,
    by_session: Keyed<Measures>,
    /// Of each class of traffic, the place of its probe class among those in use.
    places: Vec<usize>,
    autoflow: AutoFlow,
    stale_after: Duration,
    states: Vec<(u64, u32)>,
    /// The list for people is as it should be, but for the states.
    listed: bool,
    /// Of each class of each group.
    counted: BTreeMap<(u64, u64), why::Counted>,
}

/// What a publication led to.
#[derive(Default)]
pub(super) struct Published {
    /// A line's state or a choice is another than before.
    pub(super) changed: bool,
    /// Switches, and such as were refused.
    pub(super) rulings: Vec<Ruling>,
    /// Every limit that is broken now.
    pub(super) broken: Vec<Broken>,
    /// Sessions that are to be probed at another rate from now on.
    pub(super) rates: Vec<(Key, Rate)>,
    /// Of the picture and the choices.
    epoch: u64,
}

impl Published {
    /// Logs what was decided, and tells the host of switches.
    pub(super) fn tell(self, host: Host) {
        for ruling in self.rulings {
            match ruling.switched {
                true => {
                    tracing::info!("{}", ruling.sentence);
                    host.choice_changed(&change(ruling, self.epoch));
                }
                false => tracing::debug!("{}", ruling.sentence),
            }
        }
    }
}

impl Publisher {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            autoflow: AutoFlow::new(Policy::new(config)),
            lines: BTreeMap::new(),
            by_session: Keyed::default(),
            places: config.probed().places,
            stale_after: Duration::from_millis(config.decision.stale_after_ms.into()),
            config: without_lines(config),
            states: Vec::new(),
            listed: false,
            counted: BTreeMap::new(),
        }
    }

    /// Another configuration holds; what was learned stays.
    pub(super) fn policy(&mut self, config: &Config) {
        self.autoflow.set_policy(Policy::new(config));
        self.stale_after = Duration::from_millis(config.decision.stale_after_ms.into());
        let before = std::mem::replace(&mut self.config, without_lines(config));
        let probed = self.config.probed();
        self.places = probed.places;
        if probed.by != before.probed().by {
            self.see_anew(&config.lines);
        }
        for line in &config.lines {
            self.see_as_it_is(line);
        }
        for line in self.lines.values_mut() {
            watch(&mut line.sights, &self.autoflow);
        }
        for line in &config.lines {
            self.see_full_size(line);
        }
    }

    /// A line may have other probes of full size than before, or none. What was learned by such as
    /// stay is kept.
    fn see_full_size(&mut self, line: &Line) {
        let wanted = FullSizeSight::of(&self.config, line);
        let Some(measured) = self.lines.get_mut(&line.id) else {
            return;
        };
        let octets = |sight: &FullSizeSight| sight.size.octets();
        let known = measured.full_size.as_deref();
        if known.map(octets) == wanted.as_deref().map(octets) {
            return;
        }
        let former = std::mem::replace(&mut measured.full_size, wanted);
        if let Some(session) = former.and_then(|former| former.session) {
            self.by_session.remove(&session);
        }
        self.listed = false;
    }

    /// Other probe classes are in use.
    fn see_anew(&mut self, lines: &[Arc<Line>]) {
        for line in lines {
            let sights = self.sights(line);
            if let Some(measured) = self.lines.get_mut(&line.id) {
                let gone = measured.sights.replace(sights);
                for session in gone.filter_map(|sight| sight.session) {
                    self.by_session.remove(&session);
                }
            }
        }
        self.listed = false;
    }

    /// Nothing is known of the line yet.
    fn sights(&self, line: &Line) -> Sights {
        let sight = |class: Option<&ProbeClass>| self.sight(line, class);
        Sights::new(self.config.probed().by.into_iter().map(sight), || {
            sight(None)
        })
    }

    fn sight(&self, line: &Line, class: Option<&ProbeClass>) -> Sight {
        let probe = self.config.probe_of(line, class);
        let has_standby = self.config.has_standby(line, class);
        let slows = has_standby || line.probe_budget_mb.is_some();
        let slowest = if slows { STANDBY_TIMES } else { 1 };
        let config = EstimatorConfig::new(&self.config.decision, &probe, line.profile);
        let config = config.slowed_up_to(slowest);
        Sight::new(ProbeClass::id_of(class), config, has_standby)
    }

    /// A line that is probed ten times as seldom from now on, or as often: what was learned of
    /// moments is not that of such times.
    fn see_as_it_is(&mut self, line: &Line) {
        for class in self.config.probed().by {
            let has_standby = self.config.has_standby(line, class);
            let id = ProbeClass::id_of(class);
            let known = self.lines.get_mut(&line.id);
            let known = known.and_then(|line| line.sights.of(id));
            if known.is_none_or(|known| known.has_standby == has_standby) {
                continue;
            }
            let new = self.sight(line, class);
            if let Some(measured) = self.lines.get_mut(&line.id) {
                if let Some(known) = measured.sights.of(id) {
                    known.begin_anew(new);
                }
                watch(&mut measured.sights, &self.autoflow);
            }
        }
    }

    /// A line is new, or has changed: what was learned of it stays.
    pub(super) fn line(&mut self, line: &Line) {
        self.listed = false;
        if let Some(known) = self.lines.get_mut(&line.id) {
            known.change(line);
            self.see_as_it_is(line);
            return self.see_full_size(line);
        }
        let mut sights = self.sights(line);
        watch(&mut sights, &self.autoflow);
        let measured = Measured::new(line, sights);
        self.lines.insert(line.id, Box::new(measured));
        self.see_full_size(line);
    }

    /// Why the interface's own stamps are not taken, where a line wishes for them.
    pub(super) fn stamps(&mut self, line: u64, why: Option<String>) {
        if let Some(measured) = self.lines.get_mut(&line) {
            measured.stamps(why);
            self.listed = false;
        }
    }

    /// A line is gone.
    pub(super) fn lose(&mut self, line: u64) {
        self.listed = false;
        let lost = self.lines.remove(&line);
        let sessions = lost.iter().flat_map(|lost| lost.sights.iter());
        for key in sessions.filter_map(|sight| sight.session) {
            self.by_session.remove(&key);
        }
        let full_size = lost.and_then(|lost| lost.full_size);
        if let Some(key) = full_size.and_then(|sight| sight.session) {
            self.by_session.remove(&key);
        }
    }

    /// This session measures it from now on.
    pub(super) fn session(&mut self, what: Measures, key: Key) {
        let session = match what.class {
            MTU_PROBE_CLASS => self.full_size(what.line).map(|sight| &mut sight.session),
            _ => sight(&mut self.lines, what).map(|sight| &mut sight.session),
        };
        let Some(session) = session else { return };
        let former = session.replace(key);
        self.autoflow.begins(what.line, what.class);
        if let Some(former) = former {
            self.by_session.remove(&former);
        }
        self.by_session.insert(key, what);
    }

    fn full_size(&mut self, line: u64) -> Option<&mut FullSizeSight> {
        self.lines.get_mut(&line)?.full_size.as_deref_mut()
    }

    /// The far end may have forgotten the session of a line's probes of full size.
    pub(super) fn doubts(&self, what: Measures) -> bool {
        let line = self.lines.get(&what.line);
        let full_size = line.and_then(|line| line.full_size.as_deref());
        full_size.is_some_and(|sight| sight.size.doubts_session())
    }

    /// No session measures the line any more, and none is to; what was learned of it is kept.
    pub(super) fn rest(&mut self, line: u64, why: &str) {
        let Some(measured) = self.lines.get_mut(&line) else {
            return;
        };
        for sight in measured.sights.iter_mut() {
            if let Some(key) = sight.session.take() {
                self.by_session.remove(&key);
            }
            sight.hinder(clock().mono, Trouble::NoSession, why.to_owned());
        }
        // Without probes there are none of full size either.
        let former = measured.full_size.take();
        if let Some(key) = former.and_then(|sight| sight.session) {
            self.by_session.remove(&key);
        }
        self.listed = false;
    }

    /// Lines through which full-size packets don't come, and why.
    pub(super) fn obstructions(&self) -> impl Iterator<Item = (&str, Obstruction)> {
        let lines = self.lines.values();
        lines.filter_map(|line| Some((&*line.name, line.obstruction()?)))
    }

    /// What a session measures, if that is a line.
    pub(super) fn measured_by(&self, key: Key) -> Option<Measures> {
        self.by_session.get(&key).copied()
    }

    /// What people call it.
    pub(super) fn name(&self, line: u64) -> Option<&str> {
        self.lines.get(&line).map(|measured| &*measured.name)
    }

    /// Lines whose round trip has moved since somebody asked last, by their names.
    pub(super) fn take_shifts(&mut self) -> Vec<(Arc<str>, Shift)> {
        let lines = self.lines.values_mut();
        let shifts = lines.filter_map(|measured| {
            // Each probe class sees it; what one of them says is enough.
            let sights = measured.sights.iter_mut();
            let shifts = sights.filter_map(|sight| sight.estimator.take_shift());
            shifts.last().map(|shift| (measured.name.clone(), shift))
        });
        shifts.collect()
    }

    /// What keeps it from being measured.
    pub(super) fn hindrance(&self, line: u64) -> Option<&str> {
        self.lines.get(&line)?.hindrance().map(|why| &**why)
    }

    /// Something keeps a line from being measured for a probe class. True if that is new.
    pub(super) fn trouble(
        &mut self,
        what: Measures,
        at: Mono,
        trouble: Trouble,
        why: String,
    ) -> bool {
        if let (MTU_PROBE_CLASS, Some(sight)) = (what.class, self.full_size(what.line)) {
            // Whether the line is measured, the others say.
            sight.size.interrupted();
            return false;
        }
        let Some(sight) = sight(&mut self.lines, what) else {
            return false;
        };
        self.listed = false;
        sight.hinder(at, trouble, why)
    }

    /// Nothing keeps it from being measured any more.
    pub(super) fn measured(&mut self, what: Measures, at: Mono) {
        if let Some(sight) = sight(&mut self.lines, what) {
            self.listed = false;
            sight.excuse(at);
        }
    }

    /// What the host tells of a line's traffic.
    pub(super) fn load(&mut self, told: &TwampLineLoad) {
        if let Some(line) = self.lines.get_mut(&told.line) {
            line.load(told);
        }
    }

    /// Enters what the probe thread has seen.
    pub(super) fn absorb(&mut self, report: &Report) {
        for (key, entry) in &report.entries {
            let Some(what) = self.by_session.get(key) else {
                continue;
            };
            if what.class == MTU_PROBE_CLASS {
                if let Some(line) = self.lines.get_mut(&what.line) {
                    let small = line.small();
                    if let Some(full_size) = &mut line.full_size {
                        full_size.absorb(entry, small);
                    }
                }
            } else if let Some(sight) = sight(&mut self.lines, *what)
                && sight.absorb(entry, report.at.mono)
            {
                self.listed = false;
            }
        }
        for (key, pulse) in &report.pulses {
            let Some(what) = self.by_session.get(key) else {
                continue;
            };
            if what.class == MTU_PROBE_CLASS {
                let line = self.lines.get_mut(&what.line);
                if let Some(full_size) = line.and_then(|line| line.full_size.as_mut()) {
                    full_size.pulse(pulse);
                }
            } else if let Some(sight) = sight(&mut self.lines, *what) {
                sight.pulse(&Pulse {
                    at: report.at.mono,
                    last_reply: pulse.last_reply,
                    unanswered_since: pulse.unanswered_since,
                    resting_interval: pulse.interval,
                    slowed: pulse.slowed,
                });
            }
        }
        for (key, setback) in &report.setbacks {
            if let Some(what) = self.measured_by(*key)
                && let (MTU_PROBE_CLASS, Some(sight)) = (what.class, self.full_size(what.line))
            {
                sight.set_back(*setback);
                continue;
            }
            let (trouble, why) = match setback {
                Setback::PortUnreachable => {
                    let trouble = Trouble::PortUnreachable;
                    (trouble, trouble.words().to_owned())
                }
                Setback::UsedUp => {
                    let trouble = Trouble::BudgetUsedUp;
                    (trouble, trouble.words().to_owned())
                }
                Setback::NotSent(error) if *error != SendError::QueueFull => {
                    (Trouble::LocalFault, format!("local system: {error}"))
                }
                // A router that knows no way, or none for this size, is a dead line, and silence
                // tells that; a full queue empties.
                Setback::HostUnreachable | Setback::TooBig { .. } | Setback::NotSent(_) => continue,
            };
            if let Some(what) = self.measured_by(*key) {
                self.trouble(what, report.at.mono, trouble, why);
            }
        }
    }

    /// Takes a new picture and decides; `fresh` is when the probe thread last reported, `error` how
    /// good this host's clock is.
    pub(super) fn publish(
        &mut self,
        now: Now,
        fresh: Option<Mono>,
        error: ErrorEstimate,
        shared: &Shared,
    ) -> Published {
        let epoch = shared.next_epoch();
        let valid_until = fresh.unwrap_or(now.mono) + self.stale_after;
        for line in self.lines.values_mut() {
            line.look(now.mono);
            self.listed &= !line.has_news();
        }
        let (lines, scores) = self.rows(now, valid_until, error.synchronised());
        let states: Vec<_> = lines.iter().map(|row| (row.line, row.state)).collect();
        let measured = self.lines.values();
        let candidates: Vec<Candidate<'_>> = measured
            .flat_map(|line| line.candidates(now.mono))
            .collect();
        let decided = self.autoflow.decide(now, &candidates);
        let other_states = states != self.states;
        if other_states || !self.listed {
            *lock(&shared.lines) = self.lines.values().map(|line| line.listed(now)).collect();
            self.listed = true;
        }

        let taken = Taken {
            epoch,
            engine_state: shared.state(),
            taken_ns: now.mono.nanos(),
            taken_wall_ns: now.wall.nanos(),
            valid_until_ns: valid_until.nanos(),
        };
        shared
            .picture
            .store(Arc::new(Picture::new(taken, lines, scores)));
        shared.choices.store(Some(Arc::new(Decided {
            choices: self.autoflow.choices().clone(),
            epoch,
            // Of an engine that measures nothing they are as old as time.
            fresh: fresh.unwrap_or_default(),
            stale_after: self.stale_after,
        })));
        lock(&shared.board).statistics().snapshots += 1;
        let changed = decided.choices_changed || other_states;
        let rates = decided.rates.iter().filter_map(|request| {
            let line = self.lines.get(&request.line)?;
            let mut sights = line.sights.iter();
            let sight = sights.find(|sight| sight.class == request.probe_class)?;
            Some((sight.session?, request.rate))
        });
        let mut rates: Vec<_> = rates.collect();
        for line in self.lines.values_mut() {
            rates.extend(line.pace_full_size());
        }
        self.states = states;
        self.count(&decided.rulings);
        if decided.choices_changed || !decided.rulings.is_empty() {
            let (why, worths) = self.why().into_iter().unzip();
            let mut known = lock(&shared.why);
            *lock(&shared.worths) = worths;
            *known = why;
        }
        Published {
            changed,
            rulings: decided.rulings,
            broken: decided.broken,
            rates,
            epoch,
        }
    }

    /// The rows of the picture; lines without classes have one score, for no class.
    fn rows(
        &self,
        now: Now,
        valid_until: Mono,
        synchronised: bool,
    ) -> (Vec<TwampLineState>, Vec<TwampScore>) {
        let no_class = [Class::new(NONE, "", Sla::default())];
        let classes = match &self.config.classes[..] {
            [] => &no_class[..],
            classes => classes,
        };
        let mut lines = Vec::with_capacity(self.lines.len());
        let mut scores = Vec::with_capacity(self.lines.len() * classes.len());
        for line in self.lines.values() {
            lines.push(line.row(valid_until));
            let places = self.places.iter().copied().chain(std::iter::once(0));
            scores.extend(classes.iter().zip(places).map(|(class, place)| {
                score_row(
                    line.id,
                    class,
                    &line.sights.at(place).estimate,
                    synchronised,
                    now.mono,
                    valid_until,
                )
            }));
        }
        (lines, scores)
    }
}

/// What the probes of a class say of a line.
fn sight(lines: &mut BTreeMap<u64, Box<Measured>>, what: Measures) -> Option<&mut Sight> {
    lines.get_mut(&what.line)?.sights.of(what.class)
}

/// Each probe class is asked what the classes of traffic that judge by it want to know.
fn watch(sights: &mut Sights, autoflow: &AutoFlow) {
    for (place, sight) in sights.iter_mut().enumerate() {
        sight.estimator.watch(autoflow.demands(place));
    }
}

/// What the publisher needs of lines, it keeps with each.
fn without_lines(config: &Config) -> Config {
    Config {
        lines: Vec::new(),
        groups: config.groups.clone(),
        classes: config.classes.clone(),
        probe: config.probe.clone(),
        probe_classes: config.probe_classes.clone(),
        mtu_probe: config.mtu_probe,
        clock: config.clock,
        decision: config.decision.clone(),
        ..Config::default()
    }
}

fn change(ruling: Ruling, epoch: u64) -> Change {
    Change {
        reason: ruling.reason,
        group: ruling.group,
        class: ruling.class,
        from: ruling.from,
        to: ruling.to,
        at_ns: ruling.at.mono.nanos(),
        epoch,
        sentence: ruling.sentence,
    }
}
