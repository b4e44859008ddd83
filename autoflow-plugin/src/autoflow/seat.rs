//! Where one class of one group is, and what it has been through.

use std::time::Duration;

use plugin_abi::config::{Moves, Strategy};
use plugin_abi::reason;
use twamp_core::time::Mono;

use super::choose::{Ground, Situation, Step, choose};
use super::damping::Damping;
use super::detect::Verdict;
use super::reason::{Refusal, Said};
use super::rival::Rivals;
use super::shares::Shares;
use super::spared::Baseline;
use super::spread::{self, Respread, Spread};
use super::worth::Worth;

/// The part of the flows that is on the new line at each step, and how long that takes.
const STEPS: [f32; 3] = [0.1, 0.3, 0.6];
const STEP: Duration = Duration::from_secs(5);
/// A refusal that was away for less than this is still the same one.
const SAME_REFUSAL: Duration = Duration::from_secs(60);

/// The place of one class of one group.
#[derive(Clone, Debug, Default)]
pub(super) struct Seat {
    on: Option<On>,
    /// When a line of the group first had a verdict.
    verdict_since: Option<Mono>,
    /// Histories of the lines it has been on.
    damping: Vec<(u64, Damping)>,
    /// The refusals that were logged, and when each last held.
    refused: Vec<(Refusal, Mono)>,
    reason: u32,
    /// From when the line of the class became suspect.
    baseline: Option<Baseline>,
    /// Who shares its flows.
    spread: Option<Box<Spread>>,
    /// A move of which not all flows are part yet.
    moving: Option<Moving>,
    /// Who competes with its line by figures.
    rivals: Option<Box<Rivals>>,
    /// It came by a move that can be taken back.
    may_return: bool,
    worth: Worth,
}

/// A class moves little by little.
#[derive(Clone, Debug)]
struct Moving {
    from: u64,
    step: usize,
    since: Mono,
    shares: Option<Shares>,
}

/// The line that the class is on.
#[derive(Clone, Debug)]
struct On {
    line: u64,
    name: String,
    since: Mono,
    /// It came by a switch: there is a dwell.
    switched: bool,
}

impl Seat {
    /// The line it is on.
    pub(super) fn line(&self) -> Option<u64> {
        self.on.as_ref().map(|on| on.line)
    }

    /// Since when it is on its line.
    pub(super) fn since(&self) -> Mono {
        self.on.as_ref().map_or(Mono::default(), |on| on.since)
    }

    /// Why it is there: one of [`plugin_abi::reason`].
    pub(super) fn reason(&self) -> u32 {
        self.reason
    }

    /// When a line of the group first had a verdict.
    pub(super) fn verdict_since(&self) -> Option<Mono> {
        self.verdict_since
    }

    /// Where flows go by their hash; `None`: all to the line of the class.
    pub(super) fn shares(&self) -> Option<&Shares> {
        let moving = self.moving.as_ref();
        let spread = self.spread.as_ref();
        moving.map_or_else(
            || spread.and_then(|spread| spread.shares()),
            |moving| moving.shares.as_ref(),
        )
    }

    /// The line that some of its flows are still on, while it moves.
    pub(super) fn half_way_from(&self) -> Option<u64> {
        self.moving.as_ref().map(|moving| moving.from)
    }

    /// It came to its line by a move that can be taken back.
    pub(super) fn may_return(&self) -> bool {
        self.may_return
    }

    /// What its decisions would have been worth.
    pub(super) fn worth(&self) -> &Worth {
        &self.worth
    }

    /// Who competes with its line by figures.
    pub(super) fn rivals(&self) -> Option<&Rivals> {
        self.rivals.as_deref()
    }

    /// Are flows of the class on a line?
    pub(super) fn uses(&self, line: u64) -> bool {
        let shares = |spread: &Spread| spread.uses(line);
        self.line() == Some(line) || self.spread.as_deref().is_some_and(shares)
    }

