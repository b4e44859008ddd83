//! What people ask of configured sessions: add, change, delete and run them, read what they
//! measured. Answered by the thread that asks; `twamp-ctl` hears what came of it.

use std::collections::HashMap;
use std::sync::Arc;

use plugin_abi::code;
use plugin_abi::config::{Config, Owner, Session};
use plugin_abi::manage::{
    Answer, Cause, Changed, Paused, Problem, Refusal, RunRequest, RunResult, ScheduleRow,
    SessionKind, SessionRow, TakesEffect,
};
use serde_json::Value;

use super::ends::By;
use super::measurement::{Measurement, Turn};
use super::message::Wish;
use super::owners::{effective, may_change};
use super::shared::Shared;
use super::{Engine, EngineError, lock, refuse, state_name};
use crate::config::{judge_run, judge_session, merge_patch, taken_by};
use crate::net::clock;
use crate::session::Key;
use crate::session::identity::{configured_id, four};
use crate::session::registry::{Difference, Id, MOST, Registry};
use crate::session::subject::Subject;

/// Why a request comes to nothing.
pub(super) enum Refused {
    /// The mistakes in it.
    Problems(Vec<Problem>),
    /// It can't be.
    Engine(EngineError),
    /// Not so.
    Message(i32, String),
}

/// The answer that it comes to.
pub(super) fn told(answer: Result<Answer, Refused>) -> Answer {
    answer.unwrap_or_else(|refused| match refused {
        Refused::Problems(problems) => Answer::Problems(problems),
        Refused::Engine(error) => refuse(&error),
        Refused::Message(code, message) => Answer::Error(Refusal { code, message }),
    })
}

impl Shared {
    /// Puts a run of a session on the board, unless another one goes on.
    pub(super) fn announce(
        &self,
        id: &Id,
        key: Key,
        cause: Cause,
        measurement: &Measurement,
        by: By,
    ) -> bool {
        let ends = measurement.outlook(by);
        let id = id.clone();
        let mut timing = lock(&self.timing);
        let mut board = lock(&self.board);
        let free = !board.is_busy(&id);
        if free {
            timing.begin(&id, clock());
            let subject = Subject::Own { id, cause };
            board.sender(key, subject, &measurement.probe, ends, clock());
            board.asked(key, measurement.asked());
        }
        free
    }

    /// Makes these the configured sessions. Answers what `twamp-ctl` is to hear of it.
    pub(super) fn replace_sessions(&self, sessions: Vec<Session>, config: &Config) -> Vec<Wish> {
        let mut registry = lock(&self.registry);
        let new = Registry::new(sessions, &config.lines);
        let Difference {
            added,
            removed,
            changed,
        } = registry.difference(&new);
        *registry = new;
        let global = config.schedule.as_ref();
        lock(&self.timing).replace(&registry, global, clock());
        let gone = removed.into_iter().map(Wish::SessionGone);
        let put = added.into_iter().chain(changed);
        let put = put.filter_map(|id| Some(Wish::Session(id.clone(), registry.get(&id)?.clone())));
        gone.chain(put).collect()
    }

    /// A configuration with the sessions that are configured beside it, but for the topology's.
    pub(super) fn whole(&self, config: &Config) -> Config {
        let registry = lock(&self.registry);
        let written = registry
            .iter()
            .filter(|(_, of)| of.owner != Owner::Topology);
        let sessions = written.map(|(_, session)| Session::clone(session));
        Config {
            sessions: sessions.collect(),
            ..config.clone()
        }
    }
}

impl Engine {
    pub(super) fn add_session(&self, session: &Value) -> Result<Answer, Refused> {
        let config = effective(&lock(&self.shared.config));
        let mut session = judge_session(session, &config).map_err(Refused::Problems)?;
        session.owner = Owner::Person;
        let line = session.line.as_ref();
        let line = line.and_then(|name| config.lines.iter().find(|line| line.name == *name));
        let line = line.map(Arc::as_ref);
        let id: Id = configured_id(&session, line).into();
        let mut registry = lock(&self.shared.registry);
        let same = registry.get(&id).map(|first| title(&id, first));
        let mut problems = Vec::new();
        if let Some(first) = same {
            problems.push(taken_by("session.remote", &four(&session, line), &first));
        }
        problems.extend(name_taken(&session, None, &registry));
        if !problems.is_empty() {
            return Err(Refused::Problems(problems));
        }
        if registry.len() >= MOST {
            let message = format!("there are {MOST} sessions already; delete one first");
            return Err(Refused::Message(code::BUSY, message));
        }
        lock(&self.shared.timing).put(&id, &session, clock());
        registry.put(id.clone(), session);
        let session = registry.get(&id).cloned();
        drop(registry);
        if let Some(session) = session {
            self.wish(Wish::Session(id.clone(), session));
        }
        Ok(Answer::Session(id.to_string()))
    }

