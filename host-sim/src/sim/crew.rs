//! Jobs on all processors.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::link::uniform;

/// How far a crew is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// Jobs done.
    pub over: usize,
    /// All of them.
    pub all: usize,
    /// The share of the work that is done, from 0 to 1.
    pub share: f64,
}

/// Does jobs that are so much work each; results come in the order of the jobs. They are done in a
/// mixed order, so that what is done says how long the rest takes.
pub(super) fn all<T: Send>(
    weights: &[f64],
    progress: &(dyn Fn(Standing) + Sync),
    job: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let mut order: Vec<_> = (0..weights.len()).collect();
    order.sort_by(|one, other| {
        let drawn = |job: &usize| uniform(&[*job as u64]);
        drawn(one).total_cmp(&drawn(other))
    });
    let whole: f64 = weights.iter().sum();
    let next = AtomicUsize::new(0);
    // Results, and how much of the work they were.
    let done: Mutex<(Vec<(usize, T)>, f64)> = Mutex::new((Vec::with_capacity(order.len()), 0.0));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads.min(order.len()) {
            scope.spawn(|| {
                while let Some(&which) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = job(which);
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.0.push((which, result));
                    done.1 += weights[which];
                    let standing = Standing {
                        over: done.0.len(),
                        all: order.len(),
                        share: done.1 / whole,
                    };
                    drop(done);
                    progress(standing);
                }
            });
        }
    });
    let (mut done, _) = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(which, _)| *which);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_jobs_and_all_work_is_told() {
        let last = Mutex::new(Vec::new());
        let weights = [1.0, 5.0, 2.0, 2.0];
        let note = |standing: Standing| last.lock().unwrap().push(standing);
        let results = all(&weights, &note, |job| job * 10);
        assert_eq!(results, [0, 10, 20, 30]);
        let mut told = last.into_inner().unwrap();
        told.sort_by_key(|standing| standing.over);
        assert_eq!(told.len(), 4);
        assert!(told.windows(2).all(|two| two[0].share < two[1].share));
        assert_eq!((told[3].all, told[3].share), (4, 1.0));
    }
}
