//! Where somebody's order goes before what measurements say.

use super::choose::{Ground, Obstacle, Row, Situation, Step, best};
use super::detect::Verdict;
use super::overrides::Ordered;
use super::seat::Seat;

/// What a class in `seat` does by order; `None`: nobody has ordered anything that can be done.
///
/// A pin holds while its line lives. A line that classes are kept off is left for any other that
/// lives; rows have no such line but the one that the class is on.
pub(super) fn ordered<'a>(seat: &Seat, at: &Situation<'a>) -> Option<Step<'a>> {
    pinned(seat, at).or_else(|| withdrawn(seat, at))
}

fn pinned<'a>(seat: &Seat, at: &Situation<'a>) -> Option<Step<'a>> {
    let pin = at.pin?;
    let to = at
        .rows
        .iter()
        .find(|row| Some(row.candidate.name) == pin.line.as_deref())?;
    if to.standing.verdict == Verdict::Dead {
        return None;
    }
    if seat.line() != Some(to.candidate.line) {
        return Some(Step::Move(to, Ground::Pinned(Ordered::of(pin))));
    }
    Some(match to.standing.verdict {
        Verdict::Breaks(breach) => Step::Stay(None, Obstacle::Pinned(Ordered::of(pin), breach)),
        _ => Step::Rest,
    })
}

fn withdrawn<'a>(seat: &Seat, at: &Situation<'a>) -> Option<Step<'a>> {
    let on = seat.line()?;
    let row = at.rows.iter().find(|row| row.candidate.line == on)?;
    let order = row.withdrawn?;
    let others = at.rows.iter().filter(|row| row.candidate.line != on);
    let lives = |row: &&Row<'_>| {
        !matches!(
            row.standing.verdict,
            Verdict::Dead | Verdict::Unmeasured | Verdict::Unknown
        )
    };
    match best(others.filter(lives)) {
        Some(to) => Some(Step::Move(to, Ground::Withdrawn(order))),
        None if row.standing.verdict == Verdict::Dead => None,
        None => Some(Step::Stay(None, Obstacle::Alone(order))),
    }
}