    pub(super) fn change_session(&self, text: &str, change: &Value) -> Result<Answer, Refused> {
        let config = effective(&lock(&self.shared.config));
        let mut registry = lock(&self.shared.registry);
        let (id, former) = find(&registry, text)?;
        may_write(&id, &former)?;
        let mut whole = serde_json::to_value(&*former).map_err(|error| unforeseen(&error))?;
        // What it takes from the engine is what it is to keep.
        if former.probe.is_none() && change.get("probe").is_some_and(Value::is_object) {
            whole["probe"] =
                serde_json::to_value(&config.probe).map_err(|error| unforeseen(&error))?;
        }
        merge_patch(&mut whole, change);
        let mut session = judge_session(&whole, &config).map_err(Refused::Problems)?;
        session.owner = former.owner;
        let mut problems = ends_that_change(&former, &session);
        problems.extend(name_taken(&session, Some(&id), &registry));
        if !problems.is_empty() {
            return Err(Refused::Problems(problems));
        }
        let takes_effect = takes_effect(&former, &session, &config);
        lock(&self.shared.timing).put(&id, &session, clock());
        registry.put(id.clone(), session);
        let session = registry.get(&id).cloned();
        drop(registry);
        if let Some(session) = session {
            self.wish(Wish::Session(id.clone(), session));
        }
        Ok(Answer::Changed(Changed {
            session: id.to_string(),
            takes_effect,
        }))
    }

    pub(super) fn delete_session(&self, text: &str) -> Result<Answer, Refused> {
        let mut registry = lock(&self.shared.registry);
        let (id, session) = find(&registry, text)?;
        may_write(&id, &session)?;
        registry.remove(&id);
        lock(&self.shared.timing).remove(&id);
        drop(registry);
        self.wish(Wish::SessionGone(id.clone()));
        Ok(Answer::Deleted(id.to_string()))
    }

    pub(super) fn run_session(&self, text: &str) -> Result<Answer, Refused> {
        let (id, session) = find(&lock(&self.shared.registry), text)?;
        let no = |why: &str| {
            let message = format!("session {} {why}", title(&id, &session));
            Err(Refused::Message(code::STATE, message))
        };
        if session.is_continuous() {
            return no("runs all the time; give it a count first, or ask for its results");
        }
        if !session.enabled {
            return no("is not enabled; change that first");
        }
        let measurement = Measurement::of(&session, &effective(&lock(&self.shared.config)));
        let Some(measurement) = measurement else {
            return no("is to go over a line that is not there; `lines` lists them");
        };
        let key = Key::new();
        let cause = Cause::Person;
        let by = By::of(&self.host);
        if !self.shared.announce(&id, key, cause, &measurement, by) {
            let message = format!("session {} is being measured already", title(&id, &session));
            return Err(Refused::Message(code::BUSY, message));
        }
        let asked = self.wish_run(key, Wish::RunSession(id.clone(), key));
        if asked.is_err() {
            lock(&self.shared.timing).ended(&id);
        }
        asked
    }

    /// Every session that runs by a schedule.
    pub(super) fn schedule_rows(&self) -> Vec<ScheduleRow> {
        let registry = lock(&self.shared.registry);
        lock(&self.shared.timing).rows(&registry)
    }

    pub(super) fn pause_schedule(
        &self,
        session: Option<&str>,
        paused: bool,
    ) -> Result<Answer, Refused> {
        let found = session.map(|text| find(&lock(&self.shared.registry), text));
        let found = found.transpose()?;
        let id = found.as_ref().map(|(id, _)| id);
        if !lock(&self.shared.timing).pause(id, paused, clock()) {
            let message = match &found {
                Some((id, session)) => format!(
                    "session {} runs by no schedule; `schedules` lists those that do",
                    title(id, session)
                ),
                None => "there is no global schedule; add the table schedule".into(),
            };
            return Err(Refused::Message(code::STATE, message));
        }
        self.wish(Wish::Reschedule);
        Ok(Answer::Paused(Paused {
            session: id.map(ToString::to_string),
            paused,
        }))
    }

