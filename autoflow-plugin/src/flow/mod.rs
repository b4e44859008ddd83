//! Which class is this flow of? The rules of all classes, compiled once for every look-up.
//!
//! ```text
//!              ┌ dscp ─────────────┐ each axis is cut into spans; each span
//!              │ protocol          │ knows the rules that match in it, one bit a rule
//!   flow ─────►│ source, its port  │──► AND ──► first bit ──► its class
//!              │ destination, port │
//!              └───────────────────┘
//! ```
//!
//! A look-up takes six binary searches and no memory from the heap, however the rules are written
//! (Lakshman and Stiliadis, "High-speed policy-based packet forwarding", SIGCOMM 1998).

mod axis;
mod ranges;
mod rule;
#[cfg(test)]
mod tests;

use plugin_abi::TwampFlowKey;
use plugin_abi::config::Class;

use axis::Axis;
use rule::number;

pub(crate) use rule::Matched;

/// Rules of all classes together, at most: a look-up reads a bit of each.
pub(crate) const MOST_RULES: usize = 1_024;

/// What a packet's header says; addresses as numbers, those of IPv4 mapped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    dscp: u8,
    protocol: u8,
    source: u128,
    destination: u128,
    source_port: u16,
    destination_port: u16,
}

/// The compiled rules.
#[derive(Debug)]
pub(crate) struct Classifier {
    /// The class of each rule; the first rule that matches counts.
    classes: Vec<u64>,
    dscp: Axis<u8>,
    protocol: Axis<u8>,
    source: Axis<u128>,
    destination: Axis<u128>,
    source_port: Axis<u16>,
    destination_port: Axis<u16>,
}

impl Flow {
    /// `None`: no address family that there is.
    pub(crate) fn of(key: &TwampFlowKey) -> Option<Self> {
        let address = |octets: [u8; 16]| match key.family {
            4 => {
                let [a, b, c, d, ..] = octets;
                Some(number([a, b, c, d].into()))
            }
            6 => Some(number(octets.into())),
            _ => None,
        };
        Some(Self {
            dscp: key.dscp,
            protocol: key.protocol,
            source: address(key.source)?,
            destination: address(key.destination)?,
            source_port: key.source_port,
            destination_port: key.destination_port,
        })
    }
}

impl Classifier {
    /// Compiles the rules of `classes`, which were judged good.
    pub(crate) fn new(classes: &[Class]) -> Self {
        let rules = classes.iter().flat_map(|class| &class.flows);
        let matched: Vec<Matched> = rules.map(Matched::of).collect();
        let of_class = |class: &Class| std::iter::repeat_n(class.id, class.flows.len());
        Self {
            classes: classes.iter().flat_map(of_class).collect(),
            dscp: Axis::of(matched.iter().map(|rule| &rule.dscp)),
            protocol: Axis::of(matched.iter().map(|rule| &rule.protocol)),
            source: Axis::of(matched.iter().map(|rule| &rule.source)),
            destination: Axis::of(matched.iter().map(|rule| &rule.destination)),
            source_port: Axis::of(matched.iter().map(|rule| &rule.source_port)),
            destination_port: Axis::of(matched.iter().map(|rule| &rule.destination_port)),
        }
    }

    /// The class of `flow`; `None`: no rule matches.
    pub(crate) fn classify(&self, flow: &Flow) -> Option<u64> {
        let axes = [
            self.dscp.at(flow.dscp),
            self.protocol.at(flow.protocol),
            self.source.at(flow.source),
            self.destination.at(flow.destination),
            self.source_port.at(flow.source_port),
            self.destination_port.at(flow.destination_port),
        ];
        let words = self.classes.len().div_ceil(64);
        let matching = |word: usize| axes.iter().fold(u64::MAX, |all, rules| all & rules[word]);
        let first = |word: usize| match matching(word) {
            0 => None,
            rules => Some(word * 64 + rules.trailing_zeros() as usize),
        };
        (0..words).find_map(first).map(|rule| self.classes[rule])
    }
}
