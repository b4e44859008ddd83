//! Events: what is wrong now, for alerts.

use plugin_abi::manage::Events;

use super::text::Family;

pub(super) fn families(events: &Events) -> Vec<Family> {
    let mut standing = Family::gauge("twamp_event", "Something is wrong, until this is gone.");
    let mut raised = Family::counter("twamp_events_raised", "How often the event was raised.");
    for row in events.rows.iter().filter(|row| row.cleared_at.is_none()) {
        let class = row.object.class.as_deref().unwrap_or_default();
        let labels = [
            ("code", row.code.as_str()),
            ("severity", row.severity.name()),
            ("kind", row.object.kind.as_str()),
            ("name", row.object.name.as_str()),
            ("class", class),
        ];
        standing.add(&labels, 1.0);
    }
    for (code, count) in &events.raised {
        raised.add(&[("code", code)], *count as f64);
    }
    let suppressed = Family::counter(
        "twamp_event_log_lines_suppressed",
        "Log lines about events that were held back.",
    );
    vec![standing, raised, suppressed.with(events.suppressed as f64)]
}
