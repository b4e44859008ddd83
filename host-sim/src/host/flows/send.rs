//! The sending thread: one packet at a time, each on the line chosen for it.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use plugin_abi::host::Choice;

use super::class::Shared;
use super::pace::Pace;
use super::route::route;
use super::tally::write_header;
use super::{FlowsConfig, FlowsError, Move, bind};
use crate::host::clock::boottime_ns;

pub(super) struct Sender<Choose> {
    shared: Arc<Shared>,
    choose: Choose,
    lines: Vec<u64>,
    flows: Vec<Flow>,
}

struct Flow {
    class: u64,
    hash: u64,
    pace: Pace,
    payload: Vec<u8>,
    /// Place of the line that the newest packet was sent on.
    current: Option<usize>,
    /// For each line the socket, and where it sends to.
    sockets: Vec<(UdpSocket, SocketAddr)>,
}

/// The longest sleep: so late the end may be noticed.
const MAX_SLEEP: Duration = Duration::from_millis(20);

impl<Choose: Fn(u64, u64, Option<u64>) -> Choice> Sender<Choose> {
    pub(super) fn bind(
        config: &FlowsConfig,
        shared: Arc<Shared>,
        choose: Choose,
    ) -> Result<Self, FlowsError> {
        let flow = |class: &super::FlowClass| {
            let sockets = config.lines.iter().map(|line| {
                let socket = bind(line.local, class.port)?;
                Ok((socket, SocketAddr::new(line.remote, class.port)))
            });
            Ok(Flow {
                class: class.class,
                // One flow a class: spread by the golden ratio, as good as any hash.
                hash: class.class.wrapping_mul(0x9e37_79b9_7f4a_7c15),
                pace: Pace::new(class.packets_per_second),
                payload: vec![0; class.octets],
                current: None,
                sockets: sockets.collect::<Result<_, FlowsError>>()?,
            })
        };
        Ok(Self {
            shared,
            choose,
            lines: config.lines.iter().map(|line| line.line).collect(),
            flows: config.classes.iter().map(flow).collect::<Result<_, _>>()?,
        })
    }

    /// Sends until told to end.
    pub(super) fn run(mut self, end: &AtomicBool) {
        let start = Instant::now();
        while !end.load(Ordering::Relaxed) {
            let now = start.elapsed();
            for place in 0..self.flows.len() {
                while self.flows[place].pace.take(now) {
                    self.send(place);
                }
            }
            let next = self.flows.iter().map(|flow| flow.pace.due()).min();
            let wait = next.map_or(MAX_SLEEP, |due| due.saturating_sub(start.elapsed()));
            thread::sleep(wait.min(MAX_SLEEP));
        }
    }

    fn send(&mut self, place: usize) {
        let flow = &mut self.flows[place];
        let counters = &self.shared.classes[place];
        let from = flow.current.map(|current| self.lines[current]);
        let choice = (self.choose)(flow.class, flow.hash, from);
        let chosen = route(choice, flow.current, &self.lines);
        let (socket, remote) = &flow.sockets[chosen];

        // Counted before it leaves: nothing is received that was not sent.
        let number = counters.sent.fetch_add(1, Ordering::Release);
        write_header(&mut flow.payload, flow.class, number);
        if socket.send_to(&flow.payload, remote).is_err() {
            counters.sent.fetch_sub(1, Ordering::Release);
            counters.refused.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let to = self.lines[chosen];
        if from.is_some() && from != Some(to) {
            let (class, at_ns) = (flow.class, boottime_ns());
            self.shared.moved(Move {
                class,
                from,
                to,
                at_ns,
            });
        }
        flow.current = Some(chosen);
        counters.line.store(to, Ordering::Relaxed);
    }
}
