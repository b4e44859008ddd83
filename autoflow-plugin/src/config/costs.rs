//! What the probes of each line take: octets on the wire, IP header on, probes and replies.

use std::time::Duration;

use plugin_abi::config::{Config, Line, Probe, Protocol, STANDBY_TIMES};
use plugin_abi::manage::{Cost, CostRow, Problem};
use twamp_core::wire::test::{REFLECTOR_DSCP_LEN, REFLECTOR_LEN, SECURE_REFLECTOR_LEN};

use super::expand;
use super::meaning::headers;
use crate::session::features::most_padding;
use crate::session::rhythm::faster;

/// The longest month.
const MONTH_S: f64 = 31.0 * 86_400.0;

/// Of each line that sends probes, those of a topology among them, in a configuration without
/// mistakes.
pub(crate) fn costs(config: &Config) -> Vec<CostRow> {
    let config = expand(config);
    let sends = |line: &&std::sync::Arc<Line>| line.sender && line.remote.is_some();
    let lines = config.lines.iter().filter(sends);
    lines.map(|line| row(&config, line)).collect()
}

/// Budgets that don't last for a month at rest.
pub(super) fn warnings(config: &Config, warnings: &mut Vec<Problem>) {
    for (index, line) in config.lines.iter().enumerate() {
        let Some(budget_mb) = line.probe_budget_mb else {
            continue;
        };
        let cost = row(config, line);
        let rest_mb = cost.rest.gb_per_month * 1e3;
        if line.sender && rest_mb > budget_mb {
            let standby = cost.standby.map_or_else(String::new, |standby| {
                format!(", {:.1} on standby", standby.gb_per_month * 1e3)
            });
            warnings.push(Problem {
                path: format!("lines[{index}].probe_budget_mb"),
                expected: format!("at least {rest_mb:.1}, what a month at rest takes{standby}"),
                found: format!("{budget_mb}: in the last fifth of it probes are spread over what is left of the month"),
                fix: "raise it, probe less often, or pad less".into(),
            });
        }
    }
}

fn row(config: &Config, line: &Line) -> CostRow {
    let mut row = CostRow {
        line: line.name.clone(),
        octets: 0,
        rest: Cost::default(),
        standby: None,
        most: Cost::default(),
        budget_gb: line.probe_budget_mb.map(|mb| mb / 1e3),
    };
    let ipv6 = line.remote.is_some_and(|remote| remote.ip().is_ipv6());
    let probed = config.probed().by;
    for class in &probed {
        let probe = config.probe_of(line, *class);
        let (octets, rest) = (octets(&probe, ipv6), probe.interval());
        row.octets += octets;
        let add = |to: &mut Cost, interval: Duration| {
            let probes_per_s = 1.0 / interval.as_secs_f64();
            to.probes_per_s += probes_per_s;
            to.gb_per_month += probes_per_s * octets as f64 * MONTH_S / 1e9;
        };
        add(&mut row.rest, rest);
        add(&mut row.most, faster(rest));
    }
    // A probe class may have a rate of its own, that knows no standby.
    if probed.iter().any(|class| config.has_standby(line, *class)) {
        let mut standby = Cost::default();
        for class in &probed {
            let probe = config.probe_of(line, *class);
            let times = if config.has_standby(line, *class) {
                STANDBY_TIMES
            } else {
                1
            };
            let probes_per_s = 1.0 / (probe.interval() * times).as_secs_f64();
            standby.probes_per_s += probes_per_s;
            standby.gb_per_month += probes_per_s * octets(&probe, ipv6) as f64 * MONTH_S / 1e9;
        }
        row.standby = Some(standby);
    }
    // Those of full size are seldom, and leave as they are asked for.
    if let Some(full_size) = config.mtu_probe_of(line) {
        let probes_per_s = 1.0 / full_size.every_s;
        let octets = 2.0 * f64::from(full_size.octets);
        let all = [&mut row.rest, &mut row.most].into_iter();
        for cost in all.chain(&mut row.standby) {
            cost.probes_per_s += probes_per_s;
            cost.gb_per_month += probes_per_s * octets * MONTH_S / 1e9;
        }
    }
    row
}

