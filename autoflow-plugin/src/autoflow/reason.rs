//! How decisions are told, and where they are kept.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

use plugin_abi::config::Class;
use plugin_abi::reason;
use twamp_core::time::Now;

use super::choose::{Ground, Obstacle, Row, Step};
use super::detect::Breach;
use super::guard::Fault;
use super::spread::Respread;
use crate::line::{Metric, Way};

/// So many rulings are kept.
const KEPT: usize = 4096;

/// A switch, or a refusal to switch.
#[derive(Clone, Debug)]
pub(crate) struct Ruling {
    /// When.
    pub(crate) at: Now,
    /// The group.
    pub(crate) group: u64,
    /// The class.
    pub(crate) class: u64,
    /// The line it was on.
    pub(crate) from: Option<u64>,
    /// The line it went to, or would have gone to.
    pub(crate) to: Option<u64>,
    /// One of [`plugin_abi::reason`].
    pub(crate) reason: u32,
    /// False: it was refused.
    pub(crate) switched: bool,
    /// The numbers it stands on, for people.
    pub(crate) sentence: String,
}

/// The last rulings.
#[derive(Clone, Debug, Default)]
pub(super) struct Log(VecDeque<Ruling>);

/// A step that is worth telling.
#[derive(Clone, Debug)]
pub(super) struct Said<'a> {
    step: Step<'a>,
    from: Option<(u64, String)>,
    on: Option<&'a Row<'a>>,
    any_good: bool,
    pub(super) reason: u32,
    pub(super) switched: bool,
}

/// What makes two refusals the same: not their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    to: Option<u64>,
    kind: std::mem::Discriminant<Obstacle>,
    fault: Option<Fault>,
    metric: Option<Metric>,
}

impl Log {
    pub(super) fn extend(&mut self, rulings: &[Ruling]) {
        self.0.extend(rulings.iter().cloned());
        let over = self.0.len().saturating_sub(KEPT);
        self.0.drain(..over);
    }

    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Ruling> {
        self.0.iter().rev()
    }
}

impl Refusal {
    pub(super) fn of(to: Option<&Row<'_>>, obstacle: &Obstacle) -> Self {
        let (fault, metric) = match obstacle {
            Obstacle::Silence(fault) => (Some(*fault), None),
            Obstacle::NoneBetter(breach)
            | Obstacle::Bound(breach)
            | Obstacle::Dwell {
                breach: Some(breach),
                ..
            } => (None, Some(breach.metric)),
            _ => (None, None),
        };
        let kind = std::mem::discriminant(obstacle);
        Self {
            to: to.map(|row| row.candidate.line),
            kind,
            fault,
            metric,
        }
    }
}

