//! What a run found, for people and for programs.

mod clocks;
mod far_end;

use plugin_abi::manage::{
    Delay, Failure, FailureKind, Finding, Progress, Seen, SessionResult, Severity,
};
use serde::Serialize;

use super::CommandError;
use crate::address::ResolveError;
use crate::exit::Exit;
use crate::text::{Cell, Output, Paint, Style, Table, complain, milliseconds, percent, share};

/// The result's fields, and `failure` where something failed.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    result: Option<SessionResult>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Trouble>,
}

/// Why there is no result, or none worth the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Trouble {
    kind: Kind,
    message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Kind {
    Plugin(FailureKind),
    Host(HostKind),
}

/// What can fail before the plugin has anything to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum HostKind {
    Unresolved,
    Interrupted,
}

impl Report {
    /// What a run has come to.
    pub(super) fn of(ended: Progress) -> Self {
        let failure = match (ended.failure, &ended.result) {
            (Some(failure), _) => Some(Trouble::failed(&failure)),
            (None, None) => Some(Trouble::interrupted()),
            (None, Some(result)) => Trouble::in_result(result),
        };
        Self {
            result: ended.result,
            failure,
        }
    }

    /// No result at all.
    pub(super) fn failed(trouble: Trouble) -> Self {
        Self {
            result: None,
            failure: Some(trouble),
        }
    }

    /// Tells it, and how the command ends.
    pub(super) fn tell(&self, output: Output) -> Result<Exit, CommandError> {
        output.object(self)?;
        // A table without a probe says nothing.
        if let Some(result) = self.result.as_ref().filter(|result| result.sent > 0) {
            output.text(&table(result, output.paint()))?;
        }
        if let Some(trouble) = &self.failure {
            complain(&trouble.message);
        }
        Ok(self.exit())
    }

    fn exit(&self) -> Exit {
        match &self.failure {
            None => Exit::Good,
            Some(trouble) if trouble.kind == Kind::Plugin(FailureKind::Local) => Exit::Misused,
            Some(_) => Exit::Failed,
        }
    }
}

impl Trouble {
    pub(super) fn unresolved(error: &ResolveError) -> Self {
        Self {
            kind: Kind::Host(HostKind::Unresolved),
            message: error.to_string(),
        }
    }

    fn interrupted() -> Self {
        Self {
            kind: Kind::Host(HostKind::Interrupted),
            message: "interrupted before the fate of any probe was known".to_owned(),
        }
    }

    /// In the plugin's words, which say who is at fault.
    fn failed(failure: &Failure) -> Self {
        Self {
            kind: Kind::Plugin(failure.kind),
            message: failure.message.clone(),
        }
    }

    /// A run that ended well may still have found nobody.
    fn in_result(result: &SessionResult) -> Option<Self> {
        if result.received > 0 {
            return None;
        }
        if result.sent <= result.in_flight {
            return Some(Self::interrupted());
        }
        Some(Self {
            kind: Kind::Plugin(FailureKind::NoAnswer),
            message: format!(
                "no answer at all from {}: {} probes sent, none came back in time; is a \
                 responder there, does UDP pass, is --timeout long enough{}?",
                result.remote,
                result.sent,
                // Nobody says no there: a probe without the right key is not answered.
                match result.mode.as_str() {
                    "stamp" => ", have both ends the same key or none",
                    _ => "",
                }
            ),
        })
    }
}

/// The result as a page of text.
pub(super) fn table(result: &SessionResult, paint: Paint) -> String {
    let head = format!(
        "{} session {}: {} → {}",
        result.mode, result.session_id, result.local, result.remote
    );
    [
        paint.text(Style::Heading, &head) + "\n",
        counts(result).render(paint),
        delays(result).render(paint),
        marks(result.seen).render(paint),
        stamps(result) + &agreed(result),
    ]
    .into_iter()
    .chain(
        result
            .far_end
            .as_ref()
            .and_then(|far| far_end::text(far, result.local)),
    )
    .chain(findings(result, paint))
    .collect::<Vec<_>>()
    .join("\n")
}