    /// Shares the flows among lines, where the class is to be spread and nobody has pinned it.
    /// Answers what has changed.
    pub(super) fn spread(
        &mut self,
        at: &Situation<'_>,
        ordered: impl Fn(&str) -> f32,
    ) -> Option<Respread> {
        if at.strategy != Strategy::Spread || at.pin.is_some() || self.on.is_none() {
            self.spread = None;
            return None;
        }
        let mut spread = self.spread.take().unwrap_or_default();
        let ground = spread::Ground {
            now: at.now,
            rows: at.rows,
            dwell: at.dwell,
            failback: at.failback,
            ordered,
        };
        let changed = spread.decide(self, &ground);
        self.spread = Some(spread);
        changed
    }

    /// Flows of the class have left a line for a fault of that.
    pub(super) fn left_for_a_fault(&mut self, line: u64, now: Mono, failback: Duration) {
        self.damping(line).leaves(now, failback);
    }

    /// Flows of the class have come to a line beside its own.
    pub(super) fn joined(&mut self, line: u64, now: Mono) {
        self.damping(line).comes(now);
    }

    /// It was left for a fault before.
    pub(super) fn was_left(&self, line: u64) -> bool {
        let mut known = self.damping.iter();
        known.any(|(of, damping)| *of == line && damping.was_left())
    }

    /// How long it is here, if that is too short to go on. The first line asks for no dwell.
    pub(super) fn dwells(&self, now: Mono, dwell: Duration) -> Option<Duration> {
        let on = self.on.as_ref().filter(|on| on.switched)?;
        Some(now.since(on.since)).filter(|here| *here < dwell)
    }

    /// What the lines had counted when that of the class became suspect.
    pub(super) fn baseline(&self) -> Option<&Baseline> {
        self.baseline.as_ref()
    }

    /// When the class left a line that had suffered from its coming.
    pub(super) fn filled_at(&self, line: u64) -> Option<Mono> {
        let known = self.damping.iter().find(|(of, _)| *of == line);
        known.and_then(|(_, damping)| damping.filled_at())
    }

    /// How long `line` must be clean for a return.
    pub(super) fn clean_time(&self, line: u64, now: Mono, base: Duration) -> Duration {
        let known = self.damping.iter().find(|(of, _)| *of == line);
        known.map_or(base, |(_, damping)| damping.clean_time(now, base))
    }

