//! A TWAMP client of another make, octet by octet (RFC 5357, section 3), in open mode.

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

/// What is waited for comes within this, or never.
const PATIENCE: Duration = Duration::from_secs(10);
/// What must not come has come by then, or nearly always.
const SILENCE: Duration = Duration::from_millis(200);

/// A control connection that is set up.
pub(crate) struct Client(TcpStream);

/// What a session is asked for.
#[derive(Clone, Copy, Default)]
pub(crate) struct Wish {
    pub(crate) padding: u32,
    /// Octets to be returned, and octets of padding to be reflected (RFC 6038).
    pub(crate) reflect: (u16, u16),
}

/// An Accept-Session.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) accept: u8,
    pub(crate) port: u16,
    pub(crate) sid: [u8; 16],
    pub(crate) returned: u16,
}

impl Client {
    /// Connects and selects `modes`, all of which must be offered.
    pub(crate) fn connect(far: &str, modes: u32) -> Self {
        let mut stream = TcpStream::connect(far).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let greeting: [u8; 64] = octets(&mut stream);
        let offered = u32::from_be_bytes(greeting[12..16].try_into().unwrap());
        assert_eq!(modes & offered, modes, "offered: {offered:#x}");
        let mut response = [0; 164];
        response[..4].copy_from_slice(&modes.to_be_bytes());
        stream.write_all(&response).unwrap();
        let start: [u8; 48] = octets(&mut stream);
        assert_eq!(start[15], 0, "Server-Start accepts");
        Self(stream)
    }

    /// Asks for a session from `port` that ends with its stop.
    pub(crate) fn request(&mut self, port: u16, wish: Wish) -> Answer {
        let mut request = [0; 112];
        (request[0], request[1]) = (5, 4);
        request[12..14].copy_from_slice(&port.to_be_bytes());
        request[14..16].copy_from_slice(&20_001_u16.to_be_bytes());
        request[64..68].copy_from_slice(&wish.padding.to_be_bytes());
        request[88..90].copy_from_slice(&wish.reflect.0.to_be_bytes());
        request[90..92].copy_from_slice(&wish.reflect.1.to_be_bytes());
        self.say(&request);
        self.answer()
    }

    /// Start-Sessions.
    pub(crate) fn start_all(&mut self) {
        let mut start = [0; 32];
        start[0] = 2;
        self.say(&start);
        let ack: [u8; 32] = octets(&mut self.0);
        assert_eq!(ack[0], 0, "Start-Ack accepts");
    }

    /// Start-N-Sessions (7) or Stop-N-Sessions (9); the Accept value of the acknowledgement, which
    /// must list exactly these sessions (RFC 5938).
    pub(crate) fn command(&mut self, command: u8, sids: &[[u8; 16]]) -> u8 {
        let mut message = vec![0; 16];
        message[0] = command;
        message[12..].copy_from_slice(&(sids.len() as u32).to_be_bytes());
        message.extend(sids.iter().flatten());
        message.extend([0; 16]);
        self.say(&message);
        let mut ack = vec![0; message.len()];
        self.0.read_exact(&mut ack).unwrap();
        assert_eq!(ack[0], command + 1);
        assert_eq!(ack[12..], message[12..], "the same sessions");
        ack[1]
    }

    /// Sends a command as it is.
    pub(crate) fn say(&mut self, octets: &[u8]) {
        self.0.write_all(octets).unwrap();
    }

    /// The next Accept-Session.
    pub(crate) fn answer(&mut self) -> Answer {
        let answer: [u8; 48] = octets(&mut self.0);
        let number = |at: usize| u16::from_be_bytes([answer[at], answer[at + 1]]);
        Answer {
            accept: answer[0],
            port: number(2),
            sid: answer[4..20].try_into().unwrap(),
            returned: number(20),
        }
    }

    /// True if the server says nothing more and closes.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.0.read(&mut [0]).unwrap() == 0
    }
}

fn octets<const N: usize>(stream: &mut TcpStream) -> [u8; N] {
    let mut octets = [0; N];
    stream.read_exact(&mut octets).unwrap();
    octets
}

/// A sender of test packets.
pub(crate) struct Prober(UdpSocket);

impl Prober {
    /// On the address that control connections to the loopback come from.
    pub(crate) fn new() -> Self {
        Self(UdpSocket::bind("127.0.0.1:0").unwrap())
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    /// Marks all probes from now on.
    pub(crate) fn mark(&self, tos: u32) {
        let socket = socket2::SockRef::from(&self.0);
        socket.set_tos_v4(tos).unwrap();
    }

    /// The answer to a probe with this number and these octets after its fixed part.
    pub(crate) fn answered(&self, far: &str, number: u32, padding: &[u8]) -> Vec<u8> {
        let reply = self.exchange(far, number, padding, PATIENCE);
        reply.expect("a reply comes")
    }

    /// True if no answer to such a probe comes.
    pub(crate) fn is_ignored(&self, far: &str, number: u32) -> bool {
        self.exchange(far, number, &[0; 27], SILENCE).is_none()
    }

    fn exchange(&self, far: &str, number: u32, padding: &[u8], wait: Duration) -> Option<Vec<u8>> {
        let mut probe = vec![0; 14];
        probe[..4].copy_from_slice(&number.to_be_bytes());
        probe[12..].copy_from_slice(&[0x80, 1]);
        probe.extend(padding);
        self.0.send_to(&probe, far).unwrap();
        self.0.set_read_timeout(Some(wait)).unwrap();
        let mut reply = [0; 2048];
        let len = self.0.recv(&mut reply).ok()?;
        assert_eq!(reply[24..28], number.to_be_bytes());
        Some(reply[..len].to_vec())
    }
}