impl<'a> Said<'a> {
    /// `None` if there is nothing to tell. `from` is the line before the step.
    pub(super) fn of(
        step: Step<'a>,
        from: Option<(u64, &str)>,
        rows: &'a [Row<'a>],
    ) -> Option<Self> {
        let (reason, switched) = match &step {
            Step::Rest => return None,
            Step::Move(_, ground) => (ground.reason(), true),
            Step::Leave => (reason::LINE_GONE, true),
            Step::Stay(_, obstacle) => (obstacle.reason(), false),
        };
        Some(Self {
            step,
            from: from.map(|(line, name)| (line, name.to_owned())),
            on: from.and_then(|(line, _)| rows.iter().find(|row| row.candidate.line == line)),
            any_good: rows.iter().any(Row::is_good),
            reason,
            switched,
        })
    }

    pub(super) fn ruling(self, now: Now, group: u64, class: &Class) -> Ruling {
        let to = match &self.step {
            Step::Move(row, _) | Step::Stay(Some(row), _) => Some(row.candidate.line),
            _ => None,
        };
        Ruling {
            at: now,
            group,
            class: class.id,
            from: self.from.as_ref().map(|(line, _)| *line),
            to,
            reason: self.reason,
            switched: self.switched,
            sentence: self.sentence(&class.name),
        }
    }

    fn sentence(&self, class: &str) -> String {
        let from = self
            .from
            .as_ref()
            .map_or("no line", |(_, name)| name.as_str());
        match &self.step {
            Step::Rest => String::new(),
            Step::Leave => format!("{class} has no line: {from} was taken away"),
            Step::Move(row, ground) => self.moved(class, from, row, ground),
            Step::Stay(to, obstacle) => self.stayed(class, from, *to, obstacle),
        }
    }

    fn moved(&self, class: &str, from: &str, row: &Row<'_>, ground: &Ground) -> String {
        let to = row.candidate.name;
        let leaves = format!("{class} leaves {from} for {to}");
        let mut sentence = match ground {
            Ground::First if self.any_good => {
                return format!("{class} starts on {to}: the most preferred line within its SLA");
            }
            Ground::First => format!("{class} starts on {to}"),
            Ground::Dead { silent, fault } => {
                let with = match (fault, self.on) {
                    (Fault::Underlay, Some(on)) => {
                        format!(", as all lines over {}", on.candidate.underlay)
                    }
                    (Fault::FarEnd, Some(on)) => {
                        format!(", as all lines to {}", on.candidate.far_end)
                    }
                    _ => String::new(),
                };
                format!(
                    "{leaves}: {from} is dead, silent for {}{with}",
                    seconds(*silent)
                )
            }
            Ground::Breach(breach) | Ground::LesserEvil(breach) => {
                format!("{leaves}: {}", breach.words())
            }
            Ground::Failback { clean, asked } => {
                format!(
                    "{class} returns from {from} to {to}: it is preferred, and within its SLA for \
                     {} ({} asked)",
                    seconds(*clean),
                    seconds(*asked)
                )
            }
            Ground::Better(record) => {
                format!(
                    "{class} goes from {from} to {to}: {to} is better in {} of {} seconds in which \
                     they differ",
                    record.better,
                    record.better + record.worse
                )
            }
            Ground::Filled => {
                format!("{class} goes back from {from} to {to}: {from} suffers since it came")
            }
            Ground::Gone => format!("{leaves}: {from} was taken away"),
            Ground::Pinned(order) => {
                format!("{class} goes from {from} to {to}: {class} is {order}")
            }
            Ground::Withdrawn(order) => format!("{leaves}: {from} is {order}"),
        };
        if !self.any_good {
            // Writing to a string can't fail.
            let _ = write!(
                sentence,
                "; no line is within its SLA, {to} is the best of them (score {})",
                row.score()
            );
        }
        sentence
    }

    fn stayed(&self, class: &str, on: &str, to: Option<&Row<'_>>, obstacle: &Obstacle) -> String {
        let to = to.map_or("another", |row| row.candidate.name);
        let place = |name: fn(&Row<'_>) -> String| self.on.map_or_else(String::new, name);
        let why = match obstacle {
            Obstacle::Unmeasured(trouble) => {
                let trouble = trouble.map_or("no reply yet", |trouble| trouble.words());
                format!("{on} can't be measured ({trouble})")
            }
            Obstacle::Silence(Fault::Local(lines)) => {
                format!("all {lines} measured lines fell silent together, a local fault")
            }
            Obstacle::Silence(Fault::FarEnd) => {
                let far_end = place(|row| row.candidate.far_end.to_owned());
                format!("all lines to {far_end} fell silent together, a fault of the far end")
            }
            Obstacle::Silence(Fault::Underlay) => {
                let underlay = place(|row| row.candidate.underlay.to_owned());
                format!("all lines over {underlay} fell silent together, and no other answers")
            }
            Obstacle::Silence(Fault::Line) => format!("{on} is dead, but no other line answers"),
            Obstacle::Dwell { here, breach } => {
                let breach =
                    breach.map_or_else(|| "it is preferred".to_owned(), |breach| breach.words());
                return format!(
                    "{class} waits on {on} before it goes to {to}: it came only {} ago; {breach}",
                    seconds(*here)
                );
            }
            Obstacle::Shared { spared, breach } => {
                return format!(
                    "{class} waits on {on} before it goes to {to}: {to} is not yet shown to be \
                     spared that ({} of {} lost since); {}",
                    spared.lost,
                    spared.probes,
                    breach.words()
                );
            }
            Obstacle::Watch { watch, breach } => {
                return format!(
                    "{class} waits on {on} before it goes to {to}: {to} must stay better for \
                     {}; {}",
                    seconds(*watch),
                    breach.words()
                );
            }
            Obstacle::Pinned(order, breach) => {
                format!("{class} is {order}, though {}", breach.words())
            }
            Obstacle::Bound(breach) => {
                format!(
                    "{class} stays while its line lives, though {}",
                    breach.words()
                )
            }
            Obstacle::Alone(order) => format!("{on} is {order}, but no other line lives"),
            Obstacle::Relieved { since, breach } => {
                format!(
                    "{}, but another class has left {on} {} ago, and it is not shown that {on} \
                     suffers still",
                    breach.words(),
                    seconds(*since)
                )
            }
            Obstacle::NoRoom(breach) => {
                format!(
                    "{}, by traffic of its own, for which {to} has no room",
                    breach.words()
                )
            }
            Obstacle::Crowded {
                clean,
                asked,
                breach,
            } => {
                format!(
                    "{}, but {to} suffered when {class} came the last time: it must be good for \
                     {}, and is for {}",
                    breach.words(),
                    seconds(*asked),
                    seconds(*clean)
                )
            }
            Obstacle::NoneBetter(breach) => {
                format!(
                    "{}, but no other line is shown to be better",
                    breach.words()
                )
            }
            Obstacle::NotClean { clean, asked } => {
                return format!(
                    "{class} waits on {on} before it returns to {to}: {to} is good for only {} of \
                     {}",
                    seconds(*clean),
                    seconds(*asked)
                );
            }
        };
        format!("{class} stays on {on}: {why}")
    }
}

