//! What is worth a sentence in a result: above all, what was asked for and did not come so.

use plugin_abi::config::dscp::label;
use plugin_abi::manage::{Finding, MarkTable, SessionResult, Severity};

use super::figures::{hops_back, hops_there};

/// ECN of a packet that a router met congestion with (RFC 3168).
const CONGESTION: u8 = 3;

/// All findings of a result, its other fields being filled in.
pub(super) fn of(result: &SessionResult) -> Vec<Finding> {
    let mut findings = Vec::new();
    dscp(result, &mut findings);
    ecn(result, &mut findings);
    path_length(result, &mut findings);
    size(result, &mut findings);
    far_end(result, &mut findings);
    findings
}

/// All that a result says of which nothing but loss is kept.
pub(super) fn not_kept() -> Finding {
    let sentence = "delays and marks of lines are not kept, as decision.scores_only says";
    info("scores-only", sentence.into())
}

fn dscp(result: &SessionResult, findings: &mut Vec<Finding>) {
    let (asked, arrived) = (result.figures.asked.dscp, &result.figures.arrived);
    let name = label(asked);
    if let Some(Changed { to, how_often }) = changed(&arrived.tos_forward, asked, |tos| tos >> 2) {
        let to = names(&to, label);
        findings.push(warning(
            "dscp-forward-changed",
            format!("{name} asked, {to} arrived at the far end{how_often}"),
        ));
    }
    if result.received > 0 && asked != 0 && arrived.tos_forward.seen.is_empty() {
        let sentence = "the far end does not tell with which DSCP probes arrive";
        findings.push(info("dscp-forward-untold", sentence.into()));
    }
    // The far end of Light isn't asked for any.
    let back = changed(&arrived.tos_backward, asked, |tos| tos >> 2);
    if let Some(Changed { to, how_often }) = back.filter(|_| result.mode != "light") {
        let to = names(&to, label);
        findings.push(warning(
            "dscp-backward-changed",
            format!("{name} asked, replies come back as {to}{how_often}"),
        ));
    }
}

fn ecn(result: &SessionResult, findings: &mut Vec<Finding>) {
    let (asked, arrived) = (result.figures.asked.ecn, &result.figures.arrived);
    if let Some(Changed { to, how_often }) = changed(&arrived.tos_forward, asked, |tos| tos & 3) {
        let (asked, to) = (ecn_name(asked), names(&to, ecn_name));
        findings.push(warning(
            "ecn-forward-changed",
            format!("ECN {asked} asked, {to} arrived at the far end{how_often}"),
        ));
    }
    let all = &arrived.tos_backward.seen;
    let congested = all.iter().filter(|kind| kind.value & 3 == CONGESTION);
    let congested: u64 = congested.map(|kind| kind.count).sum();
    if congested > 0 {
        findings.push(info(
            "ecn-backward-congestion",
            format!("{congested} replies come back with the mark of congestion (ECN CE)"),
        ));
    }
}

fn path_length(result: &SessionResult, findings: &mut Vec<Finding>) {
    let (ttl, arrived) = (result.figures.asked.ttl, &result.figures.arrived);
    for (code, way, table, now, first) in [
        (
            "path-length-forward-changed",
            "there",
            &arrived.ttl_forward,
            arrived.hops_forward,
            (arrived.ttl_forward.seen.first()).and_then(|kind| hops_there(ttl, kind.value)),
        ),
        (
            "path-length-backward-changed",
            "back",
            &arrived.ttl_backward,
            arrived.hops_backward,
            (arrived.ttl_backward.seen.first()).and_then(|kind| hops_back(kind.value)),
        ),
    ] {
        let (Some(first), Some(now), Some(at)) = (first, now, table.changed_at) else {
            continue;
        };
        let (changes, at) = (table.changes, time_of_day(at));
        let times = if changes == 1 { "time" } else { "times" };
        findings.push(info(
            code,
            format!(
                "the way {way} took {first} hops, from {at} UTC on {now}; it changed {changes} {times}"
            ),
        ));
    }
}

