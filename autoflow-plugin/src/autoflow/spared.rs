//! Is another line spared what harms this one? If all lines go bad together, by a fault that they
//! share, one of them shows it before the others.
//!
//! A sequential test (Wald, 1945) over the probes of the other line since the harm began: lost as
//! many as of the harmed line, or as few as the limit allows?

use super::Candidate;
use super::choose::Row;
use super::detect::Breach;
use crate::line::{FullSize, Metric, Passage, State};

/// In one case of so many, a line that is harmed as much passes for one that is not.
const SURE: f64 = 200.0;
/// In one case of so many, a line that is harmed no more passes for one that is.
const STILL: f64 = 20.0;
/// A figure that has come so near to its limit is not spared.
const NEAR: f32 = 0.25;

/// What all lines had counted when one became suspect.
#[derive(Clone, Debug, Default)]
pub(super) struct Baseline(Vec<(u64, (u64, u64))>);

/// What its probes say, and whether that is enough.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Spared {
    pub(super) probes: u64,
    pub(super) lost: u64,
    pub(super) shown: bool,
}

impl Baseline {
    /// As they are now.
    pub(super) fn of(rows: &[Row<'_>]) -> Self {
        let totals = |row: &Row<'_>| (row.candidate.line, row.candidate.estimator.totals());
        Self(rows.iter().map(totals).collect())
    }

    /// Probes and losses of a line since then; none of a line that was not there.
    fn since(&self, candidate: &Candidate<'_>) -> (u64, u64) {
        let then = self.0.iter().find(|(line, _)| *line == candidate.line);
        let (probes, lost) = candidate.estimator.totals();
        then.map_or((0, 0), |(_, (before, lost_before))| {
            (
                probes.saturating_sub(*before),
                lost.saturating_sub(*lost_before),
            )
        })
    }
}

impl Spared {
    /// Whether `other` is spared what `breach` says of another line, by its probes since `baseline`.
    /// Of a line whose probes are silent it is enough that those of the other come back; of one that
    /// full-size packets don't come through, that they do through the other.
    pub(super) fn of(baseline: Option<&Baseline>, other: &Candidate<'_>, breach: &Breach) -> Self {
        if other.estimate.state != State::Alive {
            return Self::default();
        }
        if breach.silent.is_some() {
            return Self {
                shown: true,
                ..Self::default()
            };
        }
        if breach.obstruction.is_some() {
            // Where nobody asks, nothing speaks against it.
            let passes = |size: &FullSize| size.passage() == Passage::Free && !size.is_suspect();
            return Self {
                shown: other.full_size.is_none_or(passes),
                ..Self::default()
            };
        }
        let Some(baseline) = baseline else {
            return Self::default();
        };
        let (probes, lost) = baseline.since(other);
        let shown = match breach.metric {
            Metric::Loss => favour(probes, lost, breach) >= SURE.ln(),
            Metric::RoundTrip | Metric::Jitter => {
                let mut same = other.estimator.watches().iter().filter(|watch| {
                    let demand = watch.demand();
                    demand.metric == breach.metric && demand.limit == breach.limit
                });
                same.all(|watch| watch.suspicion() < NEAR)
            }
        };
        Self {
            probes,
            lost,
            shown,
        }
    }
}

/// Whether a line is shown to be harmed still, as `breach` says, by these of its probes.
pub(super) fn harmed(probes: u64, lost: u64, breach: &Breach) -> bool {
    -favour(probes, lost, breach) >= STILL.ln()
}

/// The logarithm of the likelihood ratio: half of the limit against the harm, which is taken at the
/// lower end of what its losses leave open.
fn favour(probes: u64, lost: u64, breach: &Breach) -> f64 {
    let limit = (breach.limit / 1e2).clamp(1e-5, 0.25);
    let harmed = breach.surely.lost as f64;
    let share = (harmed - 2.0 * harmed.sqrt()) / breach.surely.of.max(1) as f64;
    let (spared, harmed) = (0.5 * limit, share.clamp(2.0 * limit, 0.9));
    let answered = probes.saturating_sub(lost) as f64;
    answered * ((1.0 - spared) / (1.0 - harmed)).ln() - lost as f64 * (harmed / spared).ln()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::line::Surely;

    fn breach(lost: u64, of: u64) -> Breach {
        Breach {
            metric: Metric::Loss,
            measured: lost as f64 / of as f64 * 1e2,
            limit: 1.0,
            of,
            lost: Some(lost),
            way: None,
            surely: Surely { of, lost },
            mistake_every: Duration::from_secs(604_800),
            silent: None,
            obstruction: None,
        }
    }

    #[test]
    fn the_heavier_the_harm_the_fewer_probes_show_that_another_line_is_spared() {
        let needed = |breach: &Breach| {
            let enough = |probes: &u64| favour(*probes, 0, breach) >= SURE.ln();
            (1..10_000).find(enough).unwrap()
        };
        assert_eq!([needed(&breach(5, 8)), needed(&breach(8, 160))], [84, 349]);
    }

    #[test]
    fn one_loss_outweighs_many_answers() {
        let harm = breach(20, 100);
        assert!(favour(80, 0, &harm) >= SURE.ln());
        assert!(favour(80, 3, &harm) < SURE.ln());
        assert!(favour(80, 9, &harm) < 0.0);
    }
}
