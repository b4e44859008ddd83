//! The Session-Sender (RFC 8762, section 4.2; RFC 8972).

use super::access::{Announcement, Announcer};
use super::figures::Gathering;
use super::request::{Changing, Request};
use super::returned::{Returned, Stopped};
use super::security::Security;
use super::{Discard, Discards};
use crate::metrics::loss::{LossAccount, LossCounts};
use crate::probe::{self, Arrival, Features, Outcome, StampFormat, TxStamp, TxToken};
use crate::time::{ErrorEstimate, Mono, Now};
use crate::wire::stamp::{Layout, ReflectorPacket, SenderPacket};
use crate::wire::test::{REFLECTOR_LEN, SENDER_LEN};
use crate::wire::tlv::service::AccessReport;
use std::collections::VecDeque;
use std::time::Duration;

/// How a session sends.
#[derive(Clone, Debug)]
pub struct SenderConfig {
    /// How the session is protected.
    pub security: Security,
    /// Identifies the session at the reflector; 0 for none.
    pub ssid: u16,
    /// Format of T1.
    pub stamps: StampFormat,
    /// TLVs to send.
    pub request: Request,
    /// Padding of zeros, not of pseudo-random octets.
    pub zero_padding: bool,
    /// Where the pseudo-random octets start; give each session its own.
    pub seed: u64,
    /// A probe without a reply for so long is lost.
    pub timeout: Duration,
    /// The reflector numbers its replies by itself, so that loss has a direction.
    pub stateful_reflector: bool,
    /// How many probes to remember. Must be well above rate × time-out.
    pub remembered: usize,
}

impl Default for SenderConfig {
    /// Open, no SSID, NTP, no TLVs, 2 s, stateful, 1024 probes.
    fn default() -> Self {
        SenderConfig {
            security: Security::Open,
            ssid: 0,
            stamps: StampFormat::default(),
            request: Request::default(),
            zero_padding: false,
            seed: 0,
            timeout: Duration::from_secs(2),
            stateful_reflector: true,
            remembered: 1024,
        }
    }
}

/// One session, sending side.
///
/// Feed it replies and time; take outcomes until there are none.
#[derive(Clone, Debug)]
pub struct Sender {
    config: SenderConfig,
    session: probe::Sender,
    /// The TWAMP-Test packet in the session's books.
    booked: Vec<u8>,
    outcomes: VecDeque<(Outcome, Returned)>,
    announcer: Announcer,
    gathering: Option<Gathering>,
    data_sent: u32,
    lacks_extensions: bool,
    discards: Discards,
}

impl Sender {
    /// A session that has sent nothing yet; the first probe has number 0.
    pub fn new(config: SenderConfig) -> Self {
        let session = probe::SenderConfig {
            padding: config.request.padding.into(),
            zero_padding: config.zero_padding,
            seed: config.seed,
            timeout: config.timeout,
            stateful_reflector: config.stateful_reflector,
            remembered: config.remembered,
            features: Features {
                stamps: config.stamps,
                ..Features::default()
            },
            ..probe::SenderConfig::default()
        };
        Sender {
            session: probe::Sender::new(session),
            booked: Vec::new(),
            outcomes: VecDeque::new(),
            announcer: Announcer::default(),
            gathering: config
                .request
                .figures
                .map(|figures| Gathering::new(figures, config.stateful_reflector)),
            data_sent: 0,
            lacks_extensions: false,
            discards: Discards::default(),
            config,
        }
    }

    /// Remembers so many probes from the next one on, as `remembered` in [`SenderConfig`]: for
    /// when they leave faster than before, or no longer as fast.
    pub fn remember(&mut self, remembered: usize) {
        self.session.remember(remembered);
    }

    /// How long a reply is waited for.
    pub fn timeout(&self) -> Duration {
        self.config.timeout
    }

    /// Writes the next probe to `out`, which is cleared first. T1 is `now.wall`.
    ///
    /// Read both clocks of `now` at one place: a pause between them would look like a clock step.
    pub fn send(&mut self, now: Now, error: ErrorEstimate, out: &mut Vec<u8>) -> TxToken {
        let token = self.session.send(now, error, &mut self.booked);
        self.keep_outcomes();
        let (booked, padding) = self.booked.split_at(SENDER_LEN);
        // Of 14 octets, so it can be read.
        let booked = SenderPacket::parse(Layout::Open, booked).unwrap_or_default();
        let security = &self.config.security;
        let layout = security.layout();
        out.clear();
        out.resize(layout.base_len(), 0);
        let ssid = self.config.ssid;
        SenderPacket { ssid, ..booked }.write(layout, out);
        security.sign_base(out);
        let figures = self.gathering.as_mut().and_then(|gathering| {
            let figures = gathering.send(token.sequence(), now.mono)?;
            Some((gathering.config().kind, figures))
        });
        let changing = Changing {
            sequence: booked.sequence,
            data_sent: self.data_sent,
            access: self.announcer.due(now.mono),
            figures,
            padding,
        };
        self.config.request.push(&changing, security, out);
        token
    }

    /// The probe left, with this stamp. Hand stamps in before replies: a kernel stamp that comes
    /// after its reply is of no use.
    pub fn transmitted(&mut self, token: TxToken, stamp: TxStamp) {
        self.session.transmitted(token, stamp);
    }

