//! What the emulator's thread and its handle share: the lines and the packets on their way.

use std::collections::HashMap;

use super::addresses::LineAddresses;
use super::line::{Direction, Line};
use super::one_way::{Fate, StreamId};
use super::report::{DirectionCounts, Imposed, LineCounts, StreamCounts};
use super::transit::{Packet, Transit};

/// Bytes of the IPv4 and UDP headers, which take room on a line too.
const HEADERS: usize = 20 + 8;

/// All lines and all packets on them.
#[derive(Debug)]
pub(super) struct Traffic {
    pub(super) lines: Vec<CarriedLine>,
    pub(super) transit: Transit,
}

/// A line that really carries packets.
#[derive(Debug)]
pub(super) struct CarriedLine {
    pub(super) name: String,
    pub(super) addresses: LineAddresses,
    pub(super) line: Line,
    pub(super) paused: bool,
    pub(super) tcp_connections: u64,
    pub(super) tcp_refused: u64,
    forward: Tally,
    backward: Tally,
}

/// What the sockets add to the line's own counts, for one direction.
#[derive(Debug, Default)]
struct Tally {
    imposed: HashMap<StreamId, Imposed>,
    sent: u64,
    overflowed: u64,
    unsent: u64,
    strays: u64,
}

/// The ports of a packet. With the direction they name its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ports {
    pub(super) sender: u16,
    pub(super) destination: u16,
}

impl Traffic {
    /// Offers a packet to its line and takes in the copies that are to come out.
    pub(super) fn take_in(
        &mut self,
        now: u64,
        line: usize,
        direction: Direction,
        ports: Ports,
        tos: u8,
        payload: &[u8],
    ) {
        let carried = &mut self.lines[line];
        let stream = StreamId::from(ports);
        let size = payload.len() + HEADERS;
        let line_of = &mut carried.line;
        let fate = line_of.offer_marked(now, direction, stream, size, tos >> 2);
        let Fate::Delivered { at, copy_at, .. } = fate else {
            return;
        };
        let copies = [(Some(at), false), (copy_at, true)];
        for (due_at, is_copy) in copies.into_iter().filter_map(|(at, c)| Some((at?, c))) {
            let packet = Packet {
                line,
                direction,
                stream,
                taken_at: now,
                due_at,
                is_copy,
                tos,
                payload: payload.to_vec(),
            };
            if self.transit.push(packet).is_err() {
                carried.tally_mut(direction).overflowed += 1;
            }
        }
    }

    /// The next packet that has to come out at `now`. Call until `None`.
    pub(super) fn pop_due(&mut self, now: u64) -> Option<Packet> {
        self.transit.pop_due(now, |line| self.lines[line].paused)
    }

    /// Counts a packet that was sent on at `now`, or that the kernel didn't take.
    pub(super) fn came_out(&mut self, packet: &Packet, now: u64, was_sent: bool) {
        let tally = self.lines[packet.line].tally_mut(packet.direction);
        if !was_sent {
            tally.unsent += 1;
            return;
        }
        tally.sent += 1;
        if !packet.is_copy {
            tally.imposed.entry(packet.stream).or_default().record(
                now.saturating_sub(packet.taken_at),
                now.saturating_sub(packet.due_at),
            );
        }
    }

    /// Counts a packet that doesn't belong to the line it came to.
    pub(super) fn strayed(&mut self, line: usize, direction: Direction) {
        self.lines[line].tally_mut(direction).strays += 1;
    }
}

impl CarriedLine {
    pub(super) fn new(name: String, addresses: LineAddresses, line: Line) -> Self {
        Self {
            name,
            addresses,
            line,
            paused: false,
            tcp_connections: 0,
            tcp_refused: 0,
            forward: Tally::default(),
            backward: Tally::default(),
        }
    }

    /// Whether TCP has to wait. Acknowledgements go the other way, so one black direction is
    /// enough.
    pub(super) fn holds_tcp(&self) -> bool {
        self.paused || self.line.is_blacked_out()
    }

