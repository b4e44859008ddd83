//! Whole exporters against collectors that listen, are lost, come back, and never read.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use plugin_abi::config::{Collector, Export, Mode, Transport};
use plugin_abi::manage::{CollectorRow, CollectorState};
use twamp_core::time::Wall;

use super::decoder::{Decoded, Decoder};
use super::*;
use crate::export::record::STATISTICS;

/// What is waited for comes within this, or never.
const PATIENCE: Duration = Duration::from_secs(30);
/// Elements of ours: the group's id.
const GROUP: (u32, u16) = (32_473, 100);

/// Tells a collector of as many records as it is asked to, each with a number of its own.
struct Teller {
    exporter: Exporter,
    next: u64,
}

impl Teller {
    fn new(collectors: Vec<Collector>) -> Self {
        let exporter = Exporter::default();
        let export = Export {
            collectors,
            ..Export::default()
        };
        exporter.configure(&export, &log::Queue::new());
        Self { exporter, next: 0 }
    }

    fn tell(&mut self, count: u64) {
        let numbers = self.next..self.next + count;
        self.next += count;
        self.exporter.offer(numbers.map(numbered).collect());
    }

    fn row(&self) -> CollectorRow {
        self.exporter.rows().remove(0)
    }

    fn until(&self, what: &str, is: impl Fn(&CollectorRow) -> bool) -> CollectorRow {
        until(what, || Some(self.row()).filter(&is))
    }

    /// How the collector stands after the end; nothing may be uncounted.
    fn end(&self) -> CollectorRow {
        self.exporter.close();
        let row = self.row();
        assert_eq!(row.queued, 0);
        assert_eq!(row.sent + row.dropped, row.produced);
        assert_eq!(row.produced, self.next);
        row
    }
}

fn numbered(number: u64) -> Record {
    Record::Choice(Box::new(ChoiceRecord {
        at: Wall(0),
        group: (number, "hub".into()),
        class: (2, "voice".into()),
        line: number
            .is_multiple_of(2)
            .then(|| (number, format!("line {number}"))),
        answer: 1,
        reason: 1,
        mode: Mode::Act,
    }))
}

