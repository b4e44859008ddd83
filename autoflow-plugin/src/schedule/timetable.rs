//! Whose run begins now, of many sessions.
//!
//! Each session has one next time, on the clock on the wall. What was due when nobody asked (the
//! process stood still, the machine slept, the clock was set forward) is counted as missed, not made
//! up for. A clock that is set back repeats nothing, unless it is set back so far that waiting for
//! it would be worse (`Plan::patience`): then the plan begins anew.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use twamp_core::time::{Mono, Now, Wall};

use super::Plan;

/// A run that begins later than so by its plan is none of it.
const LATE: i64 = 10_000_000_000;
/// The clock on the wall is looked at so often at least: it may have been set.
const LOOK: Duration = Duration::from_secs(60);
/// It was set if it went so much further or less far than the monotonic one, in nanoseconds.
const STEP: i128 = 1_000_000_000;
/// So many missed runs of a session are counted at a time: a clock may have been set by decades.
const COUNTED: u64 = 1_000;

/// The next runs of all sessions.
#[derive(Default)]
pub(crate) struct Timetable {
    sessions: BTreeMap<u64, Session>,
    /// The next time of each session that has one.
    queue: BTreeSet<(Wall, u64)>,
    /// How far the clock on the wall was ahead of the monotonic one when it was last set.
    ahead: Option<i128>,
}

struct Session {
    plan: Plan,
    next: Option<Wall>,
    /// The last planned time that came up, whatever came of it.
    last_due: Option<Wall>,
    paused: bool,
    running: bool,
    last_begin: Option<Wall>,
    begun: u64,
    skipped: u64,
    missed: u64,
}

/// A session in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: u64,
    /// When its next run begins; none if paused.
    pub(crate) next: Option<Wall>,
    /// When its last run began.
    pub(crate) last_begin: Option<Wall>,
    /// A run is going.
    pub(crate) running: bool,
    /// Runs that began.
    pub(crate) begun: u64,
    /// Runs left out because the one before was still going.
    pub(crate) skipped: u64,
    /// Runs left out because nobody was there to begin them; of one standstill, up to 1,000.
    pub(crate) missed: u64,
}

impl Timetable {
    /// Session `id` has this plan from now on. What is known of its runs stays.
    pub(crate) fn set(&mut self, id: u64, plan: Plan, now: Now) {
        self.watch_clock(now);
        match self.sessions.get_mut(&id) {
            Some(session) => session.plan = plan,
            None => {
                self.sessions.insert(id, Session::new(plan));
            }
        }
        self.replan(id, now.wall);
    }

    /// There is no such session any more.
    pub(crate) fn remove(&mut self, id: u64) {
        if let Some(session) = self.sessions.remove(&id) {
            unqueue(&mut self.queue, id, &session);
        }
    }

    /// Session `id` begins no run by itself. What it would have begun is not missed.
    pub(crate) fn pause(&mut self, id: u64, now: Now) {
        self.set_paused(id, true, now);
    }

    /// It does again.
    pub(crate) fn resume(&mut self, id: u64, now: Now) {
        self.set_paused(id, false, now);
    }

    /// When `due` wants to be asked again, whatever else happens; none if there is nothing to wait
    /// for.
    pub(crate) fn poll_timeout(&self, now: Now) -> Option<Mono> {
        let (next, _) = self.queue.first()?;
        let wait = u64::try_from(next.since(now.wall)).unwrap_or(0);
        Some(now.mono + Duration::from_nanos(wait).min(LOOK))
    }

    /// The sessions whose run begins now, in the order of their times. Each is told once. The caller
    /// says [`begin`](Self::begin) of those that did.
    pub(crate) fn due(&mut self, now: Now) -> Vec<u64> {
        self.watch_clock(now);
        let mut due = Vec::new();
        while let Some(&(next, id)) = self.queue.first()
            && next <= now.wall
        {
            self.queue.pop_first();
            let Some(session) = self.sessions.get_mut(&id) else {
                continue;
            };
            if session.come_up(next, now.wall) {
                due.push(id);
            }
            self.queue.extend(session.next.map(|next| (next, id)));
        }
        due
    }

    /// A run of session `id` has begun, by its plan or by hand.
    pub(crate) fn begin(&mut self, id: u64, now: Now) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.running = true;
            session.begun += 1;
            session.last_begin = Some(now.wall);
        }
    }

    /// The run of session `id` is over.
    pub(crate) fn ended(&mut self, id: u64) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.running = false;
        }
    }

    /// All sessions by id.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row> {
        self.sessions.iter().map(|(id, session)| Row {
            id: *id,
            next: session.next,
            last_begin: session.last_begin,
            running: session.running,
            begun: session.begun,
            skipped: session.skipped,
            missed: session.missed,
        })
    }

    fn set_paused(&mut self, id: u64, paused: bool, now: Now) {
        self.watch_clock(now);
        if let Some(session) = self.sessions.get_mut(&id)
            && session.paused != paused
        {
            session.paused = paused;
            self.replan(id, now.wall);
        }
    }

    /// All next times are looked for again if the clock on the wall was set back.
    fn watch_clock(&mut self, now: Now) {
        let ahead = i128::from(now.wall.0) - i128::from(now.mono.0);
        let before = *self.ahead.get_or_insert(ahead);
        if (ahead - before).abs() < STEP {
            return;
        }
        self.ahead = Some(ahead);
        if ahead < before {
            let ids: Vec<_> = self.sessions.keys().copied().collect();
            ids.into_iter().for_each(|id| self.replan(id, now.wall));
        }
    }

    fn replan(&mut self, id: u64, now: Wall) {
        if let Some(session) = self.sessions.get_mut(&id) {
            unqueue(&mut self.queue, id, session);
            session.look_ahead(now);
            self.queue.extend(session.next.map(|next| (next, id)));
        }
    }
}

