//! The plugin file that ships, with the probes of a recording: they leave when they left, and
//! sessions and pauses come when they came.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use plugin_abi::config::{Class, Clock, Config, Group, Line, Mode, Probe as How, Protocol, Remote};
use plugin_abi::host::{CallError, Callbacks, Change, Choice, Engine, Plugin};
use plugin_abi::{TwampObservation, TwampProbe, observation, reason};

use super::recording::Recording;
use crate::sim::autoflow::Autoflow;
use crate::sim::policy::{MakeError, Policy, Probe, Probing, Reply};

/// Probes handed out at once.
const ROOM: usize = 64;
/// Estimates are kept by slices of time, which begin at multiples of their width: all widths that
/// are of use fit into this, in nanoseconds.
const SLICES: u64 = 60_000_000_000;

/// An engine that follows a recording.
pub(super) struct Following {
    engine: Engine,
    /// When the recording begins, by the engine's clock.
    begins: u64,
    lines: Vec<Followed>,
    /// Sessions and pauses to come, the next one last.
    to_come: Vec<(u64, What)>,
    groups: Vec<u64>,
    classes: Vec<u64>,
    on: Vec<Option<usize>>,
    changes: Changes,
    probes: Vec<TwampProbe>,
}

/// The probes of a line.
struct Followed {
    id: u64,
    /// It has probes at all.
    probed: bool,
    /// When they leave, those to come last to first.
    to_come: Vec<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Session(usize),
    Pause(u64),
}

/// What the engine says of its choices.
#[derive(Clone, Default)]
struct Changes(Arc<Mutex<Vec<Change>>>);

impl Callbacks for Changes {
    fn choice_changed(&self, change: &Change) {
        let mut changes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        changes.push(change.clone());
    }
}

impl Following {
    pub(super) fn new(plugin: &Plugin, recording: &Recording) -> Result<Self, MakeError> {
        let failed = |why: String| MakeError {
            policy: Autoflow::NAME,
            why,
        };
        let config = config(recording);
        let nothing = Config {
            lines: Vec::new(),
            groups: Vec::new(),
            classes: Vec::new(),
            ..config.clone()
        };
        let text = |config: &Config| {
            serde_json::to_string(config).map_err(|error| failed(error.to_string()))
        };
        let changes = Changes::default();
        let setting = &recording.setting;
        let lines = setting.lines.iter().zip(&recording.tracks);
        let mut to_come: Vec<_> = (0..)
            .zip(&recording.tracks)
            .flat_map(|(line, track)| {
                let sessions = track.sessions.iter();
                sessions.map(move |at| (*at, What::Session(line)))
            })
            .chain(
                recording
                    .pauses
                    .iter()
                    .map(|(at, span)| (*at, What::Pause(*span))),
            )
            .collect();
        to_come.sort_unstable_by(|one, other| other.cmp(one));
        let mut following = Self {
            engine: plugin
                .create(&text(&nothing)?, changes.clone())
                .map_err(|error| failed(error.to_string()))?,
            begins: setting.boot_ns % SLICES,
            lines: lines
                .map(|(line, track)| Followed {
                    id: line.id,
                    probed: line.sender,
                    to_come: track.probes.iter().rev().map(|probe| probe.sent).collect(),
                })
                .collect(),
            to_come,
            groups: setting.groups.iter().map(|group| group.id).collect(),
            classes: setting.classes.iter().map(|class| class.id).collect(),
            on: vec![None; setting.groups.len() * setting.classes.len()],
            changes,
            probes: vec![TwampProbe::default(); ROOM],
        };
        let begun = following.begin(&text(&config)?);
        begun.map_err(|error| failed(error.to_string()))?;
        Ok(following)
    }

    /// Its clock begins with its slices; its lines and classes when they began.
    fn begin(&mut self, config: &str) -> Result<(), CallError> {
        self.engine.start()?;
        self.engine.advance(self.begins, &mut self.probes)?;
        self.engine.apply(config, 0, false)?;
        for line in 0..self.lines.len() {
            self.tell_next(line)?;
        }
        Ok(())
    }

    /// Says when the next probe of a line leaves.
    fn tell_next(&self, line: usize) -> Result<(), CallError> {
        let Followed {
            id,
            probed,
            to_come,
        } = &self.lines[line];
        if !probed {
            return Ok(());
        }
        self.engine.observe(&[TwampObservation {
            line: *id,
            kind: observation::DUE,
            at_ns: to_come.last().map_or(u64::MAX, |sent| sent + self.begins),
            ..TwampObservation::default()
        }])
    }

    fn happens(&self, now: u64, what: What) -> Result<(), CallError> {
        let seen = match what {
            What::Session(line) => TwampObservation {
                line: self.lines[line].id,
                kind: observation::NEW_SESSION,
                ..TwampObservation::default()
            },
            What::Pause(span) => TwampObservation {
                kind: observation::PAUSED,
                sequence: span,
                ..TwampObservation::default()
            },
        };
        let at_ns = now + self.begins;
        self.engine.observe(&[TwampObservation { at_ns, ..seen }])
    }
}

