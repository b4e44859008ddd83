//! The class of a flow through the loaded library: beside the same rules, read one after another.

use std::hint::black_box;
use std::net::IpAddr;

use plugin_abi::TwampFlowKey;
use plugin_abi::config::{Class, Dscp, FlowRule, IpProtocol, Ports, Sla};
use plugin_abi::host::{Plugin, Silent};
use serde_json::json;

use super::row::Pairs;
use super::snapshot::read;
use super::{BenchError, Look, Plan, Row};

const UNIT: &str = "ns a flow";
/// With how many rules; a row each.
const RULES: [u16; 3] = [10, 100, 1_000];
/// Flows that are asked for in turn.
const FLOWS: u16 = 1_024;
const UDP: u8 = 17;

pub(super) fn run(
    plugin: &Plugin,
    plan: &Plan,
    look: &mut Look<'_>,
) -> Result<Vec<Row>, BenchError> {
    let mut rows = Vec::new();
    for count in RULES {
        let class = Class {
            flows: (0..count).map(rule).collect(),
            ..Class::new(
                1,
                "class",
                Sla {
                    loss_percent: Some(1.0),
                    ..Sla::default()
                },
            )
        };
        let engine = plugin.create(&json!({ "classes": [class] }).to_string(), Silent)?;
        let flows: Vec<TwampFlowKey> = (0..FLOWS).map(|index| flow(index, count)).collect();
        let mut pairs = Pairs::default();
        for round in 1..=plan.rounds {
            look(&format!("round {round} of {}: {count} rules", plan.rounds))?;
            let ours = in_turn(plan, &flows, |flow| engine.classify(flow).is_ok());
            let written = |flow: &TwampFlowKey| class.flows.iter().any(|rule| matches(rule, flow));
            pairs.push(ours, in_turn(plan, &flows, written));
        }
        rows.push(pairs.row(format!("{count} rules"), UNIT));
    }
    Ok(rows)
}

/// A rule of its own network and port.
fn rule(index: u16) -> FlowRule {
    let [high, low] = index.to_be_bytes();
    FlowRule {
        dscp: vec![Dscp((index % 64) as u8), Dscp(0)],
        protocol: vec![IpProtocol(UDP)],
        source: network([10, high, low, 0]).into_iter().collect(),
        destination_ports: vec![Ports {
            first: 1_000 + index,
            last: 1_000 + index,
        }],
        ..FlowRule::default()
    }
}

fn network([a, b, c, d]: [u8; 4]) -> Option<plugin_abi::config::Prefix> {
    format!("{a}.{b}.{c}.{d}/24").parse().ok()
}

/// A flow that a rule somewhere in the list matches.
fn flow(index: u16, rules: u16) -> TwampFlowKey {
    let matched = index.wrapping_mul(40_503) % rules;
    let [high, low] = matched.to_be_bytes();
    let mut source = [0; 16];
    source[..4].copy_from_slice(&[10, high, low, 7]);
    TwampFlowKey {
        struct_size: size_of::<TwampFlowKey>() as u32,
        family: 4,
        protocol: UDP,
        source_port: 40_000,
        destination_port: 1_000 + matched,
        source,
        ..TwampFlowKey::default()
    }
}

/// As a host without a compiler would do it.
fn matches(rule: &FlowRule, flow: &TwampFlowKey) -> bool {
    let [a, b, c, d, ..] = flow.source;
    let source = IpAddr::from([a, b, c, d]);
    let port = flow.destination_port;
    rule.dscp.iter().any(|mark| mark.0 == flow.dscp)
        && rule
            .protocol
            .iter()
            .any(|protocol| protocol.0 == flow.protocol)
        && rule.source.iter().any(|network| network.contains(source))
        && rule
            .destination_ports
            .iter()
            .any(|ports| (ports.first..=ports.last).contains(&port))
}

/// Nanoseconds a flow.
fn in_turn(plan: &Plan, flows: &[TwampFlowKey], one: impl Fn(&TwampFlowKey) -> bool + Sync) -> f64 {
    let reading = || {
        let (mut in_turn, one) = (flows.iter().cycle(), &one);
        move || {
            black_box(in_turn.next().map(one));
        }
    };
    read(1, plan.turn, reading)
}