    /// The line's counts. The kernel's drops are for the caller to fill in.
    pub(super) fn report(&self) -> LineCounts {
        LineCounts {
            line: self.name.clone(),
            forward: self.report_direction(Direction::Forward, &self.forward),
            backward: self.report_direction(Direction::Backward, &self.backward),
            tcp_connections: self.tcp_connections,
            tcp_refused: self.tcp_refused,
        }
    }

    fn report_direction(&self, direction: Direction, tally: &Tally) -> DirectionCounts {
        let one_way = self.line.one_way(direction);
        let mut streams: Vec<StreamCounts> = one_way
            .streams()
            .map(|(stream, &counts)| {
                let ports = Ports::from(stream);
                StreamCounts {
                    sender_port: ports.sender,
                    destination_port: ports.destination,
                    counts,
                    imposed: tally.imposed.get(&stream).copied().unwrap_or_default(),
                }
            })
            .collect();
        streams.sort_unstable_by_key(|s| (s.sender_port, s.destination_port));
        let mut imposed = Imposed::default();
        for &stream in tally.imposed.values() {
            imposed += stream;
        }
        DirectionCounts {
            counts: one_way.counts(),
            imposed,
            streams,
            sent: tally.sent,
            overflowed: tally.overflowed,
            unsent: tally.unsent,
            strays: tally.strays,
            kernel_drops: None,
        }
    }

    fn tally_mut(&mut self, direction: Direction) -> &mut Tally {
        match direction {
            Direction::Forward => &mut self.forward,
            Direction::Backward => &mut self.backward,
        }
    }
}

impl From<Ports> for StreamId {
    fn from(ports: Ports) -> Self {
        Self(u64::from(ports.sender) << 16 | u64::from(ports.destination))
    }
}

impl From<StreamId> for Ports {
    fn from(stream: StreamId) -> Self {
        // The two halves that `StreamId::from` put together.
        Self {
            sender: (stream.0 >> 16) as u16,
            destination: stream.0 as u16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Impairment, Line};
    use super::*;

    fn traffic(impairment: &Impairment) -> Traffic {
        let line = Line::new(1, "A", impairment, impairment).unwrap();
        let addresses = LineAddresses::loopback(1, 1);
        Traffic {
            lines: vec![CarriedLine::new("A".to_owned(), addresses, line)],
            transit: Transit::default(),
        }
    }

    const PORTS: Ports = Ports {
        sender: 4000,
        destination: 862,
    };

    #[test]
    fn ports_survive_being_a_stream() {
        assert_eq!(Ports::from(StreamId::from(PORTS)), PORTS);
    }

    #[test]
    fn every_copy_is_accounted_for() {
        let mut traffic = traffic(&Impairment {
            delay_ms: 1.0,
            loss_percent: 20.0,
            duplicate_percent: 20.0,
            ..Impairment::default()
        });
        for now in 0..1000 {
            traffic.take_in(now, 0, Direction::Forward, PORTS, 0, b"x");
        }
        let mut taken_out = 0;
        while let Some(packet) = traffic.pop_due(2_000_000) {
            taken_out += 1;
            traffic.came_out(&packet, packet.due_at + 7, taken_out % 10 != 0);
        }
        let report = traffic.lines[0].report().forward;
        assert_eq!(report.counts.offered, 1000);
        assert_eq!(report.counts.copies(), taken_out);
        assert_eq!(report.sent + report.unsent, taken_out);
        assert_eq!(report.unsent, taken_out / 10);
        assert_eq!(report.imposed.worst_late_ns, 7);
        assert_eq!(
            report.imposed.delay_sum_ns,
            report.imposed.packets * 1_000_007
        );
        assert_eq!(report.streams.len(), 1);
        assert_eq!(report.streams[0].counts, report.counts);
    }

    #[test]
    fn a_pause_holds_and_a_blackout_holds_only_tcp() {
        let mut traffic = traffic(&Impairment::default());
        traffic.lines[0].paused = true;
        traffic.take_in(0, 0, Direction::Forward, PORTS, 0, b"x");
        assert!(traffic.pop_due(10).is_none());
        assert!(traffic.lines[0].holds_tcp());
        traffic.lines[0].paused = false;
        traffic.transit.resume(0, 20);
        assert!(traffic.pop_due(20).is_some());
        assert!(!traffic.lines[0].holds_tcp());
    }
}
