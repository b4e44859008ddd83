//! Stay or move, and on what ground. One pure function.

use std::time::Duration;

use plugin_abi::config::{Moves, Override, Sla, Strategy};
use twamp_core::time::Mono;

use super::Candidate;
use super::crowd::{Crowds, Seated};
use super::detect::{Breach, Standing, Verdict};
use super::guard::{Fault, Places, is_heard};
use super::ordered::ordered;
use super::overrides::Ordered;
use super::rival::Record;
use super::seat::Seat;
use super::spared::Spared;
use crate::line::{Metric, State, Trouble, score, score_over};

/// A first verdict waits so long for more preferred lines that have none yet.
const PATIENCE: Duration = Duration::from_secs(2);
/// Among bad lines a score must differ by so much to matter.
const CLEARLY: u32 = 15;
/// So sure is what chance leaves open of a line's loss, where two that are bad are compared.
const NO_CHANCE: f64 = 0.995;

/// The place in the order of preference, lower first. Lines of one rank are equal.
pub(super) type Rank = (usize, u32);

/// One line as one class sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    pub(super) candidate: &'a Candidate<'a>,
    pub(super) standing: Standing,
    pub(super) sla: &'a Sla,
    pub(super) rank: Rank,
    /// Who keeps classes off it.
    pub(super) withdrawn: Option<Ordered>,
}

/// What there is to choose from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Situation<'a> {
    pub(super) now: Mono,
    /// The most preferred first.
    pub(super) rows: &'a [Row<'a>],
    /// Known if any line is dead.
    pub(super) places: Option<&'a Places<'a>>,
    /// Where somebody has pinned the class to.
    pub(super) pin: Option<&'a Override>,
    /// Which lines suffer from our own traffic.
    pub(super) crowds: &'a Crowds,
    pub(super) strategy: Strategy,
    pub(super) moves: Moves,
    /// Who chooses.
    pub(super) seat: Seated,
    /// How often a line may be mistaken.
    pub(super) mistake_every: Duration,
    pub(super) dwell: Duration,
    pub(super) failback: Duration,
}

/// What to do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'a> {
    /// Nothing, and nothing to say about it.
    Rest,
    /// Go to a line.
    Move(&'a Row<'a>, Ground),
    /// The line is gone, and there is no other.
    Leave,
    /// Stay, although something speaks for another line, if one is named.
    Stay(Option<&'a Row<'a>>, Obstacle),
}

/// Why a class moves.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ground {
    /// The first verdict.
    First,
    /// The former line is dead, silent for so long.
    Dead { silent: Duration, fault: Fault },
    /// The former line breaks the SLA, the new one doesn't.
    Breach(Breach),
    /// The former line breaks the SLA; the new one too, but less.
    LesserEvil(Breach),
    /// A more preferred line was clean for so long.
    Failback { clean: Duration, asked: Duration },
    /// The new line is shown to be better, though both keep the SLA.
    Better(Record),
    /// The former line suffered when the class came.
    Filled,
    /// The former line was taken away.
    Gone,
    /// Somebody has pinned the class to the new line.
    Pinned(Ordered),
    /// Somebody keeps classes off the former line.
    Withdrawn(Ordered),
}

/// Why a class stays.
#[derive(Clone, Copy, Debug)]
pub(super) enum Obstacle {
    /// The line can't be measured, which is no fault of it.
    Unmeasured(Option<Trouble>),
    /// The line is dead, and nothing else was heard since.
    Silence(Fault),
    /// It came only so long ago; but for that it would go, for the breach or to return.
    Dwell {
        here: Duration,
        breach: Option<Breach>,
    },
    /// The line suffered from its own traffic, and another class has left it so long ago.
    Relieved { since: Duration, breach: Breach },
    /// The line is full of its own traffic, for which there is no room on the other.
    NoRoom(Breach),
    /// The other line suffered when the class came the last time, and must be good for longer.
    Crowded {
        clean: Duration,
        asked: Duration,
        breach: Breach,
    },
    /// The line breaks the SLA, but the other one is not yet shown to be spared that.
    Shared { spared: Spared, breach: Breach },
    /// The line breaks the SLA, but the other one must stay a lesser evil for so long.
    Watch { watch: Duration, breach: Breach },
    /// The line breaks the SLA, but no other is shown to keep it.
    NoneBetter(Breach),
    /// The more preferred line was not clean for long enough.
    NotClean { clean: Duration, asked: Duration },
    /// The line breaks the SLA, but the class is to stay on a line that lives.
    Bound(Breach),
    /// The line breaks the SLA, but somebody has pinned the class to it.
    Pinned(Ordered, Breach),
    /// Somebody keeps classes off the line, but no other lives.
    Alone(Ordered),
}