    /// Asks for a run that is on the board.
    fn wish_run(&self, key: Key, wish: Wish) -> Result<Answer, Refused> {
        if self.wish(wish) {
            return Ok(Answer::Run(key.0));
        }
        lock(&self.shared.board).forget(key);
        Err(Refused::Engine(EngineError::State {
            expected: "running",
            found: state_name(self.shared.state()),
        }))
    }

    /// A single run, which no configuration knows.
    pub(super) fn run(&self, run: &RunRequest) -> Result<Answer, Refused> {
        let wrong = |problems| Refused::Engine(EngineError::Run(problems));
        judge_run(run).map_err(wrong)?;
        let measurement =
            Measurement::of_run(run, &effective(&lock(&self.shared.config))).map_err(wrong)?;
        let key = Key::new();
        // Before the thread hears of it, so that its progress can be asked for at once.
        let ends = measurement.outlook(By::of(&self.host));
        let probe = &measurement.probe;
        let mut board = lock(&self.shared.board);
        board.sender(key, Subject::Run, probe, ends, clock());
        board.asked(key, measurement.asked());
        drop(board);
        self.wish_run(key, Wish::Run(key, Box::new(measurement)))
    }

    /// Every session: those that something goes on of, then those that wait.
    pub(super) fn session_rows(&self) -> Vec<SessionRow> {
        let registry = lock(&self.shared.registry);
        let next = lock(&self.shared.timing).next();
        let board = lock(&self.shared.board);
        let mut own: HashMap<String, SessionRow> = HashMap::new();
        let mut rows = board.rows();
        rows.retain(|row| {
            // The newest row of a session is what it does.
            if row.kind == SessionKind::Own {
                own.insert(row.id.clone(), row.clone());
            }
            row.kind != SessionKind::Own
        });
        let at = rows.iter().position(|row| row.kind == SessionKind::Served);
        let configured = registry.iter().map(|(id, session)| {
            let last = board.history.of(id).next_back();
            let known = own.remove(&**id);
            let mut row = known.unwrap_or_else(|| at_rest(id, session, last));
            if !session.enabled && matches!(row.state.as_str(), "ended" | "failed") {
                row.state = "disabled".into();
            }
            SessionRow {
                name: session.name.clone(),
                owner: Some(session.owner),
                line: session.line.clone(),
                next_run_at: next.get(id).copied(),
                ..row
            }
        });
        let configured: Vec<_> = configured.collect();
        let at = at.unwrap_or(rows.len());
        rows.splice(at..at, configured);
        rows
    }

    pub(super) fn results(
        &self,
        session: Option<&str>,
        line: Option<&str>,
        last: Option<u32>,
    ) -> Result<Answer, Refused> {
        let registry = lock(&self.shared.registry);
        let board = lock(&self.shared.board);
        let wanted = session.map(|text| match registry.find(text) {
            Some((id, _)) => id.to_string(),
            None => text.to_owned(),
        });
        let mut found: Vec<RunResult> = Vec::new();
        for (subject, mut result) in board.rolling() {
            let over = match subject.own().map(|id| registry.get(id)) {
                Some(Some(session)) => {
                    result.name.clone_from(&session.name);
                    session.line.as_deref()
                }
                // It is gone, and on its way out.
                Some(None) => continue,
                None => subject.line(),
            };
            let of_line = line.is_none_or(|line| over == Some(line));
            if of_line && wanted.as_ref().is_none_or(|id| *id == result.session) {
                found.push(result);
            }
        }
        let last = last.map_or(usize::MAX, |last| last as usize);
        for (id, session) in registry.iter() {
            let of_line = line.is_none_or(|line| session.line.as_deref() == Some(line));
            if !of_line || wanted.as_ref().is_some_and(|wanted| **wanted != **id) {
                continue;
            }
            let first = found.len();
            found.extend(board.history.of(id).rev().take(last).cloned());
            found[first..].reverse();
            for result in &mut found[first..] {
                result.name.clone_from(&session.name);
            }
        }
        let known = |id: &String| registry.get(id).is_some();
        match (session, &wanted) {
            (Some(text), Some(id)) if found.is_empty() && !known(id) => {
                Err(Refused::Message(code::UNKNOWN, unknown(text)))
            }
            _ => Ok(Answer::Results(found)),
        }
    }
}

