//! The Session-Reflector (RFC 8762, section 4.3; RFC 8972).

use super::answer::{Answered, Known, answer};
use super::copies::{Copies, CopyControl, Cut, Verdict};
use super::integrity;
use super::policy::{Context, ReflectorConfig, ReplyDscp};
use super::sealer::Sealer;
use super::{Discard, Discards};
use crate::error::WireError;
use crate::probe::{self, Arrival, Features, TxStamp};
use crate::time::{ErrorEstimate, Mono, Wall};
use crate::wire::stamp::{Layout, ReflectorPacket, SenderPacket};
use crate::wire::test::SENDER_LEN;
use crate::wire::tlv::figures::BackwardFigures;
use crate::wire::tlv::service::AccessReport;
use crate::wire::tlv::telemetry::{FollowUp, StampMethod};

/// What there is to know for sending a reply.
#[derive(Debug)]
pub struct Reply {
    /// For [`Reflector::transmitted`].
    pub token: ReplyToken,
    /// The sender asks when replies leave: a stamp of this one is of use.
    pub follow_up: bool,
    /// DSCP of the reply; `None` if it is to be copied but that of the request is not known.
    pub dscp: Option<u8>,
    /// Further replies that the sender asked for and may have.
    pub copies: Option<Copies>,
}

/// Ties a reply on its way through the network layer to its number.
#[derive(PartialEq, Eq, Debug)]
pub struct ReplyToken {
    sequence: u32,
}

/// What a reflector saw of a session.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ReflectorReport {
    /// As of any reflector; its `discards` are those of `discards.session`.
    pub session: probe::ReflectorReport,
    /// Requests not answered.
    pub discards: Discards,
    /// Requests whose HMAC TLV was wrong, misplaced or missing.
    pub failed_tlvs: u64,
    /// Requests with a malformed TLV.
    pub malformed_tlvs: u64,
    /// The newest report on the sender's access network.
    pub access: Option<AccessReport>,
    /// What the sender saw of the way back in the newest span that it told of.
    pub backward: Option<BackwardFigures>,
}

/// One session, reflecting side.
///
/// Feed it the requests of one sender: a stateless one too keeps books.
#[derive(Clone, Debug)]
pub struct Reflector {
    config: ReflectorConfig,
    session: probe::Reflector,
    sealer: Sealer,
    /// The next reply's number.
    sequence: u32,
    reflected: u64,
    follow_up: FollowUp,
    copies: CopyControl,
    discards: Discards,
    failed_tlvs: u64,
    malformed_tlvs: u64,
    access: Option<AccessReport>,
    backward: Option<BackwardFigures>,
}

impl Reflector {
    /// A session that reflects at once.
    pub fn new(config: ReflectorConfig, now: Mono) -> Self {
        let session = probe::ReflectorConfig {
            refwait: config.refwait,
            // Replies are numbered here; nothing tells at which number the sender is.
            from_zero: false,
            features: Features {
                stamps: config.stamps,
                ..Features::default()
            },
            ..probe::ReflectorConfig::default()
        };
        Reflector {
            session: probe::Reflector::new(session, now),
            sealer: Sealer::new(config.security.clone(), config.stamps),
            sequence: 0,
            reflected: 0,
            follow_up: FollowUp::default(),
            copies: CopyControl::new(config.copies),
            discards: Discards::default(),
            failed_tlvs: 0,
            malformed_tlvs: 0,
            access: None,
            backward: None,
            config,
        }
    }

    /// Writes the reply to `packet` to `out`, which is cleared first. Then [`seal`](Self::seal) it.
    ///
    /// The reply is as long as the request, or 44 octets if an open request is shorter, or shorter
    /// if the sender asked for it and may. `error` is of our clock, and must cover the time from
    /// `seal` to the wire.
    ///
    /// # Errors
    /// Says why there is no reply; `out` is empty then.
    pub fn reflect(
        &mut self,
        packet: &[u8],
        arrival: &Arrival,
        context: &Context,
        error: ErrorEstimate,
        out: &mut Vec<u8>,
    ) -> Result<Reply, Discard> {
        let reply = self.make_reply(packet, arrival, context, error, out);
        if let Err(discard) = &reply {
            out.clear();
            self.discards.count(discard);
        }
        reply
    }

    /// Makes the next of the further [`Copies`] in place of the reply before it. Then
    /// [`seal`](Self::seal) it. `None` if `out` is no reply of this session.
    pub fn copy(&mut self, out: &mut [u8]) -> Option<ReplyToken> {
        let layout = self.config.security.layout();
        let reply = ReflectorPacket::parse(layout, out).ok()?;
        let area_at = layout.base_len();
        out.get(area_at..)?;
        let sequence = self.next_sequence(reply.sender_sequence);
        ReflectorPacket { sequence, ..reply }.write(layout, out);
        let area = &mut out[area_at..];
        if let Ok(Some(at)) = integrity::find(area) {
            integrity::sign(area, at, sequence, &self.config.security);
        }
        Some(self.count_reply(sequence))
    }

    /// Finishes a reply right before it is sent: [`Sealer::seal`].
    pub fn seal(&self, out: &mut [u8], t3: Wall) {
        self.sealer.seal(out, t3);
    }

    /// What finishes this session's replies. It may travel with them.
    pub fn sealer(&self) -> Sealer {
        self.sealer.clone()
    }