fn until<T>(what: &str, found: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn collector(at: SocketAddr, transport: Transport) -> Collector {
    Collector {
        retry_s: 1,
        ..Collector::new("it", &at.to_string(), transport)
    }
}

/// A collector over UDP that understands nothing but what it has heard itself.
struct Sink {
    socket: UdpSocket,
    decoder: Decoder,
    numbers: Vec<u64>,
    /// Octets of the largest message.
    largest: usize,
    began: bool,
}

impl Sink {
    fn new(at: SocketAddr) -> Self {
        let socket = UdpSocket::bind(at).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        Self {
            socket,
            decoder: Decoder::default(),
            numbers: Vec::new(),
            largest: 0,
            began: false,
        }
    }

    fn at(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    /// Reads until nothing comes any more, or `count` records have.
    fn read(&mut self, count: usize) {
        let mut octets = [0; 65_536];
        let deadline = Instant::now() + PATIENCE;
        while self.numbers.len() < count && Instant::now() < deadline {
            let Ok(length) = self.socket.recv(&mut octets) else {
                if count == usize::MAX {
                    return;
                }
                continue;
            };
            let message = &octets[..length];
            if !std::mem::replace(&mut self.began, true) {
                // One that comes later hears higher numbers.
                self.decoder.sequence = u32::from_be_bytes(message[8..12].try_into().unwrap());
            }
            self.largest = self.largest.max(length);
            let records = self.decoder.message(message);
            self.numbers.extend(numbers(&records));
        }
    }
}

/// The numbers of the records, and whether all else of them is right.
fn numbers(records: &[Decoded]) -> Vec<u64> {
    let results = records.iter().filter(|record| record.template > STATISTICS);
    let number = |record: &Decoded| {
        let number = record.unsigned(GROUP.0, GROUP.1).unwrap();
        let line = record.text(GROUP.0, 8);
        let expected = number.is_multiple_of(2).then(|| format!("line {number}"));
        assert_eq!(line, expected.as_deref());
        number
    };
    results.map(number).collect()
}

/// Reads a connection to its end.
fn read_tcp(stream: &mut TcpStream) -> Vec<u64> {
    let (mut octets, mut decoder) = (Vec::new(), Decoder::default());
    // An end that is no end of a message comes of a lost connection.
    let _ = stream.read_to_end(&mut octets);
    let (mut rest, mut found) = (&octets[..], Vec::new());
    while rest.len() >= 4 {
        let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        let Some((message, after)) = rest.split_at_checked(length) else {
            break;
        };
        found.extend(numbers(&decoder.message(message)));
        rest = after;
    }
    found
}

#[test]
fn ten_thousand_records_arrive_over_udp_and_tcp_at_once_each_once_and_in_order() {
    let mut sink = Sink::new((Ipv4Addr::LOCALHOST, 0).into());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut teller = Teller::new(vec![
        collector(sink.at(), Transport::Udp),
        Collector {
            name: "other".into(),
            ..collector(listener.local_addr().unwrap(), Transport::Tcp)
        },
    ]);
    let (mut stream, _) = listener.accept().unwrap();
    let reading = std::thread::spawn(move || read_tcp(&mut stream));
    for batch in 1..=100 {
        teller.tell(100);
        sink.read(batch * 100);
    }
    let all: Vec<u64> = (0..10_000).collect();
    assert_eq!(sink.numbers, all);
    let row = teller.end();
    assert_eq!((row.sent, row.dropped, row.announced), (10_000, 0, 1));
    assert_eq!(reading.join().unwrap(), all);
}

#[test]
fn no_message_is_larger_than_the_path_lets_pass() {
    let mut sink = Sink::new((Ipv4Addr::LOCALHOST, 0).into());
    let mut teller = Teller::new(vec![Collector {
        mtu: 576,
        ..collector(sink.at(), Transport::Udp)
    }]);
    teller.tell(200);
    sink.read(200);
    assert!((400..=576 - 28).contains(&sink.largest), "{}", sink.largest);
}

#[test]
fn a_collector_over_udp_that_is_away_for_a_while_understands_what_comes_after_and_all_is_counted() {
    let mut first = Sink::new((Ipv4Addr::LOCALHOST, 0).into());
    let at = first.at();
    let mut teller = Teller::new(vec![Collector {
        queue: 500,
        ..collector(at, Transport::Udp)
    }]);
    teller.tell(300);
    first.read(300);
    first.read(usize::MAX);
    drop(first.socket);
    // Half of these have no room, and the first ones find out that nobody listens.
    for _ in 0..10 {
        teller.tell(100);
        std::thread::sleep(Duration::from_millis(20));
    }
    let row = teller.until("refused", |row| row.state == CollectorState::Refused);
    assert!(row.trouble.unwrap().contains("nobody listens"));
    assert!(row.dropped >= 500, "{}", row.dropped);

    let mut second = Sink::new(at);
    let row = teller.until("it is back", |row| {
        second.socket.peek(&mut [0; 16]).is_ok() && row.state == CollectorState::Sending
    });
    assert!(row.trouble.is_none());
    teller.tell(10);
    until("the last one", || {
        let row = teller.row();
        (row.queued == 0).then_some(())
    });
    second.read(usize::MAX);
    let row = teller.end();
    assert_eq!(second.numbers.last(), Some(&(teller.next - 1)));
    let received = 300 + second.numbers.len() as u64;
    assert_eq!(received, row.sent, "what was sent has arrived");
    assert!(row.announced > 1);
}

#[test]
fn a_collector_over_tcp_that_is_away_for_a_while_hears_templates_first_and_all_is_counted() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = listener.local_addr().unwrap();
    let mut teller = Teller::new(vec![Collector {
        queue: 500,
        ..collector(at, Transport::Tcp)
    }]);
    let (stream, _) = listener.accept().unwrap();
    teller.tell(300);
    teller.until("sent", |row| row.sent == 300);
    drop((stream, listener));
    let row = teller.until("refused", |row| row.state == CollectorState::Refused);
    assert_eq!(row.sent, 300);
    teller.tell(1_000);

    let listener = TcpListener::bind(at).unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    let reading = std::thread::spawn(move || read_tcp(&mut stream));
    teller.until("all is sent", |row| row.queued == 0);
    let row = teller.end();
    let last: Vec<u64> = (800..1_300).collect();
    assert_eq!(reading.join().unwrap(), last, "the newest that had room");
    assert_eq!((row.sent, row.dropped, row.connections), (800, 500, 2));
}

#[test]
fn a_collector_that_never_reads_is_told_as_such_and_holds_nobody_up() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut teller = Teller::new(vec![Collector {
        queue: 1_000,
        ..collector(listener.local_addr().unwrap(), Transport::Tcp)
    }]);
    let _stream = listener.accept().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while teller.row().state != CollectorState::Stalled {
        assert!(Instant::now() < deadline, "it is never told");
        // Would it wait for room, it waited for ever.
        teller.tell(500);
        std::thread::sleep(Duration::from_millis(1));
    }
    let row = teller.row();
    assert!(row.trouble.unwrap().contains("reads nothing"));
    assert!(row.dropped > 0 && row.queued >= 1_000);
    assert_eq!(row.produced, row.sent + row.dropped + row.queued);
    teller.end();
}

