//! When configured sessions run: the timetable by their ids, and who has paused what.

use std::collections::{HashMap, HashSet};

use plugin_abi::config::{Schedule, Session, When};
use plugin_abi::manage::ScheduleRow;
use twamp_core::time::{Mono, Now};

use crate::schedule::{Plan, PlanError, Timetable};
use crate::session::registry::{Id, Registry};
use crate::session::unix_seconds;

/// When configured sessions run.
#[derive(Default)]
pub(super) struct Timing {
    timetable: Timetable,
    /// Those that run by a schedule, by their numbers in the timetable.
    sessions: HashMap<u64, (Id, When)>,
    global: Option<Schedule>,
    /// Of the global schedule: all that follow it share what was read.
    plan: Option<Plan>,
    paused: HashSet<Id>,
    /// The global schedule is.
    all_paused: bool,
}

impl Timing {
    /// These are the sessions, and this the global schedule. What is known of runs stays.
    pub(super) fn replace(&mut self, registry: &Registry, global: Option<&Schedule>, now: Now) {
        self.global = global.cloned();
        self.plan = global.and_then(|global| match Plan::parse(global, 0) {
            Ok(plan) => Some(plan),
            Err(error) => {
                tracing::error!("the global schedule begins nothing: {error}");
                None
            }
        });
        let known: Vec<Id> = self.sessions.values().map(|(id, _)| id.clone()).collect();
        for id in known.iter().filter(|id| registry.get(id).is_none()) {
            self.remove(id);
        }
        for (id, session) in registry.iter() {
            self.put(id, session, now);
        }
    }

    /// A session is new, or is another one now.
    pub(super) fn put(&mut self, id: &Id, session: &Session, now: Now) {
        let runs = session.enabled && !session.is_continuous();
        let when = session.schedule.as_ref().filter(|_| runs);
        let Some(when) = when else {
            return self.unschedule(id);
        };
        let number = number(id);
        match self.plan_of(when, number) {
            Ok(Some(plan)) => {
                self.timetable.set(number, plan, now);
                self.sessions.insert(number, (id.clone(), when.clone()));
                self.match_pause(id, now);
            }
            Ok(None) => self.unschedule(id),
            Err(error) => {
                tracing::error!("session {id} begins nothing by its schedule: {error}");
                self.unschedule(id);
            }
        }
    }

    /// A session is gone.
    pub(super) fn remove(&mut self, id: &Id) {
        self.unschedule(id);
        self.paused.remove(id);
    }

    /// A session's schedule is paused or goes on, or without one the global one. False if there is
    /// none.
    pub(super) fn pause(&mut self, id: Option<&Id>, paused: bool, now: Now) -> bool {
        let Some(id) = id else {
            self.all_paused = paused && self.global.is_some();
            let all: Vec<Id> = self.sessions.values().map(|(id, _)| id.clone()).collect();
            all.iter().for_each(|id| self.match_pause(id, now));
            return self.global.is_some();
        };
        if !self.sessions.contains_key(&number(id)) {
            return false;
        }
        match paused {
            true => _ = self.paused.insert(id.clone()),
            false => _ = self.paused.remove(id),
        }
        self.match_pause(id, now);
        true
    }

    /// When it wants to be asked who is due; `None` while nobody will be.
    pub(super) fn poll_timeout(&self, now: Now) -> Option<Mono> {
        self.timetable.poll_timeout(now)
    }

    /// The sessions whose run is to begin now.
    pub(super) fn due(&mut self, now: Now) -> Vec<Id> {
        let due = self.timetable.due(now).into_iter();
        due.filter_map(|number| Some(self.sessions.get(&number)?.0.clone()))
            .collect()
    }

    /// A run has begun, by schedule or by hand.
    pub(super) fn begin(&mut self, id: &Id, now: Now) {
        self.timetable.begin(number(id), now);
    }

    /// It is over.
    pub(super) fn ended(&mut self, id: &Id) {
        self.timetable.ended(number(id));
    }

    /// When the next run of each session begins, Unix seconds.
    pub(super) fn next(&self) -> HashMap<Id, f64> {
        let rows = self.timetable.rows();
        rows.filter_map(|row| {
            let (id, _) = self.sessions.get(&row.id)?;
            Some((id.clone(), unix_seconds(row.next?)))
        })
        .collect()
    }

    /// Every session that runs by a schedule, in the order of `registry`.
    pub(super) fn rows(&self, registry: &Registry) -> Vec<ScheduleRow> {
        let rows: HashMap<u64, _> = self.timetable.rows().map(|row| (row.id, row)).collect();
        let scheduled = registry.iter().filter_map(|(id, session)| {
            let row = rows.get(&number(id))?;
            let (_, when) = self.sessions.get(&row.id)?;
            let schedule = when.among(self.global.as_ref())?.clone();
            Some(ScheduleRow {
                session: id.to_string(),
                name: session.name.clone(),
                global: *when == When::Global,
                paused: schedule.paused || self.is_paused(id, when),
                schedule,
                next_at: row.next.map(unix_seconds),
                last_at: row.last_begin.map(unix_seconds),
                begun: row.begun,
                skipped: row.skipped,
                missed: row.missed,
            })
        });
        scheduled.collect()
    }

