//! One session that is answered.

use std::net::SocketAddr;
use std::time::Duration;

use plugin_abi::manage::ResponderLimited;
use twamp_core::probe::TxStamp;
use twamp_core::stamp::{Discard, ReplyToken};
use twamp_core::time::Mono;
use twamp_core::wire::control::Modes;

use super::{Call, Caller};
use crate::net::{Options, Outgoing, Progress};
use crate::session::admission::Stay;
use crate::session::backward::Told;
use crate::session::outlet::{Outlet, Token};
use crate::session::reflector::Reflector;
use crate::session::{Key, Served};

pub(super) struct Session {
    reflector: Reflector,
    /// Answers only this sender,
    pub(super) caller: Caller,
    /// and this address, by which it came through a NAT.
    learned: Option<SocketAddr>,
    pub(super) local: SocketAddr,
    told: Told,
    /// A good packet has come.
    heard: bool,
    /// Stop-Sessions has come.
    stopped: bool,
    features: Modes,
    /// This host's trouble up to its begin.
    before: ResponderLimited,
    _stay: Stay,
    /// Something came since the last report.
    news: bool,
}

/// What an answered packet tells beside itself.
pub(super) struct Answer {
    /// It is the first one.
    pub(super) first: bool,
    /// It came from the port that was agreed on, after others came through a NAT.
    pub(super) agreed_again: bool,
    /// It is the first one since the session was reported.
    pub(super) news: bool,
}

impl Session {
    pub(super) fn new(
        reflector: Reflector,
        caller: Caller,
        local: SocketAddr,
        before: ResponderLimited,
        stay: Stay,
    ) -> Self {
        Self {
            reflector,
            caller,
            learned: None,
            local,
            told: Told::default(),
            heard: false,
            stopped: false,
            features: Modes::NONE,
            before,
            _stay: stay,
            news: true,
        }
    }

    /// The same with these features agreed on.
    pub(super) fn with(self, features: Modes) -> Self {
        Self { features, ..self }
    }

    /// Answers a packet.
    ///
    /// # Errors
    /// Says why it is discarded.
    pub(super) fn answer(
        &mut self,
        key: Key,
        call: &mut Call<'_, '_, impl Outlet>,
    ) -> Result<Answer, Discard> {
        let datagram = call.datagram;
        let mut payload = call.out.buffer();
        let (local, error) = (self.local, call.error);
        let reflected = self.reflector.reflect(datagram, local, error, &mut payload);
        let reply = match reflected {
            Ok(reply) => reply,
            Err(discard) => {
                call.out.give_back(payload);
                return Err(discard);
            }
        };
        self.told.absorb(self.reflector.backward());
        call.out.queue(Outgoing {
            path: datagram.path,
            to: datagram.from,
            payload,
            seal: Some(reply.seal),
            token: reply.token.map(|reply| Token::Reply { key, reply }),
            options: Options {
                tos: reply.dscp.map(|dscp| dscp << 2),
                source: datagram.to,
                ..Options::default()
            },
            progress: Progress::default(),
        });
        Ok(Answer {
            first: !self.heard,
            agreed_again: datagram.from == self.caller.from && self.learned.is_some(),
            news: !std::mem::replace(&mut self.news, true),
        })
    }

    /// Would it answer this packet?
    pub(super) fn recognises(&self, packet: &[u8]) -> bool {
        self.reflector.recognises(packet)
    }

    /// It comes through a NAT, from this address.
    pub(super) fn learn(&mut self, from: SocketAddr) {
        self.learned = Some(from);
    }

    /// The address that was learned counts no more.
    pub(super) fn unlearn(&mut self) -> Option<SocketAddr> {
        self.learned.take()
    }

    /// A good packet has come.
    pub(super) fn hear(&mut self) {
        self.heard = true;
    }

    /// Stop-Sessions: it is answered for `timeout` longer.
    pub(super) fn stop(&mut self, now: Mono, timeout: Duration) {
        self.stopped = true;
        self.reflector.stop(now, timeout);
    }

    /// A reply has left.
    pub(super) fn transmitted(&mut self, token: ReplyToken, stamp: TxStamp) {
        self.reflector.transmitted(token, stamp);
    }

    pub(super) fn poll_timeout(&self) -> Option<Mono> {
        self.reflector.poll_timeout()
    }

    /// Why it is over, now that its time is.
    pub(super) fn why_over(&self) -> &'static str {
        match self.stopped {
            true => "stopped",
            false => "no more probes came",
        }
    }

    /// What came up to now is reported.
    pub(super) fn reported(&mut self) {
        self.news = false;
    }

    /// How it stands; `trouble` is this host's up to now.
    pub(super) fn served(&self, trouble: ResponderLimited, ended: Option<&'static str>) -> Served {
        Served {
            remote: self.learned.unwrap_or(self.caller.from),
            local: self.local,
            ssid: self.caller.ssid.number(),
            report: self.reflector.report(),
            limited: ResponderLimited {
                packets: trouble.packets - self.before.packets,
                held_up_ms: trouble.held_up_ms - self.before.held_up_ms,
            },
            backward: self.told.result(),
            ended,
            features: self.features,
        }
    }
}