fn unqueue(queue: &mut BTreeSet<(Wall, u64)>, id: u64, session: &Session) {
    if let Some(next) = session.next {
        queue.remove(&(next, id));
    }
}

impl Session {
    fn new(plan: Plan) -> Self {
        Self {
            plan,
            next: None,
            last_due: None,
            paused: false,
            running: false,
            last_begin: None,
            begun: 0,
            skipped: 0,
            missed: 0,
        }
    }

    /// The next time after `now`, and after the last one that came up.
    fn look_ahead(&mut self, now: Wall) {
        let patience = self.plan.patience();
        let not_again = self.last_due.filter(|last| last.since(now) <= patience);
        let after = not_again.map_or(now, |last| last.max(now));
        self.next = if self.paused {
            None
        } else {
            self.plan.next_after(after)
        };
    }

    /// `next` has come, and perhaps gone long ago. True if a run begins.
    fn come_up(&mut self, next: Wall, now: Wall) -> bool {
        let in_time = |time: &Wall| now.since(*time) <= LATE;
        let following = |time: &Wall| self.plan.next_after(*time).filter(|time| *time <= now);
        // What is long gone is counted, and then no further than makes sense.
        let gone = std::iter::successors(Some(next), following)
            .take_while(|time| !in_time(time))
            .take(COUNTED as usize)
            .count();
        let first = if gone == 0 {
            Some(next)
        } else {
            following(&Wall(now.0.saturating_sub(LATE + 1)))
        };
        // Of several that are in time, the last one begins.
        let (mut newest, mut passed) = (None, gone as u64);
        for time in std::iter::successors(first, following) {
            passed += u64::from(newest.is_some());
            newest = Some(time);
        }
        self.missed += passed;
        self.last_due = newest.or(Some(next));
        self.look_ahead(now);
        if newest.is_some() && self.running {
            self.skipped += 1;
        }
        newest.is_some() && !self.running
    }
}

#[cfg(test)]
mod tests {
    use plugin_abi::config::Schedule;

    use super::*;

    const S: i64 = 1_000_000_000;
    const NOBODY: [u64; 0] = [];
    /// 2026-03-28 00:00:00 UTC.
    const MIDNIGHT: i64 = 1_774_656_000;

    /// So many seconds after midnight, as both clocks have it, the one on the wall set by `set`.
    fn at(second: i64, set: i64) -> Now {
        Now {
            mono: Mono(((1_000 + second) * S) as u64),
            wall: Wall((MIDNIGHT + second + set) * S),
        }
    }

    fn plan(every_s: u32) -> Plan {
        let schedule = Schedule {
            every_s: Some(every_s),
            spread_s: Some(0),
            ..Schedule::default()
        };
        Plan::parse(&schedule, 1).unwrap()
    }

    fn cron(expression: &str) -> Plan {
        let schedule = Schedule {
            cron: Some(expression.into()),
            ..Schedule::default()
        };
        Plan::parse(&schedule, 1).unwrap()
    }

    fn with(plan: Plan) -> Timetable {
        let mut timetable = Timetable::default();
        timetable.set(1, plan, at(0, 0));
        timetable
    }

    fn row(timetable: &Timetable) -> Row {
        timetable.rows().next().unwrap()
    }

    #[test]
    fn a_run_begins_at_its_time_and_only_once() {
        let mut timetable = with(plan(30));
        assert_eq!(timetable.poll_timeout(at(0, 0)), Some(at(30, 0).mono));
        assert_eq!(timetable.due(at(29, 0)), NOBODY);
        assert_eq!(timetable.due(at(30, 0)), [1]);
        timetable.begin(1, at(30, 0));
        assert_eq!(timetable.due(at(30, 0)), NOBODY);
        timetable.ended(1);
        let row = row(&timetable);
        assert_eq!(row.next, Some(at(60, 0).wall));
        assert_eq!(row.last_begin, Some(at(30, 0).wall));
        assert_eq!((row.begun, row.skipped, row.missed), (1, 0, 0));
    }

    #[test]
    fn the_clock_on_the_wall_is_looked_at_once_a_minute() {
        let timetable = with(plan(3_600));
        assert_eq!(timetable.poll_timeout(at(5, 0)), Some(at(65, 0).mono));
        assert_eq!(Timetable::default().poll_timeout(at(0, 0)), None);
    }

