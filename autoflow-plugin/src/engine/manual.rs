//! An engine under the host's clock: no thread, no socket. Senders, pairing, estimators and
//! decisions are those of any other engine, so a simulator or a replay drives what ships.
//!
//! ```text
//!          advance(until)                   observe(replies, pauses, times of probes)
//!   host ──────────────────▶ calendar ─▶ senders ◀──────────────── host
//!     ▲                          │          │ outcomes
//!     └── probes that are due ◀──┘      report ─▶ estimates ─▶ picture, choices
//! ```
//!
//! Both clocks begin at 0 with the start. What two ends would agree on over TWAMP-Control is taken
//! as agreed, and nothing is encrypted: the host moves times and numbers, not octets.

use std::collections::{BTreeMap, VecDeque};
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use plugin_abi::config::{Config, Line, Pattern, Probe, TWAMP_PORT};
use plugin_abi::manage::RunState;
use plugin_abi::{TwampObservation, TwampProbe};
use twamp_core::probe::Arrival;
use twamp_core::security::TestSecurity;
use twamp_core::time::{ErrorEstimate, Mono, Ntp64, Wall};
use twamp_core::wire::test::{REFLECTOR_LEN, ReflectorPacket};

use super::error::EngineError;
use super::lines::probes;
use super::lock;
use super::message::Wish;
use super::publish::Publisher;
use super::shared::Shared;
use super::sight::Measures;
use super::time::at;
use crate::host::Host;
use crate::net::{Datagram, Outgoing, Path, Sent, TxStamps};
use crate::session::meter::Meter;
use crate::session::outlet::{Outlet, Token};
use crate::session::probes::Probes;
use crate::session::rhythm::Rhythm;
use crate::session::subject::Subject;
use crate::session::{Dialect, Key, Order, Report, Stream, Terms};

/// The stamps of a host that invents them are exact, but of clocks that nobody has synchronised.
const ERROR_NS: u64 = 1;
/// Bits of [`TwampObservation::flags`].
const TTL_KNOWN: u32 = 1;
const TOS_KNOWN: u32 = 1 << 1;
/// Longer than any run.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3_600);
/// A probe that met no router, or of which nobody says how many.
const TTL: u8 = 255;

/// What an engine under the manual clock consists of.
pub(super) struct Manual {
    host: Host,
    shared: Arc<Shared>,
    config: Config,
    probes: Probes,
    publisher: Publisher,
    lines: BTreeMap<Measures, Measuring>,
    /// By the place of their paths.
    places: Vec<Measures>,
    out: Outbox,
    /// Probes that were due and are not handed out yet.
    due: VecDeque<TwampProbe>,
    now: Mono,
}

/// The session that measures a line for a probe class.
struct Measuring {
    key: Key,
    path: Path,
    probe: Probe,
    stream: Stream,
}

impl Measuring {
    fn tos(&self) -> u8 {
        self.probe.dscp << 2
    }
}

impl Manual {
    /// All lines of `config` are measured from now on, which is 0.
    pub(super) fn start(host: Host, shared: &Arc<Shared>, config: Config) -> Self {
        let cadence = Duration::from_millis(config.decision.publish_ms.into());
        let mut manual = Self {
            host,
            probes: Probes::new(cadence, error(), shared.admission.clone()),
            publisher: Publisher::new(&config),
            shared: Arc::clone(shared),
            lines: BTreeMap::new(),
            places: Vec::new(),
            out: Outbox::default(),
            due: VecDeque::new(),
            now: Mono(0),
            config,
        };
        for line in std::mem::take(&mut manual.config.lines) {
            manual.take(&line);
        }
        // Who probes nothing has no report that would lead to a first picture.
        if manual.lines.is_empty() {
            manual.publish();
        }
        manual
    }

    /// What the time is.
    pub(super) fn now(&self) -> Mono {
        self.now
    }

