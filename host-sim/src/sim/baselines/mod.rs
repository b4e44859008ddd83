//! The rivals: path policies of others, each written from what is known of it, and two oracles.
//!
//! ```text
//!   Pinger ─► answered or lost ─► Window, Liveness ─► Means ─► Seat: which line a class is on
//! ```
//!
//! A rival's file states its update rule, where each parameter comes from, and which are from
//! memory. None was made slower than it is known to be; its best known setting is a variant.

mod cisco;
mod dpinger;
mod edgeconnect;
mod ewma;
mod fixed;
mod fortios;
mod mwan3;
mod oracle;
mod oracle_d;
mod panos;
mod ssr;
mod versa;

#[cfg(test)]
mod bench;
#[cfg(test)]
mod comparison;
mod liveness;
mod means;
mod pinger;
mod seat;
mod window;

use super::policy::{Knob, MakeError, Maker, Policy, Setting, Timed};
use crate::link::uniform;

/// All rivals, the oracles last.
#[must_use]
pub fn all() -> Vec<Box<dyn Maker>> {
    RIVALS
        .iter()
        .map(|&rival| Box::new(rival) as Box<dyn Maker>)
        .collect()
}

/// Does a policy know what nobody can?
#[must_use]
pub fn is_oracle(policy: &str) -> bool {
    [oracle::ORACLE, oracle_d::ORACLE_D]
        .iter()
        .any(|oracle| oracle.name == policy)
}

const RIVALS: &[Rival] = &[
    fortios::BQ,
    fortios::BQ_JITTER,
    fortios::BQ_LOSS,
    fortios::BQ_INCUMBENT,
    fortios::CP1,
    fortios::SLA,
    fortios::SLA_HOLD,
    cisco::AAR,
    cisco::AAR_LOW,
    cisco::EAAR_AGGRESSIVE,
    cisco::EAAR_AGGRESSIVE_BFD,
    cisco::EAAR_MODERATE,
    cisco::EAAR_MODERATE_BFD,
    cisco::EAAR_CONSERVATIVE,
    cisco::EAAR_CONSERVATIVE_BFD,
    mwan3::SHIPPED,
    mwan3::DEFAULTS,
    mwan3::QUALITY,
    dpinger::PFSENSE,
    dpinger::STRICT,
    panos::PANOS,
    edgeconnect::FAST_FAIL,
    versa::BRISK,
    versa::DEFAULT,
    ssr::SSR,
    ewma::EWMA,
    fixed::STATIC,
    oracle::ORACLE,
    oracle_d::ORACLE_D,
];

/// A rival by name.
#[derive(Clone, Copy)]
struct Rival {
    name: &'static str,
    says: &'static str,
    knob: Option<Knob>,
    in_line: bool,
    /// Made for a run; the number is a position of the knob.
    make: fn(&Setting<'_>, Option<f64>) -> Box<dyn Policy>,
}

impl Maker for Rival {
    fn name(&self) -> &'static str {
        self.name
    }

    fn says(&self) -> &'static str {
        self.says
    }

    fn knob(&self) -> Option<Knob> {
        self.knob
    }

    fn is_in_line(&self) -> bool {
        self.in_line
    }

    fn looks_at_truth(&self) -> bool {
        [oracle::ORACLE.name, oracle_d::ORACLE_D.name].contains(&self.name)
    }

    fn make(&self, setting: &Setting<'_>, at: Option<f64>) -> Result<Box<dyn Policy>, MakeError> {
        Ok((self.make)(setting, at))
    }
}

fn timed(policy: impl Timed + 'static) -> Box<dyn Policy> {
    Box::new(policy)
}

/// When something that recurs happens for the first time: drawn, since what happens to lines knows
/// nothing of it.
fn phase(setting: &Setting<'_>, what: u64, every_s: f64) -> u64 {
    seconds(uniform(&[setting.seed, what]) * every_s)
}

/// Seconds in nanoseconds.
fn seconds(seconds: f64) -> u64 {
    super::world::nanos(seconds)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_has_a_name_of_its_own_and_can_be_made_at_each_position_of_its_knob() {
        let all = all();
        let names: BTreeSet<_> = all.iter().map(|maker| maker.name()).collect();
        assert_eq!(names.len(), all.len());
        bench::setting(3, |setting| {
            for maker in &all {
                let positions = maker.knob().map_or(&[][..], |knob| knob.positions);
                for at in positions.iter().copied().map(Some).chain([None]) {
                    let mut policy = maker.make(setting, at).unwrap();
                    assert_eq!(policy.choose(0, 0, 0), Some(0), "{}", maker.name());
                }
            }
        });
    }
}