    /// The local system refused the probe: its number is used up, but it was never sent.
    pub fn not_sent(&mut self, token: TxToken) {
        if let Some(gathering) = &mut self.gathering {
            gathering.not_sent(token.sequence());
        }
        self.session.not_sent(token);
    }

    /// Packets of the flow that the session goes along with, sent so far; for Direct Measurement.
    pub fn set_data_sent(&mut self, packets: u32) {
        self.data_sent = packets;
    }

    /// Tells the reflector the state of an access network, with the next probe and again until it
    /// is answered.
    pub fn announce(&mut self, report: AccessReport) {
        self.announcer.announce(report);
    }

    /// What became of the newest [`announce`](Self::announce).
    pub fn announcement(&self) -> Announcement {
        self.announcer.state()
    }

    /// Takes a packet from the reflector, which may also be a TWAMP Light one. Duplicates and late
    /// replies are in order, they are counted in [`counts`](Self::counts).
    ///
    /// # Errors
    /// Says why the packet is not a reply to a probe of this session; it is counted in
    /// [`discards`](Self::discards).
    pub fn handle_reply(&mut self, packet: &[u8], arrival: &Arrival) -> Result<(), Discard> {
        let result = self.take_reply(packet, arrival);
        if let Err(discard) = &result {
            self.discards.count(discard);
        }
        result
    }

    /// Gives up all probes that are due.
    pub fn handle_timeout(&mut self, now: Mono) {
        self.session.handle_timeout(now);
    }

    /// Sets aside all probes handed out until `now` that are still on their way: this process
    /// stood still, or dropped packets, so their fate says nothing about the line.
    pub fn set_aside_outstanding(&mut self, now: Mono) {
        self.session.set_aside_outstanding(now);
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    pub fn poll_timeout(&self) -> Option<Mono> {
        self.session.poll_timeout()
    }

    /// What became known since the last call, one at a time. With a sample comes what the TLVs of
    /// its reply returned; with any other outcome, nothing.
    pub fn poll_outcome(&mut self) -> Option<(Outcome, Returned)> {
        self.keep_outcomes();
        self.outcomes.pop_front()
    }

    /// Totals so far.
    pub fn counts(&self) -> LossCounts {
        self.session.counts()
    }

    /// The books, for what the totals don't tell.
    pub fn account(&self) -> &LossAccount {
        self.session.account()
    }

    /// Packets that were no replies to our probes.
    pub fn discards(&self) -> Discards {
        self.discards
    }

    /// Probes neither answered nor given up.
    pub fn in_flight(&self) -> u64 {
        self.session.in_flight()
    }

    /// The newest reply had SSID 0 although ours is not, or no TLVs where they should be: the peer
    /// lacks RFC 8972. The session goes on.
    pub fn peer_lacks_extensions(&self) -> bool {
        self.lacks_extensions
    }

    fn take_reply(&mut self, packet: &[u8], arrival: &Arrival) -> Result<(), Discard> {
        let security = &self.config.security;
        let layout = security.layout();
        let reply = ReflectorPacket::parse(layout, packet)?;
        if !security.verifies_base(packet) {
            return Err(Discard::BadHmac);
        }
        let (expected, found) = (self.config.ssid, reply.ssid);
        // Without an SSID of ours these octets have no meaning.
        if expected != 0 && found != 0 && found != expected {
            return Err(Discard::WrongSsid { expected, found });
        }
        self.keep_outcomes();
        let earlier = self.outcomes.len();
        self.book(&reply, arrival)?;
        self.keep_outcomes();

        let mut made = self.outcomes.iter_mut().skip(earlier);
        let sample = made.find_map(|(outcome, returned)| match outcome {
            Outcome::Sample(sample) => Some((sample, returned)),
            _ => None,
        });
        let area = layout.tlvs(packet);
        let nothing_back = area.is_empty() && self.config.request != Request::default();
        let read = match nothing_back || (expected != 0 && found == 0) {
            true => Returned {
                stopped: Some(Stopped::NoExtensions),
                ..Returned::default()
            },
            false => Returned::read(area, &reply, arrival.user, &self.config),
        };
        self.lacks_extensions = read.stopped == Some(Stopped::NoExtensions);
        if let Some(report) = read.access {
            self.announcer.answered(report);
        }
        if let Some((sample, returned)) = sample {
            if let Some(class) = read.class_of_service {
                sample.tos_forward = Some(class.seen << 2 | class.ecn);
            }
            *returned = read;
        }
        Ok(())
    }

    /// Enters the reply in the session's books, as the TWAMP-Test packet that it begins with.
    fn book(&mut self, reply: &ReflectorPacket, arrival: &Arrival) -> Result<(), Discard> {
        let mut octets = [0; 44];
        reply.write(Layout::Open, &mut octets);
        Ok(self
            .session
            .handle_reply(&octets[..REFLECTOR_LEN], arrival)?)
    }

    /// Moves what became known from the session's books to our queue.
    fn keep_outcomes(&mut self) {
        while let Some(outcome) = self.session.poll_outcome() {
            if let Some(gathering) = &mut self.gathering {
                gathering.record(&outcome);
            }
            self.outcomes.push_back((outcome, Returned::default()));
        }
    }
}