/// A session of which nothing goes on.
fn at_rest(id: &Id, session: &Session, last: Option<&RunResult>) -> SessionRow {
    let waits = match session.enabled {
        true => "waiting",
        false => "disabled",
    };
    SessionRow {
        id: id.to_string(),
        kind: SessionKind::Own,
        name: None,
        owner: None,
        run: last.map(|last| last.run),
        next_run_at: None,
        line: None,
        probe_class: None,
        role: "sender".into(),
        state: waits.into(),
        trouble: last.and_then(|last| Some(last.failure.as_ref()?.message.clone())),
        result: last.map(|last| last.result.clone()),
        served: None,
    }
}

fn find(registry: &Registry, text: &str) -> Result<(Id, Arc<Session>), Refused> {
    let found = registry.find(text);
    let found = found.map(|(id, session)| (id.clone(), Arc::clone(session)));
    found.ok_or_else(|| Refused::Message(code::UNKNOWN, unknown(text)))
}

fn unknown(text: &str) -> String {
    format!("no session has the id or the name {text:?}; `sessions` lists those there are")
}

/// A person writes what persons have added.
fn may_write(id: &Id, session: &Session) -> Result<(), Refused> {
    let what = || format!("session {}", title(id, session));
    may_change(Owner::Person, session.owner, what).map_err(Refused::Engine)
}

/// What people know a session by.
fn title(id: &Id, session: &Session) -> String {
    match &session.name {
        Some(name) => format!("{name:?} ({id})"),
        None => id.to_string(),
    }
}

fn name_taken(session: &Session, id: Option<&Id>, registry: &Registry) -> Option<Problem> {
    let name = session.name.as_ref()?;
    let other = registry.named(name).filter(|other| Some(*other) != id)?;
    Some(Problem {
        path: "session.name".into(),
        expected: "a name that is not taken".into(),
        found: format!("{name:?}, as session {other} is called"),
        fix: "choose another".into(),
    })
}

/// What makes a session the one that it is.
fn ends_that_change(former: &Session, new: &Session) -> Vec<Problem> {
    let text = |shown: Option<String>| shown.unwrap_or_else(|| "nothing".into());
    let ends = |session: &Session| {
        [
            ("local", session.local.map(|local| local.to_string())),
            (
                "local_port",
                session.local_port.map(|port| port.to_string()),
            ),
            ("remote", Some(session.remote.to_string())),
            ("line", session.line.clone()),
            ("device", session.device.clone()),
            ("namespace", session.namespace.clone()),
        ]
    };
    let pairs = ends(former).into_iter().zip(ends(new));
    let others = pairs.filter(|(former, new)| former != new);
    let problem = |((key, before), (_, after)): ((&str, _), (_, _))| Problem {
        path: format!("session.{key}"),
        expected: format!("{}, as it is: the ends of a session stay", text(before)),
        found: text(after),
        fix: "delete the session and add another".into(),
    };
    others.map(problem).collect()
}

fn takes_effect(former: &Session, new: &Session, config: &Config) -> TakesEffect {
    let [before, after] = [former, new].map(|session| Measurement::of(session, config));
    let turn = match (&before, &after) {
        (Some(before), Some(after)) => before.turn(after),
        _ => Turn::Anew,
    };
    let flows = |session: &Session| session.is_continuous() && session.enabled;
    match turn {
        Turn::Retune | Turn::Afresh if flows(former) && flows(new) => TakesEffect::NextProbe,
        Turn::Retune | Turn::Afresh | Turn::Anew if !new.is_continuous() => match flows(former) {
            true => TakesEffect::AtOnce,
            false => TakesEffect::NextRun,
        },
        _ => TakesEffect::AtOnce,
    }
}

fn unforeseen(error: &serde_json::Error) -> Refused {
    Refused::Message(code::INVALID, error.to_string())
}
