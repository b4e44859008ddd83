//! What the threads of one engine share: small locks for people, swapped cells for packets.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use plugin_abi::config::{Config, Line};
use plugin_abi::manage::{Answer, ChoiceRow, Refusal, Statistics};
use plugin_abi::{answer, choice_flag, code, engine_state, reason};
use serde_json::json;
use twamp_core::time::{Mono, Now};

use super::measured::Listed;
use super::namespaces::Namespaces;
use super::time::Time;
use super::{EngineError, lock};
use crate::autoflow::Choices;
use crate::config::{Misfit, judge_among};
use crate::host::{Picture, Taken};
use crate::log;
use crate::net::{Bell, Namespace};

use crate::session::Key;
use crate::session::admission::Admission;
use crate::session::board::Board;
use crate::session::keys::Keys;

/// What the threads of one engine share.
pub(super) struct Shared {
    pub(super) state: AtomicU32,
    pub(super) config: Mutex<Config>,
    /// The newest generation applied.
    generation: AtomicU64,
    pub(super) board: Mutex<Board>,
    pub(super) lines: Mutex<Vec<Listed>>,
    pub(super) why: Mutex<Vec<ChoiceRow>>,
    /// Of the newest picture and choices.
    epoch: AtomicU64,
    pub(super) picture: ArcSwap<Picture>,
    pub(super) choices: ArcSwapOption<Decided>,
    pub(super) event: Bell,
    pub(super) log: log::Queue,
    pub(super) keys: Keys,
    pub(super) admission: Admission,
    pub(super) namespaces: Namespaces,
    pub(super) time: Time,
}

/// The published choices and how long they may be used.
pub(super) struct Decided {
    pub(super) choices: Choices,
    pub(super) epoch: u64,
    /// From when the figures are.
    pub(super) fresh: Mono,
    /// Without a newer report there is no opinion after so long.
    pub(super) stale_after: Duration,
}

/// What `choose` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) answer: u32,
    pub(crate) line: Option<u64>,
    pub(crate) flags: u32,
    pub(crate) reason: u32,
    pub(crate) epoch: u64,
    pub(crate) valid_until_ns: u64,
}

impl Answered {
    const NO_OPINION: Self = Self {
        answer: answer::NO_OPINION,
        line: None,
        flags: 0,
        reason: reason::NONE,
        epoch: 0,
        valid_until_ns: 0,
    };
}

impl Shared {
    pub(super) fn new(config: Config) -> Result<Self, EngineError> {
        let event = Bell::new().map_err(|source| EngineError::System {
            action: "make an event descriptor",
            source,
        })?;
        let log = log::Queue::new();
        Ok(Self {
            keys: Keys::new(&config.keys, &log),
            admission: Admission::new(&config),
            namespaces: Namespaces::default(),
            time: Time::of(config.clock),
            state: AtomicU32::new(engine_state::CREATED),
            picture: ArcSwap::from_pointee(Picture::empty()),
            config: Mutex::new(config),
            generation: AtomicU64::new(0),
            epoch: AtomicU64::new(0),
            board: Mutex::default(),
            lines: Mutex::default(),
            why: Mutex::default(),
            choices: ArcSwapOption::empty(),
            event,
            log,
        })
    }

    pub(super) fn state(&self) -> u32 {
        self.state.load(Ordering::Acquire)
    }

    pub(super) fn set_state(&self, state: u32) {
        self.state.store(state, Ordering::Release);
    }

