//! What the threads of one engine share: small locks for people, swapped cells for packets.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use plugin_abi::config::{Config, Line};
use plugin_abi::manage::{AdviceRow, Answer, ChoiceRow, Refusal, Statistics};
use plugin_abi::{answer, choice_flag, code, engine_state, reason};
use twamp_core::time::{Mono, Now};

use super::applying::Waiting;
use super::budgets::Budgets;
use super::measured::Listed;
use super::namespaces::Namespaces;
use super::tap::Tap;
use super::time::Time;
use super::timing::Timing;
use super::{EngineError, lock, owners};
use crate::autoflow::{Choices, Worth};
use crate::config::{Misfit, expand, judge_among};
use crate::event::{Ledger, Seen};
use crate::export::Exporter;
use crate::flow::Classifier;
use crate::host::{Picture, Taken};
use crate::log;
use crate::net::{Bell, Namespace, clock};
use crate::session::Key;
use crate::session::admission::Admission;
use crate::session::board::Board;
use crate::session::keys::Keys;
use crate::session::registry::Registry;

/// What the threads of one engine share.
pub(super) struct Shared {
    pub(super) state: AtomicU32,
    /// As written: what is worked with is what [`expand`] makes of it.
    pub(super) config: Mutex<Config>,
    /// The newest generation applied.
    pub(super) generation: AtomicU64,
    /// The configured sessions; the configuration above has none. Locked after it, before the
    /// board.
    pub(super) registry: Mutex<Registry>,
    /// When they run.
    pub(super) timing: Mutex<Timing>,
    /// Until what was applied is confirmed. Locked after the configuration.
    pub(super) waiting: Mutex<Option<Waiting>>,
    pub(super) board: Mutex<Board>,
    pub(super) lines: Mutex<Vec<Listed>>,
    pub(super) why: Mutex<Vec<ChoiceRow>>,
    /// What each of these choices would have been worth.
    pub(super) worths: Mutex<Vec<Worth>>,
    /// Of the newest picture and choices.
    epoch: AtomicU64,
    pub(super) picture: ArcSwap<Picture>,
    pub(super) choices: ArcSwapOption<Decided>,
    /// The rules of the classes that are wanted.
    pub(super) flows: ArcSwap<Classifier>,
    pub(super) event: Bell,
    pub(super) log: log::Queue,
    pub(super) keys: Keys,
    pub(super) admission: Admission,
    pub(super) namespaces: Namespaces,
    pub(super) time: Time,
    pub(super) exporter: Exporter,
    /// What is wrong, and what was.
    pub(super) events: Mutex<Ledger>,
    /// Why the last configuration that was to be applied was not.
    pub(super) refused: Mutex<Option<Seen>>,
    pub(super) tap: Tap,
    /// What probes may take.
    pub(super) budgets: Budgets,
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
    pub(super) fn new(mut config: Config) -> Result<Self, EngineError> {
        let event = Bell::new().map_err(|source| EngineError::System {
            action: "make an event descriptor",
            source,
        })?;
        let log = log::Queue::new();
        let effective = expand(&config);
        config.sessions.clear();
        let registry = Registry::new(effective.sessions.clone(), &effective.lines);
        let mut timing = Timing::default();
        timing.replace(&registry, effective.schedule.as_ref(), clock());
        let mut board = Board::default();
        board.scores_only(config.decision.scores_only);
        Ok(Self {
            keys: Keys::new(&config.keys, &log),
            admission: Admission::new(&effective),
            namespaces: Namespaces::default(),
            time: Time::of(config.clock),
            exporter: Exporter::default(),
            events: Mutex::default(),
            refused: Mutex::default(),
            tap: Tap::default(),
            budgets: Budgets::default(),
            state: AtomicU32::new(engine_state::CREATED),
            picture: ArcSwap::from_pointee(Picture::empty()),
            config: Mutex::new(config),
            generation: AtomicU64::new(0),
            waiting: Mutex::default(),
            epoch: AtomicU64::new(0),
            board: Mutex::new(board),
            lines: Mutex::default(),
            why: Mutex::default(),
            worths: Mutex::default(),
            choices: ArcSwapOption::empty(),
            flows: ArcSwap::from_pointee(Classifier::new(&effective.classes)),
            registry: Mutex::new(registry),
            timing: Mutex::new(timing),
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
        flow_hash: u64,
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
        let Some(choice) = decided.choices.get(group, class) else {
            return base;
        };
        if let Some(current) = current {
            choice.worth.tell(current);
        }
        let taken = decided.choices.take(choice, flow_hash, current);
        if choice.follows && taken.kept {
            // The other end knows; what is measured here, if anything, may be as old as it likes.
            return Answered {
                answer: answer::LINE,
                line: taken.line,
                reason: choice.reason,
                valid_until_ns: (now + decided.stale_after).nanos(),
                ..base
            };
        }
        if age >= decided.stale_after || choice.answer == answer::NO_OPINION {
            return base;
        }
        if age > decided.stale_after / 3 {
            return Answered {
                answer: answer::KEEP,
                ..base
            };
        }
        let left = current.filter(|_| current != taken.line);
        let at_once = left.is_some_and(|line| !decided.choices.lives(line));
        Answered {
            answer: choice.answer,
            line: taken.line,
            flags: if left.is_some() { choice_flag::MOVE } else { 0 }
                | if at_once { choice_flag::AT_ONCE } else { 0 },
            reason: choice.reason,
            ..base
        }
    }

    /// Enters a line that is good by itself, in the place of `replaced` if there is one, and the
    /// namespace that came with it. Answers it with the roles that a person has given it.
    pub(super) fn enter_line(
        &self,
        line: Line,
        replaced: Option<u64>,
        namespace: Option<Namespace>,
    ) -> Result<Arc<Line>, EngineError> {
        let mut line = Arc::new(line);
        let mut config = lock(&self.config);
        let known = expand(&config);
        owners::hosts_line(&known.lines, line.id)?;
        let place = match replaced {
            Some(id) => {
                let place = config.lines.iter().position(|known| known.id == id);
                Some(place.ok_or(EngineError::UnknownLine(id))?)
            }
            None => None,
        };
        judge_among(&line, replaced, &known).map_err(|misfit| match misfit {
            Misfit::Taken(problems) => EngineError::Taken(problems),
            Misfit::UnknownGroups(problems) => EngineError::UnknownGroups(problems),
        })?;
        if let Some(namespace) = namespace {
            self.namespaces.add(namespace);
        }
        self.line_stays(&line);
        match place {
            Some(place) => {
                // Of another line nobody has toggled anything.
                let changed = config.lines[place] != line;
                config
                    .toggled
                    .retain(|toggled| !(changed && toggled.line == line.id));
                config.lines[place] = line.clone();
            }
            None => config.lines.push(line.clone()),
        }
        if let Some(toggled) = config.toggled.iter().find(|known| known.line == line.id) {
            toggled.set(Arc::make_mut(&mut line));
        }
        Ok(line)
    }

    /// What the choices would have been worth, of this class or of all.
    pub(super) fn advice(&self, class: Option<&str>) -> Vec<AdviceRow> {
        let why = lock(&self.why);
        let worths = lock(&self.worths);
        let rows = why.iter().zip(worths.iter());
        let lines = lock(&self.lines);
        let name = |line: u64| {
            Some(
                lines
                    .iter()
                    .find(|listed| listed.is(line))?
                    .name()
                    .to_owned(),
            )
        };
        let rows = rows.filter(|(row, _)| class.is_none_or(|class| class == row.class));
        let rows = rows.map(|(choice, worth)| {
            let balance = worth.balance();
            AdviceRow {
                group: choice.group.clone(),
                class: choice.class.clone(),
                mode: choice.mode,
                line: choice.line.clone(),
                in_use: balance.in_use.and_then(name),
                told: balance.told,
                watched_s: balance.watched.as_secs_f64(),
                differs_s: balance.differs.as_secs_f64(),
                spared_s: balance.spared.as_secs_f64(),
                harmed_s: balance.harmed.as_secs_f64(),
                switches: balance.switches,
                refused: balance.refused,
            }
        });
        rows.collect()
    }

    pub(super) fn statistics(&self) -> Statistics {
        let mut statistics = Statistics {
            keys_refused: self.keys.refused(),
            panics: self.log.panics(),
            logs_dropped: self.log.dropped() + log::unrouted(),
            pending: self.pending(),
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
