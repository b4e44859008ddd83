//! The whole wanted state: applied, confirmed, or taken back.
//!
//! ```text
//!   apply ──▶ wanted ──confirm──▶ stays
//!               │
//!               └─ time is up, or stop ──▶ the last confirmed document
//! ```

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use plugin_abi::config::{Clock, Config, Line};
use plugin_abi::engine_state;
use plugin_abi::manage::{Answer, Applied, Pending, Problem};
use serde_json::Value;
use twamp_core::time::Mono;

use super::control::Control;
use super::difference::difference;
use super::message::Wish;
use super::owners::{self, effective};
use super::shared::Shared;
use super::watching::refused;
use super::{Engine, EngineError, lock, state_name};
use crate::config::{expand, judge, judge_among};
use crate::flow::Classifier;
use crate::net::clock;

/// The longest that may be waited for a confirmation: a day.
const LONGEST_WAIT_S: u32 = 86_400;

/// How a document is applied.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Terms {
    /// Must be above the newest one; 0 counts as none.
    pub(crate) generation: u64,
    /// Change nothing.
    pub(crate) dry_run: bool,
    /// Without a confirmation within so long, the former document returns.
    pub(crate) confirm_within: Option<Duration>,
}

/// An apply that is not confirmed yet.
pub(super) struct Waiting {
    /// The last document that was confirmed. What persons own is not in it.
    former: Config,
    until: Mono,
    /// The same for people, Unix seconds.
    confirm_by: u64,
}

impl Engine {
    /// Makes `config` the whole wanted state and answers the difference. What persons own stays.
    ///
    /// # Errors
    /// A generation that is not newer, a document that takes what a person owns, or nobody is
    /// there to take it back; then nothing has changed.
    pub(crate) fn apply(&self, config: Config, terms: Terms) -> Result<Applied, EngineError> {
        let applied = self.apply_judged(config, terms);
        if !terms.dry_run {
            self.stands_refused(applied.as_ref().err().map(|error| (error.to_string(), 1)));
        }
        applied
    }

    /// A document that was to be applied has these mistakes.
    pub(crate) fn refuse_document(&self, mistakes: &[Problem]) {
        let first = mistakes.first();
        self.stands_refused(first.map(|first| (first.to_string(), mistakes.len())));
    }

    /// The last document was refused for so many mistakes, of which this is the first; or wasn't.
    fn stands_refused(&self, why: Option<(String, usize)>) {
        let why = why.map(|(first, mistakes)| refused(&first, mistakes));
        let is_refused = why.is_some();
        *lock(&self.shared.refused) = why;
        if is_refused {
            // Whoever looks is to wake up.
            self.wish(Wish::Reschedule);
        }
    }

    fn apply_judged(&self, mut config: Config, terms: Terms) -> Result<Applied, EngineError> {
        if (config.clock == Clock::Manual) != self.has_manual_clock() {
            return Err(EngineError::Unsupported("another clock than at the start"));
        }
        let (applied, wishes) = self.shared.apply(&mut config, terms)?;
        for wish in wishes {
            self.wish(wish);
        }
        Ok(applied)
    }

    /// The same as people ask for it.
    pub(super) fn apply_asked(
        &self,
        config: &Value,
        generation: Option<u64>,
        dry_run: bool,
        confirm_within_s: Option<u32>,
    ) -> Result<Answer, EngineError> {
        let mut problems = Vec::new();
        if let Some(span) = confirm_within_s.filter(|span| !(1..=LONGEST_WAIT_S).contains(span)) {
            problems.push(Problem {
                path: "confirm_within_s".into(),
                expected: format!("a whole number from 1 to {LONGEST_WAIT_S}"),
                found: span.to_string(),
                fix: "choose a number in that range, or leave it out".into(),
            });
        }
        let config = match judge(config) {
            Ok(config) if problems.is_empty() => config,
            Ok(_) => return Err(EngineError::Mistakes(problems)),
            Err(mistakes) => {
                if !dry_run {
                    self.refuse_document(&mistakes);
                }
                problems.extend(mistakes);
                return Err(EngineError::Mistakes(problems));
            }
        };
        let terms = Terms {
            generation: generation.unwrap_or(0),
            dry_run,
            confirm_within: confirm_within_s.map(|span| Duration::from_secs(span.into())),
        };
        let applied = self.apply(config, terms)?;
        Ok(Answer::Applied(Box::new(applied)))
    }

    /// What was applied stays.
    pub(super) fn confirm(&self) -> Result<Answer, EngineError> {
        let confirmed = lock(&self.shared.waiting).take();
        confirmed.ok_or(EngineError::NothingWaits)?;
        Ok(Answer::Confirmed(self.shared.generation()))
    }

    /// The whole wanted state as a document.
    pub(super) fn configuration(&self) -> Result<Answer, EngineError> {
        written(&self.config()).map(Answer::Configuration)
    }

    /// What a document means, as a document.
    pub(super) fn expand(&self, config: &Value) -> Result<Answer, EngineError> {
        let config = judge(config).map_err(EngineError::Mistakes)?;
        written(&effective(&config)).map(Answer::Expanded)
    }

    /// An engine that ends waits for no confirmation.
    pub(super) fn take_back_at_stop(&self) {
        if self.shared.take_back(None).is_some() {
            tracing::warn!(
                "the engine stops and nobody has confirmed what was applied: the former document \
                 is back"
            );
            self.shared.event.ring();
        }
    }
}

