//! TCP through the lines: connections are relayed as bytes, unimpaired, but not in a black-out and
//! not on a paused line. Then nothing is read, sent, accepted or closed, and all of it happens
//! afterwards, as if TCP had retransmitted.

use std::io;
use std::net::{SocketAddrV4, TcpListener, TcpStream};
use std::time::Duration;

use rustix::event::epoll::EventFlags;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::emulator::{EmulatorError, LineConfig};
use super::line::Direction;
use super::poll::{Poll, Token};
use super::tcp_relay::{Progress, Relay};
use super::traffic::Traffic;

/// Most connections open at a time; more are reset.
const MAX_RELAYS: usize = 64;

/// All TCP listeners and connections of the emulator.
#[derive(Debug)]
pub(super) struct Relays {
    listeners: Vec<Listener>,
    /// A slot for each connection there may be.
    relays: Vec<Option<Relay>>,
    /// Which lines hold their TCP, as far as this side has acted on it.
    held: Vec<bool>,
}

/// Waits on one side for connections to the other end.
#[derive(Debug)]
struct Listener {
    line: usize,
    socket: TcpListener,
    /// Where the connection goes on from; port 0 is any.
    from: SocketAddrV4,
    to: SocketAddrV4,
}

impl Relays {
    /// Listens on both sides of every TCP port of every line.
    pub(super) fn open(lines: &[LineConfig], poll: &Poll) -> Result<Self, EmulatorError> {
        let mut relays = Self {
            listeners: Vec::new(),
            relays: std::iter::repeat_with(|| None).take(MAX_RELAYS).collect(),
            held: vec![false; lines.len()],
        };
        for (line, config) in lines.iter().enumerate() {
            for &port in &config.tcp_ports {
                for direction in [Direction::Forward, Direction::Backward] {
                    let token = Token::Listener(relays.listeners.len());
                    let listener = Listener::open(line, config, direction, port)?;
                    poll.add(&listener.socket, token, EventFlags::IN)
                        .map_err(|source| EmulatorError::system("watching a listener", source))?;
                    relays.listeners.push(listener);
                }
            }
        }
        Ok(relays)
    }

    /// Stops and starts what has to wait: call after lines may have changed, before events.
    pub(super) fn follow_holds(&mut self, traffic: &Traffic, poll: &Poll) -> io::Result<()> {
        for line in 0..self.held.len() {
            let hold = traffic.lines[line].holds_tcp();
            if hold != self.held[line] {
                self.held[line] = hold;
                self.hold(line, hold, poll)?;
            }
        }
        Ok(())
    }

    fn hold(&mut self, line: usize, hold: bool, poll: &Poll) -> io::Result<()> {
        for (index, listener) in self.listeners.iter().enumerate() {
            if listener.line != line {
                continue;
            }
            if hold {
                poll.remove(&listener.socket)?;
            } else {
                poll.add(&listener.socket, Token::Listener(index), EventFlags::IN)?;
            }
        }
        for index in 0..self.relays.len() {
            let Some(relay) = self.relays[index].as_mut().filter(|r| r.line == line) else {
                continue;
            };
            if hold {
                relay.unwatch(poll)?;
            } else {
                self.carry(index, poll);
            }
        }
        Ok(())
    }

    /// Accepts what waits at a listener.
    pub(super) fn accept(&mut self, index: usize, traffic: &mut Traffic, poll: &Poll) {
        let Some(listener) = self.listeners.get(index) else {
            return;
        };
        let line = listener.line;
        if self.held[line] {
            return;
        }
        let mut begun = Vec::new();
        while let Ok((opener, _)) = listener.socket.accept() {
            let carried = &mut traffic.lines[line];
            let Some(slot) = self.relays.iter().position(Option::is_none) else {
                carried.tcp_refused += 1;
                reset(&opener);
                continue;
            };
            match listener.connect() {
                Ok(target) => {
                    carried.tcp_connections += 1;
                    self.relays[slot] = Some(Relay::new(slot, line, opener, target));
                    begun.push(slot);
                }
                Err(_) => reset(&opener),
            }
        }
        for slot in begun {
            self.carry(slot, poll);
        }
    }

