//! The demo's words: what is going to be shown, and what was found.

use plugin_abi::config::Config;
use plugin_abi::manage::Delay;

use super::DemoError;
use super::live::switch_rows;
use super::report::{LineReport, PluginReport, Report, Truth};
use crate::text::{Cell, Paint, Style, Table, collectors, milliseconds, percent, share};

/// What is going to be shown, and the configuration that does it.
///
/// # Errors
/// The configuration can't be written as TOML.
pub(super) fn opening(
    plugin: &PluginReport,
    configuration: &Config,
    paint: Paint,
) -> Result<String, DemoError> {
    let toml =
        toml::to_string(configuration).map_err(|error| DemoError::Encode(error.to_string()))?;
    let heading = |text: &str| paint.text(Style::Heading, text);
    Ok(format!(
        "{}

{}, ABI {}

Two engines of this plugin run here: the near end measures and chooses, the far end answers.
Between them lie three emulated lines, A, B and C, that carry real TWAMP sessions and the real
traffic of three classes. A will brown out and heal, B will die and heal, C is never touched, and
nobody tells the plugin.

{}

{}",
        heading("twamp-autoflow, the demo"),
        plugin.path.display(),
        plugin.abi,
        heading("The near end's configuration, an ordinary one"),
        paint.text(Style::Aside, toml.trim_end()),
    ))
}

/// What was found.
pub(super) fn closing(report: &Report, paint: Paint) -> String {
    let heading = |text: &str| format!("\n{}\n\n", paint.text(Style::Heading, text));
    let mut text =
        heading("Measured by the plugin, beside what the emulator did to the same probes");
    text += &numbers(report).render(paint);
    text += "\nDelays are means in ms; out and in add up to the round trip. \
             Both ends have one clock here, so\nout and in are levels, not only variation. What is \
             measured beyond the emulated is this\nmachine's own: sockets and waking threads.\n";
    text += &heading("What happened");
    text += &story(report, paint);
    text += &heading("The traffic");
    text += &traffic(report).render(paint);
    if !report.collectors.is_empty() {
        text += &heading("Who was told of it");
        text += &collectors(&report.collectors, paint);
    }
    text += &heading("What should have happened");
    text += &verdicts(report).render(paint);
    text.push('\n');
    text += &conclusion(report, paint);
    text.push('\n');
    text
}

fn numbers(report: &Report) -> Table {
    let headings = [
        "line",
        "",
        "probes",
        "lost out",
        "lost in",
        "lost %",
        "round trip",
        "out",
        "in",
        "jitter",
    ];
    let mut table = Table::new(&headings).left(1);
    for line in &report.lines {
        table.row(measured(line));
        let truth = report.emulator.iter().find(|truth| truth.line == line.name);
        if let Some(truth) = truth {
            table.row(imposed(truth));
        }
    }
    table
}

fn measured(line: &LineReport) -> [Cell; 10] {
    let mean = |delay: Option<Delay>| Cell::from(milliseconds(delay.map(|delay| delay.mean)));
    let count = |count: Option<u64>| Cell::from(count.map_or("–".to_owned(), |n| n.to_string()));
    [
        Cell::new(Style::Heading, &*line.name),
        "measured".into(),
        line.sent.to_string().into(),
        count(line.loss.forward),
        count(line.loss.backward),
        percent(line.loss.percent).into(),
        mean(line.round_trip_us),
        mean(line.outbound_us),
        mean(line.inbound_us),
        milliseconds(line.jitter_us.round_trip).into(),
    ]
}

fn imposed(truth: &Truth) -> [Cell; 10] {
    let aside = |text: String| Cell::new(Style::Aside, text);
    let both = truth.imposed_forward_us.zip(truth.imposed_backward_us);
    [
        "".into(),
        aside("emulated".to_owned()),
        "".into(),
        aside(truth.dropped_forward.to_string()),
        aside(truth.dropped_backward.to_string()),
        "".into(),
        aside(milliseconds(
            both.map(|(forward, backward)| forward + backward),
        )),
        aside(milliseconds(truth.imposed_forward_us)),
        aside(milliseconds(truth.imposed_backward_us)),
        "".into(),
    ]
}

