//! Round trips by the kernel's stamps, one probe at a time.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use nix::sys::socket::{MsgFlags, SockaddrStorage};
use socket2::{Domain, Socket, Type};

use super::mail::{Inbox, Outbox, ask_for_stamps};

const PROBE: usize = 41;
/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(1);

/// Sends `count` probes, one each `interval`; answers the round trips, in nanoseconds, without the
/// far end's processing.
pub(in crate::bench) fn round_trips(
    far: SocketAddr,
    count: u32,
    interval: Duration,
) -> io::Result<Vec<i64>> {
    let socket = Socket::new(Domain::for_address(far), Type::DGRAM, None)?;
    socket.bind(&SocketAddr::new(far.ip(), 0).into())?;
    socket.set_read_timeout(Some(PATIENCE))?;
    ask_for_stamps(&socket, true)?;
    let (mut outbox, mut inbox, mut stamps) = (Outbox::new(), Inbox::new(), Inbox::new());
    let to = Some(SockaddrStorage::from(far));
    let mut next = Instant::now();
    let mut trips = Vec::with_capacity(count as usize);
    for number in 0..count {
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        next += interval;
        outbox.add(to, PROBE, |probe| {
            probe.fill(0);
            probe[0..4].copy_from_slice(&number.to_be_bytes());
            probe[12..14].copy_from_slice(&[0x00, 0x01]);
        });
        outbox.send(&socket)?;
        inbox.fetch(&socket, MsgFlags::MSG_WAITFORONE)?;
        let back = inbox
            .letters()
            .find_map(|(letter, reply)| Some((letter.stamp?, processing(reply)?)));
        stamps.fetch(&socket, MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT)?;
        let left = stamps.letters().find_map(|(letter, _)| letter.stamp);
        if let (Some(left), Some((arrived, processing))) = (left, back) {
            trips.push(arrived - left - processing);
        }
    }
    Ok(trips)
}

/// T3 − T2 of a reply, nanoseconds.
fn processing(reply: &[u8]) -> Option<i64> {
    let stamp = |at: usize| Some(u64::from_be_bytes(*reply.get(at..)?.first_chunk()?));
    let fractions = stamp(4)?.wrapping_sub(stamp(16)?);
    Some(((u128::from(fractions) * 1_000_000_000) >> 32) as i64)
}
