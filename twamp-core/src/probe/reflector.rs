//! The Session-Reflector: answers probes and reports what it saw (RFC 5357, section 4.2).

use super::pairing::sendable;
use super::{Arrival, Discard, Discards, Features, StampFormat};
use crate::error::WireError;
use crate::metrics::delay::DelaySummary;
use crate::metrics::marks::Marks;
use crate::metrics::reordering::Reordering;
use crate::metrics::serial::{Mark, Seen, unwrap};
use crate::metrics::sketch::Sketch;
use crate::metrics::variation::Jitter;
use crate::security::TestSecurity;
use crate::time::{ErrorEstimate, Mono, Wall};
use crate::wire::test::{ReflectorPacket, SECURE_REFLECTOR_FIXED, SECURE_SENDER_LEN, SenderPacket};
use std::time::Duration;

mod sealer;

pub use sealer::Sealer;

/// TTL in the reply when that of the probe can't be read.
const TTL_UNKNOWN: u8 = 255;

/// How a session reflects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReflectorConfig {
    /// REFWAIT: the session ends after so long without a probe.
    pub refwait: Duration,
    /// Number the replies; otherwise the probe's number is copied (TWAMP Light).
    pub stateful: bool,
    /// The sender is known to start at number 0 (the session was agreed on over TWAMP-Control), so
    /// that probes missing before the first one seen are lost ones.
    pub from_zero: bool,
    /// How many numbers of the sender to remember, one bit each, to tell duplicates.
    pub remembered: usize,
    /// What was agreed on beyond the base protocol.
    pub features: Features,
}

impl Default for ReflectorConfig {
    /// 900 s, stateful, from zero, 1024 numbers, no features.
    fn default() -> Self {
        ReflectorConfig {
            refwait: Duration::from_secs(900),
            stateful: true,
            from_zero: true,
            remembered: 1024,
            features: Features::default(),
        }
    }
}

/// What a reflector saw of a session.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ReflectorReport {
    /// Probes that came in, duplicates included, discarded ones not.
    pub received: u64,
    /// Replies written.
    pub reflected: u64,
    /// Different probes that came in.
    pub distinct: u64,
    /// Numbers missing between the first and the highest one: lost on the way here.
    pub lost_forward: u64,
    /// Extra copies.
    pub duplicates: u64,
    /// Probes overtaken by a later one (RFC 4737).
    pub reordered: u64,
    /// Smoothed jitter of T2 − T1, nanoseconds (RFC 3550); `None` before two probes.
    pub jitter_ns: Option<f64>,
    /// How far T2 − T1 lay above its smallest value; free of the clocks' offset. `None` before the
    /// first probe.
    pub variation: Option<Variation>,
    /// Medians, 95th and 99th percentiles of the same variation (PDV, RFC 5481), nanoseconds.
    pub pdv_ns: Option<[u64; 3]>,
    /// The same of the difference between probes sent one right after the other (IPDV), without its
    /// sign; of those that came in their order.
    pub ipdv_ns: Option<[u64; 3]>,
    /// The most numbers in a row that were missing when a later one came.
    pub longest_gap: u64,
    /// TOS octets or traffic classes of the probes.
    pub tos: Marks,
    /// TTLs or hop limits of the probes.
    pub ttl: Marks,
    /// Packets not answered.
    pub discards: Discards,
}

/// Delays above the smallest one, whose own variation is 0. Nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Variation {
    /// On average.
    pub mean_ns: u64,
    /// At most.
    pub max_ns: u64,
}

/// One measurement session, reflecting side.
#[derive(Clone, Debug)]
pub struct Reflector {
    config: ReflectorConfig,
    life: Life,
    /// The next reply's number.
    sequence: u32,
    received: u64,
    reflected: u64,
    probes: Probes,
    /// Hardly ever there are any.
    discards: Option<Box<Discards>>,
    security: TestSecurity,
}

#[derive(Clone, Copy, Debug)]
enum Life {
    Waiting,
    Running { last_probe: Mono },
    Stopping { until: Mono },
}

