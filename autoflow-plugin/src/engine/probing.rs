//! A probe thread `twamp-io/n`: one wait for packets, the clock and orders.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use twamp_core::time::{Mono, Now};

use super::message::Told;
use super::paths::Paths;
use crate::fault::fault;
use crate::net::{Event, Net, NetError, Outgoing, Woken, clock};
use crate::session::outlet::{Outlet, Token};
use crate::session::probes::Probes;
use crate::session::{Order, Report};

/// A thread that died so often is not started again.
const STRIKES: u32 = 3;
/// Held up for longer than this, what is in flight says nothing about the lines.
const PAUSE: Duration = Duration::from_millis(150);

/// The way to `twamp-ctl`, with the number of the thread that tells.
pub(super) struct Teller {
    thread: u16,
    tell: UnboundedSender<Told>,
}

/// Runs until `Quit`. A panic is caught, and the loop goes on with its sessions: three times.
pub(super) fn run(mut paths: Paths, mut probes: Probes, orders: &Receiver<Order>, tell: &Teller) {
    for strike in 1..=STRIKES {
        let turn = AssertUnwindSafe(|| turns(&mut paths, &mut probes, orders, tell));
        match catch_unwind(turn) {
            Ok(Ok(())) => return,
            Ok(Err(error)) => return tell.failed(error.to_string()),
            // The panic hook has logged what it was.
            Err(_) => tracing::error!("the probe thread panicked ({strike} of {STRIKES})"),
        }
    }
    tell.failed(format!("the probe thread panicked {STRIKES} times"));
}

fn turns(
    paths: &mut Paths,
    probes: &mut Probes,
    orders: &Receiver<Order>,
    tell: &Teller,
) -> Result<(), NetError> {
    let mut replies = Replies::default();
    let mut ended = Mono(0);
    loop {
        let due = probes.poll_timeout();
        let woken = paths.net.wait(due)?;
        let turn = Turn::begin(probes, due, ended, woken);
        // Orders first: a session is ordered before its far end is told to begin.
        loop {
            match orders.try_recv() {
                Ok(Order::Bind {
                    spec,
                    handed,
                    ports,
                    far,
                    answer,
                }) => {
                    fault("twamp-io");
                    let bound = match handed {
                        Some(socket) => paths.net.adopt(socket, &spec),
                        None => paths.take(&spec, ports, far),
                    };
                    if let Err(Ok((path, _))) = answer.send(bound) {
                        paths.give_back(path, far);
                    }
                }
                Ok(Order::Leave { path, far }) => paths.give_back(path, Some(far)),
                Ok(Order::Close(path)) => {
                    probes.order(Order::Close(path), turn.began);
                    paths.give_back(path, None);
                }
                Ok(Order::Quit) | Err(TryRecvError::Disconnected) => {
                    let last = probes.report_now(turn.began);
                    tell.report(last, &paths.net);
                    return Ok(());
                }
                Ok(order) => probes.order(order, turn.began),
                Err(TryRecvError::Empty) => break,
            }
        }
        let net = &mut paths.net;
        probes.stamp_within(net.precision(turn.began.mono));
        while let Some(event) = net.poll() {
            turn.take(probes, event, &mut replies);
            if replies.queued.len() >= net.batch() {
                replies.leave(net);
            }
        }
        replies.leave(net);
        let now = clock();
        ended = now.mono;
        turn.end(probes, now, net);
        net.flush();
        // Most tokens are back by then, and need no turn of their own.
        while let Some(sent) = net.token() {
            probes.handle_sent(sent);
        }
        // At the same time: stopped in between, it would take its own silence for the line's.
        if let Some(report) = probes.poll_report(now) {
            tell.report(report, net);
        }
    }
}

/// One turn of the loop: what has arrived is taken, then what is due is done. Held up before
/// either, this thread can't tell what became of the probes in flight.
struct Turn {
    began: Now,
}

impl Turn {
    /// Woken from a wait for `due`, which began when the last turn `ended`: what was due before that
    /// was left over from it, for the work was too much for one turn. That is no pause. A stopped process that goes on is woken by no timer, but after
    /// its time all the same; a reply that waited for this thread is not late.
    fn begin(probes: &mut Probes, due: Option<Mono>, ended: Mono, woken: Woken) -> Self {
        let since_due = |due: Mono| woken.now.mono.since(due.max(ended));
        let late = due.map_or(Duration::ZERO, since_due).max(woken.late);
        excuse(probes, late, woken.now);
        Self { began: woken.now }
    }