fn counts(result: &SessionResult) -> Table {
    let lost = result.lost;
    let total = lost.forward.unwrap_or(0) + lost.backward.unwrap_or(0) + lost.unattributed;
    let mut table = Table::new(&["probes", "count", "%"]);
    table.row(["sent", &result.sent.to_string()]);
    let part = |count: Option<u64>| percent(count.and_then(|count| share(count, result.sent)));
    let number = |count: Option<u64>| count.map_or_else(|| "–".to_owned(), |n| n.to_string());
    table.row([
        "received".to_owned(),
        result.received.to_string(),
        part(Some(result.received)),
    ]);
    if result.in_flight > 0 {
        table.row(["in flight".to_owned(), result.in_flight.to_string()]);
    }
    let style = if total > 0 { Style::Bad } else { Style::Plain };
    let texts = ["lost".to_owned(), total.to_string(), percent(lost.percent)];
    table.row(texts.map(|text| Cell::new(style, text)));
    for (name, count) in [
        ("  forward", lost.forward),
        ("  backward", lost.backward),
        ("  unattributed", Some(lost.unattributed)),
    ] {
        table.row([name.to_owned(), number(count), part(count)]);
    }
    for (name, count) in [
        ("duplicates", result.duplicates),
        ("reordered", result.reordered),
        ("late", result.late),
    ] {
        table.row([name.to_owned(), count.to_string()]);
    }
    if result.set_aside > 0 {
        table.row(["set aside".to_owned(), result.set_aside.to_string()]);
    }
    table
}

fn delays(result: &SessionResult) -> Table {
    let mut table = Table::new(&[
        "delay, ms",
        "min",
        "mean",
        "max",
        "p50",
        "p95",
        "p99",
        "jitter",
    ]);
    let jitter = result.jitter_us;
    for (name, delay, jitter) in [
        ("round trip", result.round_trip_us, jitter.round_trip),
        ("outbound", result.outbound_us, jitter.outbound),
        ("inbound", result.inbound_us, jitter.inbound),
    ] {
        let figure = |pick: fn(Delay) -> f64| milliseconds(delay.map(pick));
        table.row([
            name.to_owned(),
            figure(|delay| delay.min),
            figure(|delay| delay.mean),
            figure(|delay| delay.max),
            figure(|delay| delay.p50),
            figure(|delay| delay.p95),
            figure(|delay| delay.p99),
            milliseconds(jitter),
        ]);
    }
    table
}

fn marks(seen: Seen) -> Table {
    let mark = |mark: Option<u8>| mark.map_or_else(|| "–".to_owned(), |mark| mark.to_string());
    let mut table = Table::new(&["arrived with", "DSCP", "ECN", "TTL"]);
    table.row([
        "probes".to_owned(),
        mark(seen.dscp_forward),
        mark(seen.ecn_forward),
        mark(seen.ttl_forward),
    ]);
    table.row([
        "replies".to_owned(),
        mark(seen.dscp_backward),
        mark(seen.ecn_backward),
        mark(seen.ttl_backward),
    ]);
    table
}

/// What is worth a sentence.
fn findings(result: &SessionResult, paint: Paint) -> Option<String> {
    let findings = &result.figures.findings;
    let line = |finding: &Finding| {
        let (style, sign) = match finding.severity {
            Severity::Warning => (Style::Bad, "!"),
            Severity::Info => (Style::Plain, "·"),
        };
        paint.text(style, &format!("{sign} {}", finding.sentence)) + "\n"
    };
    let text: String = findings.iter().map(line).collect();
    (!text.is_empty()).then_some(text)
}

/// What was agreed on beyond the mode.
fn agreed(result: &SessionResult) -> String {
    match result.features.is_empty() {
        true => String::new(),
        false => format!("agreed on {}\n", result.features.join(", ")),
    }
}