impl Reflector {
    /// A session that reflects at once.
    pub fn new(config: ReflectorConfig, now: Mono) -> Self {
        let mut reflector = Self::waiting(config);
        reflector.start(now);
        reflector
    }

    /// A session that has been accepted but not started: it discards what comes.
    pub fn waiting(config: ReflectorConfig) -> Self {
        Reflector {
            config,
            life: Life::Waiting,
            sequence: 0,
            received: 0,
            reflected: 0,
            probes: Probes::new(&config),
            discards: None,
            security: TestSecurity::Open,
        }
    }

    /// The same session with protected packets.
    #[must_use]
    pub fn secured(self, security: TestSecurity) -> Self {
        Reflector { security, ..self }
    }

    /// Starts reflecting. REFWAIT counts from here.
    pub fn start(&mut self, now: Mono) {
        if let Life::Waiting = self.life {
            self.life = Life::Running { last_probe: now };
        }
    }

    /// Stop was received: reflects for `timeout` more, for the probes that are on their way.
    pub fn stop(&mut self, now: Mono, timeout: Duration) {
        if self.expired(now) {
            return;
        }
        let until = now + timeout;
        self.life = match self.life {
            Life::Waiting => Life::Stopping { until: now },
            Life::Running { .. } => Life::Stopping { until },
            Life::Stopping { until: earlier } => Life::Stopping {
                until: earlier.min(until),
            },
        };
    }

    /// Writes the reply to `packet` to `out`, which is cleared first. Then have it sealed by
    /// [`sealer`](Self::sealer).
    ///
    /// The reply is as long as the probe, or as its own fixed part if the probe is shorter than
    /// that. `error` is of our clock, and must cover the time from the seal to the wire.
    ///
    /// # Errors
    /// Says why there is no reply; `out` is empty then.
    pub fn reflect(
        &mut self,
        packet: &[u8],
        arrival: &Arrival,
        error: ErrorEstimate,
        out: &mut Vec<u8>,
    ) -> Result<(), Discard> {
        out.clear();
        let probe = match self.take_probe(packet, arrival.mono) {
            Ok(probe) => probe,
            Err(discard) => {
                self.discards.get_or_insert_default().count(&discard);
                return Err(discard);
            }
        };
        let t2 = arrival.wall();
        let stamps = self.config.features.stamps;
        self.received += 1;
        self.probes.record(&probe, sent(&probe, stamps, t2), t2);
        self.probes.arrived(arrival, t2);

        let receive = stamps.encode(t2);
        let reply = ReflectorPacket {
            sequence: self.next_sequence(&probe),
            // Until it is sealed.
            timestamp: receive,
            error: stamps.mark(sendable(error)),
            receive,
            sender_sequence: probe.sequence,
            sender_timestamp: probe.timestamp,
            sender_error: probe.error,
            sender_ttl: arrival.ttl.unwrap_or(TTL_UNKNOWN),
        };
        self.write(&reply, packet, arrival.tos, out);
        self.reflected += 1;
        Ok(())
    }

    /// Whether `packet` can be a probe of this session, by all that it shows: its form, and in the
    /// secure modes its keys. Counts nothing.
    pub fn recognises(&self, packet: &[u8]) -> bool {
        self.read(packet).is_ok_and(|probe| probe.error.is_valid())
    }

    /// What finishes this session's replies right before they are sent. It may travel with them.
    pub fn sealer(&self) -> Sealer {
        Sealer {
            security: self.security.clone(),
            stamps: self.config.features.stamps,
        }
    }

    /// Seals a reply of a session without protection and features: [`Sealer::seal`] for all
    /// others.
    pub fn seal(out: &mut [u8], t3: Wall) {
        Sealer::default().seal(out, t3);
    }

    /// When the session ends if no probe comes; `None` before it is started.
    pub fn poll_timeout(&self) -> Option<Mono> {
        match self.life {
            Life::Waiting => None,
            Life::Running { last_probe } => Some(last_probe + self.config.refwait),
            Life::Stopping { until } => Some(until),
        }
    }

