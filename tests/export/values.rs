//! What arrives are the values of the results that they came from.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use autoflow_tests::{address, artifacts};
use plugin_abi::manage::SessionResult;
use serde_json::{Value, json};

use crate::engine::{Exporting, collector, records};
use crate::sink::Sink;

/// So many results, each twice: over UDP and over TCP.
const MANY: usize = 10_000;

/// The records in a stream, as Python reads them; `None` without its module.
pub(crate) fn decoded(stream: &[u8]) -> Option<Vec<Value>> {
    let module = artifacts().root.join("target/oracles/python/ipfix");
    if !module.exists() {
        let reason = "Python's ipfix is not installed; tests/oracles installs it";
        autoflow_tests::oracle::missing(reason);
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("stream.ipfix");
    std::fs::write(&file, stream).unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("python3")
        .arg(here.join("export/decode.py"))
        .arg(here.join("../docs/ipfix-elements.xml"))
        .arg(&file)
        .env("PYTHONPATH", module.with_file_name(""))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    Some(
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    )
}

/// Microseconds as nanoseconds.
fn nanos(micros: f64) -> i64 {
    (micros * 1e3).round() as i64
}

/// What a record has to say of this result.
fn expected(result: &SessionResult) -> BTreeMap<&'static str, Value> {
    let mut expected = BTreeMap::from([
        ("twampSessionId", json!(result.session_id)),
        ("twampSessionMode", json!(result.mode)),
        ("sourceIPv4Address", json!(result.local.ip())),
        ("destinationIPv4Address", json!(result.remote.ip())),
        ("sourceTransportPort", json!(result.local.port())),
        ("destinationTransportPort", json!(result.remote.port())),
        ("packetDeltaCount", json!(result.sent)),
        (
            "octetDeltaCount",
            json!(result.sent * u64::from(result.figures.packet_octets.forward.unwrap_or(0))),
        ),
        ("ipDiffServCodePoint", json!(result.figures.asked.dscp)),
        ("ipClassOfService", json!(result.figures.asked.dscp << 2)),
        ("twampProbesSentTotalCount", json!(result.sent)),
        ("twampProbesReceivedTotalCount", json!(result.received)),
        ("twampProbesInFlightCount", json!(result.in_flight)),
        ("twampProbesSetAsideTotalCount", json!(result.set_aside)),
        ("twampProbesLateTotalCount", json!(result.late)),
        ("twampRepliesReorderedTotalCount", json!(result.reordered)),
        (
            "twampProbesLostUnattributedCount",
            json!(result.lost.unattributed),
        ),
        ("twampClocksSynchronised", json!(result.clock.synchronised)),
        ("twampKernelStamps", json!(result.stamps != "user")),
    ]);
    let mut known = |name, value: Option<Value>| {
        if let Some(value) = value {
            expected.insert(name, value);
        }
    };
    known(
        "twampProbesLostForwardTotalCount",
        result.lost.forward.map(Value::from),
    );
    known(
        "twampProbesLostBackwardTotalCount",
        result.lost.backward.map(Value::from),
    );
    known(
        "twampClockOffsetNanoseconds",
        result.clock.offset_us.map(|us| json!(nanos(us))),
    );
    known(
        "twampForwardTosSeen",
        result
            .seen
            .dscp_forward
            .map(|dscp| json!(dscp << 2 | result.seen.ecn_forward.unwrap_or(0))),
    );
    let round_trip = |pick: fn(&plugin_abi::manage::Delay) -> f64| {
        result
            .round_trip_us
            .as_ref()
            .map(|delay| json!(nanos(pick(delay))))
    };
    known(
        "twampRoundTripMinNanoseconds",
        round_trip(|delay| delay.min),
    );
    known(
        "twampRoundTripMeanNanoseconds",
        round_trip(|delay| delay.mean),
    );
    known(
        "twampRoundTripMaxNanoseconds",
        round_trip(|delay| delay.max),
    );
    known(
        "twampRoundTripP95Nanoseconds",
        round_trip(|delay| delay.p95),
    );
    let outbound = |pick: fn(&plugin_abi::manage::Delay) -> f64| {
        result
            .outbound_us
            .as_ref()
            .map(|delay| json!(nanos(pick(delay))))
    };
    known("twampOutboundMinNanoseconds", outbound(|delay| delay.min));
    known("twampOutboundMeanNanoseconds", outbound(|delay| delay.mean));
    known("twampOutboundP95Nanoseconds", outbound(|delay| delay.p95));
    let inbound = |pick: fn(&plugin_abi::manage::Delay) -> f64| {
        result
            .inbound_us
            .as_ref()
            .map(|delay| json!(nanos(pick(delay))))
    };
    known("twampInboundMeanNanoseconds", inbound(|delay| delay.mean));
    known("twampInboundMaxNanoseconds", inbound(|delay| delay.max));
    known("twampInboundP95Nanoseconds", inbound(|delay| delay.p95));
    expected
}

#[test]
fn ten_thousand_results_arrive_over_udp_and_tcp_with_the_values_that_the_host_is_told() {
    let ip = address::own().into();
    let (udp, tcp) = (Sink::udp(ip), Sink::tcp(ip));
    let collectors = json!([
        collector("udp", &udp.at, "udp"),
        collector("tcp", &tcp.at, "tcp")
    ]);
    let engine = Exporting::to(&collectors, json!({}));
    engine.run(MANY);
    let (results, rows) = engine.end();
    assert_eq!(results.len(), MANY);
    for row in &rows {
        assert_eq!((row.sent, row.dropped), (records(&results), 0), "{row:?}");
    }
    let answered = results
        .values()
        .filter(|result| result.round_trip_us.is_some())
        .count();
    assert!(answered > MANY / 2, "{answered} were answered");
    for stream in [udp.end().concat(), tcp.end().concat()] {
        let Some(heard) = decoded(&stream) else {
            return;
        };
        // Of each its record, and the quantiles beside it.
        let of_runs = heard.iter().filter(|record| record.get("flowId").is_some());
        let (by_run, quantiles): (Vec<&Value>, Vec<&Value>) =
            of_runs.partition(|record| record.get("sourceTransportPort").is_some());
        let [by_run, quantiles] = [by_run, quantiles].map(|records| {
            let records = records.into_iter();
            let by_run = records.map(|record| (record["flowId"].as_u64().unwrap(), record));
            by_run.collect::<BTreeMap<u64, &Value>>()
        });
        assert_eq!((by_run.len(), quantiles.len()), (MANY, answered));
        for (run, result) in &results {
            let record = by_run[run];
            for (name, value) in expected(result) {
                assert_eq!(record[name], value, "{name} of run {run}: {record}");
            }
            // It has sixteenths, which are rounded here and there.
            if let Some(jitter) = record["twampInboundJitterNanoseconds"].as_i64() {
                let told = nanos(result.jitter_us.inbound.unwrap());
                assert!(jitter.abs_diff(told) <= 1, "{told}: {record}");
            }
            let answered = record.get("twampRoundTripMeanNanoseconds").is_some();
            assert_eq!(answered, result.round_trip_us.is_some(), "{record}");
            for (way, delay) in [
                ("Outbound", result.outbound_us),
                ("Inbound", result.inbound_us),
            ] {
                let Some(delay) = delay else { continue };
                for (q, value) in [("P50", delay.p50), ("P99", delay.p99)] {
                    let name = format!("twamp{way}{q}Nanoseconds");
                    assert_eq!(quantiles[run][&name], nanos(value), "{name} of run {run}");
                }
            }
        }
    }
}
