//! The emulator's UDP sockets: one for each port on each side of each line.

use std::collections::HashMap;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;

use nix::cmsg_space;
use nix::sys::socket::sockopt::IpRecvTos;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, sendmsg, setsockopt,
};
use rustix::event::epoll::EventFlags;
use socket2::SockRef;

use super::addresses::LineAddresses;
use super::clock::Clock;
use super::emulator::{EmulatorError, LineConfig};
use super::line::Direction;
use super::poll::{Poll, Token};
use super::traffic::{Ports, Traffic};
use super::transit::Packet;

/// Packets read from a socket before the next one has its turn.
const BATCH: usize = 64;

/// Packets sent on before the sockets are looked at again.
const RELEASE_BATCH: usize = 512;

/// Wanted receive buffer, so that bursts wait rather than get lost. The kernel may give less.
const RECEIVE_BUFFER: usize = 4 << 20;

/// The largest UDP payload.
const MAX_PAYLOAD: usize = 65_535;

/// All UDP sockets of the emulator.
#[derive(Debug)]
pub(super) struct Doors {
    doors: Vec<Door>,
    by_place: HashMap<Place, usize>,
    buffer: Vec<u8>,
    /// Room for the mark of a packet.
    marks: Vec<u8>,
}

/// A socket on one side of a line.
#[derive(Debug)]
struct Door {
    place: Place,
    socket: UdpSocket,
}

/// Where a socket is: the side that packets of a direction come in at, and its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Place {
    line: usize,
    entrance_of: Direction,
    port: u16,
}

impl Doors {
    /// Binds both sides of every port of every line.
    pub(super) fn open(lines: &[LineConfig], poll: &Poll) -> Result<Self, EmulatorError> {
        let mut doors = Self {
            doors: Vec::new(),
            by_place: HashMap::new(),
            buffer: vec![0; MAX_PAYLOAD],
            marks: cmsg_space!(u8),
        };
        for (line, config) in lines.iter().enumerate() {
            for port in config.udp_ports.iter().cloned().flatten() {
                for entrance_of in [Direction::Forward, Direction::Backward] {
                    let place = Place {
                        line,
                        entrance_of,
                        port,
                    };
                    // Ranges may overlap.
                    if !doors.by_place.contains_key(&place) {
                        doors.open_one(place, config, poll)?;
                    }
                }
            }
        }
        Ok(doors)
    }

    fn open_one(
        &mut self,
        place: Place,
        config: &LineConfig,
        poll: &Poll,
    ) -> Result<(), EmulatorError> {
        let address = SocketAddrV4::new(config.addresses.entrance(place.entrance_of), place.port);
        let index = self.doors.len();
        let open = || -> io::Result<UdpSocket> {
            let socket = UdpSocket::bind(address)?;
            socket.set_nonblocking(true)?;
            setsockopt(&socket, IpRecvTos, &true)?;
            // Best effort: what is lost for want of it is counted as the kernel's.
            let _ = SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER);
            poll.add(&socket, Token::Door(index), EventFlags::IN)?;
            Ok(socket)
        };
        let socket = open().map_err(|source| EmulatorError::bind(config, address, source))?;
        self.doors.push(Door { place, socket });
        self.by_place.insert(place, index);
        Ok(())
    }

    /// Reads packets that wait at a socket and offers them to its line.
    pub(super) fn receive(&mut self, index: usize, traffic: &mut Traffic, clock: Clock) {
        let Some(Door { place, socket }) = self.doors.get(index) else {
            return;
        };
        let Place {
            line,
            entrance_of: direction,
            port,
        } = *place;
        let expected = traffic.lines[line].addresses.sender(direction);
        for _ in 0..BATCH {
            // None: nothing left, or an error that concerns a packet sent before.
            let Some((length, from, tos)) = read(socket, &mut self.buffer, &mut self.marks) else {
                return;
            };
            let exit = Place {
                line,
                entrance_of: direction.opposite(),
                port: from.port(),
            };
            if *from.ip() != expected || !self.by_place.contains_key(&exit) {
                traffic.strayed(line, direction);
                continue;
            }
            let ports = Ports {
                sender: from.port(),
                destination: port,
            };
            let payload = &self.buffer[..length];
            traffic.take_in(clock.now(), line, direction, ports, tos, payload);
        }
    }

    /// Sends on the packets that are due.
    pub(super) fn release(&self, traffic: &mut Traffic, clock: Clock) {
        for _ in 0..RELEASE_BATCH {
            let Some(packet) = traffic.pop_due(clock.now()) else {
                return;
            };
            let addresses = traffic.lines[packet.line].addresses;
            // Taken before sending: what is recorded is never more than the packet's delay.
            let now = clock.now();
            let was_sent = self.send(&packet, &addresses);
            traffic.came_out(&packet, now, was_sent);
        }
    }

    fn send(&self, packet: &Packet, addresses: &LineAddresses) -> bool {
        let ports = Ports::from(packet.stream);
        let exit = Place {
            line: packet.line,
            entrance_of: packet.direction.opposite(),
            port: ports.sender,
        };
        let to = SocketAddrV4::new(addresses.receiver(packet.direction), ports.destination);
        self.by_place
            .get(&exit)
            .and_then(|&index| self.doors.get(index))
            .is_some_and(|door| write(&door.socket, packet, to).is_ok())
    }
}

