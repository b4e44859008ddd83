//! A tap on a session that two ends agree on over TWAMP-Control: it hands their connection on, and
//! keeps the first probe, which never arrives. Whoever holds that probe can be the session's
//! sender, protected or not, and needs no key: a reflector answers each copy.
//!
//! ```text
//!   initiator ── TCP ──▶ near ═ tap ═ side ── TCP ──▶ responder
//!             ── UDP ──▶ near (kept)   ▲
//!                                      └ a flood of the probe comes from this address
//! ```

use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

/// How long the two ends may take to agree.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(2);

/// Where the initiator is to go, before there is anybody to go on to.
pub(in crate::bench) struct Tap {
    control: TcpListener,
    probes: UdpSocket,
}

/// A session that was agreed on, as long as this lives.
pub(in crate::bench) struct Tapped {
    pub(in crate::bench) probe: Vec<u8>,
    ends: [TcpStream; 2],
    pipes: Vec<JoinHandle<io::Result<u64>>>,
    probes: UdpSocket,
}

impl Tap {
    pub(in crate::bench) fn open(near: IpAddr) -> io::Result<Self> {
        let control = TcpListener::bind((near, 0))?;
        control.set_nonblocking(true)?;
        let probes = UdpSocket::bind((near, 0))?;
        probes.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { control, probes })
    }

    /// What the initiator is to take for the responder.
    pub(in crate::bench) fn control(&self) -> io::Result<SocketAddr> {
        self.control.local_addr()
    }

    /// The port that the responder must answer at.
    pub(in crate::bench) fn test_port(&self) -> io::Result<u16> {
        Ok(self.probes.local_addr()?.port())
    }

    /// Hands one connection on to `responder`, from the address `side`, and waits for a probe.
    pub(in crate::bench) fn listen(
        self,
        side: IpAddr,
        responder: SocketAddr,
    ) -> io::Result<Tapped> {
        let initiator = self.accept()?;
        let onward = Socket::new(Domain::for_address(responder), Type::STREAM, None)?;
        onward.bind(&SocketAddr::new(side, 0).into())?;
        onward.connect(&responder.into())?;
        let ends = [initiator, TcpStream::from(onward)];
        let [one, other] = &ends;
        let pipes = vec![pipe(one, other)?, pipe(other, one)?];
        let mut tapped = Tapped {
            probe: vec![0; 1500],
            ends,
            pipes,
            probes: self.probes,
        };
        let len = tapped.probes.recv(&mut tapped.probe)?;
        tapped.probe.truncate(len);
        Ok(tapped)
    }

    fn accept(&self) -> io::Result<TcpStream> {
        let began = Instant::now();
        loop {
            match self.control.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false)?;
                    return Ok(stream);
                }
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                Err(error) if began.elapsed() > PATIENCE => return Err(error),
                Err(_) => std::thread::sleep(LOOK),
            }
        }
    }
}

impl Drop for Tapped {
    fn drop(&mut self) {
        for end in &self.ends {
            let _ = end.shutdown(Shutdown::Both);
        }
        for pipe in self.pipes.drain(..) {
            let _ = pipe.join();
        }
    }
}

fn pipe(from: &TcpStream, to: &TcpStream) -> io::Result<JoinHandle<io::Result<u64>>> {
    let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
    std::thread::Builder::new()
        .name("tap".into())
        .spawn(move || io::copy(&mut from, &mut to))
}