    fn take(&self, probes: &mut Probes, event: Event<'_, Token>, replies: &mut Replies) {
        match event {
            Event::Sent(sent) => probes.handle_sent(sent),
            Event::Notice(notice) => probes.handle_notice(notice),
            Event::Datagram(datagram) => probes.handle_datagram(&datagram, replies),
        }
    }

    /// It may have been stopped since it began as well: a reply may wait that it has not seen.
    fn end(self, probes: &mut Probes, now: Now, out: &mut impl Outlet) {
        excuse(probes, now.mono.since(self.began.mono), now);
        probes.handle_timeout(now, out);
    }
}

/// Held up for `late`: nothing in flight is counted against a line.
fn excuse(probes: &mut Probes, late: Duration, now: Now) {
    if late > PAUSE {
        probes.handle_pause(late, now);
    }
}

impl Teller {
    pub(super) fn new(thread: u16, tell: UnboundedSender<Told>) -> Self {
        Self { thread, tell }
    }

    fn report(&self, mut report: Report, net: &Net<Token>) {
        report.counters.net = net.counters();
        let (thread, report) = (self.thread, Box::new(report));
        // Fails only when the engine is gone; then nobody wants to know.
        let _ = self.tell.send(Told::Report { thread, report });
    }

    fn failed(&self, why: String) {
        let _ = self.tell.send(Told::Failed(why));
    }
}

/// Replies to datagrams, which borrow the network while they are looked at. Nothing is allocated
/// for one: payloads go round.
#[derive(Default)]
struct Replies {
    queued: Vec<Outgoing<Token>>,
    spare: Vec<Vec<u8>>,
}

impl Replies {
    fn leave(&mut self, net: &mut Net<Token>) {
        if self.queued.is_empty() {
            return;
        }
        let count = self.queued.len();
        net.queue_all(&mut self.queued);
        net.flush();
        self.spare.extend((0..count).map(|_| net.buffer()));
    }
}

impl Outlet for Replies {
    fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    fn give_back(&mut self, payload: Vec<u8>) {
        self.spare.push(payload);
    }

    fn queue(&mut self, packet: Outgoing<Token>) {
        self.queued.push(packet);
    }
}

impl Outlet for Net<Token> {
    fn buffer(&mut self) -> Vec<u8> {
        Net::buffer(self)
    }

