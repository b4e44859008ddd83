//! Receives probes, copies their fields into replies, stamps and sends them.
//!
//! Its socket has what that of the plugin's reflector has (`socket`): beside each packet come its
//! stamp, TTL, TOS, destination and the count of dropped packets, for these an answer needs, and
//! the kernel works for them. Compared is what is done above the system calls.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::socket::MsgFlags;
use socket2::Socket;

use super::mail::{Inbox, Outbox, now};
use super::socket;
use crate::bench::cpu;

/// Octets of a reply at least (RFC 5357, section 4.2.1).
const REPLY: usize = 41;
/// Of a probe.
const PROBE: usize = 14;

/// How often the figures are told: it costs a look into /proc.
const TELL: Duration = Duration::from_millis(20);

/// A thread that reflects until dropped.
pub(in crate::bench) struct Reflector {
    local: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    end: AtomicBool,
    reflected: AtomicU64,
    cpu_ns: AtomicU64,
}

impl Reflector {
    /// One at `local`; port 0 takes any.
    pub(in crate::bench) fn start(local: SocketAddr) -> io::Result<Self> {
        let socket = socket::reflecting(local)?;
        let local = socket.local_addr()?.as_socket().unwrap_or(local);
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("bare-reflector".into())
            .spawn(move || {
                // It ends when the socket is of no more use; then nothing is counted either.
                let _ = reflect(&socket, &theirs);
            })?;
        Ok(Self {
            local,
            shared,
            thread: Some(thread),
        })
    }

    pub(in crate::bench) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Packets reflected, and processor time used for them.
    pub(in crate::bench) fn figures(&self) -> (u64, Duration) {
        (
            self.shared.reflected.load(Ordering::Acquire),
            Duration::from_nanos(self.shared.cpu_ns.load(Ordering::Acquire)),
        )
    }
}

impl Drop for Reflector {
    fn drop(&mut self) {
        self.shared.end.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn reflect(socket: &Socket, shared: &Shared) -> io::Result<()> {
    let (mut inbox, mut outbox) = (Inbox::new(), Outbox::new());
    let (mut reflected, mut told) = (0, Instant::now());
    while !shared.end.load(Ordering::Relaxed) {
        inbox.fetch(socket, MsgFlags::MSG_WAITFORONE)?;
        let t3 = now();
        for (letter, probe) in inbox.letters() {
            if probe.len() >= PROBE {
                let len = probe.len().max(REPLY);
                let t2 = letter.stamp.unwrap_or(t3);
                outbox.add(letter.from, len, |reply| write(probe, t2, t3, reply));
            }
        }
        reflected += outbox.send(socket)? as u64;
        if told.elapsed() > TELL {
            told = Instant::now();
            let cpu = cpu::of_this_thread()?.as_nanos() as u64;
            shared.cpu_ns.store(cpu, Ordering::Release);
            shared.reflected.store(reflected, Ordering::Release);
        }
    }
    Ok(())
}

/// A reply of TWAMP-Test: copied, not understood.
fn write(probe: &[u8], t2: i64, t3: i64, reply: &mut [u8]) {
    let (head, rest) = reply.split_at_mut(REPLY);
    rest.copy_from_slice(&probe[(probe.len() - rest.len())..]);
    head[0..4].copy_from_slice(&probe[0..4]);
    head[4..12].copy_from_slice(&ntp(t3).to_be_bytes());
    head[12..14].copy_from_slice(&[0x00, 0x01]);
    head[14..16].fill(0);
    head[16..24].copy_from_slice(&ntp(t2).to_be_bytes());
    head[24..38].copy_from_slice(&probe[0..14]);
    head[38..40].fill(0);
    head[40] = 255;
}

fn ntp(nanos: i64) -> u64 {
    let (seconds, fraction) = (nanos / 1_000_000_000, (nanos % 1_000_000_000) as u64);
    ((seconds as u64).wrapping_add(2_208_988_800) << 32) | ((fraction << 32) / 1_000_000_000)
}