    /// Goes on to `until`, but stops at the first probes that are due. Answers how many of `probes`
    /// were filled; where there are more they come with the next call, at the same time.
    ///
    /// # Errors
    /// A time that is over.
    pub(super) fn advance(
        &mut self,
        until: Mono,
        probes: &mut [MaybeUninit<TwampProbe>],
    ) -> Result<usize, EngineError> {
        self.not_over(until)?;
        while self.due.is_empty() {
            let Some(next) = self.probes.poll_timeout().filter(|next| *next <= until) else {
                self.go_to(until);
                break;
            };
            self.go_to(next.max(self.now));
            self.turn();
        }
        let count = probes.len().min(self.due.len());
        for (room, probe) in probes.iter_mut().zip(self.due.drain(..count)) {
            room.write(probe);
        }
        self.deliver_log();
        Ok(count)
    }

    /// A reply to a probe that was handed out has come back.
    ///
    /// # Errors
    /// Of an unknown line, or a probe class that is not in use.
    pub(super) fn reply(&mut self, seen: &TwampObservation) -> Result<(), EngineError> {
        let path = self.measuring(seen)?.path;
        let [t1, t2, t3, t4] = seen.stamps_wall_ns.map(Wall);
        let packet = ReflectorPacket {
            sequence: seen.reflector_sequence as u32,
            timestamp: Ntp64::from_wall(t3),
            error: error(),
            receive: Ntp64::from_wall(t2),
            sender_sequence: seen.sequence as u32,
            sender_timestamp: Ntp64::from_wall(t1),
            sender_error: error(),
            sender_ttl: TTL,
        };
        let mut payload = [0; REFLECTOR_LEN];
        packet.write(&mut payload);
        let known = |bit: u32, value: u32| (seen.flags & bit != 0).then_some(value as u8);
        let datagram = Datagram {
            path,
            from: FAR,
            to: None,
            interface: 0,
            payload: &payload,
            arrival: Arrival {
                mono: Mono(seen.at_ns).max(self.now),
                user: t4,
                kernel: Some(t4),
                hardware: None,
                ttl: known(TTL_KNOWN, seen.ttl),
                tos: known(TOS_KNOWN, seen.tos),
            },
        };
        self.probes.handle_datagram(&datagram, &mut self.out);
        Ok(())
    }

    /// The host stood still until now: what was in flight says nothing about the lines.
    ///
    /// # Errors
    /// A time that is over.
    pub(super) fn paused(&mut self, seen: &TwampObservation) -> Result<(), EngineError> {
        let until = Mono(seen.at_ns);
        self.not_over(until)?;
        self.go_to(until);
        let span = Duration::from_nanos(seen.sequence);
        self.probes.handle_pause(span, at(self.now));
        Ok(())
    }

    /// The next probe of a line leaves at another time than its schedule says.
    ///
    /// # Errors
    /// Of an unknown line, or a probe class that is not in use.
    pub(super) fn due(&mut self, seen: &TwampObservation) -> Result<(), EngineError> {
        let key = self.measuring(seen)?.key;
        // What never comes is put off until the calendar ends, more or less.
        let due = Mono(seen.at_ns).clamp(self.now, self.now + NEVER);
        self.probes.leave_at(key, due);
        Ok(())
    }

    /// Another session of a line was agreed on.
    ///
    /// # Errors
    /// Of an unknown line, or a probe class that is not in use.
    pub(super) fn renewed(&mut self, seen: &TwampObservation) -> Result<(), EngineError> {
        let Measuring { key, stream, .. } = self.measuring(seen)?;
        let (key, stream) = (*key, stream.clone());
        self.probes.order(Order::Send { key, stream }, at(self.now));
        Ok(())
    }

    fn measuring(&self, seen: &TwampObservation) -> Result<&Measuring, EngineError> {
        let what = Measures {
            line: seen.line,
            class: seen.probe_class,
        };
        let session = self.lines.get(&what);
        let unknown = || match self.lines.keys().any(|what| what.line == seen.line) {
            true => EngineError::UnknownProbeClass(what.line, what.class),
            false => EngineError::UnknownLine(what.line),
        };
        session.ok_or_else(unknown)
    }