    fn queue(&mut self, packet: Outgoing<Token>) {
        Net::queue(self, packet);
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use plugin_abi::config::Config;
    use twamp_core::metrics::loss::LossCounts;
    use twamp_core::probe::{Arrival, Reflector, ReflectorConfig};
    use twamp_core::security::TestSecurity;
    use twamp_core::time::{ErrorEstimate, Wall};

    use super::*;
    use crate::net::{Datagram, Path, PathSpec};
    use crate::session::admission::Admission;
    use crate::session::rhythm::Rhythm;
    use crate::session::{Dialect, Key, Stream, Terms};

    /// A thread that has a probe in flight since 1000 ms. It sends one each 10 ms and gives one up
    /// after 50 ms. Times are invented; the network only lends its path.
    struct Thread {
        probes: Probes,
        packets: Replies,
        path: Path,
        _net: Net<Token>,
    }

    const FAR: &str = "192.0.2.1:862";

    fn at(ms: u64) -> Now {
        Now {
            mono: Mono(ms * 1_000_000),
            wall: Wall(1_800_000_000_000_000_000 + ms as i64 * 1_000_000),
        }
    }

    fn error() -> ErrorEstimate {
        ErrorEstimate::new(false, 1_000)
    }

    impl Thread {
        fn new() -> Self {
            let (mut net, _) = Net::new().unwrap();
            let spec = PathSpec::new("127.0.0.1:0".parse().unwrap());
            let (path, _) = net.open(&spec).unwrap();
            let mut thread = Self {
                probes: Probes::new(
                    Duration::from_secs(1),
                    error(),
                    Admission::new(&Config::default()),
                ),
                packets: Replies::default(),
                path,
                _net: net,
            };
            let stream = Stream {
                path,
                to: FAR.parse().unwrap(),
                interval: Duration::from_millis(10),
                rhythm: Rhythm::Periodic,
                count: Some(1),
                timeout: Duration::from_millis(50),
                stateful: true,
                meter: None,
                dialect: Dialect::Twamp {
                    padding: 27,
                    security: TestSecurity::Open,
                    terms: Terms::default(),
                },
            };
            let key = Key::new();
            thread.probes.order(Order::Send { key, stream }, at(1_000));
            thread.probes.handle_timeout(at(1_000), &mut thread.packets);
            // Nothing else is due before the probe's time-out.
            thread.probes.report_now(at(1_000));
            thread
        }

        /// Woken at `ms`, by anything but the timer.
        fn wake(&mut self, ms: u64) -> Turn {
            self.wake_after(1_000, ms)
        }

        /// The same, with the end of the turn before.
        fn wake_after(&mut self, ended: u64, ms: u64) -> Turn {
            let due = self.probes.poll_timeout();
            let woken = Woken {
                now: at(ms),
                by_call: false,
                late: Duration::ZERO,
            };
            Turn::begin(&mut self.probes, due, at(ended).mono, woken)
        }

        /// The answer to the probe has arrived meanwhile and is read at `ms`.
        fn answer(&mut self, turn: &Turn, ms: u64) {
            let probe = self.packets.queued.pop().unwrap().payload;
            let arrival = Arrival {
                mono: at(ms).mono,
                user: at(ms).wall,
                ..Arrival::default()
            };
            let mut far = Reflector::new(ReflectorConfig::default(), at(1_000).mono);
            let mut payload = Vec::new();
            far.reflect(&probe, &arrival, error(), &mut payload)
                .unwrap();
            let from: SocketAddr = FAR.parse().unwrap();
            let datagram = Datagram {
                path: self.path,
                from,
                to: None,
                interface: 0,
                payload: &payload,
                arrival,
            };
            turn.take(
                &mut self.probes,
                Event::Datagram(datagram),
                &mut self.packets,
            );
        }

        fn end(&mut self, turn: Turn, ms: u64) -> (LossCounts, Option<Duration>) {
            turn.end(&mut self.probes, at(ms), &mut self.packets);
            let report = self.probes.report_now(at(ms));
            (report.pulses[0].1.counts, report.paused)
        }
    }

    #[test]
    fn a_process_that_was_stopped_while_it_waited_blames_no_line_for_it() {
        let mut thread = Thread::new();
        let turn = thread.wake(6_000);
        thread.answer(&turn, 6_000);
        let (counts, paused) = thread.end(turn, 6_000);
        assert_eq!((counts.set_aside, counts.lost(), counts.late), (1, 0, 0));
        assert_eq!(paused, Some(Duration::from_millis(4_950)));
    }

    #[test]
    fn a_process_that_was_stopped_between_arrivals_and_time_outs_blames_no_line_either() {
        let mut thread = Thread::new();
        let turn = thread.wake(1_010);
        let (counts, paused) = thread.end(turn, 6_010);
        assert_eq!((counts.set_aside, counts.lost()), (1, 0));
        assert_eq!(paused, Some(Duration::from_secs(5)));
    }

    #[test]
    fn a_turn_that_is_only_a_little_late_excuses_nothing() {
        let mut thread = Thread::new();
        let turn = thread.wake(1_050 + 150);
        let (counts, paused) = thread.end(turn, 1_200 + 150);
        assert_eq!((counts.set_aside, counts.lost()), (0, 1));
        assert_eq!(paused, None);
    }

    #[test]
    fn work_that_was_left_over_from_the_last_turn_is_no_pause() {
        let mut thread = Thread::new();
        let turn = thread.wake_after(1_250, 1_300);
        thread.answer(&turn, 1_300);
        let (counts, paused) = thread.end(turn, 1_300);
        assert_eq!((counts.set_aside, paused), (0, None));
    }

    #[test]
    fn an_answer_that_came_before_the_stop_still_counts() {
        let mut thread = Thread::new();
        let turn = thread.wake(1_010);
        thread.answer(&turn, 1_010);
        let (counts, _) = thread.end(turn, 6_010);
        assert_eq!((counts.received, counts.set_aside), (1, 0));
    }
}