/// Reads a packet: its octets, who sent it, and its TOS.
fn read(
    socket: &UdpSocket,
    buffer: &mut [u8],
    marks: &mut [u8],
) -> Option<(usize, SocketAddrV4, u8)> {
    let into = &mut [IoSliceMut::new(buffer)];
    let flags = MsgFlags::empty();
    let packet = recvmsg::<SockaddrIn>(socket.as_raw_fd(), into, Some(marks), flags).ok()?;
    let mut marks = packet.cmsgs().ok()?;
    let tos = marks.find_map(|mark| match mark {
        ControlMessageOwned::Ipv4Tos(tos) => Some(tos),
        _ => None,
    });
    Some((packet.bytes, packet.address?.into(), tos.unwrap_or(0)))
}

/// Sends a packet on as it was marked.
fn write(socket: &UdpSocket, packet: &Packet, to: SocketAddrV4) -> io::Result<usize> {
    if packet.tos == 0 {
        return socket.send_to(&packet.payload, to);
    }
    let (from, marks) = (
        [IoSlice::new(&packet.payload)],
        [ControlMessage::Ipv4Tos(&packet.tos)],
    );
    let (flags, to) = (MsgFlags::empty(), SockaddrIn::from(to));
    Ok(sendmsg(
        socket.as_raw_fd(),
        &from,
        &marks,
        flags,
        Some(&to),
    )?)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::{Duration, Instant};

    use super::super::emulator::tests::{line, start, wait_until};
    use super::super::{DirectionCounts, Directions, Emulator, Impairment, Jitter, Reorder};
    use super::*;

    fn bind(address: Ipv4Addr, port: u16) -> UdpSocket {
        let socket = UdpSocket::bind((address, port)).unwrap();
        let patience = Duration::from_secs(30);
        socket.set_read_timeout(Some(patience)).unwrap();
        socket
    }

    /// All that has arrived at a socket.
    fn drain(socket: &UdpSocket) -> Vec<u32> {
        socket.set_nonblocking(true).unwrap();
        let mut buffer = [0; 4];
        std::iter::from_fn(|| socket.recv(&mut buffer).ok().map(|_| buffer))
            .map(u32::from_be_bytes)
            .collect()
    }

    fn offered(emulator: &Emulator) -> (u64, u64) {
        let counts = &emulator.counts()[0];
        (
            counts.forward.counts.offered,
            counts.backward.counts.offered,
        )
    }

    #[test]
    fn an_echo_passes_both_ways_and_ports_are_kept() {
        let line = line(11, Impairment::delay(1.0));
        let at = line.addresses;
        let emulator = start(&line);
        let (near, far) = (bind(at.near_end, 17_001), bind(at.far_end, 17_002));
        near.send_to(b"question", (at.near_side, 17_002)).unwrap();
        let mut buffer = [0; 100];
        let (length, from) = far.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"question");
        assert_eq!(from, (at.far_side, 17_001).into());
        far.send_to(b"answer", from).unwrap();
        let (length, from) = near.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"answer");
        assert_eq!(from, (at.near_side, 17_002).into());

        let counts = &emulator.stop().unwrap()[0];
        for (direction, ports) in [
            (&counts.forward, (17_001, 17_002)),
            (&counts.backward, (17_002, 17_001)),
        ] {
            let stream = &direction.streams[0];
            assert_eq!((stream.sender_port, stream.destination_port), ports);
            assert_eq!((direction.sent, direction.counts.delivered), (1, 1));
        }
    }

    #[test]
    fn what_is_missing_at_the_far_end_is_what_was_counted() {
        let rough = Impairment {
            delay_ms: 1.0,
            jitter: Jitter::Uniform { spread_ms: 1.0 },
            loss_percent: 10.0,
            duplicate_percent: 5.0,
            reorder: Some(Reorder {
                percent: 5.0,
                delay_ms: 1.0,
            }),
            ..Impairment::default()
        };
        let line = line(12, rough);
        let at = line.addresses;
        let emulator = start(&line);
        let (near, far) = (bind(at.near_end, 17_000), bind(at.far_end, 17_003));
        let (mut at_far, mut at_near) = (Vec::new(), Vec::new());
        let packets = 3_000_u32;
        for i in 0..packets {
            near.send_to(&i.to_be_bytes(), (at.near_side, 17_003))
                .unwrap();
            far.send_to(&i.to_be_bytes(), (at.far_side, 17_000))
                .unwrap();
            if i % 50 == 49 {
                // No socket buffer overflows.
                let sent = u64::from(i) + 1;
                wait_until(|| offered(&emulator) == (sent, sent) && emulator.is_idle());
                at_far.extend(drain(&far));
                at_near.extend(drain(&near));
            }
        }
        let counts = &emulator.counts()[0];
        let check = |direction: &DirectionCounts, mut received: Vec<u32>| {
            let counts = direction.counts;
            assert_eq!(counts.offered, u64::from(packets));
            assert_eq!(direction.sent, counts.copies());
            assert_eq!(received.len() as u64, counts.copies());
            received.sort_unstable();
            received.dedup();
            let lost = u64::from(packets) - received.len() as u64;
            assert_eq!(lost, counts.dropped.total());
            assert_eq!(lost, counts.dropped.random);
            assert!(lost > 0 && counts.duplicated > 0 && counts.reordered > 0);
            let faults = (direction.overflowed, direction.unsent, direction.strays);
            assert_eq!(faults, (0, 0, 0));
            assert!(direction.kernel_drops.is_none_or(|drops| drops == 0));
            // Never early: what was imposed is at least what was intended.
            assert_eq!(direction.imposed.packets, counts.delivered);
            assert!(direction.imposed.delay_sum_ns >= counts.delay_sum_ns);
        };
        check(&counts.forward, at_far);
        check(&counts.backward, at_near);
    }

    #[test]
    fn no_packet_is_early() {
        let line = line(13, Impairment::delay(15.0));
        let at = line.addresses;
        let _emulator = start(&line);
        let (near, far) = (bind(at.near_end, 17_000), bind(at.far_end, 17_000));
        for _ in 0..5 {
            let before = Instant::now();
            near.send_to(b"x", (at.near_side, 17_000)).unwrap();
            far.recv(&mut [0; 10]).unwrap();
            assert!(before.elapsed() >= Duration::from_millis(15));
        }
    }

    #[test]
    fn a_blackout_begins_and_ends_with_its_setting() {
        let line = line(14, Impairment::default());
        let at = line.addresses;
        let emulator = start(&line);
        let (near, far) = (bind(at.near_end, 17_000), bind(at.far_end, 17_000));
        for (round, impairment) in (0_u32..).zip([
            Impairment::default(),
            Impairment::blackout(),
            Impairment::default(),
        ]) {
            emulator
                .set(&line.name, Directions::Forward, &impairment)
                .unwrap();
            for i in 0..20 {
                let mark = (round * 20 + i).to_be_bytes();
                near.send_to(&mark, (at.near_side, 17_000)).unwrap();
            }
            let sent = u64::from(round + 1) * 20;
            wait_until(|| offered(&emulator).0 == sent && emulator.is_idle());
        }
        let arrived: Vec<u32> = (0..20).chain(40..60).collect();
        assert_eq!(drain(&far), arrived);
        assert_eq!(emulator.counts()[0].forward.counts.dropped.blackout, 20);
    }

    #[test]
    fn a_paused_line_delivers_everything_later_and_in_order() {
        let line = line(15, Impairment::default());
        let at = line.addresses;
        let emulator = start(&line);
        let (near, far) = (bind(at.near_end, 17_000), bind(at.far_end, 17_000));
        emulator.pause(&line.name).unwrap();
        for i in 0..20_u32 {
            near.send_to(&i.to_be_bytes(), (at.near_side, 17_000))
                .unwrap();
        }
        wait_until(|| emulator.in_transit() == 20);
        assert_eq!(emulator.counts()[0].forward.sent, 0);
        emulator.resume(&line.name).unwrap();
        wait_until(|| emulator.is_idle());
        assert_eq!(drain(&far), (0..20).collect::<Vec<_>>());
    }

    #[test]
    fn a_packet_from_elsewhere_is_a_stray() {
        let line = line(16, Impairment::default());
        let at = line.addresses;
        let emulator = start(&line);
        let stranger = bind(at.far_end, 17_000);
        let uncovered = bind(at.near_end, 17_050);
        for socket in [stranger, uncovered] {
            socket.send_to(b"x", (at.near_side, 17_000)).unwrap();
        }
        wait_until(|| emulator.counts()[0].forward.strays == 2);
        assert_eq!(offered(&emulator), (0, 0));
    }
}
