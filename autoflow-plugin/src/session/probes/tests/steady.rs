//! What a thread costs that has run for a while: real sockets, but no threads.

use std::net::UdpSocket;

use twamp_core::probe::{Reflector, ReflectorConfig};

use super::*;
use crate::net::{Event, allocations, clock};

/// A thread with sessions on some paths, from each of them to each of some far ends.
struct Running {
    probes: Probes,
    net: Net<Token>,
    far: Vec<(UdpSocket, Reflector)>,
    packet: [u8; 256],
    reply: Vec<u8>,
}

impl Running {
    fn new(paths: usize, far: usize, interval: Duration) -> Self {
        let End {
            probes, mut net, ..
        } = End::new();
        let mut spec = PathSpec::new("127.0.0.1:0".parse().unwrap());
        spec.unhurried = true;
        let paths: Vec<_> = (0..paths).map(|_| net.open(&spec).unwrap().0).collect();
        let far = (0..far).map(|_| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_nonblocking(true).unwrap();
            // Of several sessions: what it counts of each means nothing.
            let reflector = Reflector::new(ReflectorConfig::default(), clock().mono);
            (socket, reflector)
        });
        let mut running = Self {
            probes,
            net,
            far: far.collect(),
            packet: [0; 256],
            reply: Vec::new(),
        };
        for path in paths {
            for (socket, _) in &running.far {
                let stream = Stream {
                    path,
                    to: socket.local_addr().unwrap(),
                    interval,
                    count: None,
                    timeout: Duration::from_secs(1),
                    stateful: false,
                    meter: None,
                    rhythm: Rhythm::Periodic,
                    dialect: twamp(&TestSecurity::Open),
                };
                let key = Key::new();
                running.probes.order(Order::Send { key, stream }, clock());
            }
        }
        running
    }

    /// One turn of the near end; then the far ends answer. Answers what it took from the heap.
    fn turn(&mut self) -> u64 {
        let (probes, net) = (&mut self.probes, &mut self.net);
        let (report, taken) = allocations(|| {
            net.wait(probes.poll_timeout()).unwrap();
            while let Some(event) = net.poll() {
                match event {
                    Event::Sent(sent) => probes.handle_sent(sent),
                    Event::Notice(notice) => probes.handle_notice(notice),
                    Event::Datagram(datagram) => {
                        probes.handle_datagram(&datagram, &mut Outbox::default());
                    }
                }
            }
            let now = clock();
            probes.handle_timeout(now, net);
            net.flush();
            probes.poll_report(now)
        });
        if let Some(report) = report {
            let read = Order::Reuse(Box::new(report));
            self.probes.order(read, clock());
        }
        for (socket, reflector) in &mut self.far {
            while let Ok((len, from)) = socket.recv_from(&mut self.packet) {
                let now = clock();
                let arrival = Arrival {
                    mono: now.mono,
                    user: now.wall,
                    ..Arrival::default()
                };
                let error = ErrorEstimate::new(false, 1_000);
                reflector
                    .reflect(&self.packet[..len], &arrival, error, &mut self.reply)
                    .unwrap();
                socket.send_to(&self.reply, from).unwrap();
            }
        }
        taken
    }

    /// Runs until so many replies have come.
    fn until(&mut self, received: u64) -> u64 {
        let mut taken = 0;
        while self.probes.counters.received < received {
            taken += self.turn();
        }
        taken
    }
}

#[test]
fn probes_and_replies_take_nothing_from_the_heap_once_all_has_run_for_a_while() {
    let mut running = Running::new(1, 8, Duration::from_millis(1));
    // Each session has its full memory of probes, and reports have had their size twice.
    let warm = 8 * 600;
    assert!(running.until(warm) > 0, "the counter counts");
    // A burst that this machine makes of what was delayed lets some grow; what grows with the
    // probes does so in each round.
    let rounds = (1..=5).map(|round| running.until(warm + round * 2_000));
    let least = rounds.min().unwrap_or_default();
    assert!(least <= 8, "{least} times for 2,000 probes");
}

#[test]
fn wake_ups_are_bounded_by_slots_and_not_by_probes() {
    let mut running = Running::new(25, 16, Duration::from_millis(100));
    running.until(2_000);
    let before = (running.net.counters().wakeups, running.probes.counters.sent);
    let began = clock().mono;
    running.until(8_000);
    let slots = clock().mono.since(began).as_millis() as u64;
    let wakeups = running.net.counters().wakeups - before.0;
    let sent = running.probes.counters.sent - before.1;
    // 4,000 probes a second, and as many replies: a wake-up for each slot, and a few for reports.
    assert!(wakeups <= slots + slots / 8 + 20, "{wakeups} in {slots} ms");
    assert!(wakeups * 3 <= sent, "{wakeups} for {sent} probes");
}
