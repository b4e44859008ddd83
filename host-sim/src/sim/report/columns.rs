//! The columns of the tables: what each shows, in which unit, and what it means.

use super::super::table::{Quantiles, Row};

/// A column.
pub(super) struct Column {
    /// Its place in a row of the JSON.
    pub(super) key: &'static str,
    pub(super) heading: &'static str,
    pub(super) unit: &'static str,
    /// What it means, in a sentence.
    pub(super) says: &'static str,
    pub(super) value: fn(&Row) -> Option<f64>,
    /// How it differs from run to run.
    pub(super) spread: fn(&Row) -> Option<Quantiles>,
}

fn none(_: &Row) -> Option<Quantiles> {
    None
}

/// All of them, in order.
pub(super) const ALL: &[Column] = &[
    Column {
        key: "violation_s_per_h",
        heading: "bad time",
        unit: "s/h",
        says: "seconds of each hour that traffic was on a line that broke its SLA while another \
               line kept it; below it, the median run and the 95th percentile of the runs",
        value: |row| row.violation_s_per_h,
        spread: |row| row.spread.violation_s_per_h,
    },
    Column {
        key: "time_to_switch_s.p50",
        heading: "time to switch",
        unit: "s, p50",
        says: "from when a line was no longer right until its class was on one that is: half of \
               the times were shorter; ∞ where the switch did not come",
        value: |row| row.time_to_switch_s.map(|times| times.p50),
        spread: none,
    },
    Column {
        key: "time_to_switch_s.p95",
        heading: "at worst",
        unit: "s, p95",
        says: "the same: 95 of 100 times were shorter",
        value: |row| row.time_to_switch_s.map(|times| times.p95),
        spread: none,
    },
    Column {
        key: "never_switched",
        heading: "never",
        unit: "share",
        says: "how often no switch came before the line was right again or the run was over",
        value: |row| row.time_to_switch_s.map(|_| row.never_switched),
        spread: none,
    },
    Column {
        key: "pointless_switches_per_line_week",
        heading: "idle switches",
        unit: "/ line-week",
        says: "a line was left that was right, for none that is preferred: counted in these runs, \
               told for a week of a line that carries traffic",
        value: |row| row.pointless_switches_per_line_week,
        spread: |row| row.spread.pointless_switches_per_line_week,
    },
    Column {
        key: "healthy_switches_per_line_week",
        heading: "false alarms",
        unit: "/ line-week",
        says: "idle switches in a long run on the same lines in which nothing happens to them",
        value: |row| row.healthy_switches_per_line_week,
        spread: none,
    },
    Column {
        key: "wrong_switches_per_hour",
        heading: "wrong switches",
        unit: "/ h",
        says: "switches to a line that was not right while another was",
        value: |row| row.wrong_switches_per_hour,
        spread: |row| row.spread.wrong_switches_per_hour,
    },
    Column {
        key: "flaps_per_hour",
        heading: "flaps",
        unit: "/ h",
        says: "there and back again within a minute",
        value: |row| row.flaps_per_hour,
        spread: |row| row.spread.flaps_per_hour,
    },
    Column {
        key: "failback_s.p50",
        heading: "failback",
        unit: "s, p50",
        says: "from when a preferred line was right again until it was used",
        value: |row| row.failback_s.map(|times| times.p50),
        spread: |row| row.failback_s,
    },
    Column {
        key: "regret",
        heading: "regret",
        unit: "MOS",
        says: "mean opinion of a call (1 to 4.5) given away against the best choice, on average \
               over time",
        value: |row| row.regret,
        spread: |row| row.spread.regret,
    },
    Column {
        key: "probes_per_s",
        heading: "probes",
        unit: "/ s",
        says: "probes sent over each line",
        value: |row| Some(row.probes_per_s),
        spread: none,
    },
    Column {
        key: "probe_bit_per_s",
        heading: "probe traffic",
        unit: "bit/s",
        says: "what they take of each line, one way, all headers included",
        value: |row| Some(row.probe_bit_per_s),
        spread: none,
    },
    Column {
        key: "probe_peak.p50",
        heading: "probe peak",
        unit: "×",
        says: "the most probes that were sent over all lines in ten seconds, by the median ten \
               seconds",
        value: |row| row.probe_peak.map(|peak| peak.p50),
        spread: |row| row.probe_peak,
    },
    Column {
        key: "bound_ratio",
        heading: "× bound",
        unit: "",
        says: "probes from the change to the switch, by the least with which anybody could know \
               it with as few false alarms (the exact CUSUM); none where the scenario isn't about \
               one change of loss, where a switch did not come, or of who measures by traffic",
        value: |row| row.bound_ratio,
        spread: none,
    },
];