fn story(report: &Report, paint: Paint) -> String {
    let impairments = report.impairments.iter().map(|impaired| {
        let text = format!(
            "{:5.1} s  {} {}",
            impaired.at_s, impaired.line, impaired.what
        );
        (impaired.at_s, vec![paint.text(Style::Warning, &text)])
    });
    let switches = report.switches.iter().map(|switch| {
        let mut rows = switch_rows(switch, paint);
        rows.push(match switch.traffic_at_s {
            Some(at_s) => {
                let after_ms = (at_s - switch.at_s).max(0.0) * 1e3;
                format!("         the first packet followed after {after_ms:.0} ms")
            }
            None => paint.text(Style::Bad, "         no packet followed"),
        });
        (switch.at_s, rows)
    });
    let mut events: Vec<_> = impairments.chain(switches).collect();
    events.sort_by(|a, b| a.0.total_cmp(&b.0));
    let rows = events.into_iter().flat_map(|(_, rows)| rows);
    rows.map(|row| row + "\n").collect()
}

fn traffic(report: &Report) -> Table {
    let headings = [
        "class",
        "sent",
        "received",
        "lost",
        "lost %",
        "dropped by the emulator",
    ];
    let mut table = Table::new(&headings);
    for flow in &report.flows {
        table.row([
            Cell::new(Style::Heading, flow.class),
            flow.sent.to_string().into(),
            flow.received.to_string().into(),
            flow.lost.to_string().into(),
            percent(share(flow.lost, flow.sent)).into(),
            Cell::new(Style::Aside, flow.dropped.to_string()),
        ]);
    }
    table
}

fn verdicts(report: &Report) -> Table {
    let mut table = Table::default().left(1).left(2);
    for expectation in &report.expectations {
        let mark = match expectation.met {
            true => Cell::new(Style::Good, "✓"),
            false => Cell::new(Style::Bad, "✗"),
        };
        let found = Cell::new(Style::Aside, &*expectation.found);
        table.row([mark, Cell::from(&*expectation.what), found]);
    }
    table
}

fn conclusion(report: &Report, paint: Paint) -> String {
    let failures = report.failures().count();
    match failures {
        0 => paint.text(Style::Good, "Everything that should have happened did."),
        _ => {
            let all = report.expectations.len();
            let text = format!("{failures} of {all} things that should have happened did not.");
            paint.text(Style::Bad, &text)
        }
    }
}

#[cfg(test)]
mod tests {
    use plugin_abi::manage::{Jitter, LostCounts};

    use super::super::expectations::Expectation;
    use super::super::recording::{Impaired, Switch};
    use super::super::report::FlowReport;
    use super::super::script::Act;
    use super::super::setting::Setting;
    use super::*;

    fn report() -> Report {
        let delay = |mean| {
            Some(Delay {
                min: mean,
                mean,
                max: mean,
                p50: mean,
                p95: mean,
                p99: mean,
            })
        };
        Report {
            plugin: PluginReport {
                path: "libautoflow_plugin.so".into(),
                abi: "1.0".to_owned(),
            },
            seconds: 30,
            seed: 1,
            lines: vec![LineReport {
                name: "A".to_owned(),
                sent: 1500,
                samples: 1464,
                round_trip_us: delay(20_412.0),
                inbound_us: delay(10_205.0),
                outbound_us: delay(10_207.0),
                jitter_us: Jitter {
                    round_trip: Some(310.0),
                    ..Jitter::default()
                },
                loss: LostCounts {
                    forward: Some(22),
                    backward: Some(14),
                    unattributed: 0,
                    percent: Some(2.4),
                },
                score: Some(97),
                scores: [("voice", Some(97))].into(),
            }],
            emulator: vec![Truth {
                line: "A".to_owned(),
                dropped_forward: 22,
                dropped_backward: 14,
                imposed_forward_us: Some(10_118.0),
                imposed_backward_us: Some(10_067.0),
            }],
            impairments: vec![Impaired {
                at_s: 3.75,
                line: "A",
                what: Act::BrownsOut.says(),
                act: Act::BrownsOut,
            }],
            switches: vec![Switch {
                at_s: 4.9,
                class: "voice".to_owned(),
                from: Some("A".to_owned()),
                to: Some("B".to_owned()),
                reason: "loss",
                sentence: "A loses 4.9 %, 0.5 % is allowed".to_owned(),
                traffic_at_s: Some(4.907),
            }],
            flows: vec![FlowReport {
                class: "voice",
                sent: 1500,
                received: 1498,
                lost: 2,
                dropped: 2,
            }],
            expectations: vec![Expectation {
                what: "voice leaves A after it browned out".to_owned(),
                met: true,
                after_s: Some(1.157),
                found: "A → B after 1.16 s".to_owned(),
            }],
            collectors: Vec::new(),
            configuration: Setting::of_process(1).near(),
        }
    }