    /// Moves what can be moved on a connection, and closes it when both directions have ended. An
    /// error of one end resets the other.
    pub(super) fn carry(&mut self, index: usize, poll: &Poll) {
        let Some(slot) = self.relays.get_mut(index) else {
            return;
        };
        let Some(relay) = slot.as_mut().filter(|relay| !self.held[relay.line]) else {
            return;
        };
        match relay.carry(poll) {
            Ok(Progress::Open) => {}
            Ok(Progress::Ended) => *slot = None,
            Err(_) => {
                relay.ends().into_iter().for_each(reset);
                *slot = None;
            }
        }
    }
}

impl Listener {
    /// Listens where connections of a direction come in.
    fn open(
        line: usize,
        config: &LineConfig,
        direction: Direction,
        port: u16,
    ) -> Result<Self, EmulatorError> {
        let addresses = &config.addresses;
        let at = SocketAddrV4::new(addresses.entrance(direction), port);
        let listen = || -> io::Result<TcpListener> {
            let socket = TcpListener::bind(at)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        Ok(Self {
            line,
            socket: listen().map_err(|source| EmulatorError::bind(config, at, source))?,
            from: SocketAddrV4::new(addresses.exit(direction), 0),
            to: SocketAddrV4::new(addresses.receiver(direction), port),
        })
    }

    /// Begins a connection to the other end.
    fn connect(&self) -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.bind(&self.from.into())?;
        match socket.connect(&self.to.into()) {
            Err(error)
                if error.raw_os_error() != Some(rustix::io::Errno::INPROGRESS.raw_os_error()) =>
            {
                Err(error)
            }
            _ => Ok(socket.into()),
        }
    }
}

