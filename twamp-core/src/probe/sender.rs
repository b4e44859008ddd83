//! The Session-Sender: makes probes, pairs their replies, times out the rest (RFC 5357, section
//! 4.1).

use super::outcomes::Outcomes;
use super::padding::Padding;
use super::pairing::{Departure, Sample, pair, peer_stamps, sendable};
use super::{Arrival, Discard, Discards, Features, TxStamp};
use crate::error::WireError;
use crate::metrics::loss::{LossAccount, LossCounts, ReflectorNumbers, Reply, SMALL};
use crate::security::TestSecurity;
use crate::time::{ErrorEstimate, Mono, Now};
use crate::wire::test::{ReflectorPacket, SECURE_REFLECTOR_LEN, SECURE_SENDER_FIXED, SenderPacket};
use std::collections::VecDeque;
use std::time::Duration;

/// How a session sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SenderConfig {
    /// Octets after the fixed part of the test packet. 27 make probes and replies equally long;
    /// 64 do with protected packets, 30 with [`Features::dscp_ecn`].
    pub padding: u32,
    /// Padding of zeros, not of pseudo-random octets.
    pub zero_padding: bool,
    /// Where the pseudo-random octets start; give each session its own.
    pub seed: u64,
    /// A probe without a reply for so long is lost.
    pub timeout: Duration,
    /// The reflector numbers its replies by itself, so that loss has a direction.
    pub stateful_reflector: bool,
    /// How many probes to remember, 12 octets each, and 48 more while they are on their way. Must be well above rate × time-out: a
    /// probe that falls out unanswered is set aside, and its reply is unknown.
    pub remembered: usize,
    /// What was agreed on beyond the base protocol.
    pub features: Features,
    /// What the padding that is to be reflected begins with: the Server octets of Accept-Session
    /// (RFC 6038, section 4.2). 0: nothing.
    pub server_octets: u16,
}

impl Default for SenderConfig {
    /// Probes as long as replies, 2 s, stateful, 1024 probes, no features.
    fn default() -> Self {
        SenderConfig {
            padding: 27,
            zero_padding: false,
            seed: 0,
            timeout: Duration::from_secs(2),
            stateful_reflector: true,
            remembered: 1024,
            features: Features::default(),
            server_octets: 0,
        }
    }
}

/// Probes on their way whose room is never given back.
const ROOM: usize = 4;

/// Ties a probe on its way through the network layer to the probe in the sender's books. Give it
/// back with [`Sender::transmitted`] or [`Sender::not_sent`].
#[derive(PartialEq, Eq, Debug)]
#[must_use = "give it back with the stamp, or say that the probe was not sent"]
pub struct TxToken {
    sequence: u64,
}

impl TxToken {
    /// The probe's number.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    fn redeem(self) -> u64 {
        self.sequence
    }
}

/// What became of a probe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It came back.
    Sample(Sample),
    /// No reply in time.
    Lost {
        /// The probe's number.
        sequence: u64,
        /// When it was handed out.
        sent: Mono,
        /// How long it was waited for.
        after: Duration,
    },
    /// It says nothing about the line's delay, or nothing at all.
    SetAside(SetAside),
}

/// A probe that makes no sample and no loss.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SetAside {
    /// The probe's number.
    pub sequence: u64,
    /// When it was handed out.
    pub sent: Mono,
    /// Why.
    pub reason: Reason,
    /// The reply's number and epoch, as in [`Sample`], if there was one: then the probe counts as
    /// received.
    pub reply: Option<(u64, u32)>,
}

/// Why a probe was set aside.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Reason {
    /// Answered, but our wall clock was stepped while it was away.
    ClockStep,
    /// Answered, but with stamps that can't be: a negative round trip or processing time.
    Anomaly,
    /// Not answered before this process stood still or lost packets by its own fault.
    LocalTrouble,
    /// Not answered before `remembered` later ones were sent.
    Overrun,
}