    /// What hosts ask of an engine that runs. Of runs and schedules there are none here.
    pub(super) fn wish(&mut self, wish: Wish) {
        match wish {
            Wish::Line(line) => {
                self.drop_line(line.id);
                self.take(&line);
            }
            Wish::LineGone(id) => {
                self.drop_line(id);
                self.publisher.lose(id);
            }
            Wish::Apply(config) => self.apply(*config),
            Wish::Roles(line) => {
                self.drop_line(line.id);
                self.take(&line);
            }
            // It says something to the next look at the lines, and changes nothing by itself.
            Wish::Load(told) => return self.publisher.load(&told),
            Wish::Override(overrides) => {
                self.config.overrides = overrides;
                self.publisher.policy(&self.config);
            }
            // Nobody answers here, and there are no runs.
            Wish::Respond(_)
            | Wish::Run(..)
            | Wish::Session(..)
            | Wish::SessionGone(_)
            | Wish::RunSession(..)
            | Wish::Reschedule
            | Wish::Cancel(_)
            | Wish::Stop => {}
        }
        self.publish();
    }

    fn apply(&mut self, mut config: Config) {
        self.publisher.policy(&config);
        lock(&self.shared.board).scores_only(config.decision.scores_only);
        let lines = std::mem::take(&mut config.lines);
        self.config = config;
        let gone: Vec<u64> = self.lines.keys().map(|what| what.line).collect();
        for id in gone {
            if lines.iter().all(|line| line.id != id) {
                self.drop_line(id);
                self.publisher.lose(id);
            }
        }
        for line in lines {
            self.take(&line);
        }
    }

    /// A line is there. Sessions whose probes are to leave as before go on.
    fn take(&mut self, line: &Line) {
        self.publisher.line(line);
        self.shared.budgets.of(line, at(self.now).wall);
        let wanted = probes(&self.config, line);
        let of_line = self.lines.iter().filter(|(what, _)| what.line == line.id);
        let (known, other): (Vec<_>, Vec<_>) = of_line
            .map(|(what, session)| (*what, (what.class, session.probe.clone())))
            .partition(|(_, probe)| wanted.contains(probe));
        for (what, _) in other {
            self.drop_probes(what);
        }
        for (class, probe) in wanted {
            if known.iter().all(|(what, _)| what.class != class) {
                self.begin(line, class, probe);
            }
        }
    }

    fn begin(&mut self, line: &Line, class: u64, probe: Probe) {
        let what = Measures {
            line: line.id,
            class,
        };
        let (key, path) = (Key::new(), Path::imagined(self.places.len() as u32));
        self.places.push(what);
        let mut board = lock(&self.shared.board);
        let subject = Subject::of_line(&self.config, &line.name, class);
        board.sender(key, subject, &probe, (NEAR, FAR), at(self.now));
        board.state(key, RunState::Running, None, at(self.now));
        drop(board);
        self.publisher.session(what, key);
        let meter = self.shared.budgets.of(line, at(self.now).wall);
        let stream = stream(what, path, &probe, meter);
        let measuring = Measuring {
            key,
            path,
            probe,
            stream: stream.clone(),
        };
        self.lines.insert(what, measuring);
        self.probes.order(Order::Send { key, stream }, at(self.now));
    }

    fn drop_line(&mut self, id: u64) {
        let of_line = self.lines.keys().filter(|what| what.line == id);
        for what in of_line.copied().collect::<Vec<_>>() {
            self.drop_probes(what);
        }
    }

    fn drop_probes(&mut self, what: Measures) {
        if let Some(Measuring { key, path, .. }) = self.lines.remove(&what) {
            self.probes.order(Order::Finish { key, path }, at(self.now));
            lock(&self.shared.board).state(key, RunState::Ended, None, at(self.now));
        }
    }