#[test]
fn a_name_that_nobody_knows_and_a_closed_port_are_told_apart() {
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = closed.local_addr().unwrap();
    drop(closed);
    for (collector, state, words) in [
        (
            Collector::new("it", "nowhere.invalid:4739", Transport::Udp),
            CollectorState::Unresolved,
            "mend the name",
        ),
        (
            collector(at, Transport::Tcp),
            CollectorState::Refused,
            "nobody listens",
        ),
        (
            collector(at, Transport::Udp),
            CollectorState::Refused,
            "nobody listens",
        ),
    ] {
        let mut teller = Teller::new(vec![collector]);
        let row = teller.until("trouble", |row| row.state == state);
        assert!(row.trouble.unwrap().contains(words));
        teller.tell(5);
        assert_eq!(teller.end().dropped, 5);
    }
}

#[test]
fn a_collector_that_stays_as_it_is_notices_no_change_and_one_that_goes_is_left() {
    let [mut stays, mut goes] = [0, 0].map(|port| Sink::new((Ipv4Addr::LOCALHOST, port).into()));
    let [one, two] = [&stays, &goes].map(|sink| Collector {
        name: sink.at().to_string(),
        ..collector(sink.at(), Transport::Udp)
    });
    let mut teller = Teller::new(vec![one.clone(), two]);
    teller.tell(5);
    stays.read(5);
    goes.read(5);
    let export = Export {
        collectors: vec![one],
        ..Export::default()
    };
    teller.exporter.configure(&export, &log::Queue::new());
    teller.tell(5);
    stays.read(10);
    goes.read(usize::MAX);
    assert_eq!(goes.numbers.len(), 5);
    assert_eq!(teller.end().announced, 1);
    let nobody = Export::default();
    teller.exporter.configure(&nobody, &log::Queue::new());
    assert!(!teller.exporter.is_active());
}

/// What a record costs, for people: `cargo test --release -p autoflow-plugin --lib -- --ignored
/// --nocapture what_a_record_costs`.
#[test]
#[ignore = "a figure, no judgement"]
fn what_a_record_costs() {
    use super::stream::{Origin, Pushed, Stream};
    let origin = Origin {
        domain: 1,
        enterprise: 32_473,
    };
    for (what, record) in [
        ("a choice", numbered(2)),
        ("a session", super::stream::tests::richest_session()),
    ] {
        let mut stream = Stream::new(origin, 1_372);
        let mut rounds: Vec<f64> = (0..9)
            .map(|_| {
                let (began, mut count) = (Instant::now(), 0_u32);
                while count < 100_000 {
                    match stream.push(&record) {
                        Pushed::Taken => count += 1,
                        Pushed::Full => drop(stream.take(1)),
                        Pushed::Unannounced(template) => drop(stream.introduce(template, 1)),
                    }
                }
                began.elapsed().as_nanos() as f64 / f64::from(count)
            })
            .collect();
        rounds.sort_by(f64::total_cmp);
        let [least, middle, most] = [0, 4, 8].map(|at| rounds[at]);
        println!("{what}: {middle:.0} ns a record ({least:.0} to {most:.0})");
    }
}
