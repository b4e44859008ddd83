//! Collectors of IPFIX: how each stands, and what has become of what was there for it.

use plugin_abi::manage::CollectorRow;

use super::text::Family;

const STATES: [&str; 7] = [
    "connecting",
    "sending",
    "unresolved",
    "refused",
    "unreachable",
    "stalled",
    "closed",
];

pub(super) fn families(rows: &[CollectorRow]) -> Vec<Family> {
    let mut state = Family::gauge(
        "twamp_collector_state",
        "Whether the collector is in this state.",
    );
    let mut queued = Family::gauge(
        "twamp_export_queue_records",
        "Records that wait for the collector, or are on their way.",
    );
    let counter = Family::counter;
    let mut produced = counter(
        "twamp_export_records_produced",
        "Records that were there for the collector.",
    );
    let mut sent = counter(
        "twamp_export_records_sent",
        "Records that the network has taken.",
    );
    let mut dropped = counter(
        "twamp_export_records_dropped",
        "Records that were given up.",
    );
    let mut messages = counter(
        "twamp_export_messages",
        "Messages sent, those of templates included.",
    );
    let mut octets = counter("twamp_export_bytes", "Octets of the messages sent.");
    let mut announced = counter(
        "twamp_export_announcements",
        "Times that templates were sent.",
    );
    let mut connections = counter(
        "twamp_export_connections",
        "Times that the collector was connected.",
    );
    for row in rows {
        let collector = [("collector", row.name.as_str())];
        state.state(&collector, &STATES, row.state.name());
        for (family, count) in [
            (&mut queued, row.queued),
            (&mut produced, row.produced),
            (&mut sent, row.sent),
            (&mut dropped, row.dropped),
            (&mut messages, row.messages),
            (&mut octets, row.octets),
            (&mut announced, row.announced),
            (&mut connections, row.connections),
        ] {
            family.add(&collector, count as f64);
        }
    }
    vec![
        state,
        queued,
        produced,
        sent,
        dropped,
        messages,
        octets,
        announced,
        connections,
    ]
}