impl Respread {
    pub(super) fn ruling(self, now: Now, group: u64, class: &Class) -> Ruling {
        Ruling {
            at: now,
            group,
            class: class.id,
            from: self.from,
            to: self.to,
            reason: self.reason,
            switched: true,
            sentence: format!("{} {}", class.name, self.words),
        }
    }
}

impl Ground {
    fn reason(&self) -> u32 {
        match self {
            Self::First => reason::FIRST,
            Self::Dead { .. } => reason::DEAD,
            Self::Breach(breach) => breach.reason(),
            Self::LesserEvil(_) => reason::BEST_OF_BAD,
            Self::Failback { .. } => reason::FAILBACK,
            Self::Better(_) => reason::BETTER,
            Self::Filled => reason::FILLED,
            Self::Gone => reason::LINE_GONE,
            Self::Pinned(_) => reason::PINNED,
            Self::Withdrawn(_) => reason::WITHDRAWN,
        }
    }
}

impl Obstacle {
    fn reason(&self) -> u32 {
        match self {
            Self::Unmeasured(_) => reason::NONE,
            Self::Silence(_) => reason::DEAD,
            Self::Dwell {
                breach: Some(breach),
                ..
            } => breach.reason(),
            Self::Shared { breach, .. }
            | Self::Watch { breach, .. }
            | Self::Relieved { breach, .. }
            | Self::NoRoom(breach)
            | Self::Crowded { breach, .. } => breach.reason(),
            Self::Dwell { breach: None, .. } | Self::NotClean { .. } => reason::FAILBACK,
            Self::NoneBetter(_) => reason::BEST_OF_BAD,
            Self::Pinned(..) | Self::Bound(_) => reason::PINNED,
            Self::Alone(_) => reason::WITHDRAWN,
        }
    }
}

impl Breach {
    pub(super) fn reason(&self) -> u32 {
        if self.obstruction.is_some() {
            return reason::PACKET_SIZE;
        }
        match self.metric {
            Metric::Loss => reason::LOSS,
            Metric::RoundTrip => reason::LATENCY,
            Metric::Jitter => reason::JITTER,
        }
    }

    /// As `loss on the way back 4.8 % (12 of 250; by chance once in 168 h) breaks its SLA of 1 %`.
    pub(super) fn words(&self) -> String {
        if let Some(silent) = self.silent {
            return format!(
                "its own probes are silent for {}, though others come back",
                seconds(silent)
            );
        }
        if let Some((obstruction, since)) = &self.obstruction {
            return obstruction.words(*since);
        }
        let (name, unit) = (self.metric.name(), self.metric.unit());
        let (measured, limit) = (figure(self.measured), figure(self.limit));
        let basis = match self.lost {
            Some(lost) => format!("{lost} of {}", self.of),
            None => format!("{} samples", self.of),
        };
        let hours = self.mistake_every.as_secs() / 3_600;
        let way = match self.way {
            Some(Way::Forward) => " towards the far end",
            Some(Way::Backward) => " on the way back",
            None => "",
        };
        format!(
            "{name}{way} {measured} {unit} ({basis}; by chance once in {hours} h) breaks its SLA of \
             {limit} {unit}"
        )
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", figure(time.as_secs_f64()))
}

/// Two digits that matter at least, and no zeros at the end.
fn figure(value: f64) -> String {
    let text = match value {
        ..1.0 | 99.0..100.0 => format!("{value:.2}"),
        ..99.0 => format!("{value:.1}"),
        _ => return format!("{value:.0}"),
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