    /// Whether the session has ended: silent for REFWAIT, or stopped and its time-out is over.
    pub fn expired(&self, now: Mono) -> bool {
        self.poll_timeout().is_some_and(|end| end <= now)
    }

    /// What was seen so far.
    pub fn report(&self) -> ReflectorReport {
        ReflectorReport {
            received: self.received,
            reflected: self.reflected,
            distinct: self.probes.distinct(),
            lost_forward: self.probes.lost(),
            duplicates: self.probes.duplicates,
            reordered: self.probes.order.reordered(),
            jitter_ns: self.probes.jitter.get(),
            variation: self.probes.variation(),
            pdv_ns: self.probes.pdv(),
            ipdv_ns: self.probes.ipdv(),
            longest_gap: self.probes.longest_gap,
            tos: self.probes.tos.clone(),
            ttl: self.probes.ttl.clone(),
            discards: self.discards.as_deref().copied().unwrap_or_default(),
        }
    }

    fn take_probe(&mut self, packet: &[u8], now: Mono) -> Result<SenderPacket, Discard> {
        if let Life::Waiting = self.life {
            return Err(Discard::NotStarted);
        }
        if self.expired(now) {
            return Err(Discard::Ended);
        }
        let probe = self.read(packet)?;
        if !probe.error.is_valid() {
            return Err(Discard::BadErrorEstimate);
        }
        if let Life::Running { last_probe } = &mut self.life {
            *last_probe = now.max(*last_probe);
        }
        Ok(probe)
    }

    fn read(&self, packet: &[u8]) -> Result<SenderPacket, Discard> {
        if !self.security.is_secure() {
            return Ok(SenderPacket::parse(packet)?);
        }
        if packet.len() < SECURE_SENDER_LEN {
            return Err(Discard::TooShort(WireError::TooShort {
                what: "protected TWAMP-Test sender packet",
                expected: SECURE_SENDER_LEN,
                found: packet.len(),
            }));
        }
        let plain = self.security.open(packet).ok_or(Discard::BadHmac)?;
        Ok(SenderPacket::parse_secure(&plain))
    }

    fn write(&self, reply: &ReflectorPacket, probe: &[u8], tos: Option<u8>, out: &mut Vec<u8>) {
        let features = self.config.features;
        let layout = features.layout(self.security.is_secure());
        out.resize(layout.reflector, 0);
        if self.security.is_secure() {
            out[..SECURE_REFLECTOR_FIXED].copy_from_slice(&reply.to_secure());
        } else {
            reply.write(out);
        }
        if features.dscp_ecn {
            out[layout.received_tos] = tos.unwrap_or(0);
        }
        let padding = probe.get(layout.padding..).unwrap_or_default();
        let room = probe.len().saturating_sub(layout.reflector);
        out.extend_from_slice(&padding[..room.min(padding.len())]);
        if !self.security.covers_stamps() {
            // Nothing is left for the seal but the stamp.
            self.security.protect(out, SECURE_REFLECTOR_FIXED);
        }
    }

    fn next_sequence(&mut self, probe: &SenderPacket) -> u32 {
        if !self.config.stateful {
            return probe.sequence;
        }
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        sequence
    }
}

/// T1 in our units. What can't be a PTP stamp is reflected all the same, and taken for NTP.
fn sent(probe: &SenderPacket, ours: StampFormat, t2: Wall) -> Wall {
    ours.decode([probe.timestamp], probe.error, t2)
        .map_or_else(|| probe.timestamp.to_wall(t2), |[t1]| t1)
}

/// The books on what came in.
#[derive(Clone, Debug)]
struct Probes {
    /// `None` until the first number is known.
    seen: Option<Seen>,
    /// T1 of the probe with the highest number.
    newest: Wall,
    duplicates: u64,
    order: Reordering,
    jitter: Jitter,
    delay: DelaySummary,
    /// Delays, and differences between neighbours; nothing is kept before the first probe.
    spread: Option<Box<[Sketch; 2]>>,
    /// Number and delay of the probe that came in last.
    last: Option<(u64, i64)>,
    longest_gap: u64,
    tos: Marks,
    ttl: Marks,
    /// Of earlier lives of the sender's counter.
    distinct_before: u64,
    lost_before: u64,
    remembered: usize,
}

