//! What the demo found: measurements beside the truth, as `--json` prints it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use plugin_abi::config::Config;
use plugin_abi::host::Plugin;
use plugin_abi::manage::{CollectorRow, Delay, Jitter, LostCounts, SessionResult};

use super::expectations::Expectation;
use super::recording::{Impaired, Switch};
use super::setting::{CLASSES, class_name, flow_port, is_test_port};
use crate::host::flows::FlowCounts;
use crate::link::{Counts, DirectionCounts, Imposed, LineCounts, StreamCounts};

/// What the demo found. Its JSON is the demo's output; people get it as text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Which plugin.
    pub plugin: PluginReport,
    /// How long it ran, in seconds.
    pub seconds: u64,
    /// What the lines drew their accidents from.
    pub seed: u64,
    /// What was measured.
    pub lines: Vec<LineReport>,
    /// What really happened to the same probes.
    pub emulator: Vec<Truth>,
    /// What was done to the lines.
    pub impairments: Vec<Impaired>,
    /// Who moved, and why.
    pub switches: Vec<Switch>,
    /// What became of the traffic.
    pub flows: Vec<FlowReport>,
    /// What should have happened, and whether it did.
    pub expectations: Vec<Expectation>,
    /// Who was told of it, besides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub collectors: Vec<CollectorRow>,
    /// The near end's configuration.
    pub configuration: Config,
}

/// Which plugin was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PluginReport {
    /// The file.
    pub path: PathBuf,
    /// The version of the contract, `major.minor`.
    pub abi: String,
}

/// One line as it was measured, from the first probe to the last.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LineReport {
    /// Its name.
    pub name: String,
    /// Probes sent.
    pub sent: u64,
    /// Probes answered in time.
    pub samples: u64,
    /// Round trip.
    pub round_trip_us: Option<Delay>,
    /// From the far end.
    pub inbound_us: Option<Delay>,
    /// Towards the far end.
    pub outbound_us: Option<Delay>,
    /// RFC 3550 jitter.
    pub jitter_us: Jitter,
    /// Probes lost, by direction.
    pub loss: LostCounts,
    /// The score at the end for the class that prefers the line.
    pub score: Option<u32>,
    /// The scores at the end, by class.
    pub scores: BTreeMap<&'static str, Option<u32>>,
}

/// What the emulator did to one line's probes.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Truth {
    /// The line's name.
    pub line: String,
    /// Dropped towards the far end.
    pub dropped_forward: u64,
    /// Dropped on the way back.
    pub dropped_backward: u64,
    /// Mean delay really imposed towards the far end.
    pub imposed_forward_us: Option<f64>,
    /// Mean delay really imposed on the way back.
    pub imposed_backward_us: Option<f64>,
}

/// What became of one class's packets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FlowReport {
    /// The class's name.
    pub class: &'static str,
    /// Packets sent.
    pub sent: u64,
    /// Distinct packets that arrived.
    pub received: u64,
    /// The others.
    pub lost: u64,
    /// How many of the class's packets the emulator dropped.
    pub dropped: u64,
}

impl Report {
    /// Whether everything that should have happened did.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.failures().next().is_none()
    }

    /// The expectations that were not met.
    pub fn failures(&self) -> impl Iterator<Item = &Expectation> {
        self.expectations.iter().filter(|e| !e.met)
    }
}

impl PluginReport {
    pub(super) fn of(plugin: &Plugin) -> Self {
        let (major, minor) = plugin.version();
        Self {
            path: plugin.path().to_owned(),
            abi: format!("{major}.{minor}"),
        }
    }
}

impl LineReport {
    /// A line's result beside the scores it had at the end, by class.
    pub(super) fn new(
        name: &str,
        result: &SessionResult,
        scores: BTreeMap<&'static str, Option<u32>>,
    ) -> Self {
        let admirer = CLASSES.iter().find(|class| class.prefer[0] == name);
        Self {
            name: name.to_owned(),
            sent: result.sent,
            samples: result.received,
            round_trip_us: result.round_trip_us,
            inbound_us: result.inbound_us,
            outbound_us: result.outbound_us,
            jitter_us: result.jitter_us,
            loss: result.lost,
            score: admirer.and_then(|class| scores.get(class.name).copied().flatten()),
            scores,
        }
    }
}

impl Truth {
    /// What was done to the probes of a line.
    pub(super) fn of(line: &LineCounts) -> Self {
        let (forward, imposed_forward) = probes(&line.forward);
        let (backward, imposed_backward) = probes(&line.backward);
        let us = |imposed: Imposed| {
            (imposed.packets > 0)
                .then(|| imposed.delay_sum_ns as f64 / imposed.packets as f64 / 1e3)
        };
        Self {
            line: line.line.clone(),
            dropped_forward: forward.dropped.total(),
            dropped_backward: backward.dropped.total(),
            imposed_forward_us: us(imposed_forward),
            imposed_backward_us: us(imposed_backward),
        }
    }
}