/// What a class in `seat` does.
pub(super) fn choose<'a>(seat: &Seat, at: &Situation<'a>) -> Step<'a> {
    if let Some(step) = ordered(seat, at) {
        return step;
    }
    let Some(line) = seat.line() else {
        return first(seat, at);
    };
    let Some(on) = at.rows.iter().find(|row| row.candidate.line == line) else {
        return match best(at.rows.iter()) {
            Some(row) => Step::Move(row, Ground::Gone),
            None => Step::Leave,
        };
    };
    if let Some(back) = back(seat, at, on) {
        return Step::Move(back, Ground::Filled);
    }
    match on.standing.verdict {
        Verdict::Dead => dead(at, on),
        Verdict::Breaks(breach) if at.strategy == Strategy::Pinned => {
            Step::Stay(None, Obstacle::Bound(breach))
        }
        Verdict::Breaks(breach) => broken(seat, at, on, breach),
        Verdict::Unmeasured => {
            Step::Stay(None, Obstacle::Unmeasured(on.candidate.estimate.trouble))
        }
        Verdict::Good if at.strategy == Strategy::BestScore => better(seat, at, on),
        Verdict::Good | Verdict::Recovering | Verdict::Unknown => failback(seat, at, on),
    }
}

/// The line that a class came from, if its coming harms the one that it is on.
fn back<'a>(seat: &Seat, at: &Situation<'a>, on: &Row<'a>) -> Option<&'a Row<'a>> {
    let line = on.candidate.line;
    let half_way = seat.half_way_from().filter(|_| at.crowds.is_ours(line));
    let from = half_way.or_else(|| at.crowds.returns(at.seat, line))?;
    let mut rows = at.rows.iter();
    let row = rows.find(|row| row.candidate.line == from)?;
    let lives = row.candidate.estimate.state == State::Alive && row.withdrawn.is_none();
    lives.then_some(row)
}

/// A line that is shown to be better than one that keeps the SLA as well.
fn better<'a>(seat: &Seat, at: &Situation<'a>, on: &Row<'a>) -> Step<'a> {
    let others = at.rows.iter().filter(|row| {
        row.candidate.line != on.candidate.line && row.standing.fit && !shuns(seat, at, row)
    });
    let mut better = others.filter_map(|row| {
        let record = seat
            .rivals()?
            .is_better(row.candidate.line, at.mistake_every)?;
        Some((row, record))
    });
    match (better.next(), seat.dwells(at.now, at.dwell)) {
        (None, _) => Step::Rest,
        (Some((row, _)), Some(here)) => {
            Step::Stay(Some(row), Obstacle::Dwell { here, breach: None })
        }
        (Some((row, record)), None) => Step::Move(row, Ground::Better(record)),
    }
}

/// The most preferred good line; but lines before it that have no verdict yet get a little time.
fn first<'a>(seat: &Seat, at: &Situation<'a>) -> Step<'a> {
    let Some(verdict_since) = seat.verdict_since() else {
        return Step::Rest;
    };
    let undecided =
        |row: &&Row<'_>| matches!(row.standing.verdict, Verdict::Unknown | Verdict::Unmeasured);
    let in_time = at.now.since(verdict_since) < PATIENCE;
    match at
        .rows
        .iter()
        .find(|row| row.is_good() || (in_time && undecided(row)))
    {
        Some(row) if row.is_good() => Step::Move(row, Ground::First),
        Some(_) => Step::Rest,
        None => best(at.rows.iter()).map_or(Step::Rest, |row| Step::Move(row, Ground::First)),
    }
}

/// A dead line is left at once, for a line that was heard since.
fn dead<'a>(at: &Situation<'a>, on: &Row<'a>) -> Step<'a> {
    let estimate = on.candidate.estimate;
    let heard = at
        .rows
        .iter()
        .filter(|row| is_heard(at.now, estimate, row.candidate.estimate));
    let places = at.places;
    let fault = places.map_or(Fault::Line, |places| places.fault(on.candidate));
    let silent = estimate
        .silent_since
        .map_or(Duration::ZERO, |since| at.now.since(since));
    match best(heard) {
        Some(row) => Step::Move(row, Ground::Dead { silent, fault }),
        None => Step::Stay(None, Obstacle::Silence(fault)),
    }
}

/// A line that breaks the SLA is left for one that is shown to keep it and to be spared what harms
/// this one, or for a clearly lesser evil; after the dwell.
fn broken<'a>(seat: &Seat, at: &Situation<'a>, on: &Row<'a>, breach: Breach) -> Step<'a> {
    if let Some(since) = at.crowds.relieved(at.now, on.candidate, &breach) {
        return Step::Stay(None, Obstacle::Relieved { since, breach });
    }
    let fit = at.rows.iter().filter(|row| row.standing.fit);
    let room = fit.filter(|row| at.crowds.has_room(on.candidate, row.candidate));
    let fit = room.clone().filter(|row| !shuns(seat, at, row));
    let judged = fit.map(|row| {
        let spared = Spared::of(seat.baseline(), row.candidate, &breach);
        (row, spared)
    });
    let spared = judged.clone().find(|(_, spared)| spared.shown);
    let (to, ground) = match spared.or_else(|| judged.clone().next()) {
        Some((row, spared)) if !spared.shown => {
            return Step::Stay(Some(row), Obstacle::Shared { spared, breach });
        }
        Some((row, _)) => (row, Ground::Breach(breach)),
        None => {
            let Some(row) = lesser_evil(seat, at, on, &breach) else {
                let fit = at.rows.iter().find(|row| row.standing.fit);
                let why = match (fit, room.clone().next()) {
                    (_, Some(row)) => {
                        let (clean, asked) = clean(seat, at, row);
                        Obstacle::Crowded {
                            clean,
                            asked,
                            breach,
                        }
                    }
                    (Some(_), None) => Obstacle::NoRoom(breach),
                    (None, None) => Obstacle::NoneBetter(breach),
                };
                return Step::Stay(fit, why);
            };
            let watch = on.candidate.estimate.window.span;
            let since = on.standing.bad_since;
            if since.is_none_or(|since| at.now.since(since) < watch) {
                return Step::Stay(Some(row), Obstacle::Watch { watch, breach });
            }
            (row, Ground::LesserEvil(breach))
        }
    };
    match seat.dwells(at.now, at.dwell) {
        Some(here) => {
            let breach = Some(breach);
            Step::Stay(Some(to), Obstacle::Dwell { here, breach })
        }
        None => Step::Move(to, ground),
    }
}

