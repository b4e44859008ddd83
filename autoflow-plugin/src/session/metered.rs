//! The part of a line's budget that is one session's business.

use std::net::SocketAddr;
use std::time::Duration;

use twamp_core::time::Wall;

use super::meter::Meter;
use super::sizes::packet;
use super::{Key, Stream};

/// While nothing may leave, it is asked for again so often: the budget may be another by then.
const ASKS_AGAIN: Duration = Duration::from_secs(60);

/// A session whose octets are counted.
#[derive(Debug)]
pub(super) struct Metered {
    key: Key,
    meter: Meter,
    /// Octets of a probe, and of the longest reply.
    probe: u64,
    reply: u64,
    /// Replies that are paid for and have not come.
    owed: u64,
    /// From one probe to the next, at least.
    spacing: Duration,
    /// Nothing may leave until the month ends.
    used_up: bool,
}

impl Metered {
    /// Of a stream that has a budget.
    pub(super) fn of(key: Key, stream: &Stream) -> Option<Self> {
        let (probe, reply) = stream.dialect.octets();
        let octets = |payload| packet(payload, stream.to).into();
        Some(Self {
            key,
            meter: stream.meter.clone()?,
            probe: octets(probe),
            reply: octets(reply),
            owed: 0,
            spacing: Duration::ZERO,
            used_up: false,
        })
    }

    /// A probe is due: may it leave? If not, it is asked for again so much later.
    pub(super) fn take(&mut self, now: Wall) -> Result<(), Duration> {
        match self.meter.take(self.key, self.probe + self.reply, now) {
            Ok(spacing) => {
                self.spacing = spacing;
                self.owed += 1;
                self.used_up = false;
                Ok(())
            }
            Err(wait) => {
                self.used_up = true;
                Err(wait.min(ASKS_AGAIN))
            }
        }
    }

    /// It was written with so much payload.
    pub(super) fn sent(&mut self, payload: usize, to: SocketAddr) {
        let octets = u64::from(packet(payload, to));
        self.meter.more(octets.saturating_sub(self.probe));
        self.probe = self.probe.max(octets);
    }

    /// It did not leave.
    pub(super) fn not_sent(&mut self) {
        self.meter.give_back(self.probe + self.reply);
        self.owed = self.owed.saturating_sub(1);
    }

    /// A reply with so much payload has come. What nobody paid for is paid now.
    pub(super) fn replied(&mut self, payload: usize, from: SocketAddr) {
        let octets = u64::from(packet(payload, from));
        match self.owed.checked_sub(1) {
            Some(owed) => {
                self.owed = owed;
                self.meter.more(octets.saturating_sub(self.reply));
            }
            None => self.meter.more(octets),
        }
        self.reply = self.reply.max(octets);
    }

    /// From one probe to the next, at least.
    pub(super) fn spacing(&self) -> Duration {
        self.spacing
    }

    /// Nothing may leave until the month ends.
    pub(super) fn is_used_up(&self) -> bool {
        self.used_up
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        self.meter.leave(self.key);
    }
}
