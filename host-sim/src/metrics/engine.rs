//! The engine itself: how punctual it is, what it had no room for.

use plugin_abi::engine_state;
use plugin_abi::manage::Statistics;

use super::Collected;
use super::text::Family;
use crate::host::engine_name;

const STATES: [&str; 4] = ["created", "running", "stopped", "failed"];

pub(super) fn families(collected: &Collected) -> Vec<Family> {
    let mut state = Family::gauge("twamp_engine_state", "Whether the engine is in this state.");
    state.state(&[], &STATES, engine_name(collected.state));
    let mut families = vec![state];
    // Before the first picture it has no age.
    if collected.state != engine_state::CREATED && collected.taken_ns > 0 {
        let age = collected.now_ns.saturating_sub(collected.taken_ns);
        let fresh = collected.now_ns <= collected.valid_until_ns;
        families.push(
            Family::gauge(
                "twamp_picture_age_seconds",
                "How old the published picture is.",
            )
            .with(age as f64 / 1e9),
        );
        families.push(
            Family::gauge(
                "twamp_picture_fresh",
                "Whether the published picture may be used.",
            )
            .with(f64::from(u8::from(fresh))),
        );
    }
    families.extend(counters(&collected.statistics));
    families
}

fn counters(it: &Statistics) -> Vec<Family> {
    let counted = [
        (
            "twamp_probes_sent",
            "Probes sent by all sessions.",
            it.probes_sent,
        ),
        (
            "twamp_replies_received",
            "Replies received by all sessions.",
            it.replies_received,
        ),
        (
            "twamp_probes_reflected",
            "Probes answered for others.",
            it.reflected,
        ),
        (
            "twamp_packets_discarded",
            "Packets thrown away: too short, unknown, or broken.",
            it.discarded,
        ),
        (
            "twamp_probes_not_admitted",
            "Probes to a STAMP responder that no key verifies.",
            it.not_admitted,
        ),
        ("twamp_wakeups", "Times a probe thread woke up.", it.wakeups),
        (
            "twamp_socket_overflows",
            "Packets that the kernel dropped because a socket's buffer was full.",
            it.overflows,
        ),
        (
            "twamp_pauses",
            "Times a probe thread was held up so long that samples were set aside.",
            it.pauses,
        ),
        (
            "twamp_late_sends",
            "Probes that left more than a millisecond after their time.",
            it.late_sends,
        ),
        (
            "twamp_missed_sends",
            "Probes passed over because their time had gone by.",
            it.missed_sends,
        ),
        ("twamp_snapshots", "Pictures published.", it.snapshots),
        ("twamp_panics", "Panics that were caught.", it.panics),
        (
            "twamp_log_messages_dropped",
            "Log messages that the host never saw.",
            it.logs_dropped,
        ),
        (
            "twamp_loops_prevented",
            "Packets dropped because a reply could go round for ever.",
            it.loops_prevented,
        ),
    ];
    let counted = counted.into_iter();
    let mut families: Vec<_> = counted
        .map(|(name, help, count)| Family::counter(name, help).with(count as f64))
        .collect();
    let mut refused = Family::counter(
        "twamp_responder_refused",
        "What a responder refused or dropped, by why.",
    );
    for (why, count) in [
        ("not-authentic", it.not_authentic),
        ("foreign-connection", it.foreign_connections),
        ("foreign-packet", it.foreign_packets),
        ("connection-limit", it.connections_refused),
        ("connection-evicted", it.connections_evicted),
        ("session-limit", it.sessions_refused),
        ("key-limit", it.keys_refused),
    ] {
        refused.add(&[("why", why)], count as f64);
    }
    families.push(refused);
    if let Some(late) = it.send_lateness_us {
        let mut lateness = Family::gauge(
            "twamp_send_lateness_seconds",
            "How late probes left in the last second or two.",
        );
        for (statistic, micros) in [("p50", late.p50), ("p99", late.p99), ("max", late.max)] {
            lateness.add(&[("statistic", statistic)], micros as f64 / 1e6);
        }
        families.push(lateness);
    }
    families
}