impl Probes {
    fn new(config: &ReflectorConfig) -> Self {
        Probes {
            seen: config
                .from_zero
                .then(|| Seen::starting_at(0, config.remembered)),
            newest: Wall::default(),
            duplicates: 0,
            order: Reordering::default(),
            jitter: Jitter::default(),
            delay: DelaySummary::default(),
            spread: None,
            last: None,
            longest_gap: 0,
            tos: Marks::default(),
            ttl: Marks::default(),
            distinct_before: 0,
            lost_before: 0,
            remembered: config.remembered,
        }
    }

    fn record(&mut self, probe: &SenderPacket, t1: Wall, t2: Wall) {
        let highest = self.seen.as_ref().and_then(Seen::highest);
        let mut number = unwrap(highest.unwrap_or(0), probe.sequence);
        // A lower number that was sent later: the sender began anew.
        if highest.is_some_and(|highest| number <= highest) && t1 > self.newest {
            self.begin_anew();
            number = probe.sequence.into();
        }
        let seen = self
            .seen
            .get_or_insert_with(|| Seen::starting_at(number, self.remembered));
        if seen.highest().is_none_or(|highest| number > highest) {
            self.newest = t1;
            let gap = highest.map_or(number - seen.first(), |highest| {
                number.saturating_sub(highest + 1)
            });
            self.longest_gap = self.longest_gap.max(gap);
        }
        match seen.mark(number) {
            Mark::New => {
                self.order.record(number);
                self.jitter.record(t2.since(t1));
                self.delay.record(t2.since(t1));
                self.spread(number, t2.since(t1));
            }
            Mark::Again => self.duplicates += 1,
            Mark::Forgotten => {}
        }
    }

    fn spread(&mut self, number: u64, delay: i64) {
        let [delays, differences] = &mut **self.spread.get_or_insert_default();
        delays.record(delay);
        let last = self.last.replace((number, delay));
        if let Some((_, before)) = last.filter(|(last, _)| last.checked_add(1) == Some(number)) {
            let moved = delay.abs_diff(before);
            differences.record(i64::try_from(moved).unwrap_or(i64::MAX));
        }
    }

    fn arrived(&mut self, arrival: &Arrival, t2: Wall) {
        for (marks, mark) in [(&mut self.tos, arrival.tos), (&mut self.ttl, arrival.ttl)] {
            if let Some(mark) = mark {
                marks.record(mark, t2);
            }
        }
    }

    fn begin_anew(&mut self) {
        self.distinct_before = self.distinct();
        self.lost_before = self.lost();
        self.seen = None;
        self.order.restart();
        self.jitter.restart();
        self.last = None;
    }

    fn distinct(&self) -> u64 {
        self.distinct_before + self.seen.as_ref().map_or(0, Seen::distinct)
    }

    fn lost(&self) -> u64 {
        self.lost_before + self.seen.as_ref().map_or(0, Seen::gaps)
    }

    fn pdv(&self) -> Option<[u64; 3]> {
        let [delays, _] = &**self.spread.as_ref()?;
        let min = self.delay.min()?;
        percentiles(delays).map(|found| found.map(|delay| delay.max(min).abs_diff(min)))
    }

    fn ipdv(&self) -> Option<[u64; 3]> {
        let [_, differences] = &**self.spread.as_ref()?;
        percentiles(differences).map(|found| found.map(i64::unsigned_abs))
    }

    fn variation(&self) -> Option<Variation> {
        let min = self.delay.min()?;
        Some(Variation {
            mean_ns: self.delay.mean()?.abs_diff(min),
            max_ns: self.delay.max()?.abs_diff(min),
        })
    }
}

fn percentiles(sketch: &Sketch) -> Option<[i64; 3]> {
    Some([sketch.at(0.5)?, sketch.at(0.95)?, sketch.at(0.99)?])
}

#[cfg(test)]
mod tests;
