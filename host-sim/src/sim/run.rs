//! One run: a policy in a scenario with a seed, from the start to the end of virtual time.
//!
//! ```text
//!   events ─► World ─► replies ─► Policy ─► probes ─► World
//!                │                   │ choices, each 100 ms
//!                └── truth ─► Measure ◄──┘
//! ```

use std::time::Duration;

use plugin_abi::config::Class;

use super::SimError;
use super::clocked::Clocked;
use super::course::Diary;
use super::happenings::{Happening, Happenings};
use super::measure::{Measure, Measures};
use super::policy::{Maker, Policy, Reply, Setting, Uplink};
use super::revealed::{Loss, losses_to_come};
use super::scenario::Scenario;
use super::traffic::Traffic;
use super::world::{World, nanos};
use crate::link::ImpairmentError;

/// Choices take effect, and are judged, this often, in nanoseconds.
pub(super) const TICK: u64 = 100_000_000;

/// What runs of a scenario share.
pub(super) struct Stage<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) lines: Vec<Uplink>,
    pub(super) groups: Vec<Vec<usize>>,
    pub(super) classes: Vec<Class>,
    pub(super) dscps: Vec<u8>,
    /// By line: what it loses from the start on, and after each event.
    pub(super) losses: Vec<Vec<Loss>>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(scenario: &'a Scenario) -> Self {
        let (lines, groups) = scenario.uplinks();
        Self {
            scenario,
            lines,
            groups,
            classes: scenario.classes(),
            dscps: scenario.classes.iter().map(|class| class.dscp).collect(),
            losses: losses_to_come(scenario),
        }
    }

    /// What a policy is told of it.
    pub(super) fn setting(&self, seed: u64) -> Setting<'_> {
        Setting {
            lines: &self.lines,
            groups: &self.groups,
            classes: &self.classes,
            dscps: &self.dscps,
            seed,
        }
    }

    /// Plays it once.
    ///
    /// # Errors
    /// The policy can't be made, or an impairment is out of its range.
    #[cfg(test)]
    pub(super) fn play(
        &self,
        maker: &dyn Maker,
        knob: Option<f64>,
        seed: u64,
    ) -> Result<Measures, SimError> {
        let played = self.play_noting(maker, knob, seed, Noting::default())?;
        Ok(played.measures)
    }

    /// Plays it once, and notes more than the measures.
    ///
    /// # Errors
    /// The policy can't be made, or an impairment is out of its range.
    pub(super) fn play_noting(
        &self,
        maker: &dyn Maker,
        knob: Option<f64>,
        seed: u64,
        noting: Noting,
    ) -> Result<Played, SimError> {
        let setting = self.setting(seed);
        let wrong = |what| SimError::Impairment {
            scenario: self.scenario.name.clone(),
            what,
        };
        let policy = maker.make(&setting, knob)?;
        let (policy, spent): (Box<dyn Policy>, _) = match noting.cost {
            true => {
                let (clocked, spent) = Clocked::new(policy);
                (Box::new(clocked), Some(spent))
            }
            false => (policy, None),
        };
        let mut run = Run {
            policy,
            world: World::new(self.scenario, seed).map_err(wrong)?,
            happenings: Happenings::of(self),
            traffic: Traffic::new(self, seed, maker.is_in_line()),
            measure: Measure::new(&setting),
            choices: vec![None; self.groups.len() * self.classes.len()],
            unread: Vec::new(),
            diary: noting.choices_of.map(|group| (group, Diary::default())),
        };
        run.play(self, &setting).map_err(wrong)?;
        Ok(Played {
            measures: run.measure.end(run.world.spent(), run.world.now()),
            diary: run.diary.map(|(_, diary)| diary),
            cost: spent.map(|spent| spent.get()),
        })
    }
}

/// What is noted of a run beside its measures.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Noting {
    /// The choices of a group.
    pub(super) choices_of: Option<usize>,
    /// The time that the policy takes.
    pub(super) cost: bool,
}

/// What came of a run.
pub(super) struct Played {
    pub(super) measures: Measures,
    /// The choices, if asked for.
    pub(super) diary: Option<Diary>,
    /// The time that the policy took, if asked for.
    pub(super) cost: Option<Duration>,
}

struct Run {
    policy: Box<dyn Policy>,
    world: World,
    happenings: Happenings,
    traffic: Traffic,
    measure: Measure,
    /// By group and class: where traffic goes until the next tick.
    choices: Vec<Option<usize>>,
    /// Arrived while this host stood still.
    unread: Vec<Reply>,
    /// Of which group.
    diary: Option<(usize, Diary)>,
}

