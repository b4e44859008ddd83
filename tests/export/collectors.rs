//! What collectors of other makes say to our stream.

use std::fs::read_to_string;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use autoflow_tests::oracle::missing;
use autoflow_tests::{address, artifacts};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use plugin_abi::manage::SessionResult;
use serde_json::{Value, json};

use crate::engine::{Exporting, PATIENCE, collector, records};
use crate::pcap;
use crate::sink::Sink;

/// Runs, beside a line and its scores.
const RUNS: usize = 500;

/// One export, which all but the collectors that must be there themselves are asked about.
struct Told {
    datagrams: Vec<Vec<u8>>,
    connection: Vec<u8>,
}

/// A line that is measured, and a class that is put on it.
fn line(remote: IpAddr) -> Value {
    json!({
        "mode": "act",
        "probe": {"protocol": "stamp", "interval_ms": 10},
        "lines": [{"id": 1, "name": "fibre", "remote": format!("{remote}:8622"), "groups": [1]}],
        "groups": [{"id": 1, "name": "hub"}],
        "classes": [{"id": 1, "name": "voice", "sla": {"round_trip_ms": 500}}],
        "decision": {"stale_after_ms": 3_000, "dwell_ms": 1_000, "failback_ms": 1_000},
    })
}

fn told() -> &'static Told {
    static TOLD: OnceLock<Told> = OnceLock::new();
    TOLD.get_or_init(|| {
        let ip = address::own().into();
        let (udp, tcp) = (Sink::udp(ip), Sink::tcp(ip));
        let collectors = json!([
            collector("udp", &udp.at, "udp"),
            collector("tcp", &tcp.at, "tcp")
        ]);
        let engine = Exporting::every(1, &collectors, line);
        engine.run(RUNS);
        engine.until("scores and choices are told", |rows| {
            rows.iter().all(|row| row.sent > 2 * RUNS as u64 + 20)
        });
        engine.end();
        Told {
            datagrams: udp.end(),
            connection: tcp.end().concat(),
        }
    })
}

/// A program that is there; a reason is told if it isn't.
pub(crate) fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|directory| directory.join(program).is_file());
    if !found {
        missing(&format!(
            "{program} is not installed; tests/oracles installs it"
        ));
    }
    found
}

/// What a program prints, and its complaints.
pub(crate) fn output(command: &mut Command) -> (String, String) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |octets| String::from_utf8_lossy(octets).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        text(&output.stderr)
    );
    (text(&output.stdout), text(&output.stderr))
}

