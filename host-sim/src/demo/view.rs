//! One moment of the demo, ready to be drawn.

use std::collections::BTreeMap;

use plugin_abi::manage::SessionResult;

use super::DemoError;
use super::pulse::Pulse;
use super::recording::Recording;
use super::script::doing;
use super::setting::{LINES, class_name, line_name};
use crate::host::flows::FlowCounts;
use crate::host::{LineStatus, Status};
use crate::link::{Direction, Emulator};

/// One moment of the demo.
pub(super) struct View<'a> {
    pub(super) elapsed_s: f64,
    pub(super) seconds: u64,
    pub(super) lines: Vec<LineView>,
    pub(super) flows: Vec<FlowView>,
    pub(super) recording: &'a Recording,
    /// The plugin's newest warning.
    pub(super) warning: Option<&'a str>,
}

/// One line: how the plugin sees it, and what is really done to it.
pub(super) struct LineView {
    pub(super) status: LineStatus,
    pub(super) pulse: String,
    pub(super) doing: String,
}

/// One class: where it is and what became of its packets.
pub(super) struct FlowView {
    pub(super) class: &'static str,
    pub(super) line: Option<&'static str>,
    pub(super) sent: u64,
    pub(super) received: u64,
    /// Packets that a later one has overtaken; those on their way are not lost.
    pub(super) lost: u64,
}

/// The pulses of all lines.
#[derive(Debug, Default)]
pub(super) struct Pulses {
    by_line: BTreeMap<&'static str, Pulse>,
}

impl Pulses {
    /// Adds a bar to each line's pulse.
    pub(super) fn beat(&mut self, results: &BTreeMap<String, SessionResult>) {
        for uplink in &LINES {
            let result = results.get(uplink.name);
            let mean_us = result
                .and_then(|result| result.round_trip_us)
                .map(|d| d.mean);
            let pulse = self.by_line.entry(uplink.name).or_default();
            pulse.beat(result.map_or(0, |result| result.received), mean_us);
        }
    }

    fn bars(&self, line: &str) -> String {
        self.by_line.get(line).map(Pulse::bars).unwrap_or_default()
    }
}

impl LineView {
    /// The lines as the plugin sees them, in its order.
    pub(super) fn of(
        status: Status,
        pulses: &Pulses,
        emulator: &Emulator,
    ) -> Result<Vec<Self>, DemoError> {
        status
            .lines
            .into_iter()
            .map(|status| {
                let forward = emulator.impairment(&status.line, Direction::Forward)?;
                let backward = emulator.impairment(&status.line, Direction::Backward)?;
                Ok(Self {
                    pulse: pulses.bars(&status.line),
                    doing: doing(&forward, &backward),
                    status,
                })
            })
            .collect()
    }
}

impl FlowView {
    pub(super) fn of(counts: &FlowCounts) -> Self {
        Self {
            class: class_name(counts.class).unwrap_or("?"),
            line: counts.line.and_then(line_name),
            sent: counts.sent,
            received: counts.received,
            lost: counts.expected.saturating_sub(counts.received),
        }
    }
}