impl Run {
    fn play(&mut self, stage: &Stage<'_>, setting: &Setting<'_>) -> Result<(), ImpairmentError> {
        let end = nanos(stage.scenario.seconds);
        let mut tick = 0;
        let mut paused_until = None;
        loop {
            let (happens, arrives) = (self.happenings.next(), self.world.next());
            let next = [Some(end), Some(tick), happens, arrives];
            let limit = next.into_iter().flatten().min().unwrap_or(end);
            let reached = match paused_until {
                Some(until) => limit.min(until),
                None => self.policy.advance(limit, &mut self.world),
            };
            self.world.go_to(reached);
            if paused_until.take_if(|until| *until <= reached).is_some() {
                self.policy.paused(reached);
                for reply in self.unread.drain(..) {
                    self.policy.heard(reached, &reply);
                }
            }
            // Probes have left, and may be back before the rest happens.
            if reached < limit {
                continue;
            }
            if reached >= end {
                return Ok(());
            }
            while let Some(happening) = self.happenings.poll(reached) {
                match happening {
                    Happening::Set(line, directions, impairment) => {
                        self.world.set(line, directions, impairment.as_ref())?;
                        self.measure.changed();
                    }
                    Happening::Gap(line, directions) => self.world.interrupt(line, directions)?,
                    Happening::Restart(line) => self.world.restart(line),
                    Happening::ClockStep(by_ms) => self.world.step_clocks(by_ms),
                    Happening::Pause(span) => paused_until = Some(reached + span),
                }
            }
            self.arrive(reached, paused_until.is_some());
            if tick <= reached {
                self.tick(reached, stage, setting, paused_until.is_some());
                tick += TICK;
            }
        }
    }

    /// What has arrived is heard; what arrives at a host that stands still, when it goes on.
    fn arrive(&mut self, now: u64, stands_still: bool) {
        while let Some(reply) = self.world.poll() {
            match stands_still {
                true => self.unread.push(reply),
                false => self.policy.heard(now, &reply),
            }
        }
    }

    /// Traffic goes on where it was, and the policy chooses anew unless its host stands still.
    fn tick(&mut self, now: u64, stage: &Stage<'_>, setting: &Setting<'_>, stands_still: bool) {
        let classes = stage.classes.len();
        let carried = self.traffic.carry(now, &mut self.world, &self.choices);
        if !stands_still && !carried.is_empty() {
            self.policy.carried(now, carried);
        }
        self.measure
            .learn(setting, &self.world, self.traffic.overflow());
        if !stands_still {
            let truth = self.measure.revealed(&stage.losses);
            self.policy.for_oracles_only(now, &truth);
            for (place, choice) in self.choices.iter_mut().enumerate() {
                *choice = self.policy.choose(now, place / classes, place % classes);
            }
        }
        self.measure.look(now, &self.world, &self.choices);
        if let Some((group, diary)) = &mut self.diary {
            let from = *group * classes;
            diary.note(now, &self.choices[from..from + classes]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::sim::policy::{MakeError, Probe, Probing};

    /// Sends one probe at 1 s, and remembers when it heard of it and of the pause; is to be asked
    /// nothing meanwhile.
    struct Listener {
        sent: bool,
    }

    static LOG: Mutex<Vec<(&'static str, u64)>> = Mutex::new(Vec::new());

    impl Policy for Listener {
        fn advance(&mut self, until: u64, probing: &mut dyn Probing) -> u64 {
            if self.sent || until < nanos(1.0) {
                return until;
            }
            self.sent = true;
            let probe = Probe {
                number: 0,
                octets: 100,
                dscp: 0,
                full_size: false,
            };
            probing.probe(nanos(1.0), 0, probe);
            nanos(1.0)
        }

        fn heard(&mut self, now: u64, _: &Reply) {
            LOG.lock().unwrap().push(("heard", now));
        }

        fn paused(&mut self, now: u64) {
            LOG.lock().unwrap().push(("paused", now));
        }

        fn choose(&mut self, now: u64, _: usize, _: usize) -> Option<usize> {
            let still = nanos(1.05)..nanos(3.05);
            assert!(!still.contains(&now), "asked at {now} ns");
            None
        }
    }

    struct Listeners;

    impl Maker for Listeners {
        fn name(&self) -> &'static str {
            "listener"
        }

        fn says(&self) -> &'static str {
            "listens"
        }

        fn make(&self, _: &Setting<'_>, _: Option<f64>) -> Result<Box<dyn Policy>, MakeError> {
            Ok(Box::new(Listener { sent: false }))
        }
    }

    #[test]
    fn a_host_that_stands_still_hears_and_chooses_nothing_until_it_goes_on() {
        let text = r#"
            name = "pause"
            says = "the near host stands still"
            seconds = 5
            lines = [{ name = "A", base = { delay_ms = 50 } }]
            classes = [{ name = "voice", sla = { loss_percent = 2 } }]
            ends = [{ at_s = 1.05, pause_s = 2 }]
        "#;
        let scenario = toml::from_str(text).unwrap();
        Stage::new(&scenario).play(&Listeners, None, 1).unwrap();
        let log = LOG.lock().unwrap();
        assert_eq!(log[..], [("paused", nanos(3.05)), ("heard", nanos(3.05))]);
    }
}