impl Shared {
    /// Makes `config` the wanted one and answers the difference, and what `twamp-ctl` is to hear of
    /// it. A key without a passphrase keeps the one it has.
    fn apply(
        &self,
        config: &mut Config,
        terms: Terms,
    ) -> Result<(Applied, Vec<Wish>), EngineError> {
        let newest = self.generation();
        if terms.generation != 0 && terms.generation <= newest {
            return Err(EngineError::OldGeneration {
                expected: newest,
                found: terms.generation,
            });
        }
        let running = self.state() == engine_state::RUNNING;
        if terms.confirm_within.is_some() && !running {
            return Err(EngineError::State {
                expected: "running",
                found: state_name(self.state()),
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
        let whole = self.whole(&wanted);
        let problems = owners::keep(&whole, config);
        if !problems.is_empty() {
            return Err(EngineError::Mistakes(problems));
        }
        let mut applied = difference(&whole, config);
        if running && wanted.io != config.io {
            applied.at_next_start.push("io".into());
        }
        applied.generation = newest;
        if terms.dry_run {
            return Ok((applied, Vec::new()));
        }
        applied.generation = terms.generation.max(newest);
        let mut waiting = lock(&self.waiting);
        let former = waiting.take().map(|waiting| waiting.former);
        if let Some(span) = terms.confirm_within {
            let now = clock();
            // Before 1970 no clock is.
            let now_s = u64::try_from(now.wall.nanos()).unwrap_or(0) / 1_000_000_000;
            let confirm_by = now_s + span.as_secs();
            applied.confirm_by = Some(confirm_by);
            *waiting = Some(Waiting {
                former: former.unwrap_or_else(|| owners::of_document(whole)),
                until: now.mono + span,
                confirm_by,
            });
        }
        self.generation.store(applied.generation, Ordering::Release);
        Ok((applied, self.want(&mut wanted, config)))
    }

    /// Makes `config` the wanted one. Answers what `twamp-ctl` is to hear of it.
    fn want(&self, wanted: &mut Config, config: &mut Config) -> Vec<Wish> {
        let sessions = std::mem::take(&mut config.sessions);
        wanted.clone_from(config);
        self.keys.replace(&config.keys);
        let mut effective = effective(config);
        let flows = Classifier::new(&effective.classes);
        self.flows.store(Arc::new(flows));
        let mut all = sessions;
        all.append(&mut effective.sessions);
        let of_sessions = self.replace_sessions(all, &effective);
        // They may go over lines of the same configuration.
        let mut wishes = vec![Wish::Apply(Box::new(effective))];
        wishes.extend(of_sessions);
        wishes
    }

    /// The newest generation that was applied.
    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// What waits to be confirmed.
    pub(super) fn pending(&self) -> Option<Pending> {
        let waiting = lock(&self.waiting);
        waiting.as_ref().map(|waiting| Pending {
            generation: self.generation(),
            confirm_by: waiting.confirm_by,
        })
    }

    /// When it is taken back.
    fn take_back_at(&self) -> Option<Mono> {
        lock(&self.waiting).as_ref().map(|waiting| waiting.until)
    }

    /// The last confirmed document is wanted again, if what came after it has waited until `now`
    /// or, without, anyhow. Answers what `twamp-ctl` is to hear of it.
    fn take_back(&self, now: Option<Mono>) -> Option<Vec<Wish>> {
        let mut wanted = lock(&self.config);
        let waiting = {
            let mut waiting = lock(&self.waiting);
            let due = |waiting: &mut Waiting| now.is_none_or(|now| now >= waiting.until);
            waiting.take_if(due)?
        };
        let mut former = waiting.former;
        for lost in owners::keep(&self.whole(&wanted), &mut former) {
            tracing::warn!("what a person owns gives way to the former document: {lost}");
        }
        Some(self.want(&mut wanted, &mut former))
    }

    /// What the host brings up stays, if what was applied before is taken back.
    pub(super) fn line_stays(&self, line: &Arc<Line>) {
        if let Some(Waiting { former, .. }) = &mut *lock(&self.waiting)
            && judge_among(line, Some(line.id), &expand(former)).is_ok()
        {
            match former.lines.iter_mut().find(|known| known.id == line.id) {
                Some(known) => *known = line.clone(),
                None => former.lines.push(line.clone()),
            }
        }
    }

    /// And what it takes down.
    pub(super) fn line_stays_away(&self, line: u64) {
        if let Some(Waiting { former, .. }) = &mut *lock(&self.waiting) {
            former.lines.retain(|known| known.id != line);
        }
    }
}

impl Control {
    /// When nobody will have confirmed what was applied.
    pub(super) fn take_back_at(&self) -> Option<tokio::time::Instant> {
        let until = self.shared.take_back_at()?;
        Some(tokio::time::Instant::now() + until.since(clock().mono))
    }

    /// Nobody has confirmed what was applied.
    pub(super) fn take_back(&mut self) {
        let Some(wishes) = self.shared.take_back(Some(clock().mono)) else {
            return;
        };
        tracing::warn!("nobody has confirmed what was applied: the former document is back");
        for wish in wishes {
            self.wish(wish);
        }
        self.shared.event.ring();
    }
}

fn written(config: &Config) -> Result<Value, EngineError> {
    serde_json::to_value(config).map_err(|error| EngineError::Unwritable(error.to_string()))
}
