//! A Control-Client as small as it can be, octet by octet, so that it can do what a good one never
//! would (RFC 5357, section 3; open mode).

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// What is waited for comes within this, or never.
const PATIENCE: Duration = Duration::from_secs(30);

/// One control connection.
#[derive(Debug)]
pub struct Caller {
    /// The connection itself.
    pub stream: TcpStream,
}

/// The answer to Request-TW-Session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answered {
    /// 0: granted.
    pub accept: u8,
    /// Where probes are to go.
    pub port: u16,
}

impl Caller {
    /// Connects from an address of this host; says and reads nothing.
    ///
    /// # Errors
    /// What the local system says.
    pub fn connect(from: impl Into<IpAddr>, to: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(from.into(), 0).into())?;
        socket.connect(&to.into())?;
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream })
    }

    /// Reads the greeting, selects open mode and reads Server-Start.
    ///
    /// # Errors
    /// The far end has closed the connection.
    pub fn set_up(&mut self) -> io::Result<()> {
        self.read::<64>()?;
        self.stream.write_all(&set_up(1))?;
        let start = self.read::<48>()?;
        match start[15] {
            0 => Ok(()),
            accept => Err(io::Error::other(format!("Server-Start says {accept}"))),
        }
    }

    /// Asks for a session from that port to whichever.
    ///
    /// # Errors
    /// The far end has closed the connection.
    pub fn request(&mut self, port: u16) -> io::Result<Answered> {
        self.stream.write_all(&request(port))?;
        self.answer()
    }

    /// Reads the answer to one request.
    ///
    /// # Errors
    /// The far end has closed the connection.
    pub fn answer(&mut self) -> io::Result<Answered> {
        let answer = self.read::<48>()?;
        Ok(Answered {
            accept: answer[0],
            port: u16::from_be_bytes([answer[2], answer[3]]),
        })
    }

    /// Start-Sessions, and what Start-Ack says.
    ///
    /// # Errors
    /// The far end has closed the connection.
    pub fn start(&mut self) -> io::Result<u8> {
        self.stream.write_all(&start())?;
        Ok(self.read::<32>()?[0])
    }

    /// Stop-Sessions, of so many sessions.
    ///
    /// # Errors
    /// The far end has closed the connection.
    pub fn stop(&mut self, sessions: u32) -> io::Result<()> {
        self.stream.write_all(&stop(sessions))
    }

    /// One session, set up and started; answers where probes are to go.
    ///
    /// # Errors
    /// The far end has closed the connection, or refuses.
    pub fn session(&mut self, port: u16) -> io::Result<u16> {
        self.set_up()?;
        let answered = self.request(port)?;
        match (answered.accept, self.start()?) {
            (0, 0) => Ok(answered.port),
            refused => Err(io::Error::other(format!("refused: {refused:?}"))),
        }
    }

    /// Waits until the far end closes the connection, whatever it says before.
    ///
    /// # Errors
    /// It does not.
    pub fn closed(&mut self) -> io::Result<()> {
        let mut octets = [0; 1024];
        loop {
            match self.stream.read(&mut octets) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads a message of so many octets.
    ///
    /// # Errors
    /// The far end has closed the connection.
    pub fn read<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut octets = [0; N];
        self.stream.read_exact(&mut octets)?;
        Ok(octets)
    }
}

/// Set-Up-Response that selects this mode, without a key.
#[must_use]
pub fn set_up(mode: u8) -> [u8; 164] {
    let mut response = [0; 164];
    response[3] = mode;
    response
}

/// Request-TW-Session from that port, IPv4, with the addresses of the connection.
#[must_use]
pub fn request(port: u16) -> [u8; 112] {
    let mut request = [0; 112];
    request[0] = 5;
    request[1] = 4;
    request[12..14].copy_from_slice(&port.to_be_bytes());
    request[14..16].copy_from_slice(&port.to_be_bytes());
    request[67] = 27;
    // Answers go on for two seconds after the stop.
    request[79] = 2;
    request
}

/// Start-Sessions.
#[must_use]
pub fn start() -> [u8; 32] {
    let mut start = [0; 32];
    start[0] = 2;
    start
}

/// Stop-Sessions, of so many sessions.
#[must_use]
pub fn stop(sessions: u32) -> [u8; 32] {
    let mut stop = [0; 32];
    stop[0] = 3;
    stop[4..8].copy_from_slice(&sessions.to_be_bytes());
    stop
}

/// A sender packet of TWAMP-Test in open mode (RFC 5357, section 4.1.2).
#[must_use]
pub fn probe(number: u32) -> [u8; 41] {
    let mut probe = [0; 41];
    probe[..4].copy_from_slice(&number.to_be_bytes());
    probe[12..14].copy_from_slice(&[0x80, 1]);
    probe
}
