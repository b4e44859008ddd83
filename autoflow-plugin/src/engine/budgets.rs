//! What the probes of each line may take in a month. Budgets outlive lines: one that goes and comes
//! back goes on counting, as its carrier does.

use std::collections::BTreeMap;
use std::sync::Mutex;

use plugin_abi::config::Line;
use plugin_abi::manage::BudgetRow;
use twamp_core::time::Wall;

use super::lock;
use crate::session::meter::{Balance, Meter};

/// The budgets of an engine, by line.
#[derive(Default)]
pub(super) struct Budgets(Mutex<BTreeMap<u64, Meter>>);

impl Budgets {
    /// That of a line, as it is configured now; `None`: it has none.
    pub(super) fn of(&self, line: &Line, now: Wall) -> Option<Meter> {
        let budget = line.probe_budget()?;
        let mut all = lock(&self.0);
        let meter = all
            .entry(line.id)
            .or_insert_with(|| Meter::new(budget, now));
        meter.limit(budget);
        Some(meter.clone())
    }

    /// How those of lines that are there stand.
    pub(super) fn balances(&self, now: Wall) -> BTreeMap<u64, Balance> {
        let all = lock(&self.0);
        all.iter()
            .map(|(line, meter)| (*line, meter.balance(now)))
            .collect()
    }
}

impl From<Balance> for BudgetRow {
    fn from(balance: Balance) -> Self {
        Self {
            octets: balance.share,
            used_octets: balance.used,
            until: balance.until.nanos().max(0).unsigned_abs() / 1_000_000_000,
            spacing_s: balance.spacing.map(|spacing| spacing.as_secs_f64()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_goes_and_comes_back_goes_on_counting() {
        let (budgets, now) = (Budgets::default(), Wall(0));
        let mut line = Line::new(7, "lte");
        assert!(budgets.of(&line, now).is_none());
        line.probe_budget_mb = Some(0.5);
        let first = budgets.of(&line, now).unwrap();
        first.more(400_000);
        line.probe_budget_mb = Some(0.6);
        let again = budgets.of(&line, now).unwrap().balance(now);
        assert_eq!((again.share, again.used), (600_000, 400_000));
        let row = BudgetRow::from(budgets.balances(now)[&7]);
        assert_eq!(
            (row.octets, row.used_octets, row.until),
            (600_000, 400_000, 31 * 86_400)
        );
        assert_eq!(row.spacing_s, Some(0.0));
    }
}
