//! What the last runs of sessions came to.

use std::collections::{BTreeMap, HashMap, VecDeque};

use plugin_abi::manage::RunResult;

use super::registry::Id;

/// Runs that are kept of one session, at most.
const KEPT: usize = 32;
/// Runs that are kept in all, at most: some 100 MB. The oldest go first.
const KEPT_IN_ALL: usize = 65_536;

/// What the last runs of sessions came to, the newest of each last.
#[derive(Default)]
pub(crate) struct History {
    runs: HashMap<Id, VecDeque<Kept>>,
    /// Whose run it is, by age.
    by_age: BTreeMap<u64, Id>,
    next: u64,
}

struct Kept {
    age: u64,
    /// Boxed, as a queue has room to spare.
    result: Box<RunResult>,
}

impl History {
    /// A run has ended.
    pub(crate) fn enter(&mut self, id: Id, result: RunResult) {
        let age = self.next;
        self.next += 1;
        let runs = self.runs.entry(id.clone()).or_default();
        runs.push_back(Kept {
            age,
            result: Box::new(result),
        });
        self.by_age.insert(age, id);
        if runs.len() > KEPT
            && let Some(oldest) = runs.pop_front()
        {
            self.by_age.remove(&oldest.age);
        }
        while self.by_age.len() > KEPT_IN_ALL {
            let Some((_, id)) = self.by_age.pop_first() else {
                break;
            };
            // The oldest of all is the oldest of its session.
            if let Some(runs) = self.runs.get_mut(&id) {
                runs.pop_front();
                if runs.is_empty() {
                    self.runs.remove(&id);
                }
            }
        }
    }

    /// The runs of a session, the newest last.
    pub(crate) fn of(&self, id: &str) -> impl DoubleEndedIterator<Item = &RunResult> {
        let runs = self.runs.get(id).into_iter().flatten();
        runs.map(|kept| &*kept.result)
    }

    /// A session is gone, and what it has measured.
    pub(crate) fn forget(&mut self, id: &str) {
        for kept in self.runs.remove(id).into_iter().flatten() {
            self.by_age.remove(&kept.age);
        }
    }
}

#[cfg(test)]
mod tests {
    use plugin_abi::manage::{Cause, RunState};

    use super::super::result::empty_result;
    use super::*;

    fn run(id: &str, run: u64) -> RunResult {
        RunResult {
            session: id.into(),
            name: None,
            probe_class: None,
            run,
            cause: Cause::Schedule,
            started_at: 0.0,
            ended_at: Some(1.0),
            since: None,
            state: RunState::Ended,
            failure: None,
            result: empty_result(),
        }
    }

    #[test]
    fn the_last_runs_of_each_session_are_kept() {
        let mut history = History::default();
        for number in 0..40 {
            history.enter("a".into(), run("a", number));
        }
        history.enter("b".into(), run("b", 40));
        let runs: Vec<u64> = history.of("a").map(|run| run.run).collect();
        assert_eq!(runs, (8..40).collect::<Vec<_>>());
        assert_eq!(history.by_age.len(), 33);
        history.forget("a");
        assert_eq!((history.of("a").count(), history.by_age.len()), (0, 1));
    }

    #[test]
    fn of_many_sessions_the_oldest_runs_of_all_go_first() {
        let mut history = History::default();
        for number in 0..KEPT_IN_ALL as u64 + 2 {
            history.enter(number.to_string().into(), run("x", number));
        }
        assert_eq!(history.runs.len(), KEPT_IN_ALL);
        assert_eq!((history.of("1").count(), history.of("2").count()), (0, 1));
    }
}
