//! What persons toggle while the engine runs: roles of lines, and addresses that answer. No other
//! session notices.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use plugin_abi::config::{Answering, Config, Line, Owner, Responder, Toggled};
use plugin_abi::manage::{Answer, BudgetRow, LineRoles, LineRow, Opinions, ResponderRow, Roles};

use super::control::Control;
use super::message::Wish;
use super::owners::{effective, may_change};
use super::{Engine, EngineError, lock};
use crate::autoflow::{Ordered, Overrides};
use crate::config::{expand, judge, judge_line};
use crate::line::opinions;

impl Engine {
    /// Gives a line these roles, until a document has another line there.
    pub(super) fn toggle(
        &self,
        name: &str,
        sender: Option<bool>,
        responder: Option<bool>,
    ) -> Result<Answer, EngineError> {
        let mut config = lock(&self.shared.config);
        let expanded = expand(&config);
        let line = expanded.lines.iter().find(|line| line.name == name);
        let line = line.ok_or_else(|| EngineError::NoLine(name.to_owned()))?;
        let known = config.toggled.iter().find(|known| known.line == line.id);
        let [was_sender, was_responder] =
            known.map_or([None; 2], |known| [known.sender, known.responder]);
        // What the line says itself is no override.
        let asked = Toggled {
            line: line.id,
            sender: sender.or(was_sender).filter(|is| *is != line.sender),
            responder: responder
                .or(was_responder)
                .filter(|is| *is != line.responder),
        };
        let mut toggled = line.clone();
        asked.set(Arc::make_mut(&mut toggled));
        judge_line(&toggled).map_err(EngineError::Mistakes)?;
        let overridden = asked.sender.is_some() || asked.responder.is_some();
        config.toggled.retain(|known| known.line != asked.line);
        if overridden {
            config.toggled.push(asked);
        }
        drop(config);
        let roles = Roles {
            sender: toggled.sender,
            responder: toggled.responder,
            overridden,
        };
        self.wish(Wish::Roles(toggled));
        Ok(Answer::Roles(LineRoles {
            line: name.to_owned(),
            roles,
        }))
    }

    /// Has an address answer, or no more.
    pub(super) fn respond(&self, one: Answering, on: bool) -> Result<Answer, EngineError> {
        let mut config = lock(&self.shared.config);
        let owner = |responder: &Responder| {
            let all = responder.answering();
            let known = all.into_iter().find(|(known, _)| *known == one);
            known.map(|(_, owner)| owner)
        };
        // What stands nowhere and yet answers, the topology lets answer.
        let owner = owner(&config.responder)
            .or_else(|| owner(&expand(&config).responder).map(|_| Owner::Topology));
        let row = |owner| {
            Ok(Answer::Responder(ResponderRow {
                at: one.at,
                protocol: one.protocol,
                on,
                owner,
            }))
        };
        match (on, owner) {
            (true, Some(owner)) => return row(owner),
            (false, None) => return row(Owner::Person),
            (false, Some(owner)) => {
                may_change(Owner::Person, owner, || {
                    format!("the {} responder on {}", one.protocol.name(), one.at)
                })?;
                config.responder.added.retain(|added| *added != one);
            }
            (true, None) => {
                let mut more = config.clone();
                more.responder.added.push(one);
                judge_whole(&more)?;
                *config = more;
            }
        }
        let added = config.responder.added.clone();
        drop(config);
        self.wish(Wish::Respond(added));
        row(Owner::Person)
    }

    /// The lines, with what each does.
    pub(super) fn line_rows(&self) -> Vec<LineRow> {
        let config = lock(&self.shared.config).clone();
        let toggled: HashSet<u64> = config.toggled.iter().map(|toggled| toggled.line).collect();
        let known: HashMap<u64, (Roles, Owner, bool)> = effective(&config)
            .lines
            .iter()
            .map(|line| {
                let roles = Roles {
                    sender: line.sender,
                    responder: line.responder,
                    overridden: toggled.contains(&line.id),
                };
                (line.id, (roles, line.owner, line.probe_budget_mb.is_some()))
            })
            .collect();
        let overrides = Overrides::new(&config.overrides);
        let holding = overrides.at(self.shared.time.now().wall);
        let withdrawn = |line: &str| {
            let order = holding.withdrawal(line)?;
            Some(Ordered::of(order).to_string())
        };
        let picture = self.shared.picture.load();
        let mos = |line: u64| {
            // Rows are in the order of lines; the first one of a line is of the first class.
            let scores = picture.scores();
            let first = scores.partition_point(|row| row.line < line);
            let row = scores.get(first).filter(|row| row.line == line)?;
            let [forward, backward] = opinions(row)?;
            Some(Opinions { forward, backward })
        };
        let budgets = self.shared.budgets.balances(self.shared.time.now().wall);
        let rows = lock(&self.shared.lines);
        let rows = rows.iter().map(|listed| {
            let row = LineRow::from(listed);
            let (roles, owner, has_budget) = known.get(&row.id).copied().unwrap_or_default();
            let budget = budgets.get(&row.id).filter(|_| has_budget);
            LineRow {
                mos: mos(row.id),
                withdrawn: withdrawn(&row.name),
                budget: budget.copied().map(BudgetRow::from),
                roles,
                owner,
                ..row
            }
        });
        rows.collect()
    }
}

impl Control {
    /// A line does something else: nothing but that begins or ends.
    pub(super) fn change_roles(&mut self, line: &Line) {
        let mut lines = self.config.lines.iter_mut();
        let Some(known) = lines.find(|known| known.id == line.id) else {
            return;
        };
        let changed = Arc::make_mut(known);
        let sent = std::mem::replace(&mut changed.sender, line.sender);
        changed.responder = line.responder;
        let line = Arc::clone(known);
        match (sent, line.sender) {
            (false, true) => self.open_line(&line),
            (true, false) => self.rest_line(line.id),
            _ => {}
        }
        self.match_responders();
        self.publish_soon();
    }

    /// Its session ends; what was learned of the line is kept.
    pub(super) fn rest_line(&mut self, id: u64) {
        self.end_line(id);
        self.publisher
            .rest(id, "its sender is off: no probes are sent");
    }

    /// Other addresses answer by the will of persons.
    pub(super) fn respond(&mut self, added: Vec<Answering>) {
        self.config.responder.added = added;
        self.match_responders();
    }
}

/// The mistakes that the whole has with something more in it.
fn judge_whole(config: &Config) -> Result<(), EngineError> {
    let document = config
        .revealed()
        .map_err(|error| EngineError::Unwritable(error.to_string()))?;
    judge(&document).map(drop).map_err(EngineError::Mistakes)
}