/// One measurement session, sending side.
///
/// Feed it replies and time; take outcomes until there are none.
#[derive(Clone, Debug)]
pub struct Sender {
    config: SenderConfig,
    account: LossAccount,
    /// The end of T1, for each number that the account remembers.
    t1_ends: VecDeque<u32>,
    /// Of the probes from the oldest one on that was outstanding at the last send.
    departures: VecDeque<Departure>,
    outcomes: Outcomes,
    /// Hardly ever there are any.
    discards: Option<Box<Discards>>,
    padding: Padding,
    security: TestSecurity,
}

impl Sender {
    /// A session that has sent nothing yet; the first probe has number 0. Its packets are not
    /// protected.
    pub fn new(config: SenderConfig) -> Self {
        Self::starting_at(0, config)
    }

    /// The same session with protected packets.
    #[must_use]
    pub fn secured(self, security: TestSecurity) -> Self {
        Sender { security, ..self }
    }

    fn starting_at(first: u64, config: SenderConfig) -> Self {
        let numbers = match config.stateful_reflector {
            true => ReflectorNumbers::Own,
            false => ReflectorNumbers::Copied,
        };
        Sender {
            config,
            account: LossAccount::starting_at(first, numbers, config.remembered),
            t1_ends: VecDeque::with_capacity(config.remembered.min(SMALL)),
            departures: VecDeque::new(),
            outcomes: Outcomes::default(),
            discards: None,
            padding: Padding::new(config.seed),
            security: TestSecurity::Open,
        }
    }

    /// Remembers so many probes from the next one on, as `remembered` in [`SenderConfig`]: for
    /// when they leave faster than before, or no longer as fast.
    pub fn remember(&mut self, remembered: usize) {
        self.account.remember(remembered);
    }

    /// How long a reply is waited for.
    pub fn timeout(&self) -> Duration {
        self.config.timeout
    }

    /// Writes the next probe to `out`, which is cleared first. T1 is `now.wall`.
    ///
    /// Read both clocks of `now` at one place: a pause between them would look like a clock step.
    pub fn send(&mut self, now: Now, error: ErrorEstimate, out: &mut Vec<u8>) -> TxToken {
        if let Some(overrun) = self.account.make_room() {
            self.put_aside(overrun, Reason::Overrun, None);
        }
        self.forget();
        let sequence = self.account.send();
        let t1 = self.config.features.stamps.encode(now.wall);
        self.t1_ends.push_back(t1.0 as u32);
        self.departures.push_back(Departure { at: now, tx: None });

        let packet = SenderPacket {
            sequence: sequence as u32,
            timestamp: t1,
            error: self.config.features.stamps.mark(sendable(error)),
        };
        self.write(&packet, out);
        TxToken { sequence }
    }

    /// The probe left, with this stamp. Hand stamps in before replies: a kernel stamp that comes
    /// after its reply is of no use.
    pub fn transmitted(&mut self, token: TxToken, stamp: TxStamp) {
        if let Some(departure) = self.departure_mut(token.redeem()) {
            departure.tx = Some(stamp);
        }
    }

    /// The local system refused the probe: its number is used up, but it was never sent.
    pub fn not_sent(&mut self, token: TxToken) {
        self.account.not_sent(token.redeem());
    }

    /// Takes a packet from the reflector. Duplicates and late replies are in order, they are
    /// counted in [`counts`](Self::counts).
    ///
    /// # Errors
    /// Says why the packet is not a reply to a probe of this session; it is counted in
    /// [`discards`](Self::discards).
    pub fn handle_reply(&mut self, packet: &[u8], arrival: &Arrival) -> Result<(), Discard> {
        let result = self.take_reply(packet, arrival);
        if let Err(discard) = &result {
            self.discards.get_or_insert_default().count(discard);
        }
        result
    }

