//! What persons and analyzers lay upon the decisions, while the engine runs.

use plugin_abi::config::{Config, Override};
use plugin_abi::manage::{Answer, OverrideRow, Problem};
use serde_json::{Value, json};
use twamp_core::time::Wall;

use super::control::Control;
use super::message::Wish;
use super::{Engine, EngineError, lock};
use crate::autoflow::Held;
use crate::config::{expand, judge_override};

/// The longest that an override may hold, in seconds: a year.
const LONGEST_S: u64 = 366 * 86_400;

impl Engine {
    /// What goes before the decisions, or will.
    pub(super) fn override_rows(&self) -> Vec<OverrideRow> {
        let wall = self.shared.time.now().wall;
        let config = lock(&self.shared.config);
        let live = live(&config.overrides, wall).into_iter();
        live.map(|(order, held)| row(order, &held, wall)).collect()
    }

    /// Lays something upon the decisions.
    pub(super) fn add_override(&self, order: &Value) -> Result<Answer, EngineError> {
        let wall = self.shared.time.now().wall;
        let mut config = lock(&self.shared.config);
        let mut order = order.clone();
        if let Some(parts) = order.as_object_mut()
            && !parts.contains_key("name")
        {
            let name = unused_name(parts.get("what"), &config.overrides);
            parts.insert("name".into(), json!(name));
        }
        let order = judge_override(&order).map_err(EngineError::Mistakes)?;
        let problems = misplaced(&order, &expand(&config), wall);
        if !problems.is_empty() {
            return Err(EngineError::Mistakes(problems));
        }
        let held = Held::new(&order).map_err(|error| {
            EngineError::Mistakes(vec![Problem {
                path: "override.schedule".into(),
                expected: "a schedule that can be read".into(),
                found: error.to_string(),
                fix: "mend it, or install the time zone".into(),
            }])
        })?;
        let kept = live(&config.overrides, wall).into_iter();
        let mut all: Vec<Override> = kept.map(|(order, _)| order.clone()).collect();
        all.push(order.clone());
        self.override_by(&mut config, all);
        Ok(Answer::Override(row(&order, &held, wall)))
    }

    /// Ends an override before its time.
    pub(super) fn end_override(&self, name: &str) -> Result<Answer, EngineError> {
        let mut config = lock(&self.shared.config);
        let mut all = config.overrides.clone();
        all.retain(|order| order.name != name);
        if all.len() == config.overrides.len() {
            return Err(EngineError::NoOverride(name.to_owned()));
        }
        self.override_by(&mut config, all);
        Ok(Answer::Ended(name.to_owned()))
    }

    fn override_by(&self, config: &mut Config, all: Vec<Override>) {
        config.overrides.clone_from(&all);
        self.wish(Wish::Override(all));
    }
}

impl Control {
    /// Other overrides hold.
    pub(super) fn override_by(&mut self, overrides: Vec<Override>) {
        self.config.overrides = overrides;
        self.publisher.policy(&self.config);
        self.publish_soon();
    }
}

/// Those that have not expired.
fn live(overrides: &[Override], wall: Wall) -> Vec<(&Override, Held)> {
    let held = overrides
        .iter()
        .filter_map(|order| Some((order, Held::new(order).ok()?)));
    held.filter(|(_, held)| !held.is_over(wall)).collect()
}

fn row(order: &Override, held: &Held, wall: Wall) -> OverrideRow {
    let holds = held.holds(wall);
    let next = held.next_after(wall).filter(|_| !holds);
    OverrideRow {
        order: order.clone(),
        holds,
        next_at: next.map(seconds),
    }
}

/// As `pin-1`.
fn unused_name(what: Option<&Value>, overrides: &[Override]) -> String {
    let what = what.and_then(Value::as_str).unwrap_or("override");
    let name = |number: usize| format!("{what}-{number}");
    let taken = |name: &String| overrides.iter().any(|order| order.name == *name);
    // Of so many names one is not taken.
    let mut free = (1..=overrides.len() + 1)
        .map(name)
        .filter(|name| !taken(name));
    free.next().unwrap_or_else(|| what.to_owned())
}

/// What is wrong with an order among what there is now.
fn misplaced(order: &Override, config: &Config, wall: Wall) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut known = |key: &str, named: Option<&String>, is_known: &dyn Fn(&str) -> bool| {
        if let Some(name) = named.filter(|name| !is_known(name)) {
            problems.push(Problem {
                path: format!("override.{key}"),
                expected: format!("the name of a {key}"),
                found: format!("{name:?}"),
                fix: format!("take the name of a {key} that is there"),
            });
        }
    };
    let lines = |name: &str| config.lines.iter().any(|line| line.name == name);
    let classes = |name: &str| config.classes.iter().any(|class| class.name == name);
    let groups = |name: &str| config.groups.iter().any(|group| group.name == name);
    known("class", order.class.as_ref(), &classes);
    known("line", order.line.as_ref(), &lines);
    known("group", order.group.as_ref(), &groups);
    if config
        .overrides
        .iter()
        .any(|other| other.name == order.name)
    {
        problems.push(Problem {
            path: "override.name".into(),
            expected: "a name that is not taken".into(),
            found: format!("{:?}", order.name),
            fix: "take another, or end that one by `end-override` first".into(),
        });
    }
    let now = seconds(wall);
    let most = now + LONGEST_S;
    if order.until <= now || order.until > most {
        problems.push(Problem {
            path: "override.until".into(),
            expected: format!("a time after now, {now}, up to a year later, {most}"),
            found: order.until.to_string(),
            fix: "let it expire then".into(),
        });
    }
    problems
}

/// Unix seconds; before 1970 no clock is.
fn seconds(wall: Wall) -> u64 {
    u64::try_from(wall.nanos()).unwrap_or(0) / 1_000_000_000
}
