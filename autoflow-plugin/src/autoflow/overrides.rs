//! What the operator's hand, or an analyzer's, lays upon the decisions for a time.
//!
//! ```text
//!            from                              until
//!   once      ├───────────── holds ──────────────┤
//!   again     ├──── ▓▓▓▓ ──────── ▓▓▓▓ ──────────┤     ▓ for lasts_s from each planned time on
//! ```

use std::fmt;

use jiff::Timestamp;
use plugin_abi::config::{By, Class, Hand, Override, Schedule, Sla};
use twamp_core::time::Wall;

use crate::schedule::{Plan, PlanError};

const SECOND: i64 = 1_000_000_000;

/// An override, and its plan if it holds again and again.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    order: Override,
    plan: Option<Plan>,
}

/// All overrides; of two that say something else the newer counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overrides(Vec<Held>);

/// Who has ordered what, until when: what sentences need of an override.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ordered {
    what: Hand,
    by: By,
    until: u64,
}

/// Those that hold at one time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holding<'a>(Vec<&'a Override>);

impl Held {
    /// # Errors
    /// Its time zone has gone since it was judged.
    pub(crate) fn new(order: &Override) -> Result<Self, PlanError> {
        let plan = order.schedule.as_ref().map(|schedule| {
            // Who writes when something holds means that time.
            let schedule = Schedule {
                spread_s: Some(0),
                ..schedule.clone()
            };
            Plan::parse(&schedule, 0)
        });
        Ok(Self {
            order: order.clone(),
            plan: plan.transpose()?,
        })
    }

    /// Does it hold at `wall`?
    pub(crate) fn holds(&self, wall: Wall) -> bool {
        let within = self.begins() <= wall.0 && wall.0 < self.ends();
        let each = |plan: &Plan| {
            let last = plan.next_after(Wall(wall.0.saturating_sub(self.lasts())));
            last.is_some_and(|began| began.0 <= wall.0)
        };
        within && self.plan.as_ref().is_none_or(each)
    }

    /// When it holds again, after `wall`, at which it doesn't.
    pub(crate) fn next_after(&self, wall: Wall) -> Option<Wall> {
        let after = wall.0.max(self.begins().saturating_sub(1));
        let next = match &self.plan {
            Some(plan) => plan.next_after(Wall(after))?,
            None => Wall(self.begins()),
        };
        (next > wall && next.0 < self.ends()).then_some(next)
    }

    /// It will never hold again.
    pub(crate) fn is_over(&self, wall: Wall) -> bool {
        self.ends() <= wall.0
    }

    fn begins(&self) -> i64 {
        self.order.from.map_or(i64::MIN, nanos)
    }

    fn ends(&self) -> i64 {
        nanos(self.order.until)
    }

    fn lasts(&self) -> i64 {
        i64::from(self.order.lasts_s.unwrap_or(0)) * SECOND
    }
}

impl Overrides {
    /// Those of a configuration that was judged good. One whose time zone has gone is told and left
    /// out.
    pub(crate) fn new(orders: &[Override]) -> Self {
        let held = orders.iter().filter_map(|order| match Held::new(order) {
            Ok(held) => Some(held),
            Err(error) => {
                tracing::warn!("the override {:?} does not hold: {error}", order.name);
                None
            }
        });
        Self(held.collect())
    }

    /// Those that hold at `wall`, the newest first.
    pub(crate) fn at(&self, wall: Wall) -> Holding<'_> {
        let held = self.0.iter().rev().filter(|held| held.holds(wall));
        Holding(held.map(|held| &held.order).collect())
    }
}

impl<'a> Holding<'a> {
    /// Where a class of a group is pinned to.
    pub(super) fn pin(&self, group: &str, class: &str) -> Option<&'a Override> {
        self.find(Hand::Pin, |order| {
            order.class.as_deref() == Some(class)
                && order.group.as_deref().is_none_or(|of| of == group)
        })
    }

    /// What keeps classes off a line.
    pub(crate) fn withdrawal(&self, line: &str) -> Option<&'a Override> {
        let of_line = |order: &Override| order.line.as_deref() == Some(line);
        let maintained = self.find(Hand::Maintain, of_line);
        maintained.or_else(|| self.find(Hand::Drain, of_line))
    }

    /// The share of the flows that a line has, of what it would have.
    pub(super) fn weight(&self, group: &str, class: &str, line: &str) -> f32 {
        let meant = |named: &Option<String>, is: &str| named.as_deref().is_none_or(|of| of == is);
        let order = self.find(Hand::Weight, |order| {
            order.line.as_deref() == Some(line)
                && meant(&order.class, class)
                && meant(&order.group, group)
        });
        order.and_then(|order| order.percent).unwrap_or(100) as f32 / 100.0
    }

    /// What a class needs now.
    pub(super) fn sla(&self, class: &Class) -> Sla {
        let other = self.find(Hand::Sla, |order| order.class.as_ref() == Some(&class.name));
        other.and_then(|order| order.sla).unwrap_or(class.sla)
    }

    fn find(&self, hand: Hand, is_meant: impl Fn(&Override) -> bool) -> Option<&'a Override> {
        let mut all = self.0.iter().copied();
        all.find(|order| order.what == hand && is_meant(order))
    }
}