/// Makes closing a connection a reset, so that its peer sees an error and not an orderly end.
fn reset(stream: &TcpStream) {
    // If this fails, the peer sees an end instead.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Write};

    use super::super::emulator::tests::{line, start, wait_until};
    use super::super::{Direction, Impairment, LineAddresses};
    use super::*;

    const PORT: u16 = 17_100;
    /// Long enough for anything that is on its way to arrive; too short a time can't fail a test.
    const A_WHILE: Duration = Duration::from_millis(50);
    const PATIENCE: Duration = Duration::from_secs(30);

    fn connect(at: &LineAddresses) -> TcpStream {
        let stream = TcpStream::connect((at.near_side, PORT)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn pair(at: &LineAddresses) -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind((at.far_end, PORT)).unwrap();
        let near = connect(at);
        let (far, from) = listener.accept().unwrap();
        assert_eq!(from.ip(), at.far_side);
        far.set_read_timeout(Some(PATIENCE)).unwrap();
        (near, far)
    }

    fn read(stream: &mut TcpStream, length: usize) -> Vec<u8> {
        let mut buffer = vec![0; length];
        stream.read_exact(&mut buffer).unwrap();
        buffer
    }

    fn has_nothing_to_read(stream: &mut TcpStream) -> bool {
        stream.set_read_timeout(Some(A_WHILE)).unwrap();
        let blocked = matches!(
            stream.read(&mut [0; 1]),
            Err(error) if error.kind() == ErrorKind::WouldBlock
        );
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        blocked
    }

    #[test]
    fn bytes_pass_both_ways_whatever_the_impairment() {
        let lossy = Impairment {
            loss_percent: 100.0,
            ..Impairment::default()
        };
        let line = line(21, lossy);
        let emulator = start(&line);
        let (mut near, mut far) = pair(&line.addresses);
        let much: Vec<u8> = (0..1_000_000_u32).map(|i| i as u8).collect();
        let sent = much.clone();
        let sender = std::thread::spawn(move || {
            near.write_all(&sent).unwrap();
            near
        });
        assert_eq!(read(&mut far, much.len()), much);
        far.write_all(b"thanks").unwrap();
        assert_eq!(read(&mut sender.join().unwrap(), 6), b"thanks");
        assert_eq!(emulator.counts()[0].tcp_connections, 1);
    }

    #[test]
    fn an_end_passes_and_the_other_direction_goes_on() {
        let line = line(22, Impairment::default());
        let _emulator = start(&line);
        let (mut near, mut far) = pair(&line.addresses);
        near.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(far.read(&mut [0; 1]).unwrap(), 0);
        far.write_all(b"still here").unwrap();
        drop(far);
        let mut rest = Vec::new();
        near.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"still here");
    }

    #[test]
    fn a_reset_passes_and_so_does_a_refusal() {
        let line = line(23, Impairment::default());
        let _emulator = start(&line);
        let (mut near, far) = pair(&line.addresses);
        reset(&far);
        drop(far);
        let error = near.read(&mut [0; 1]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        // Nobody listens any longer.
        let error = connect(&line.addresses).read(&mut [0; 1]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }

    #[test]
    fn a_blackout_holds_bytes_and_then_delivers_them() {
        let line = line(24, Impairment::default());
        let emulator = start(&line);
        let (mut near, mut far) = pair(&line.addresses);
        near.write_all(b"before").unwrap();
        assert_eq!(read(&mut far, 6), b"before");
        // One black direction is enough: acknowledgements would be missing.
        emulator
            .set(&line.name, Direction::Backward, &Impairment::blackout())
            .unwrap();
        near.write_all(b"during").unwrap();
        far.write_all(b"DURING").unwrap();
        assert!(has_nothing_to_read(&mut far));
        assert!(has_nothing_to_read(&mut near));
        emulator
            .set(&line.name, Direction::Backward, &Impairment::default())
            .unwrap();
        assert_eq!(read(&mut far, 6), b"during");
        assert_eq!(read(&mut near, 6), b"DURING");
    }

    #[test]
    fn a_connection_made_on_a_paused_line_waits() {
        let line = line(25, Impairment::default());
        let at = line.addresses;
        let emulator = start(&line);
        let listener = TcpListener::bind((at.far_end, PORT)).unwrap();
        emulator.pause(&line.name).unwrap();
        let mut near = connect(&at);
        near.write_all(b"patient").unwrap();
        std::thread::sleep(A_WHILE);
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err());
        assert_eq!(emulator.counts()[0].tcp_connections, 0);
        emulator.resume(&line.name).unwrap();
        listener.set_nonblocking(false).unwrap();
        let (mut far, _) = listener.accept().unwrap();
        assert_eq!(read(&mut far, 7), b"patient");
    }

    #[test]
    fn too_many_connections_are_reset_and_a_closed_one_makes_room() {
        let line = line(26, Impairment::default());
        let at = line.addresses;
        let emulator = start(&line);
        let listener = TcpListener::bind((at.far_end, PORT)).unwrap();
        let mut open: Vec<_> = (0..MAX_RELAYS)
            .map(|_| (connect(&at), listener.accept().unwrap()))
            .collect();
        let error = connect(&at).read(&mut [0; 1]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(emulator.counts()[0].tcp_refused, 1);
        open.pop();
        wait_until(|| {
            let mut again = connect(&at);
            again.set_read_timeout(Some(A_WHILE)).unwrap();
            let refused = again.read(&mut [0; 1]).unwrap_err();
            refused.kind() != ErrorKind::ConnectionReset
        });
    }

    #[test]
    fn the_far_end_can_connect_to_the_near_end() {
        let line = line(27, Impairment::default());
        let at = line.addresses;
        let _emulator = start(&line);
        let listener = TcpListener::bind((at.near_end, PORT)).unwrap();
        let mut far = TcpStream::connect((at.far_side, PORT)).unwrap();
        let (mut near, from) = listener.accept().unwrap();
        assert_eq!(from.ip(), at.near_side);
        far.write_all(b"hello").unwrap();
        assert_eq!(read(&mut near, 5), b"hello");
    }
}