    fn not_over(&self, time: Mono) -> Result<(), EngineError> {
        match time < self.now {
            true => Err(EngineError::TimeIsOver {
                now: self.now.nanos(),
                found: time.nanos(),
            }),
            false => Ok(()),
        }
    }

    fn go_to(&mut self, time: Mono) {
        self.now = time;
        self.shared.time.set(time);
    }

    /// Sends what is due, gives up what is overdue, and publishes if a report is due.
    fn turn(&mut self) {
        let now = at(self.now);
        self.probes.handle_timeout(now, &mut self.out);
        for packet in self.out.0.drain(..) {
            let (Some(token), Some(&what)) = (packet.token, self.places.get(packet.path.place()))
            else {
                continue;
            };
            let Token::Probe { probe, .. } = &token else {
                continue;
            };
            self.due.push_back(TwampProbe {
                line: what.line,
                probe_class: what.class,
                at_ns: now.mono.nanos(),
                t1_wall_ns: now.wall.nanos(),
                sequence: probe.sequence() as u32,
                octets: packet.payload.len() as u32,
                tos: self.lines.get(&what).map_or(0, Measuring::tos).into(),
                ..TwampProbe::default()
            });
            self.out.1.push(packet.payload);
            let result = Ok(TxStamps {
                user: now,
                kernel: Some(now.wall),
                hardware: None,
            });
            let path = packet.path;
            self.probes.handle_sent(Sent {
                path,
                token,
                result,
            });
        }
        if let Some(report) = self.probes.poll_report(now) {
            self.report(report);
        }
    }

    fn report(&mut self, report: Report) {
        lock(&self.shared.board).absorb(0, &report);
        self.publisher.absorb(&report);
        let what = |key| self.publisher.measured_by(key);
        self.shared.tap.absorb(&report, what);
        let report = Box::new(report);
        self.probes.order(Order::Reuse(report), at(self.now));
        self.publish();
    }

    fn publish(&mut self) {
        let now = at(self.now);
        let published = self
            .publisher
            .publish(now, Some(now.mono), error(), &self.shared);
        if published.changed {
            self.shared.event.ring();
        }
        for &(key, rate) in &published.rates {
            let path = self.lines.values().find(|line| line.key == key);
            if let Some(path) = path.map(|line| line.path) {
                let order = Order::Pace { key, path, rate };
                self.probes.order(order, at(self.now));
            }
        }
        published.tell(self.host);
    }

    fn deliver_log(&self) {
        while let Some(message) = self.shared.log.take() {
            self.host.log(message.level, message.target, &message.text);
        }
    }
}

/// No packet really leaves: any address will do.
const NEAR: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const FAR: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), TWAMP_PORT);

fn error() -> ErrorEstimate {
    ErrorEstimate::new(false, ERROR_NS)
}

fn stream(what: Measures, path: Path, probe: &Probe, meter: Option<Meter>) -> Stream {
    Stream {
        path,
        to: FAR,
        interval: probe.interval(),
        rhythm: match probe.stream {
            Pattern::Periodic => Rhythm::Periodic,
            // The same times in each life of the engine.
            Pattern::Poisson => Rhythm::Poisson {
                seed: what.line ^ what.class.rotate_left(32),
            },
        },
        count: None,
        timeout: Duration::from_millis(probe.timeout_ms.into()),
        stateful: probe.is_directed(),
        dialect: Dialect::Twamp {
            padding: probe.padding(),
            security: TestSecurity::Open,
            terms: Terms::default(),
        },
        meter,
    }
}

/// Packets that are to leave, and empty payloads.
#[derive(Default)]
struct Outbox(Vec<Outgoing<Token>>, Vec<Vec<u8>>);

impl Outlet for Outbox {
    fn buffer(&mut self) -> Vec<u8> {
        let mut payload = self.1.pop().unwrap_or_default();
        payload.clear();
        payload
    }

    fn queue(&mut self, packet: Outgoing<Token>) {
        self.0.push(packet);
    }
}
