//! Packets without end, which nobody waits for: each from one of many sockets, so that they are as
//! many sessions.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use nix::sys::socket::SockaddrStorage;
use socket2::{Domain, Socket, Type};

use super::mail::Outbox;

/// Octets of a probe; its reply is as long.
const PROBE: usize = 41;
/// Packets that leave one after the other from one socket, where there are many.
const STRIDE: usize = 8;

/// A thread that floods until dropped.
pub(in crate::bench) struct Flood {
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Flood {
    /// Floods `to` from `sessions` ports.
    pub(in crate::bench) fn start(to: SocketAddr, sessions: u32) -> io::Result<Self> {
        let sockets: Vec<_> = (0..sessions)
            .map(|_| socket(to))
            .collect::<io::Result<_>>()?;
        let end = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&end);
        let thread = std::thread::Builder::new()
            .name("flood".into())
            .spawn(move || flood(&sockets, to, &ends))?;
        Ok(Self {
            end,
            thread: Some(thread),
        })
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn socket(to: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(to), Type::DGRAM, None)?;
    // Replies are dropped soon: nobody reads them.
    socket.set_recv_buffer_size(4096)?;
    let any: IpAddr = to.ip();
    socket.bind(&SocketAddr::new(any, 0).into())?;
    Ok(socket)
}

fn flood(sockets: &[Socket], to: SocketAddr, end: &AtomicBool) {
    let to = Some(SockaddrStorage::from(to));
    let mut outbox = Outbox::new();
    let mut sequence = 0u32;
    while !end.load(Ordering::Relaxed) {
        for socket in sockets {
            let stride = if sockets.len() == 1 { 64 } else { STRIDE };
            for offset in 0..stride {
                let number = sequence.wrapping_add(offset as u32);
                outbox.add(to, PROBE, |probe| {
                    probe.fill(0);
                    probe[0..4].copy_from_slice(&number.to_be_bytes());
                    probe[12..14].copy_from_slice(&[0x00, 0x01]);
                });
            }
            // A full buffer is what a flood is about.
            let _ = outbox.send(socket);
            if sockets.len() == 1 {
                sequence = sequence.wrapping_add(stride as u32);
            }
        }
        if sockets.len() > 1 {
            sequence = sequence.wrapping_add(STRIDE as u32);
        }
    }
}
