//! The probe thread `twamp-io/0`: one wait for packets, the clock and orders.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use twamp_core::time::Now;

use super::message::Told;
use crate::fault::fault;
use crate::net::{Event, Net, NetError, Outgoing, clock};
use crate::session::outlet::{Outlet, Token};
use crate::session::probes::Probes;
use crate::session::{Order, Report};

/// A thread that died so often is not started again.
const STRIKES: u32 = 3;
/// Held up for longer than this, what is in flight says nothing about the lines.
const PAUSE: Duration = Duration::from_millis(150);
/// Replies that leave together: T3 is stamped before the first of them leaves.
const BATCH: usize = 8;

/// Runs until `Quit`. A panic is caught, and the loop goes on with its sessions: three times.
pub(super) fn run(
    mut net: Net<Token>,
    mut probes: Probes,
    orders: &Receiver<Order>,
    tell: &UnboundedSender<Told>,
) {
    for strike in 1..=STRIKES {
        let turn = AssertUnwindSafe(|| turns(&mut net, &mut probes, orders, tell));
        match catch_unwind(turn) {
            Ok(Ok(())) => return,
            Ok(Err(error)) => return drop(tell.send(Told::Failed(error.to_string()))),
            // The panic hook has logged what it was.
            Err(_) => tracing::error!("the probe thread panicked ({strike} of {STRIKES})"),
        }
    }
    let _ = tell.send(Told::Failed(format!(
        "the probe thread panicked {STRIKES} times"
    )));
}

fn turns(
    net: &mut Net<Token>,
    probes: &mut Probes,
    orders: &Receiver<Order>,
    tell: &UnboundedSender<Told>,
) -> Result<(), NetError> {
    loop {
        let due = probes.poll_timeout();
        let woken = net.wait(due)?;
        // A stopped process that goes on is woken by no timer, but after its time all the same.
        let late = due.map_or(woken.late, |due| woken.late.max(woken.now.mono.since(due)));
        // Before what has arrived meanwhile: a reply that waited for this thread is not late.
        excuse(probes, late, woken.now);
        // Orders first: a session is ordered before its far end is told to begin.
        loop {
            match orders.try_recv() {
                Ok(Order::Bind { spec, answer }) => {
                    fault("twamp-io");
                    if let Err(Ok((path, _))) = answer.send(net.open(&spec)) {
                        net.close(path);
                    }
                }
                Ok(Order::Close(path)) => {
                    probes.order(Order::Close(path), woken.now);
                    net.close(path);
                }
                Ok(Order::Quit) | Err(TryRecvError::Disconnected) => {
                    let last = probes.report_now(woken.now);
                    send_report(last, net, tell);
                    return Ok(());
                }
                Ok(order) => probes.order(order, woken.now),
                Err(TryRecvError::Empty) => break,
            }
        }
        let mut replies = Replies::default();
        while let Some(event) = net.poll() {
            match event {
                Event::Sent(sent) => probes.handle_sent(sent),
                Event::Notice(notice) => probes.handle_notice(notice),
                Event::Datagram(datagram) => probes.handle_datagram(&datagram, &mut replies),
            }
            if replies.0.len() == BATCH {
                replies.leave(net);
            }
        }
        replies.leave(net);
        // It may have been stopped since as well.
        let now = clock();
        excuse(probes, now.mono.since(woken.now.mono), now);
        probes.handle_timeout(now, net);
        net.flush();
        // At the same time: stopped in between, it would take its own silence for the line's.
        if let Some(report) = probes.poll_report(now) {
            send_report(report, net, tell);
        }
    }
}

/// Held up for `late`, this thread can't tell what became of the probes in flight.
fn excuse(probes: &mut Probes, late: Duration, now: Now) {
    if late > PAUSE {
        probes.handle_pause(late, now);
    }
}

fn send_report(mut report: Report, net: &Net<Token>, tell: &UnboundedSender<Told>) {
    report.counters.net = net.counters();
    let _ = tell.send(Told::Report(Box::new(report)));
}

/// Replies to datagrams, which borrow the network while they are looked at.
#[derive(Default)]
struct Replies(Vec<Outgoing<Token>>);

impl Replies {
    fn leave(&mut self, net: &mut Net<Token>) {
        if self.0.is_empty() {
            return;
        }
        for reply in self.0.drain(..) {
            net.queue(reply);
        }
        net.flush();
    }
}

impl Outlet for Replies {
    fn buffer(&mut self) -> Vec<u8> {
        Vec::with_capacity(128)
    }

    fn queue(&mut self, packet: Outgoing<Token>) {
        self.0.push(packet);
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