/// Another maker's collector at work; killed when dropped.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).spawn().unwrap())
    }

    fn end(mut self) {
        let id = Pid::from_raw(i32::try_from(self.0.id()).unwrap());
        kill(id, Signal::SIGINT).unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until something is bound to a UDP port.
fn until_bound(at: SocketAddr) {
    let deadline = Instant::now() + PATIENCE;
    while std::net::UdpSocket::bind(at).is_ok() {
        assert!(Instant::now() < deadline, "nothing listens at {at}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn elements() -> String {
    let file = artifacts().root.join("docs/ipfix-elements.xml");
    file.to_str().unwrap().to_owned()
}

#[test]
fn libfixbuf_names_every_element_by_what_the_stream_says_of_them_and_by_our_document() {
    if !is_there("ipfixDump") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("stream.ipfix");
    for stream in [&told().datagrams.concat(), &told().connection] {
        std::fs::write(&file, stream).unwrap();
        let dump = |options: &[&str]| {
            let mut command = Command::new("ipfixDump");
            output(command.args(options).arg("--in").arg(&file))
        };
        let elements = format!("--element-file={}", elements());
        for options in [&["--rfc5610", &elements][..], &[&elements]] {
            let (text, complaints) = dump(options);
            assert!(!text.contains("alien"), "{options:?}: {text}");
            assert_eq!(complaints, "");
            for name in [
                "twampRoundTripMeanNanoseconds",
                "twampLineScore",
                "twampSentence",
            ] {
                assert!(text.contains(name), "{name}");
            }
        }
        // By the stream alone: all but what is younger than this collector, and IANA's.
        let (text, complaints) = dump(&["--rfc5610"]);
        assert_eq!(complaints, "");
        let unknown = text.lines().filter(|line| line.contains("alien"));
        for line in unknown.filter(|line| line.contains("ent:")) {
            let young = ["530", "531", "532", "533"];
            let is_young = young.iter().any(|id| line.contains(&format!("id:   {id}")));
            assert!(is_young && line.contains("ent:     0"), "{line}");
        }
    }
}

#[test]
fn tshark_finds_no_malformed_message() {
    if !is_there("tshark") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("udp.pcap");
    let datagrams = &told().datagrams;
    std::fs::write(&file, pcap::capture(datagrams)).unwrap();
    let mut tshark = Command::new("tshark");
    let words = ["-n", "-d", "udp.port==4739,cflow", "-V", "-r"];
    let (text, _) = output(tshark.args(words).arg(&file));
    let messages = text.matches("Cisco NetFlow/IPFIX").count();
    assert_eq!(messages, datagrams.len());
    for trouble in ["Malformed", "No template found", "Unexpected flowset"] {
        assert!(!text.contains(trouble), "{trouble}");
    }
    assert!(text.contains("SrcPort") && text.contains("Enterprise Private entry"));
}

#[test]
fn nfcapd_stores_each_result_and_misses_no_number() {
    if !is_there("nfcapd") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let at = SocketAddr::new(address::own().into(), 4_739);
    let (path, log) = (directory.path().join("flows"), directory.path().join("log"));
    std::fs::create_dir(&path).unwrap();
    let mut command = Command::new("nfcapd");
    let words = [
        "-b",
        &at.ip().to_string(),
        "-p",
        "4739",
        "-t",
        "3600",
        "-B",
        "8000000",
    ];
    let complaints = std::fs::File::create(&log).unwrap();
    command.args(words).arg("-w").arg(&path);
    let nfcapd = Running::start(command.stdout(Stdio::null()).stderr(complaints));
    until_bound(at);
    let engine = Exporting::to(&json!([collector("nfcapd", &at, "udp")]), json!({}));
    engine.run(RUNS);
    let (results, rows) = engine.end();
    assert_eq!((rows[0].sent, rows[0].dropped), (records(&results), 0));
    std::thread::sleep(Duration::from_secs(1));
    nfcapd.end();
    let said = read_to_string(&log).unwrap();
    let packets: u64 = results.values().map(|result| result.sent).sum();
    let octets: u64 = results.values().map(sent_octets).sum();
    let summary = format!(
        "Flows: {RUNS}, Packets: {packets}, Bytes: {octets}, Sequence Errors: 0, Bad Packets: 0"
    );
    assert!(said.contains(&summary), "{summary}: {said}");
}

fn sent_octets(result: &SessionResult) -> u64 {
    result.sent * u64::from(result.figures.packet_octets.forward.unwrap_or(0))
}

/// `nfacctd`, told of a few of our elements, printing into a file.
fn nfacctd(directory: &Path, at: SocketAddr) -> (Running, std::path::PathBuf) {
    let (primitives, output) = (directory.join("primitives"), directory.join("records"));
    std::fs::write(
        &primitives,
        "name=run field_type=148 len=8 semantics=u_int\n\
         name=mean_us field_type=32473:47 len=8 semantics=u_int\n\
         name=mean_ns field_type=32473:41 len=8 semantics=raw\n\
         name=offset_ns field_type=32473:76 len=8 semantics=raw\n\
         name=session field_type=32473:1 len=vlen semantics=str\n",
    )
    .unwrap();
    let config = directory.join("nfacctd.conf");
    let mut file = std::fs::File::create(&config).unwrap();
    write!(
        file,
        "daemonize: false\nnfacctd_ip: {}\nnfacctd_port: {}\nplugins: print\n\
         print_refresh_time: 1\nprint_output: json\nprint_output_file: {}\n\
         print_output_file_append: true\naggregate_primitives: {}\n\
         aggregate: src_host, dst_host, src_port, dst_port, tos, run, mean_us, mean_ns, \
         offset_ns, session\n",
        at.ip(),
        at.port(),
        output.display(),
        primitives.display()
    )
    .unwrap();
    let log = || std::fs::File::create(directory.join("log")).unwrap();
    let mut command = Command::new("nfacctd");
    command.arg("-f").arg(&config);
    let running = Running::start(command.stdout(log()).stderr(log()));
    (running, output)
}

/// A signed number as pmacct prints raw octets.
fn raw(number: i64) -> String {
    let octets = number.to_be_bytes().map(|octet| format!("{octet:02X}"));
    octets.join("-")
}

#[test]
fn pmacct_writes_our_values_to_its_output_signed_ones_too() {
    if !is_there("nfacctd") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let at = SocketAddr::new(address::own().into(), 4_739);
    let (nfacctd, file) = nfacctd(directory.path(), at);
    until_bound(at);
    let engine = Exporting::to(&json!([collector("nfacctd", &at, "udp")]), json!({}));
    engine.run(RUNS);
    let (results, _) = engine.end();
    let deadline = Instant::now() + PATIENCE;
    let rows = loop {
        let text = read_to_string(&file).unwrap_or_default();
        let rows: Vec<Value> = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .filter(|row: &Value| row["packets"].is_u64())
            .collect();
        if rows.len() >= RUNS {
            break rows;
        }
        assert!(
            Instant::now() < deadline,
            "{} records of {RUNS}",
            rows.len()
        );
        std::thread::sleep(Duration::from_millis(200));
    };
    nfacctd.end();
    assert_eq!(rows.len(), RUNS);
    let (mut negative, mut seen) = (0, 0);
    for row in &rows {
        let run: u64 = row["run"].as_str().unwrap().parse().unwrap();
        let result = &results[&run];
        assert_eq!(row["packets"], json!(result.sent));
        assert_eq!(row["bytes"], json!(sent_octets(result)));
        assert_eq!(row["port_src"], json!(result.local.port()));
        assert_eq!(row["tos"], json!(result.figures.asked.dscp << 2));
        assert_eq!(row["session"], json!(result.session_id));
        let (Some(delay), Some(offset)) = (&result.round_trip_us, result.clock.offset_us) else {
            continue;
        };
        let (mean, offset) = (
            (delay.mean * 1e3).round() as i64,
            (offset * 1e3).round() as i64,
        );
        assert_eq!(row["mean_us"], json!((mean / 1_000).to_string()));
        assert_eq!(row["mean_ns"], json!(raw(mean)));
        assert_eq!(row["offset_ns"], json!(raw(offset)));
        seen += 1;
        negative += u32::from(offset < 0);
    }
    assert!(
        seen > RUNS / 2 && negative > 0,
        "{seen} of {RUNS}, {negative} negative"
    );
}