/// Of a probe with its reply. A reply is as long as the probe, or longer where that is shorter than
/// replies are.
fn octets(probe: &Probe, ipv6: bool) -> u64 {
    const UDP: u32 = 8;
    let ip = if ipv6 { 40 } else { 20 };
    let there = headers(probe, ipv6) + u32::from(most_padding(probe));
    let back = match probe.protocol {
        Protocol::Auth | Protocol::Encrypted => SECURE_REFLECTOR_LEN as u32,
        Protocol::Open | Protocol::Mixed => REFLECTOR_DSCP_LEN as u32,
        Protocol::Light => REFLECTOR_LEN as u32,
        Protocol::Stamp => 0,
    };
    u64::from(there) + u64::from(there.max(ip + UDP + back))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{judge, warnings as all_warnings};
    use super::*;

    fn of(document: &Value) -> Vec<CostRow> {
        costs(&judge(document).unwrap())
    }

    fn line(rest: &Value) -> Value {
        let mut line = json!({"id": 1, "name": "lte", "remote": "192.0.2.1"});
        for (key, value) in rest.as_object().unwrap() {
            line[key] = value.clone();
        }
        json!({ "lines": [line] })
    }

    #[test]
    fn a_metered_line_costs_a_tenth_of_another_at_rest_and_a_hundredth_on_standby() {
        let [plain, metered] = [false, true].map(|metered| {
            let rows = of(&line(&json!({ "metered": metered })));
            rows.into_iter().next().unwrap()
        });
        // IPv4 and UDP, then what makes probe and reply equal: 44 octets with DSCP and ECN.
        assert_eq!((plain.octets, metered.octets), (2 * 72, 2 * 72));
        assert_eq!(
            (plain.rest.probes_per_s, plain.most.probes_per_s),
            (10.0, 100.0)
        );
        assert_eq!(
            (metered.rest.probes_per_s, metered.most.probes_per_s),
            (1.0, 10.0)
        );
        assert_eq!(metered.standby.unwrap().probes_per_s, 0.1);
        assert_eq!(plain.standby, None);
        let month = 144.0 * 31.0 * 86_400.0 / 1e9;
        assert!((metered.rest.gb_per_month - month).abs() < 1e-9);
        assert!((plain.most.gb_per_month - 100.0 * month).abs() < 1e-6);
    }

    #[test]
    fn stamp_over_ipv6_and_padding_are_counted_both_ways() {
        let rows = of(&line(&json!({
            "remote": "2001:db8::1",
            "probe": {"protocol": "stamp", "padding": 100, "interval_ms": 500}
        })));
        // 44 of STAMP, 8 of Class of Service, 4 and 100 of Extra Padding.
        assert_eq!(rows[0].octets, 2 * (40 + 8 + 44 + 8 + 104));
        assert_eq!((rows[0].rest.probes_per_s, rows[0].standby), (2.0, None));
    }

    #[test]
    fn each_probe_class_costs_its_own() {
        let mut document = line(&json!({"metered": true}));
        document["probe_classes"] = json!([{"id": 7, "name": "x", "dscp": 46, "interval_ms": 250}]);
        document["classes"] = json!([
            {"id": 1, "name": "a", "sla": {"loss_percent": 1}},
            {"id": 2, "name": "b", "sla": {"loss_percent": 1}, "probe_class": "x"},
        ]);
        let row = &of(&document)[0];
        assert_eq!((row.octets, row.rest.probes_per_s), (288, 5.0));
        assert_eq!(row.standby.unwrap().probes_per_s, 4.1);
    }

    #[test]
    fn a_budget_that_does_not_last_at_rest_is_named() {
        let said = |mb: f64| {
            let document = line(&json!({"metered": true, "probe_budget_mb": mb}));
            let config = judge(&document).unwrap();
            let all = all_warnings(&config);
            all.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(said(386.0), [""; 0]);
        assert_eq!(
            said(100.0),
            [
                "lines[0].probe_budget_mb: expected at least 385.7, what a month at rest takes, 38.6 on standby, found 100: in the last fifth of it probes are spread over what is left of the month; raise it, probe less often, or pad less"
            ]
        );
    }
}