/// Its coming has filled a line before, and that was not good for long enough since.
fn shuns(seat: &Seat, at: &Situation<'_>, row: &Row<'_>) -> bool {
    let (clean, asked) = clean(seat, at, row);
    seat.filled_at(row.candidate.line).is_some() && clean < asked
}

/// For how long a line was clean, and what is asked of it. Of one that the class has filled the time
/// with the class counts for nothing: others may have suffered there, and not it.
fn clean(seat: &Seat, at: &Situation<'_>, row: &Row<'_>) -> (Duration, Duration) {
    let since = row.standing.clean_since;
    let filled = seat.filled_at(row.candidate.line);
    let since = since.map(|since| filled.map_or(since, |filled| since.max(filled)));
    let clean = since.map_or(Duration::ZERO, |since| at.now.since(since));
    (
        clean,
        seat.clean_time(row.candidate.line, at.now, at.failback),
    )
}

/// The best of the other bad ones, if it is clearly better and that is no chance.
fn lesser_evil<'a>(
    seat: &Seat,
    at: &Situation<'a>,
    on: &Row<'a>,
    breach: &Breach,
) -> Option<&'a Row<'a>> {
    let others = at.rows.iter().filter(|row| {
        row.candidate.line != on.candidate.line
            && !shuns(seat, at, row)
            && at.crowds.has_room(on.candidate, row.candidate)
    });
    best_of_bad(others).filter(|row| {
        row.score() >= on.score() + CLEARLY
            && row.lasting_score(at.now) >= on.lasting_score(at.now) + CLEARLY
            && (breach.metric != Metric::Loss || row.loses_less(on, at.now))
    })
}

/// A more preferred line is used again once it was clean for long enough. Equal lines stay.
fn failback<'a>(seat: &Seat, at: &Situation<'a>, on: &Row<'a>) -> Step<'a> {
    let mut refused = Step::Rest;
    for row in at
        .rows
        .iter()
        .filter(|row| row.rank < on.rank && row.standing.fit)
    {
        let (clean, asked) = clean(seat, at, row);
        let obstacle = if clean < asked {
            Obstacle::NotClean { clean, asked }
        } else if let Some(here) = seat.dwells(at.now, at.dwell) {
            Obstacle::Dwell { here, breach: None }
        } else {
            return Step::Move(row, Ground::Failback { clean, asked });
        };
        if matches!(refused, Step::Rest) {
            refused = Step::Stay(Some(row), obstacle);
        }
    }
    refused
}

/// The most preferred good line, or else the best of bad.
pub(super) fn best<'a>(rows: impl Iterator<Item = &'a Row<'a>> + Clone) -> Option<&'a Row<'a>> {
    rows.clone()
        .find(|row| row.is_good())
        .or_else(|| best_of_bad(rows))
}

/// The most preferred of the living lines that none beats clearly.
fn best_of_bad<'a>(rows: impl Iterator<Item = &'a Row<'a>> + Clone) -> Option<&'a Row<'a>> {
    let mut living = rows.filter(|row| row.candidate.estimate.state == State::Alive);
    let top = living.clone().map(Row::score).max()?;
    living.find(|row| row.score() + CLEARLY > top)
}

impl Row<'_> {
    /// Over the window; 0 if unknown.
    pub(super) fn score(&self) -> u32 {
        score(self.candidate.estimate, self.sla).unwrap_or(0)
    }

    /// Over the recent time, at `now`; 0 if unknown.
    pub(super) fn lasting_score(&self, now: Mono) -> u32 {
        score_over(&self.candidate.estimator.recent(now), self.sla).unwrap_or(0)
    }

    /// Over the recent time, at `now`: what chance leaves open of the one is less than of the other.
    fn loses_less(&self, than: &Self, now: Mono) -> bool {
        let interval = |row: &Self| {
            let recent = row.candidate.estimator.recent(now);
            recent.loss_interval(NO_CHANCE)
        };
        match (interval(self), interval(than)) {
            (Some(less), Some(more)) => less.high < more.low,
            _ => false,
        }
    }

    pub(super) fn is_good(&self) -> bool {
        self.standing.verdict == Verdict::Good
    }
}