impl Ordered {
    pub(crate) fn of(order: &Override) -> Self {
        Self {
            what: order.what,
            by: order.by,
            until: order.until,
        }
    }
}

/// As `drained by a person until 2026-11-28T22:00:00Z`.
impl fmt::Display for Ordered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            Hand::Pin => "pinned",
            Hand::Drain => "drained",
            Hand::Maintain => "in maintenance",
            Hand::Sla => "given another SLA",
            Hand::Weight => "given another weight",
        };
        write!(f, "{what} by {} until ", self.by.whom())?;
        let until = i64::try_from(self.until).ok();
        match until.and_then(|until| Timestamp::from_second(until).ok()) {
            Some(until) => until.fmt(f),
            None => f.write_str("the end of time"),
        }
    }
}

fn nanos(seconds: u64) -> i64 {
    i64::try_from(seconds)
        .unwrap_or(i64::MAX)
        .saturating_mul(SECOND)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn order(value: Value) -> Override {
        serde_json::from_value(value).unwrap()
    }

    fn at(seconds: i64) -> Wall {
        Wall(seconds * SECOND)
    }

    fn drain(more: &Value) -> Held {
        let mut drain = json!({"name": "a", "what": "drain", "line": "fibre", "until": 1000});
        for (key, value) in more.as_object().unwrap() {
            drain[key] = value.clone();
        }
        Held::new(&order(drain)).unwrap()
    }

    #[test]
    fn an_override_holds_from_its_beginning_to_its_end() {
        let held = drain(&json!({"from": 100}));
        let holds = [99, 100, 999, 1000].map(|seconds| held.holds(at(seconds)));
        assert_eq!(holds, [false, true, true, false]);
        assert_eq!(held.next_after(at(3)), Some(at(100)));
        assert_eq!(held.next_after(at(1000)), None);
        assert!(drain(&json!({})).holds(at(0)));
        assert!(held.is_over(at(1000)) && !held.is_over(at(999)));
    }

    #[test]
    fn one_with_a_schedule_holds_again_and_again() {
        let held = drain(&json!({"from": 100, "schedule": {"every_s": 300}, "lasts_s": 50}));
        for (seconds, holds, next) in [
            (20, false, Some(300)),
            (299, false, Some(300)),
            (300, true, Some(600)),
            (349, true, Some(600)),
            (350, false, Some(600)),
            (901, true, None),
            (951, false, None),
        ] {
            assert_eq!(held.holds(at(seconds)), holds, "{seconds}");
            assert_eq!(held.next_after(at(seconds)), next.map(at), "{seconds}");
        }
    }

    #[test]
    fn of_two_that_say_something_else_the_newer_counts() {
        let pin = |name: &str, line: &str, group: Value| {
            order(
                json!({"name": name, "what": "pin", "class": "voice", "line": line,
                         "group": group, "until": 1000}),
            )
        };
        let overrides = Overrides::new(&[
            pin("a", "fibre", Value::Null),
            pin("b", "cable", json!("hq")),
        ]);
        let holding = overrides.at(at(5));
        let pinned = |group, class| {
            holding
                .pin(group, class)
                .and_then(|pin| pin.line.as_deref())
        };
        assert_eq!(pinned("hq", "voice"), Some("cable"));
        assert_eq!(pinned("internet", "voice"), Some("fibre"));
        assert_eq!(pinned("hq", "bulk"), None);
        assert!(overrides.at(at(1000)).pin("hq", "voice").is_none());
    }

    #[test]
    fn a_class_needs_something_else_meanwhile() {
        let class: Class =
            serde_json::from_value(json!({"id": 1, "name": "voice", "sla": {"loss_percent": 1}}))
                .unwrap();
        let overrides = Overrides::new(&[order(json!({"name": "a", "what": "sla",
            "class": "voice", "sla": {"loss_percent": 3}, "until": 1000, "by": "analyzer"}))]);
        assert_eq!(overrides.at(at(5)).sla(&class).loss_percent, Some(3.0));
        assert_eq!(overrides.at(at(1000)).sla(&class).loss_percent, Some(1.0));
    }

    #[test]
    fn a_person_reads_who_ordered_what_and_until_when() {
        let drained = order(json!({"name": "a", "what": "drain", "line": "fibre",
                                   "until": 1_795_903_200_u64}));
        assert_eq!(
            Ordered::of(&drained).to_string(),
            "drained by a person until 2026-11-28T22:00:00Z"
        );
    }
}