    #[test]
    fn sessions_are_told_in_the_order_of_their_times() {
        let mut timetable = with(plan(5));
        timetable.set(9, plan(3), at(0, 0));
        assert_eq!(timetable.due(at(5, 0)), [9, 1]);
    }

    #[test]
    fn a_run_that_would_overlap_is_left_out_and_counted() {
        let mut timetable = with(plan(30));
        timetable.begin(1, at(25, 0));
        assert_eq!(timetable.due(at(30, 0)), NOBODY);
        timetable.ended(1);
        assert_eq!(timetable.due(at(60, 0)), [1]);
        let row = row(&timetable);
        assert_eq!((row.begun, row.skipped, row.missed), (1, 1, 0));
    }

    #[test]
    fn what_passed_while_the_process_stood_still_is_counted_and_not_made_up_for() {
        let mut timetable = with(plan(30));
        // 30, 60, 90 and 120 passed; 120 too long ago to begin.
        assert_eq!(timetable.due(at(135, 0)), NOBODY);
        assert_eq!(row(&timetable).missed, 4);
        // 150 passed; 180 is now.
        assert_eq!(timetable.due(at(181, 0)), [1]);
        assert_eq!(row(&timetable).missed, 5);
        assert_eq!(row(&timetable).next, Some(at(210, 0).wall));
    }

    #[test]
    fn of_several_runs_that_are_a_little_late_the_last_one_begins() {
        let mut timetable = with(plan(2));
        assert_eq!(timetable.due(at(7, 0)), [1]);
        assert_eq!(row(&timetable).missed, 2);
        assert_eq!(row(&timetable).next, Some(at(8, 0).wall));
    }

    #[test]
    fn a_clock_set_forward_misses_what_it_passes_over() {
        for plan in [plan(60), cron("* * * * *")] {
            let mut timetable = with(plan);
            assert_eq!(timetable.due(at(60, 0)), [1]);
            assert_eq!(timetable.due(at(61, 3_600)), [1]);
            assert_eq!(row(&timetable).missed, 59);
            assert_eq!(row(&timetable).next, Some(at(120, 3_600).wall));
        }
    }

    #[test]
    fn a_clock_set_forward_by_decades_is_counted_in_part() {
        for plan in [plan(60), cron("* * * * *")] {
            let mut timetable = with(plan);
            let decades = 20 * 365 * 86_400;
            assert_eq!(timetable.due(at(1, decades)), [1]);
            assert_eq!(row(&timetable).missed, COUNTED);
            assert_eq!(row(&timetable).next, Some(at(60, decades).wall));
        }
    }

    #[test]
    fn a_clock_set_back_runs_nothing_twice() {
        for plan in [plan(60), cron("* * * * *")] {
            let mut timetable = with(plan);
            assert_eq!(timetable.due(at(60, 0)), [1]);
            assert_eq!(timetable.due(at(65, -10)), NOBODY);
            assert_eq!(timetable.due(at(70, -10)), NOBODY);
            assert_eq!(timetable.poll_timeout(at(80, -10)), Some(at(130, -10).mono));
            assert_eq!(timetable.due(at(130, -10)), [1]);
        }
    }

    #[test]
    fn a_clock_set_back_far_begins_anew() {
        let mut timetable = with(plan(60));
        assert_eq!(timetable.due(at(60, 0)), [1]);
        assert_eq!(timetable.due(at(65, -3_600)), NOBODY);
        assert_eq!(row(&timetable).next, Some(at(120, -3_600).wall));

        let mut timetable = with(cron("0 * * * *"));
        assert_eq!(timetable.due(at(3_600, 0)), [1]);
        assert_eq!(timetable.due(at(3_601, -7_200)), NOBODY);
        assert_eq!(row(&timetable).next, Some(at(7_200, 0).wall));
        assert_eq!(timetable.due(at(3_602, -86_400)), NOBODY);
        assert_eq!(row(&timetable).next, Some(at(7_200, -86_400).wall));
    }

    #[test]
    fn a_session_that_pauses_misses_nothing() {
        let mut timetable = with(plan(30));
        timetable.pause(1, at(10, 0));
        assert_eq!(timetable.poll_timeout(at(10, 0)), None);
        assert_eq!(timetable.due(at(100, 0)), NOBODY);
        assert_eq!(row(&timetable).next, None);
        timetable.resume(1, at(100, 0));
        assert_eq!(timetable.due(at(120, 0)), [1]);
        assert_eq!(row(&timetable).missed, 0);
    }

    #[test]
    fn another_plan_keeps_the_counts_and_runs_nothing_twice() {
        let mut timetable = with(plan(30));
        assert_eq!(timetable.due(at(30, 0)), [1]);
        timetable.begin(1, at(30, 0));
        timetable.set(1, plan(10), at(30, 0));
        assert_eq!(row(&timetable).begun, 1);
        assert_eq!(row(&timetable).next, Some(at(40, 0).wall));
        timetable.remove(1);
        assert_eq!(timetable.poll_timeout(at(30, 0)), None);
        assert_eq!(timetable.rows().count(), 0);
    }
}