    /// Gives up all probes that are due.
    pub fn handle_timeout(&mut self, now: Mono) {
        while self.poll_timeout().is_some_and(|due| due <= now) {
            let Some(sequence) = self.account.oldest_outstanding() else {
                return;
            };
            self.lose(sequence);
        }
    }

    /// Sets aside all probes handed out until `now` that are still on their way: this process
    /// stood still, or dropped packets, so their fate says nothing about the line. Replies that
    /// come after all are discarded.
    pub fn set_aside_outstanding(&mut self, now: Mono) {
        let oldest = self.account.oldest_outstanding();
        let oldest = oldest.unwrap_or(self.account.next());
        for sequence in oldest..self.account.next() {
            let sent = self.departure(sequence).is_some_and(|d| d.at.mono <= now);
            if sent && self.account.set_aside(sequence) {
                self.put_aside(sequence, Reason::LocalTrouble, None);
            }
        }
        self.account.seam();
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    pub fn poll_timeout(&self) -> Option<Mono> {
        let oldest = self.departure(self.account.oldest_outstanding()?)?;
        Some(oldest.at.mono + self.config.timeout)
    }

    /// What became known since the last call, one at a time.
    pub fn poll_outcome(&mut self) -> Option<Outcome> {
        self.outcomes.pop()
    }

    /// Totals so far.
    pub fn counts(&self) -> LossCounts {
        self.account.counts()
    }

    /// The books, for what the totals don't tell.
    pub fn account(&self) -> &LossAccount {
        &self.account
    }

    /// Packets that were no replies to our probes.
    pub fn discards(&self) -> Discards {
        self.discards.as_deref().copied().unwrap_or_default()
    }

    /// Probes neither answered nor given up.
    pub fn in_flight(&self) -> u64 {
        self.account.counts().in_flight
    }

    fn write(&mut self, packet: &SenderPacket, out: &mut Vec<u8>) {
        let SenderConfig {
            features,
            padding,
            server_octets,
            zero_padding,
            ..
        } = self.config;
        let layout = features.layout(self.security.is_secure());
        out.clear();
        out.resize(layout.sender + padding as usize, 0);
        if self.security.is_secure() {
            out[..SECURE_SENDER_FIXED].copy_from_slice(&packet.to_secure());
        } else {
            packet.write(out);
        }
        if let Some(padding) = out.get_mut(layout.padding..) {
            if !zero_padding {
                self.padding.fill(padding);
            }
            if let (1.., Some(head)) = (server_octets, padding.first_chunk_mut()) {
                *head = server_octets.to_be_bytes();
            }
        }
        self.security.protect(out, SECURE_SENDER_FIXED);
    }

    /// The reply, and what it says of the TOS octet that the probe came in with.
    fn read(&self, packet: &[u8]) -> Result<(ReflectorPacket, Option<u8>), Discard> {
        let features = self.config.features;
        let layout = features.layout(self.security.is_secure());
        let tos = |octets: &[u8]| match features.dscp_ecn {
            true => octets.get(layout.received_tos).copied(),
            false => None,
        };
        if !self.security.is_secure() {
            return Ok((ReflectorPacket::parse(packet)?, tos(packet)));
        }
        if packet.len() < SECURE_REFLECTOR_LEN {
            return Err(Discard::TooShort(WireError::TooShort {
                what: "protected TWAMP-Test reflector packet",
                expected: SECURE_REFLECTOR_LEN,
                found: packet.len(),
            }));
        }
        let plain = self.security.open(packet).ok_or(Discard::BadHmac)?;
        Ok((ReflectorPacket::parse_secure(&plain), tos(&plain)))
    }

    fn take_reply(&mut self, packet: &[u8], arrival: &Arrival) -> Result<(), Discard> {
        let (reply, tos) = self.read(packet)?;
        if !reply.error.is_valid() {
            return Err(Discard::BadErrorEstimate);
        }
        let unknown = Discard::UnknownSequence(reply.sender_sequence);
        let sequence = self.account.unwrap(reply.sender_sequence);
        let departure = self.departure(sequence).copied();
        let format = self.config.features.stamps;
        let t1 = reply.sender_timestamp;
        if self.t1_end(sequence).ok_or(unknown)? != t1.0 as u32
            || departure.is_some_and(|departure| format.encode(departure.at.wall) != t1)
        {
            return Err(Discard::T1Mismatch);
        }
        let stamps = peer_stamps(&reply, format, arrival.user)?;
        // One that only had to wait to be read is not late.
        let allowed = self.config.timeout + arrival.unread();
        let away = departure.map(|departure| arrival.mono.since(departure.at.mono));
        if away.is_some_and(|away| away >= allowed) {
            self.lose(sequence);
        }
        match self.account.reply(sequence, reply.sequence, stamps.1) {
            Reply::First { reflector, epoch } => {
                let departure = departure.ok_or(unknown)?;
                let numbers = (reflector, epoch);
                match pair(sequence, &departure, stamps, numbers, &reply, arrival) {
                    Ok(sample) => self.outcomes.push(Outcome::Sample(Sample {
                        tos_forward: tos,
                        ..sample
                    })),
                    Err(reason) => self.put_aside(sequence, reason, Some(numbers)),
                }
                Ok(())
            }
            Reply::Duplicate(_) | Reply::Late => Ok(()),
            Reply::SetAside => Err(Discard::ProbeSetAside),
            Reply::Unknown => Err(unknown),
        }
    }

    fn lose(&mut self, sequence: u64) {
        if let Some(&Departure { at, .. }) = self.departure(sequence)
            && self.account.lose(sequence)
        {
            let after = self.config.timeout;
            self.outcomes.push(Outcome::Lost {
                sequence,
                sent: at.mono,
                after,
            });
        }
    }

    fn put_aside(&mut self, sequence: u64, reason: Reason, reply: Option<(u64, u32)>) {
        if let Some(sent) = self.departure(sequence).map(|d| d.at.mono) {
            let aside = SetAside {
                sequence,
                sent,
                reason,
                reply,
            };
            self.outcomes.push(Outcome::SetAside(aside));
        }
    }

    /// Makes room for one more: no more is kept than the account remembers, and of probes whose
    /// fate is known only what tells a reply to them from a stranger's.
    fn forget(&mut self) {
        let next = self.account.next();
        let forget = |kept: usize, first: u64| kept.saturating_sub((next - first) as usize);
        let first = self.account.remembered().start;
        let t1_ends = forget(self.t1_ends.len(), first);
        self.t1_ends.drain(..t1_ends);
        if self.t1_ends.capacity() >= 2 * self.account.room() {
            self.t1_ends.shrink_to(self.account.room());
        }
        let outstanding = self.account.oldest_outstanding().unwrap_or(next);
        let departures = forget(self.departures.len(), outstanding.max(first));
        self.departures.drain(..departures);
        // A line that was silent for long needed room for many.
        if self.departures.is_empty() && self.departures.capacity() > ROOM {
            self.departures = VecDeque::with_capacity(ROOM);
        }
    }

    fn t1_end(&self, sequence: u64) -> Option<u32> {
        let index = self.index(self.t1_ends.len(), sequence)?;
        self.t1_ends.get(index).copied()
    }

    fn departure(&self, sequence: u64) -> Option<&Departure> {
        let index = self.index(self.departures.len(), sequence)?;
        self.departures.get(index)
    }

    fn departure_mut(&mut self, sequence: u64) -> Option<&mut Departure> {
        let index = self.index(self.departures.len(), sequence)?;
        self.departures.get_mut(index)
    }

    /// Where it stands among `kept` ones, counted from the newest, which is `next - 1`.
    fn index(&self, kept: usize, sequence: u64) -> Option<usize> {
        let back = usize::try_from(self.account.next().checked_sub(sequence)?).ok()?;
        kept.checked_sub(back)
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