    /// A reply left, with this stamp: told to the sender with the next Follow-Up Telemetry.
    #[expect(clippy::needless_pass_by_value, reason = "a reply leaves once")]
    pub fn transmitted(&mut self, token: ReplyToken, stamp: TxStamp) {
        if self.config.stateful {
            self.follow_up = FollowUp {
                sequence: token.sequence,
                timestamp: self
                    .config
                    .stamps
                    .encode(stamp.kernel.unwrap_or(stamp.user)),
                method: match stamp.kernel {
                    Some(_) => StampMethod::SOFTWARE,
                    None => StampMethod::CONTROL_PLANE,
                },
            };
        }
    }

    /// When the session ends if no request comes.
    pub fn poll_timeout(&self) -> Option<Mono> {
        self.session.poll_timeout()
    }

    /// Whether the session has ended: silent for `refwait`.
    pub fn expired(&self, now: Mono) -> bool {
        self.session.expired(now)
    }

    /// What the sender saw of the way back in the newest span that it told of.
    pub fn backward(&self) -> Option<BackwardFigures> {
        self.backward
    }

    /// What was seen so far.
    pub fn report(&self) -> ReflectorReport {
        let mut session = self.session.report();
        session.reflected = self.reflected;
        ReflectorReport {
            session,
            discards: self.discards,
            failed_tlvs: self.failed_tlvs,
            malformed_tlvs: self.malformed_tlvs,
            access: self.access,
            backward: self.backward,
        }
    }

    fn make_reply(
        &mut self,
        packet: &[u8],
        arrival: &Arrival,
        context: &Context,
        error: ErrorEstimate,
        out: &mut Vec<u8>,
    ) -> Result<Reply, Discard> {
        let layout = self.config.security.layout();
        let probe = self.admit(packet, context)?;
        let reply = self.book(&probe, arrival, error, out)?;
        out.clear();
        out.resize(layout.base_len(), 0);
        reply.write(layout, out);
        out.extend_from_slice(layout.tlvs(packet));

        let known = Known {
            config: &self.config,
            arrival,
            context,
            error: reply.error,
            follow_up: self.follow_up,
            sequence: probe.sequence,
            reply_sequence: reply.sequence,
        };
        let area = &mut out[layout.base_len()..];
        let answered = answer(area, &known, &mut self.copies);
        let (cut, copies) = self.learn(&answered)?;
        cut.apply(out, layout.base_len());
        self.next_sequence(probe.sequence);
        Ok(Reply {
            token: self.count_reply(reply.sequence),
            follow_up: answered.follow_up,
            dscp: answered.dscp.or(match self.config.dscp {
                ReplyDscp::Copied => arrival.tos.map(|tos| tos >> 2),
                ReplyDscp::Fixed(dscp) => Some(dscp & 0x3f),
            }),
            copies,
        })
    }

    /// Whether the request is one that this session answers.
    fn admit(&self, packet: &[u8], context: &Context) -> Result<SenderPacket, Discard> {
        if !self.config.may_reply_to(context) {
            return Err(Discard::NoReplyTo);
        }
        let security = &self.config.security;
        let layout = security.layout();
        let probe = SenderPacket::parse(layout, packet)?;
        if packet.len() < layout.base_len() && !self.config.answer_short {
            return Err(Discard::TooShort(WireError::TooShort {
                what: "STAMP sender packet",
                expected: layout.base_len(),
                found: packet.len(),
            }));
        }
        if !security.verifies_base(packet) {
            return Err(Discard::BadHmac);
        }
        match self.config.ssid {
            Some(expected) if expected != probe.ssid => Err(Discard::WrongSsid {
                expected,
                found: probe.ssid,
            }),
            _ => Ok(probe),
        }
    }

    /// Enters the request in the session's books, as the TWAMP-Test packet that it begins with,
    /// and makes the reply's base packet.
    fn book(
        &mut self,
        probe: &SenderPacket,
        arrival: &Arrival,
        error: ErrorEstimate,
        out: &mut Vec<u8>,
    ) -> Result<ReflectorPacket, Discard> {
        let mut packet = [0; 44];
        probe.write(Layout::Open, &mut packet);
        self.session
            .reflect(&packet[..SENDER_LEN], arrival, error, out)?;
        let booked = ReflectorPacket::parse(Layout::Open, out)?;
        Ok(ReflectorPacket {
            sequence: match self.config.stateful {
                true => self.sequence,
                false => probe.sequence,
            },
            ssid: probe.ssid,
            ..booked
        })
    }

    fn learn(&mut self, answered: &Answered) -> Result<(Cut, Option<Copies>), Discard> {
        self.failed_tlvs += u64::from(answered.failed);
        self.malformed_tlvs += u64::from(answered.malformed);
        self.access = answered.access.or(self.access);
        self.backward = answered.figures.or(self.backward);
        match answered.copies {
            Some(Verdict::NoReply) => Err(Discard::NoReplyAsked),
            Some(Verdict::Granted { copies, cut }) => Ok((cut, copies)),
            Some(Verdict::NotUnderstood | Verdict::NotConforming) | None => {
                Ok((Cut::default(), None))
            }
        }
    }

    fn next_sequence(&mut self, of_request: u32) -> u32 {
        if !self.config.stateful {
            return of_request;
        }
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        sequence
    }

    fn count_reply(&mut self, sequence: u32) -> ReplyToken {
        self.reflected += 1;
        ReplyToken { sequence }
    }
}