impl FlowReport {
    /// One class's counts beside what the emulator did to its packets.
    pub(super) fn new(counts: &FlowCounts, lines: &[LineCounts]) -> Self {
        let port = flow_port(counts.class);
        let streams = lines.iter().flat_map(|line| &line.forward.streams);
        let of_the_class = |stream: &&StreamCounts| stream.destination_port == port;
        Self {
            class: class_name(counts.class).unwrap_or("?"),
            sent: counts.sent,
            received: counts.received,
            lost: counts.sent.saturating_sub(counts.received),
            dropped: streams
                .filter(of_the_class)
                .map(|stream| stream.counts.dropped.total())
                .sum(),
        }
    }
}

/// The streams of test sessions, together.
fn probes(direction: &DirectionCounts) -> (Counts, Imposed) {
    let mut sum = (Counts::default(), Imposed::default());
    for stream in &direction.streams {
        if is_test_port(stream.sender_port) && is_test_port(stream.destination_port) {
            sum.0 += stream.counts;
            sum.1 += stream.imposed;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::{Duration, Instant};

    use plugin_abi::host::Choice;

    use super::super::script::{Act, Cue};
    use super::super::setting::Setting;
    use super::*;
    use crate::host::flows::Flows;
    use crate::link::{Drops, Emulator};

    fn stream(port: u16, dropped: u64, delay_ns: u64) -> StreamCounts {
        StreamCounts {
            sender_port: port,
            destination_port: port,
            counts: Counts {
                offered: dropped + 2,
                delivered: 2,
                dropped: Drops {
                    random: dropped,
                    ..Drops::default()
                },
                ..Counts::default()
            },
            imposed: Imposed {
                packets: 2,
                delay_sum_ns: 2 * delay_ns,
                worst_late_ns: 0,
            },
        }
    }

    fn line(forward: Vec<StreamCounts>) -> LineCounts {
        LineCounts {
            line: "A".to_owned(),
            forward: DirectionCounts {
                streams: forward,
                ..DirectionCounts::default()
            },
            backward: DirectionCounts::default(),
            tcp_connections: 1,
            tcp_refused: 0,
        }
    }

    #[test]
    fn the_truth_about_probes_leaves_the_flows_out() {
        let line = line(vec![
            stream(20_000, 3, 10_000_000),
            stream(20_001, 4, 20_000_000),
            stream(flow_port(1), 100, 1),
        ]);
        let truth = Truth::of(&line);
        assert_eq!((truth.dropped_forward, truth.dropped_backward), (7, 0));
        assert_eq!(truth.imposed_forward_us, Some(15_000.0));
        assert_eq!(truth.imposed_backward_us, None, "no packet, no delay");
    }

    #[test]
    fn a_flow_is_followed_over_all_lines() {
        let port = flow_port(3);
        let lines = [
            line(vec![stream(port, 5, 1), stream(20_000, 70, 1)]),
            line(vec![stream(port, 6, 1)]),
        ];
        let counts = FlowCounts {
            class: 3,
            line: Some(1),
            sent: 100,
            received: 89,
            expected: 99,
            refused: 0,
        };
        let report = FlowReport::new(&counts, &lines);
        assert_eq!(
            (report.class, report.lost, report.dropped),
            ("bulk", 11, 11)
        );
    }

    #[test]
    fn what_the_traffic_lost_is_what_the_emulator_dropped() {
        let setting = Setting::of_process(std::process::id());
        let emulator = Emulator::start(setting.emulator(1)).unwrap();
        let flows = Flows::start(&setting.flows(), |_, _, _| Choice::NoOpinion).unwrap();
        for (sent, act) in [(20, Some(Act::Dies)), (40, Some(Act::Heals)), (60, None)] {
            let patience = Instant::now() + Duration::from_secs(20);
            while flows.counts().iter().any(|counts| counts.sent < sent) {
                assert!(Instant::now() < patience, "no traffic");
                thread::sleep(Duration::from_millis(1));
            }
            if let Some(act) = act {
                // Without an opinion all traffic is on the first line.
                let (at, line) = (Duration::ZERO, "A");
                Cue { at, line, act }.perform(&emulator).unwrap();
            }
        }
        let counts = flows.stop(Duration::from_millis(500));
        let truth = emulator.stop().unwrap();
        for counts in &counts {
            let report = FlowReport::new(counts, &truth);
            assert!(report.lost > 0 && report.received > 0, "{report:?}");
            assert_eq!(report.lost, report.dropped, "{report:?}");
        }
    }
}