fn size(result: &SessionResult, findings: &mut Vec<Finding>) {
    let figures = &result.figures;
    let (Some(octets), true) = (figures.packet_octets.forward, figures.asked.dont_fragment) else {
        return;
    };
    let too_big = figures.too_big;
    let at_most = |who: &str| match too_big.mtu {
        Some(mtu) => format!("{who} takes at most {}", grouped(mtu)),
        None => format!("{who} does not say how many it takes"),
    };
    let size = grouped(octets);
    if too_big.local > 0 {
        findings.push(warning(
            "size-refused-here",
            format!(
                "{} probes of {size} octets did not leave this host, and are no loss: {}",
                too_big.local,
                at_most("the interface")
            ),
        ));
    }
    if too_big.path > 0 {
        findings.push(warning(
            "size-refused-on-path",
            format!(
                "a router on the way refuses probes of {size} octets in one piece, and said so {} \
                 times: {}",
                too_big.path,
                at_most("the next hop")
            ),
        ));
    }
    if result.received > 0 {
        let sentence = format!("{size} octets went through whole");
        findings.push(info("size-went-through", sentence));
    } else if result.sent > result.in_flight + result.set_aside && too_big.path == 0 {
        findings.push(warning(
            "size-unanswered",
            format!(
                "nothing came back of {size} octets sent in one piece: is there an MTU black \
                 hole? No router refuses the size, but one may be kept from saying so; or the far \
                 end is silent whatever the size: fewer octets of padding show which it is"
            ),
        ));
    }
}

fn far_end(result: &SessionResult, findings: &mut Vec<Finding>) {
    let from = result.far_end.as_ref().and_then(|far| far.probes_from);
    let translated = from.filter(|from| {
        let address = from.address.filter(|seen| *seen != result.local.ip());
        address.is_some() || from.port != result.local.port()
    });
    if let Some(from) = translated {
        let port = from.port;
        let from = match from.address {
            Some(address) => std::net::SocketAddr::new(address, port).to_string(),
            None => format!("port {port}"),
        };
        findings.push(info(
            "address-translated",
            format!("a NAT is on the way: the far end sees the probes come from {from}"),
        ));
    }
    if result.far_end.as_ref().and_then(|far| far.dscp_refused) == Some(true) {
        let sentence = "the far end refuses to answer with the DSCP of the probes";
        findings.push(warning("dscp-refused", sentence.into()));
    }
    if !result.features_refused.is_empty() {
        let refused = result.features_refused.join(", ");
        findings.push(warning(
            "features-refused",
            format!("the far end refuses {refused}, which it offers: done without"),
        ));
    }
}

/// Other values than the one asked for.
struct Changed {
    to: Vec<u8>,
    /// For the end of a sentence; empty: always.
    how_often: String,
}

fn changed(table: &MarkTable, asked: u8, part: impl Fn(u8) -> u8) -> Option<Changed> {
    let all: u64 = table.seen.iter().map(|kind| kind.count).sum::<u64>() + table.others;
    let wrong = table.seen.iter().filter(|kind| part(kind.value) != asked);
    let count: u64 = wrong.clone().map(|kind| kind.count).sum();
    let mut to: Vec<u8> = wrong.map(|kind| part(kind.value)).collect();
    to.sort_unstable();
    to.dedup();
    let how_often = match count {
        0 => return None,
        count if count == all => String::new(),
        count => format!(", with {count} of {all}"),
    };
    Some(Changed { to, how_often })
}

fn names(values: &[u8], name: impl Fn(u8) -> String) -> String {
    let names: Vec<_> = values.iter().map(|value| name(*value)).collect();
    names.join(" and ")
}

fn ecn_name(ecn: u8) -> String {
    let names = ["Not-ECT", "ECT(1)", "ECT(0)", "CE"];
    names[usize::from(ecn & 3)].to_owned()
}

/// `1,500`.
fn grouped(octets: u32) -> String {
    match octets {
        0..1_000 => octets.to_string(),
        _ => format!("{},{:03}", octets / 1_000, octets % 1_000),
    }
}

/// `15:58:04`
fn time_of_day(unix_s: f64) -> String {
    let second = unix_s.max(0.0) as u64 % 86_400;
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{hour:02}:{minute:02}:{second:02}")
}

fn info(code: &str, sentence: String) -> Finding {
    finding(code, Severity::Info, sentence)
}

fn warning(code: &str, sentence: String) -> Finding {
    finding(code, Severity::Warning, sentence)
}

fn finding(code: &str, severity: Severity, sentence: String) -> Finding {
    Finding {
        code: code.to_owned(),
        severity,
        sentence,
    }
}

#[cfg(test)]
mod tests;