    /// Chooses and goes there. Answers what there is to say: a switch, or a refusal that is new.
    pub(super) fn decide<'a>(&mut self, at: &Situation<'a>) -> Option<Said<'a>> {
        let judged = |verdict| matches!(verdict, Verdict::Good | Verdict::Breaks(_));
        if self.verdict_since.is_none() && at.rows.iter().any(|row| judged(row.standing.verdict)) {
            self.verdict_since = Some(at.now);
        }
        self.compare(at);
        self.compete(at);
        self.go_on(at);
        let step = choose(self, at);
        if let Step::Stay(to, obstacle) = &step {
            let refusal = Refusal::of(*to, obstacle);
            if !self.is_new(at.now, refusal) {
                return None;
            }
        }
        let said = Said::of(
            step,
            self.on.as_ref().map(|on| (on.line, on.name.as_str())),
            at.rows,
        )?;
        match step {
            Step::Move(row, ground) => {
                let from = self.line();
                self.leave(at, Some(&ground));
                self.arrive(at, row.candidate.line, row.candidate.name);
                self.may_return = matches!(
                    ground,
                    Ground::Breach(_)
                        | Ground::LesserEvil(_)
                        | Ground::Failback { .. }
                        | Ground::Better(_)
                );
                if let Some(from) = from.filter(|_| self.may_return) {
                    self.begin(at, from, row.candidate.line);
                }
            }
            Step::Leave => self.leave(at, None),
            Step::Rest | Step::Stay(..) => {}
        }
        if said.switched {
            self.reason = if self.on.is_some() {
                said.reason
            } else {
                reason::NONE
            };
        }
        Some(said)
    }

    /// By figures, where those decide.
    fn compete(&mut self, at: &Situation<'_>) {
        match self.line().filter(|_| at.strategy == Strategy::BestScore) {
            Some(line) => {
                let rivals = self.rivals.get_or_insert_default();
                rivals.look(at.now, line, at.rows);
            }
            None => self.rivals = None,
        }
    }

    /// Some flows move first, if the class moves little by little.
    fn begin(&mut self, at: &Situation<'_>, from: u64, to: u64) {
        let is_gradual = at.moves == Moves::Gradual && at.strategy != Strategy::Spread;
        self.moving = is_gradual.then(|| Moving {
            from,
            step: 0,
            since: at.now,
            shares: Shares::of([(from, 1.0 - STEPS[0]), (to, STEPS[0])]),
        });
    }

    /// More flows move, or all, as soon as there is no way back.
    fn go_on(&mut self, at: &Situation<'_>) {
        let (Some(moving), Some(to)) = (&mut self.moving, &self.on) else {
            self.moving = None;
            return;
        };
        let from = at.rows.iter().find(|row| row.candidate.line == moving.from);
        if from.is_none_or(|row| row.standing.verdict == Verdict::Dead) {
            self.moving = None;
        } else if at.now.since(moving.since) >= STEP {
            (moving.step, moving.since) = (moving.step + 1, at.now);
            match STEPS.get(moving.step) {
                Some(part) => {
                    moving.shares = Shares::of([(moving.from, 1.0 - part), (to.line, *part)]);
                }
                None => self.moving = None,
            }
        }
    }

    /// From halfway to an alarm on, the other lines are counted beside that of the class.
    fn compare(&mut self, at: &Situation<'_>) {
        let line = self.line();
        let on = at.rows.iter().find(|row| Some(row.candidate.line) == line);
        if on.is_none_or(|on| !on.standing.halfway) {
            self.baseline = None;
        } else if self.baseline.is_none() {
            self.baseline = Some(Baseline::of(at.rows));
        }
    }

    fn leave(&mut self, at: &Situation<'_>, ground: Option<&Ground>) {
        self.refused.clear();
        (self.baseline, self.moving) = (None, None);
        let Some(on) = self.on.take() else { return };
        let at_fault = matches!(
            ground,
            Some(Ground::Dead { .. } | Ground::Breach(_) | Ground::LesserEvil(_) | Ground::Filled)
        );
        match ground {
            _ if at_fault => {
                let is_dead = matches!(ground, Some(Ground::Dead { .. }));
                let fills = !is_dead && at.crowds.is_by(at.seat, on.line);
                let damping = self.damping(on.line);
                match fills {
                    true => damping.fills(at.now),
                    false => damping.leaves(at.now, at.failback),
                }
            }
            // By no fault of the line's, and it is still there.
            Some(
                Ground::Failback { .. }
                | Ground::Better(_)
                | Ground::Pinned(_)
                | Ground::Withdrawn(_),
            ) => {}
            _ => self.damping.retain(|(line, _)| *line != on.line),
        }
    }

    fn arrive(&mut self, at: &Situation<'_>, line: u64, name: &str) {
        self.damping(line).comes(at.now);
        let switched = self.reason != reason::NONE;
        self.on = Some(On {
            line,
            name: name.to_owned(),
            since: at.now,
            switched,
        });
    }

    fn damping(&mut self, line: u64) -> &mut Damping {
        let index = self.damping.iter().position(|(of, _)| *of == line);
        let index = index.unwrap_or_else(|| {
            self.damping.push((line, Damping::default()));
            self.damping.len() - 1
        });
        &mut self.damping[index].1
    }

    fn is_new(&mut self, now: Mono, refusal: Refusal) -> bool {
        self.refused
            .retain(|(_, held)| now.since(*held) < SAME_REFUSAL);
        let known = self.refused.iter_mut().find(|(known, _)| *known == refusal);
        match known {
            Some((_, held)) => {
                *held = now;
                false
            }
            None => {
                self.refused.push((refusal, now));
                true
            }
        }
    }
}
