//! Sends probes at a pace, takes their transmit stamps and the replies, and forgets them.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use nix::sys::socket::{MsgFlags, SockaddrStorage};
use socket2::{Domain, Socket, Type};

use super::mail::{Inbox, Outbox, ask_for_stamps};
use crate::bench::cpu;

/// Octets of a probe; its reply is as long.
const PROBE: usize = 41;
/// Probes that are due within this leave together.
const SLOT: Duration = Duration::from_millis(1);

/// What a turn came to.
#[derive(Clone, Copy, Debug)]
pub(in crate::bench) struct Sent {
    pub(in crate::bench) probes: u64,
    pub(in crate::bench) replies: u64,
    pub(in crate::bench) cpu: Duration,
    /// All but one in a hundred left no later than this after their slot began.
    pub(in crate::bench) late_p99: Duration,
}

/// Sends `per_second` probes a second, spread over `to`, for so long. On the calling thread.
pub(in crate::bench) fn send(
    to: &[SocketAddr],
    per_second: f64,
    turn: Duration,
) -> io::Result<Sent> {
    let [first, ..] = to else {
        return Err(io::Error::other("nobody to send to"));
    };
    let socket = Socket::new(Domain::for_address(*first), Type::DGRAM, None)?;
    socket.set_recv_buffer_size(4 << 20)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::new(first.ip(), 0).into())?;
    ask_for_stamps(&socket, true)?;
    let (mut outbox, mut inbox, mut stamps) = (Outbox::new(), Inbox::new(), Inbox::new());
    let mut far = to.iter().map(|to| Some(SockaddrStorage::from(*to))).cycle();
    let (mut probes, mut replies) = (0u64, 0u64);
    let mut late: Vec<(Duration, u64)> = Vec::with_capacity(1 << 20);
    let (began, before) = (Instant::now(), cpu::of_this_thread()?);
    let mut slot = began;
    while began.elapsed() < turn {
        slot += SLOT;
        std::thread::sleep(slot.saturating_duration_since(Instant::now()));
        let due = (began.elapsed().as_secs_f64() * per_second) as u64;
        while probes < due {
            let before_batch = probes;
            while probes < due && !outbox.is_full() {
                let number = probes as u32;
                outbox.add(far.next().flatten(), PROBE, |probe| {
                    probe.fill(0);
                    probe[0..4].copy_from_slice(&number.to_be_bytes());
                    probe[12..14].copy_from_slice(&[0x00, 0x01]);
                });
                probes += 1;
            }
            let slots = (before_batch as f64 / per_second / SLOT.as_secs_f64()).ceil();
            let late_by = began.elapsed().saturating_sub(SLOT.mul_f64(slots));
            late.push((late_by, probes - before_batch));
            outbox.send(&socket)?;
            while stamps.fetch(&socket, MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT)? > 0 {}
        }
        loop {
            match inbox.fetch(&socket, MsgFlags::MSG_DONTWAIT)? {
                0 => break,
                taken => replies += taken as u64,
            }
        }
    }
    let cpu = cpu::of_this_thread()? - before;
    Ok(Sent {
        probes,
        replies,
        cpu,
        late_p99: all_but_a_hundredth(late, probes),
    })
}

/// Of batches, each as late as its first probe, with their number of probes.
fn all_but_a_hundredth(mut late: Vec<(Duration, u64)>, probes: u64) -> Duration {
    late.sort_unstable();
    let mut above = probes / 100;
    for (lateness, count) in late.into_iter().rev() {
        match above.checked_sub(count) {
            Some(rest) => above = rest,
            None => return lateness,
        }
    }
    Duration::ZERO
}
