//! The plugin file that ships, as a policy: an engine under the manual clock.
//!
//! ```text
//!   wake ─► advance ─► probes due ─► World          World ─► heard ─► observe
//! ```

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use plugin_abi::config::{
    Class, Clock, Config, Decision, Group, Line, MTU_PROBE_CLASS, Mode, MtuProbe, Probe as How,
    ProbeClass, Remote,
};
use plugin_abi::host::{CallError, Choice, Engine, Plugin, Silent};
use plugin_abi::{TwampObservation, TwampProbe, observation};

use super::policy::{Knob, MakeError, Maker, Policy, Probe, Probing, Reply, Setting};

/// IPv4 and UDP headers of a probe.
const HEADERS: usize = 28;
/// Probes handed out at once.
const ROOM: usize = 256;
/// Each probe class numbers its probes by itself. In the number that the world has, the class
/// stands above those of so many bits.
const NUMBER_BITS: u32 = 32;
/// What stands there of those of full size.
const FULL_SIZE: u64 = MTU_PROBE_CLASS << NUMBER_BITS >> NUMBER_BITS;

/// Makes engines of a loaded plugin.
pub struct Autoflow {
    plugin: Plugin,
    /// How lines are probed and choices made, where a setting says nothing else.
    probe: How,
    decision: Decision,
}

/// One engine.
struct Flowing {
    engine: Engine,
    classes: Vec<u64>,
    /// Where each class of each group is.
    on: Vec<Option<usize>>,
    probes: Vec<TwampProbe>,
    /// Where the last advance stopped.
    reached: u64,
}

impl Autoflow {
    /// Its slug.
    pub const NAME: &'static str = "autoflow";
    /// What it is.
    pub const SAYS: &'static str =
        "the plugin file that ships, with its defaults, under its manual clock";

    /// Of this plugin, as it is shipped.
    #[must_use]
    pub fn new(plugin: Plugin) -> Self {
        Self {
            plugin,
            probe: How::default(),
            decision: Decision::default(),
        }
    }

    fn config(&self, setting: &Setting<'_>, at: Option<f64>) -> Config {
        let group_of = |line: usize| {
            let within = |(_, lines): &(u64, &Vec<usize>)| lines.contains(&line);
            let groups = (1..).zip(setting.groups).filter(within);
            groups.map(|(id, _)| id).collect()
        };
        let lines = setting.lines.iter().enumerate().map(|(place, of)| Line {
            remote: Some(far_end(place)),
            underlay: Some(of.underlay.clone()),
            far_end: Some(of.far_end.clone()),
            cost: of.cost,
            metered: of.metered,
            groups: group_of(place),
            ..Line::new(place as u64 + 1, &of.name)
        });
        let groups = (1..).zip(setting.groups).map(|(id, _)| Group {
            id,
            name: format!("group {id}"),
            mode: None,
        });
        let mut probe_classes: Vec<ProbeClass> = Vec::new();
        for (class, &dscp) in setting.classes.iter().zip(setting.dscps) {
            let known = |name: &String| probe_classes.iter().any(|known| known.name == *name);
            if let Some(name) = class.probe_class.clone().filter(|name| !known(name)) {
                probe_classes.push(ProbeClass {
                    id: probe_classes.len() as u64 + 1,
                    name,
                    dscp,
                    padding: None,
                    interval_ms: None,
                });
            }
        }
        // Nobody asks for results.
        let mut decision = Decision {
            scores_only: true,
            ..self.decision.clone()
        };
        if let Some(mistake_every_h) = at {
            decision.mistake_every_h = mistake_every_h as u32;
        }
        Config {
            clock: Clock::Manual,
            mode: Mode::Act,
            probe: self.probe.clone(),
            probe_classes,
            mtu_probe: full_size(setting.classes),
            decision,
            lines: lines.map(Arc::new).collect(),
            groups: groups.collect(),
            classes: setting.classes.to_vec(),
            ..Config::default()
        }
    }
}

