//! What peers of a control connection say: good messages, messages with something wrong in them,
//! and how octets are cut on their way.

use std::time::Duration;

use arbitrary::Arbitrary;
use twamp_core::control::{Entropy, IpVersion, SessionRequest};
use twamp_core::time::Ntp64;
use twamp_core::wire::control::{
    Accept, AcceptSession, Modes, RequestTwSession, ServerGreeting, ServerStart, SetUpResponse,
    Sid, StartAck, StartSessions, StopSessions, TypeP,
};

/// An octet that is 0, and so means OK, seven times of eight.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct MostlyOk(u8);

impl MostlyOk {
    /// As an answer.
    pub fn accept(self) -> Accept {
        Accept(self.0.saturating_sub(224))
    }
}

/// A message of a server.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum ServerSays {
    /// Server-Greeting that a client should like.
    Greeting,
    /// Server-Greeting with any modes and a count of 2 to this power, plus a bit.
    OddGreeting(u32, u8, bool),
    /// Server-Start.
    Start(MostlyOk),
    /// Accept-Session.
    Answer(MostlyOk, u16),
    /// Start-Ack.
    StartAck(MostlyOk),
}

impl ServerSays {
    /// The message.
    pub fn octets(self) -> Vec<u8> {
        match self {
            Self::Greeting => greeting(Modes::OPEN, 1024),
            Self::OddGreeting(modes, power, odd) => {
                greeting(Modes(modes), (1u32 << (power % 32)) | u32::from(odd))
            }
            Self::Start(accept) => ServerStart {
                accept: accept.accept(),
                server_iv: [0; 16],
                start_time: Ntp64(7),
            }
            .to_bytes()
            .to_vec(),
            Self::Answer(accept, port) => AcceptSession {
                accept: accept.accept(),
                ..AcceptSession::grant(port, Sid([9; 16]))
            }
            .to_bytes()
            .to_vec(),
            Self::StartAck(accept) => {
                let (accept, hmac) = (accept.accept(), [0; 16]);
                StartAck { accept, hmac }.to_bytes().to_vec()
            }
        }
    }
}

fn greeting(modes: Modes, count: u32) -> Vec<u8> {
    let greeting = ServerGreeting {
        modes,
        challenge: [1; 16],
        salt: [2; 16],
        count,
    };
    greeting.to_bytes().to_vec()
}

/// A message of a client.
#[derive(Arbitrary, Clone, Debug)]
pub enum ClientSays {
    /// Set-Up-Response that selects open mode.
    SetUp,
    /// Set-Up-Response with any selection.
    OddSetUp(u32),
    /// Request-TW-Session that a server should like.
    Request(u16),
    /// Request-TW-Session with any octets after the first two.
    OddRequest(u8, Box<[u8; 110]>),
    /// Start-Sessions.
    Start,
    /// Stop-Sessions with a number beside the right one, 0 mostly.
    Stop(MostlyOk, MostlyOk),
    /// Any command, one block long.
    Command([u8; 16]),
}

impl ClientSays {
    /// The message; `running` sessions are to be stopped.
    pub fn octets(&self, running: u32) -> Vec<u8> {
        match self {
            Self::SetUp => SetUpResponse::open().to_bytes().to_vec(),
            Self::OddSetUp(modes) => SetUpResponse {
                mode: Modes(*modes),
                ..SetUpResponse::open()
            }
            .to_bytes()
            .to_vec(),
            Self::Request(port) => request(*port).to_bytes().to_vec(),
            Self::OddRequest(version, rest) => [&[5, *version], &rest[..]].concat(),
            Self::Start => StartSessions::default().to_bytes().to_vec(),
            Self::Stop(accept, beside) => StopSessions {
                accept: accept.accept(),
                sessions: running.wrapping_add(beside.accept().0.into()),
                hmac: [0; 16],
            }
            .to_bytes()
            .to_vec(),
            Self::Command(block) => block.to_vec(),
        }
    }
}

fn request(receiver_port: u16) -> RequestTwSession {
    RequestTwSession {
        ip_version: 4,
        conf_sender: 0,
        conf_receiver: 0,
        schedule_slots: 0,
        packets: 0,
        sender_port: 20_001,
        receiver_port,
        sender_address: None,
        receiver_address: None,
        sid: Sid::default(),
        padding_length: 27,
        start_time: Ntp64(0),
        timeout: Ntp64(2 << 32),
        type_p: TypeP::from_dscp(46),
        octets_to_reflect: 0,
        padding_to_reflect: 0,
        hmac: [0; 16],
    }
}

/// A session that a driver asks for.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Ask {
    port: u16,
    padding: u16,
    v6: bool,
    dscp: u8,
    timeout_ms: u32,
}

impl Ask {
    /// As the client wants it.
    pub fn request(self) -> SessionRequest {
        SessionRequest {
            sender_port: 20_001,
            receiver_port: self.port,
            sender_address: None,
            receiver_address: None,
            ip_version: if self.v6 {
                IpVersion::V6
            } else {
                IpVersion::V4
            },
            padding: self.padding.into(),
            start_time: Ntp64(0),
            timeout: Duration::from_millis(self.timeout_ms.into()),
            dscp: self.dscp,
        }
    }
}

/// How octets are cut on their way: lengths of the first pieces, the rest comes whole.
#[derive(Arbitrary, Clone, Debug)]
pub struct Cuts([u8; 3]);

impl Cuts {
    /// The pieces, none of them empty.
    pub fn pieces<'octets>(&self, mut octets: &'octets [u8]) -> Vec<&'octets [u8]> {
        let mut pieces = Vec::new();
        for cut in self.0 {
            let (piece, rest) = octets.split_at(octets.len().min(cut.into()));
            pieces.push(piece);
            octets = rest;
        }
        pieces.push(octets);
        pieces.retain(|piece| !piece.is_empty());
        pieces
    }
}

/// Chance that is none.
pub struct NoEntropy;

impl Entropy for NoEntropy {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(0);
    }
}