    /// The epoch of the next picture.
    pub(super) fn next_epoch(&self) -> u64 {
        self.epoch.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// No opinion from now on; the last figures stay readable, in a picture that says so.
    pub(super) fn close(&self, now: Now) {
        self.choices.store(None);
        let last = self.picture.load();
        let taken = Taken {
            epoch: self.next_epoch(),
            engine_state: self.state(),
            taken_ns: now.mono.nanos(),
            taken_wall_ns: now.wall.nanos(),
            valid_until_ns: now.mono.nanos(),
        };
        let last = Picture::new(taken, last.lines().to_vec(), last.scores().to_vec());
        self.picture.store(Arc::new(last));
        self.event.ring();
    }

    /// Which line for a flow: two loads and a look-up.
    pub(super) fn choose(
        &self,
        group: u64,
        class: u64,
        current: Option<u64>,
        now_ns: u64,
    ) -> Answered {
        let decided = self.choices.load();
        let Some(decided) = decided
            .as_ref()
            .filter(|_| self.state() == engine_state::RUNNING)
        else {
            return Answered::NO_OPINION;
        };
        let now = if now_ns == 0 {
            self.time.now().mono
        } else {
            Mono(now_ns)
        };
        let age = now.since(decided.fresh);
        let base = Answered {
            epoch: decided.epoch,
            valid_until_ns: (decided.fresh + decided.stale_after).nanos(),
            ..Answered::NO_OPINION
        };
        let Some(choice) = decided
            .choices
            .get(group, class)
            .filter(|_| age < decided.stale_after)
        else {
            return base;
        };
        if choice.answer == answer::NO_OPINION {
            return base;
        }
        if age > decided.stale_after / 3 {
            return Answered {
                answer: answer::KEEP,
                ..base
            };
        }
        let moves = current.is_some() && current != choice.line;
        let at_once = moves && choice.reason == reason::DEAD;
        Answered {
            answer: choice.answer,
            line: choice.line,
            flags: if moves { choice_flag::MOVE } else { 0 }
                | if at_once { choice_flag::AT_ONCE } else { 0 },
            reason: choice.reason,
            ..base
        }
    }

    /// Makes `config` the wanted one and answers the difference. A key without a passphrase keeps
    /// the one it has.
    pub(super) fn apply(
        &self,
        config: &mut Config,
        generation: u64,
        dry_run: bool,
    ) -> Result<serde_json::Value, EngineError> {
        let newest = self.generation.load(Ordering::Acquire);
        if generation != 0 && generation <= newest {
            return Err(EngineError::OldGeneration {
                expected: newest,
                found: generation,
            });
        }
        let mut wanted = lock(&self.config);
        for key in config
            .keys
            .iter_mut()
            .filter(|key| key.passphrase.is_none())
        {
            let known = wanted.keys.iter().find(|known| known.id == key.id);
            key.passphrase = known.and_then(|known| known.passphrase.clone());
        }
        let mut difference = difference(&wanted, config);
        let waits = self.state() == engine_state::RUNNING && wanted.io != config.io;
        difference["at_next_start"] = json!(if waits { &["io"][..] } else { &[] });
        if !dry_run {
            *wanted = config.clone();
            self.keys.replace(&config.keys);
            self.generation
                .store(generation.max(newest), Ordering::Release);
        }
        Ok(difference)
    }

    /// Enters a line that is good by itself, in the place of `replaced` if there is one, and the
    /// namespace that came with it.
    pub(super) fn enter_line(
        &self,
        line: Line,
        replaced: Option<u64>,
        namespace: Option<Namespace>,
    ) -> Result<(), EngineError> {
        let mut config = lock(&self.config);
        let place = match replaced {
            Some(id) => {
                let place = config.lines.iter().position(|known| known.id == id);
                Some(place.ok_or(EngineError::UnknownLine(id))?)
            }
            None => None,
        };
        judge_among(&line, replaced, &config).map_err(|misfit| match misfit {
            Misfit::Taken(problems) => EngineError::Taken(problems),
            Misfit::UnknownGroups(problems) => EngineError::UnknownGroups(problems),
        })?;
        if let Some(namespace) = namespace {
            self.namespaces.add(namespace);
        }
        match place {
            Some(place) => config.lines[place] = line,
            None => config.lines.push(line),
        }
        Ok(())
    }

    pub(super) fn statistics(&self) -> Statistics {
        let mut statistics = Statistics {
            keys_refused: self.keys.refused(),
            panics: self.log.panics(),
            logs_dropped: self.log.dropped() + log::unrouted(),
            ..*lock(&self.board).statistics()
        };
        self.admission.count(&mut statistics);
        statistics
    }

    pub(super) fn progress(&self, run: u64) -> Answer {
        match lock(&self.board).progress(Key(run)) {
            Some(progress) => Answer::Progress(Box::new(progress)),
            None => Answer::Error(Refusal {
                code: code::UNKNOWN,
                message: format!("no run has the id {run}"),
            }),
        }
    }
}

/// Which lines, groups and classes come, go and change.
fn difference(old: &Config, new: &Config) -> serde_json::Value {
    fn compare<'a, T: PartialEq + 'a>(
        old: impl Iterator<Item = (u64, &'a str, &'a T)>,
        new: impl Iterator<Item = (u64, &'a str, &'a T)>,
    ) -> serde_json::Value {
        let old: BTreeMap<_, _> = old.map(|(id, name, item)| (id, (name, item))).collect();
        let new: BTreeMap<_, _> = new.map(|(id, name, item)| (id, (name, item))).collect();
        let names = |ids: &mut dyn Iterator<Item = &'a str>| ids.collect::<Vec<_>>();
        json!({
            "added": names(&mut new.iter().filter(|(id, _)| !old.contains_key(id)).map(|(_, (name, _))| *name)),
            "removed": names(&mut old.iter().filter(|(id, _)| !new.contains_key(id)).map(|(_, (name, _))| *name)),
            "changed": names(&mut new.iter().filter(|(id, (_, item))| old.get(id).is_some_and(|(_, before)| before != item)).map(|(_, (name, _))| *name)),
        })
    }
    json!({
        "lines": compare(
            old.lines.iter().map(|line| (line.id, line.name.as_str(), line)),
            new.lines.iter().map(|line| (line.id, line.name.as_str(), line)),
        ),
        "groups": compare(
            old.groups.iter().map(|group| (group.id, group.name.as_str(), group)),
            new.groups.iter().map(|group| (group.id, group.name.as_str(), group)),
        ),
        "classes": compare(
            old.classes.iter().map(|class| (class.id, class.name.as_str(), class)),
            new.classes.iter().map(|class| (class.id, class.name.as_str(), class)),
        ),
        "settings_changed": old.mode != new.mode
            || old.io != new.io
            || old.probe != new.probe
            || old.responder != new.responder
            || old.keys != new.keys
            || old.decision != new.decision,
    })
}