fn stamps(result: &SessionResult) -> String {
    let clocks = clocks::text(&result.clock);
    format!("stamps by the {}; {clocks}\n", result.stamps)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use plugin_abi::manage::{ClockState, Figures, Jitter, LostCounts, RunState};

    use super::*;

    fn remote() -> SocketAddr {
        "192.0.2.1:862".parse().unwrap()
    }

    fn result(sent: u64, received: u64) -> SessionResult {
        let delay = Delay {
            min: 100.0,
            mean: 120.5,
            max: 180.0,
            p50: 119.0,
            p95: 170.0,
            p99: 180.0,
        };
        SessionResult {
            session_id: "00c0ffee".into(),
            mode: "open".into(),
            local: "192.0.2.9:20000".parse().unwrap(),
            remote: remote(),
            sent,
            received,
            in_flight: 0,
            duplicates: 0,
            reordered: 0,
            late: 0,
            set_aside: 0,
            lost: LostCounts {
                forward: Some(sent - received),
                backward: Some(0),
                unattributed: 0,
                percent: share(sent - received, sent),
            },
            round_trip_us: (received > 0).then_some(delay),
            inbound_us: None,
            outbound_us: None,
            jitter_us: Jitter::default(),
            stamps: "kernel".into(),
            clock: ClockState::default(),
            seen: Seen {
                dscp_forward: Some(46),
                ecn_forward: Some(1),
                ..Seen::default()
            },
            far_end: None,
            features: vec!["dscp-ecn".into()],
            features_refused: vec![],
            figures: Figures {
                findings: vec![Finding {
                    code: "dscp-backward-changed".into(),
                    severity: Severity::Warning,
                    sentence: "EF asked, replies come back as CS0".into(),
                }],
                ..Figures::default()
            },
        }
    }

    fn ended(result: Option<SessionResult>, failure: Option<FailureKind>) -> Report {
        let progress = Progress {
            run: 1,
            state: RunState::Ended,
            failure: failure.map(|kind| Failure {
                kind,
                message: "because".into(),
            }),
            result,
        };
        Report::of(progress)
    }

    #[test]
    fn a_result_is_a_page_that_lines_up() {
        assert_eq!(
            table(&result(10, 9), Paint::PLAIN),
            "\
open session 00c0ffee: 192.0.2.9:20000 → 192.0.2.1:862

probes          count      %
sent               10
received            9  90.00
lost                1  10.00
  forward           1  10.00
  backward          0   0.00
  unattributed      0   0.00
duplicates          0
reordered           0
late                0

delay, ms     min   mean    max    p50    p95    p99  jitter
round trip  0.100  0.120  0.180  0.119  0.170  0.180       –
outbound        –      –      –      –      –      –       –
inbound         –      –      –      –      –      –       –

arrived with  DSCP  ECN  TTL
probes          46    1    –
replies          –    –    –

stamps by the kernel; clocks not synchronised: one-way figures show variation only
agreed on dscp-ecn

! EF asked, replies come back as CS0
"
        );
    }

    #[test]
    fn a_result_keeps_its_fields_in_json() {
        let json = serde_json::to_value(ended(Some(result(10, 9)), None)).unwrap();
        assert_eq!(json["sent"], 10);
        assert_eq!(json["lost"]["forward"], 1);
        assert_eq!(json["round_trip_us"]["mean"], 120.5);
        assert!(json["inbound_us"].is_null());
        assert!(json.get("failure").is_none());
    }

    #[test]
    fn each_failure_has_its_own_kind_and_exit_code_and_the_words_of_the_plugin() {
        for (kind, word, exit) in [
            (FailureKind::Unreachable, "unreachable", Exit::Failed),
            (FailureKind::Refused, "refused", Exit::Failed),
            (FailureKind::NoAnswer, "no-answer", Exit::Failed),
            (FailureKind::Rejected, "rejected", Exit::Failed),
            (FailureKind::Protocol, "protocol", Exit::Failed),
            (FailureKind::Local, "local", Exit::Misused),
        ] {
            let report = ended(None, Some(kind));
            assert_eq!(report.exit(), exit);
            let json = serde_json::to_value(&report).unwrap();
            assert_eq!(json["failure"]["kind"], word);
            assert_eq!(json["failure"]["message"], "because");
        }
    }

    #[test]
    fn all_probes_lost_is_a_failure_with_its_counts() {
        let report = ended(Some(result(10, 0)), None);
        assert_eq!(report.exit(), Exit::Failed);
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["failure"]["kind"], "no-answer");
        assert_eq!(json["sent"], 10);
    }

    #[test]
    fn an_interrupt_before_anything_came_back_is_no_verdict_on_the_line() {
        let early = SessionResult {
            in_flight: 2,
            ..result(2, 0)
        };
        let json = serde_json::to_value(ended(Some(early), None)).unwrap();
        assert_eq!(json["failure"]["kind"], "interrupted");
    }

    #[test]
    fn light_shows_no_directions() {
        let light = SessionResult {
            lost: LostCounts {
                forward: None,
                backward: None,
                unattributed: 1,
                percent: Some(10.0),
            },
            ..result(10, 9)
        };
        let text = table(&light, Paint::PLAIN);
        assert!(text.contains("  forward           –      –\n"), "{text}");
        assert!(text.contains("  unattributed      1  10.00\n"), "{text}");
    }
}