impl Policy for Following {
    fn advance(&mut self, until: u64, probing: &mut dyn Probing) -> u64 {
        let happens = self.to_come.last().copied();
        let limit = happens.map_or(until, |(at, _)| at.min(until));
        // Refused only for a time that is over, which `limit` never is.
        let advanced = self.engine.advance(limit + self.begins, &mut self.probes);
        let Ok((count, reached)) = advanced else {
            return until;
        };
        // The engine's own time begins before the recording does.
        let reached = reached.saturating_sub(self.begins);
        for place in 0..count {
            let TwampProbe {
                line,
                at_ns,
                sequence,
                octets,
                tos,
                ..
            } = self.probes[place];
            let Some(line) = self.lines.iter().position(|known| known.id == line) else {
                continue;
            };
            let leaves = Probe {
                number: sequence.into(),
                octets: octets as usize,
                dscp: (tos >> 2) as u8,
                full_size: false,
            };
            probing.probe(at_ns.saturating_sub(self.begins), line, leaves);
            self.lines[line].to_come.pop();
            // Refused only of a line that is unknown, and none is.
            let _ = self.tell_next(line);
        }
        if let Some((at, what)) = happens.filter(|(at, _)| count == 0 && *at <= reached) {
            self.to_come.pop();
            // As above, or for a time that is over.
            let _ = self.happens(at, what);
        }
        reached
    }

    fn heard(&mut self, now: u64, reply: &Reply) {
        let seen = TwampObservation {
            line: self.lines[reply.line].id,
            kind: observation::REPLY,
            at_ns: now + self.begins,
            stamps_wall_ns: reply.stamps.map(|stamp| stamp + self.begins as i64),
            sequence: reply.number,
            reflector_sequence: reply.reflector_sequence.into(),
            ..TwampObservation::default()
        };
        // Refused only of a line that is unknown, and none is.
        let _ = self.engine.observe(&[seen]);
    }

    fn choose(&mut self, now: u64, group: usize, class: usize) -> Option<usize> {
        let on = &mut self.on[group * self.classes.len() + class];
        let current = on.map(|line| self.lines[line].id);
        let (group, class) = (self.groups[group], self.classes[class]);
        let now = now + self.begins;
        match self.engine.choose(group, class, 0, current, now) {
            Choice::Line(line) | Choice::BestOfBad(line) => {
                *on = self.lines.iter().position(|known| known.id == line);
            }
            Choice::Keep | Choice::NoOpinion => {}
        }
        *on
    }

    fn why(&mut self, group: usize, class: usize) -> Option<(u64, String)> {
        let of = (self.groups[group], self.classes[class]);
        let changes = self.changes.0.lock();
        let changes = changes.unwrap_or_else(PoisonError::into_inner);
        let last = changes
            .iter()
            .rfind(|change| (change.group, change.class) == of)?;
        let why = format!("{}: {}", reason::name(last.reason), last.sentence);
        Some((last.at_ns.saturating_sub(self.begins), why))
    }
}

/// What the engine ran by when it was recorded, as far as it matters here.
fn config(recording: &Recording) -> Config {
    let setting = &recording.setting;
    let line = |line: &Line| Line {
        remote: Some(far_end(line.id)),
        responder: false,
        probe: line.probe.as_deref().map(bare).map(Box::new),
        // What became of such probes is not recorded.
        mtu_probe: None,
        ..line.clone()
    };
    // What may be done with verdicts is no matter of them.
    let group = |group: &Group| Group {
        mode: None,
        ..group.clone()
    };
    let class = |class: &Class| Class {
        mode: None,
        ..class.clone()
    };
    Config {
        clock: Clock::Manual,
        mode: Mode::Act,
        probe: bare(&setting.probe),
        decision: setting.decision.clone(),
        lines: setting
            .lines
            .iter()
            .map(|written| Arc::new(line(written)))
            .collect(),
        groups: setting.groups.iter().map(group).collect(),
        classes: setting.classes.iter().map(class).collect(),
        ..Config::default()
    }
}

/// No packet really leaves: any address will do, one for each line (RFC 3849).
fn far_end(line: u64) -> Remote {
    let address = Ipv6Addr::from_bits((0x2001_0db8 << 96) | u128::from(line));
    Remote {
        address: IpAddr::V6(address).into(),
        port: None,
    }
}

/// Probes without what two ends would have to agree on.
fn bare(probe: &How) -> How {
    How {
        protocol: match probe.is_directed() {
            true => Protocol::Open,
            false => Protocol::Light,
        },
        interval_ms: probe.interval_ms,
        stream: probe.stream,
        timeout_ms: probe.timeout_ms,
        dscp: probe.dscp,
        ..How::default()
    }
}
