//! Packets that nobody waits for: as many as there can be, or so many a second.
//!
//! The kernel cuts each call's octets into packets (UDP segmentation). So a flood costs far less
//! than answering it: the reflector's queue never runs dry, whichever reflector it is, and what is
//! compared is work, not how often somebody sleeps.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::UdpGsoSegment;
use socket2::{Domain, SockAddr, Socket, Type};

/// Octets of a probe; its reply is as long.
const PROBE: usize = 41;
/// Packets that leave together from one socket,
const ALONE: usize = 64;
/// where there are many,
const OF_MANY: usize = 8;
/// and at a pace.
const PACED: usize = 32;

/// What is to be sent.
#[derive(Clone, Debug)]
pub(in crate::bench) struct Load {
    to: SocketAddr,
    from: IpAddr,
    sessions: u32,
    probe: Vec<u8>,
    /// Each packet has a number of its own.
    numbered: bool,
    per_second: Option<f64>,
}

impl Load {
    /// Probes of TWAMP Light from `sessions` ports of the address that they go to.
    pub(in crate::bench) fn light(to: SocketAddr, sessions: u32) -> Self {
        let mut probe = vec![0; PROBE];
        probe[12..14].copy_from_slice(&[0x00, 0x01]);
        Self {
            to,
            from: to.ip(),
            sessions,
            probe,
            numbered: true,
            per_second: None,
        }
    }

    /// This one packet again and again, from a port of `from`. A reflector answers each copy.
    pub(in crate::bench) fn replay(to: SocketAddr, from: IpAddr, packet: Vec<u8>) -> Self {
        Self {
            to,
            from,
            sessions: 1,
            probe: packet,
            numbered: false,
            per_second: None,
        }
    }

    /// The same at a pace.
    pub(in crate::bench) fn paced(self, per_second: f64) -> Self {
        Self {
            per_second: Some(per_second),
            ..self
        }
    }

    fn socket(&self) -> io::Result<Socket> {
        let socket = Socket::new(Domain::for_address(self.to), Type::DGRAM, None)?;
        // Replies are dropped soon: nobody reads them.
        socket.set_recv_buffer_size(4096)?;
        let segment = i32::try_from(self.probe.len()).map_err(io::Error::other)?;
        setsockopt(&socket, UdpGsoSegment, &segment)?;
        socket.bind(&SocketAddr::new(self.from, 0).into())?;
        Ok(socket)
    }

    /// Packets that leave together.
    fn stride(&self) -> usize {
        match self.per_second {
            Some(_) => PACED,
            None if self.sessions == 1 => ALONE,
            None => OF_MANY,
        }
    }
}

/// A thread that sends until dropped.
pub(in crate::bench) struct Flood {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    end: AtomicBool,
    sent: AtomicU64,
}

impl Flood {
    pub(in crate::bench) fn start(load: Load) -> io::Result<Self> {
        let sockets: Vec<_> = (0..load.sessions)
            .map(|_| load.socket())
            .collect::<io::Result<_>>()?;
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("flood".into())
            .spawn(move || flood(&sockets, &load, &theirs))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Ends it; answers how many packets have left.
    pub(in crate::bench) fn end(mut self) -> u64 {
        self.join();
        self.shared.sent.load(Ordering::Acquire)
    }

    fn join(&mut self) {
        self.shared.end.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.join();
    }
}

fn flood(sockets: &[Socket], load: &Load, shared: &Shared) {
    let (to, stride) = (SockAddr::from(load.to), load.stride());
    let mut packets = load.probe.repeat(stride);
    let (began, mut sequence, mut sent) = (Instant::now(), 0u32, 0u64);
    while !shared.end.load(Ordering::Relaxed) {
        if load.numbered {
            for (packet, number) in packets.chunks_exact_mut(load.probe.len()).zip(sequence..) {
                packet[..4].copy_from_slice(&number.to_be_bytes());
            }
            sequence = sequence.wrapping_add(stride as u32);
        }
        for socket in sockets {
            if let Some(per_second) = load.per_second {
                let due = began + Duration::from_secs_f64(sent as f64 / per_second);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            // What a full buffer doesn't take is no part of the flood.
            if socket.send_to(&packets, &to).is_ok() {
                sent += stride as u64;
            }
            if shared.end.load(Ordering::Relaxed) {
                break;
            }
        }
        shared.sent.store(sent, Ordering::Release);
    }
}