    fn plan_of(&self, when: &When, number: u64) -> Result<Option<Plan>, PlanError> {
        match when {
            When::Global => Ok(self.plan.as_ref().map(|plan| plan.alike(number))),
            When::Own(schedule) => Plan::parse(schedule, number).map(Some),
        }
    }

    fn unschedule(&mut self, id: &Id) {
        let number = number(id);
        self.timetable.remove(number);
        self.sessions.remove(&number);
    }

    fn is_paused(&self, id: &Id, when: &When) -> bool {
        self.paused.contains(id) || self.all_paused && *when == When::Global
    }

    fn match_pause(&mut self, id: &Id, now: Now) {
        let number = number(id);
        let Some((_, when)) = self.sessions.get(&number) else {
            return;
        };
        match self.is_paused(id, when) {
            true => self.timetable.pause(number, now),
            false => self.timetable.resume(number, now),
        }
    }
}

/// An id is the spelling of a number.
fn number(id: &str) -> u64 {
    u64::from_str_radix(id, 16).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const S: i64 = 1_000_000_000;

    fn at(second: i64) -> Now {
        Now {
            mono: Mono((second * S) as u64),
            wall: twamp_core::time::Wall(1_800_000_000 * S + second * S),
        }
    }

    /// One with a schedule of its own, one with the global one, one with none.
    fn registry() -> Registry {
        let sessions = json!([
            {"remote": "192.0.2.1", "name": "own", "count": 1,
             "schedule": {"every_s": 10, "spread_s": 0}},
            {"remote": "192.0.2.2", "name": "global", "count": 1, "schedule": "global"},
            {"remote": "192.0.2.3", "name": "by hand", "count": 1},
        ]);
        Registry::new(serde_json::from_value(sessions).unwrap(), &[])
    }

    fn timing(registry: &Registry) -> Timing {
        let global = Schedule {
            every_s: Some(20),
            spread_s: Some(0),
            ..Schedule::default()
        };
        let mut timing = Timing::default();
        timing.replace(registry, Some(&global), at(1));
        timing
    }

    fn due(timing: &mut Timing, registry: &Registry, second: i64) -> Vec<String> {
        let due = timing.due(at(second)).into_iter();
        due.map(|id| registry.get(&id).unwrap().name.clone().unwrap())
            .collect()
    }

    #[test]
    fn runs_are_due_by_their_own_schedule_or_the_global_one_and_skipped_while_one_goes_on() {
        let registry = registry();
        let mut timing = timing(&registry);
        assert_eq!(due(&mut timing, &registry, 10), ["own"]);
        let own = registry.named("own").unwrap();
        timing.begin(own, at(10));
        assert_eq!(
            due(&mut timing, &registry, 20),
            ["global"],
            "the other is busy"
        );
        timing.ended(own);
        assert_eq!(due(&mut timing, &registry, 30), ["own"]);
        let rows = timing.rows(&registry);
        assert_eq!(rows.len(), 2);
        assert_eq!(
            (rows[0].begun, rows[0].skipped, rows[0].global),
            (1, 1, false)
        );
        assert!(rows[1].global && rows[1].next_at == Some(1_800_000_040.0));
    }

    #[test]
    fn a_pause_holds_one_session_or_all_that_follow_the_global_schedule() {
        let registry = registry();
        let mut timing = timing(&registry);
        let own = registry.named("own").unwrap();
        assert!(timing.pause(None, true, at(2)) && timing.pause(Some(own), true, at(2)));
        assert_eq!(due(&mut timing, &registry, 20), [""; 0]);
        assert!(
            timing
                .rows(&registry)
                .iter()
                .all(|row| row.paused && row.next_at.is_none())
        );
        assert!(timing.pause(Some(own), false, at(21)));
        assert_eq!(due(&mut timing, &registry, 40), ["own"]);
        assert!(timing.pause(None, false, at(41)));
        assert_eq!(due(&mut timing, &registry, 60), ["own", "global"]);
        let by_hand = registry.named("by hand").unwrap();
        assert!(
            !timing.pause(Some(by_hand), true, at(61)),
            "it has no schedule"
        );
    }

    #[test]
    fn a_session_that_is_gone_or_has_no_schedule_any_more_is_due_no_more() {
        let mut registry = registry();
        let mut timing = timing(&registry);
        let own = registry.named("own").unwrap().clone();
        timing.remove(&own);
        let id = registry.named("global").unwrap().clone();
        let mut session = Session::clone(registry.get(&id).unwrap());
        session.enabled = false;
        timing.put(&id, &session, at(2));
        registry.remove(&own);
        assert_eq!(timing.poll_timeout(at(2)), None);
        assert!(timing.rows(&registry).is_empty());
    }
}