    #[test]
    fn the_summary_sets_the_truth_beside_the_measurement() {
        let expected = "
Measured by the plugin, beside what the emulator did to the same probes

line            probes  lost out  lost in  lost %  round trip     out      in  jitter
A     measured    1500        22       14    2.40      20.412  10.207  10.205   0.310
      emulated                22       14              20.185  10.118  10.067

Delays are means in ms; out and in add up to the round trip. Both ends have one clock here, so
out and in are levels, not only variation. What is measured beyond the emulated is this
machine's own: sockets and waking threads.

What happened

  3.8 s  A browns out: 3 % lost forward, 2 % backward
  4.9 s  voice: A → B (loss)
         A loses 4.9 %, 0.5 % is allowed
         the first packet followed after 7 ms

The traffic

class  sent  received  lost  lost %  dropped by the emulator
voice  1500      1498     2    0.13                        2

What should have happened

✓  voice leaves A after it browned out  A → B after 1.16 s

Everything that should have happened did.
";
        assert_eq!(closing(&report(), Paint::PLAIN), expected);
    }

    #[test]
    fn what_went_wrong_is_not_passed_over() {
        let mut report = report();
        report.switches[0].traffic_at_s = None;
        report.expectations[0].met = false;
        let text = closing(&report, Paint::PLAIN);
        assert!(text.contains("no packet followed"));
        assert!(text.contains("✗  voice leaves A"));
        assert!(text.ends_with("1 of 1 things that should have happened did not.\n"));
    }

    #[test]
    fn the_opening_has_a_configuration_to_copy() {
        let report = report();
        let text = opening(&report.plugin, &report.configuration, Paint::PLAIN).unwrap();
        let (_, toml) = text.split_once("an ordinary one\n\n").unwrap();
        let read: Config = toml::from_str(toml).unwrap();
        assert_eq!(read, report.configuration);
    }

    #[test]
    fn the_json_has_what_scripts_look_for() {
        let json = serde_json::to_value(report()).unwrap();
        assert_eq!(json["plugin"]["abi"], "1.0");
        assert_eq!(json["lines"][0]["name"], "A");
        assert_eq!(json["lines"][0]["samples"], 1464);
        assert_eq!(json["lines"][0]["round_trip_us"]["mean"], 20_412.0);
        assert_eq!(json["lines"][0]["loss"]["forward"], 22);
        assert_eq!(json["lines"][0]["score"], 97);
        assert_eq!(json["impairments"][0]["at_s"], 3.75);
        assert_eq!(json["impairments"][0]["line"], "A");
        assert!(json["impairments"][0]["what"].is_string());
        for key in ["at_s", "class", "from", "to", "reason"] {
            assert!(!json["switches"][0][key].is_null(), "{key}");
        }
        assert_eq!(json["flows"][0]["lost"], 2);
        assert_eq!(json["emulator"][0]["dropped_forward"], 22);
        assert_eq!(json["expectations"][0]["met"], true);
        assert_eq!(json["configuration"]["mode"], "act");
    }
}