impl Maker for Autoflow {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn says(&self) -> &'static str {
        Self::SAYS
    }

    fn knob(&self) -> Option<Knob> {
        Some(Knob {
            name: "decision.mistake_every_h",
            positions: &[1.0, 6.0, 24.0, 168.0, 720.0],
        })
    }

    fn make(&self, setting: &Setting<'_>, at: Option<f64>) -> Result<Box<dyn Policy>, MakeError> {
        let failed = |why: String| MakeError {
            policy: self.name(),
            why,
        };
        let config = serde_json::to_string(&self.config(setting, at));
        let config = config.map_err(|error| failed(error.to_string()))?;
        let started = || -> Result<Engine, CallError> {
            let engine = self.plugin.create(&config, Silent)?;
            engine.start()?;
            Ok(engine)
        };
        let engine = started().map_err(|error| failed(error.to_string()))?;
        Ok(Box::new(Flowing {
            engine,
            classes: setting.classes.iter().map(|class| class.id).collect(),
            on: vec![None; setting.groups.len() * setting.classes.len()],
            probes: vec![TwampProbe::default(); ROOM],
            reached: 0,
        }))
    }
}

impl Policy for Flowing {
    fn advance(&mut self, until: u64, probing: &mut dyn Probing) -> u64 {
        // Refused only for a time that is over, which `until` never is.
        let Ok((count, reached)) = self.engine.advance(until, &mut self.probes) else {
            return until;
        };
        self.reached = reached;
        for probe in &self.probes[..count] {
            let line = probe.line as usize - 1;
            let leaves = Probe {
                number: probe.probe_class << NUMBER_BITS | u64::from(probe.sequence),
                full_size: probe.probe_class == MTU_PROBE_CLASS,
                octets: probe.octets as usize + HEADERS,
                dscp: (probe.tos >> 2) as u8,
            };
            probing.probe(probe.at_ns, line, leaves);
        }
        reached
    }

    fn heard(&mut self, now: u64, reply: &Reply) {
        let seen = TwampObservation {
            line: reply.line as u64 + 1,
            probe_class: match reply.number >> NUMBER_BITS {
                FULL_SIZE => MTU_PROBE_CLASS,
                class => class,
            },
            kind: observation::REPLY,
            at_ns: now,
            stamps_wall_ns: reply.stamps,
            sequence: reply.number & u64::from(u32::MAX),
            reflector_sequence: reply.reflector_sequence.into(),
            ..TwampObservation::default()
        };
        // Refused only for a line that is unknown, and none is.
        let _ = self.engine.observe(&[seen]);
    }

    fn paused(&mut self, now: u64) {
        let seen = TwampObservation {
            kind: observation::PAUSED,
            at_ns: now,
            sequence: now - self.reached,
            ..TwampObservation::default()
        };
        // Refused only for a time that is over, which `now` never is.
        let _ = self.engine.observe(&[seen]);
    }

    fn choose(&mut self, now: u64, group: usize, class: usize) -> Option<usize> {
        let on = &mut self.on[group * self.classes.len() + class];
        let current = on.map(|line| line as u64 + 1);
        let chosen = self
            .engine
            .choose(group as u64 + 1, self.classes[class], 0, current, now);
        match chosen {
            Choice::Line(line) | Choice::BestOfBad(line) => *on = Some(line as usize - 1),
            Choice::Keep | Choice::NoOpinion => {}
        }
        *on
    }
}

/// Lines are asked for packets of full size, each 30 s, where a class needs such.
fn full_size(classes: &[Class]) -> Option<MtuProbe> {
    let needed = classes.iter().filter_map(|class| class.sla.packet_octets);
    needed.min().map(|octets| MtuProbe {
        octets,
        ..MtuProbe::default()
    })
}

/// No packet really leaves: any address will do, one for each line (RFC 2544, appendix C.2.2).
fn far_end(place: usize) -> Remote {
    let address = Ipv4Addr::from_bits(u32::from(Ipv4Addr::new(198, 18, 0, 1)) + place as u32);
    Remote {
        address: IpAddr::V4(address).into(),
        port: None,
    }
}
