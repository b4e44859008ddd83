//! The thread `twamp-ctl`: sessions, verdicts and callbacks; one small runtime, one loop.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use plugin_abi::config::{Config, MTU_PROBE_CLASS};
use plugin_abi::engine_state;
use plugin_abi::manage::{Cause, Failure, FailureKind};
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep_until};
use twamp_core::time::{Mono, Ntp64};

use super::ends::{By, Site};
use super::exporting::Exporting;
use super::heard::Heard;
use super::lines::{is_probed_alike, probes};
use super::lock;
use super::message::{News, Orders, Step, Told, Wish};
use super::opening::{Opened, Sender};
use super::own::Owns;
use super::publish::Publisher;
use super::responders::Serving;
use super::sessions::Session;
use super::shared::Shared;
use super::sight::Measures;
use super::watching::Watching;
use crate::host::Host;
use crate::line::Trouble;
use crate::net::{Path, clock, clock_error};
use crate::session::answering::DoorKind;
use crate::session::keyed::Keyed;
use crate::session::target::Manners;
use crate::session::{Key, Order, Report};

/// A stop waits no longer than this for probes in flight, whatever their time-out.
const PARTING: Duration = Duration::from_secs(5);
/// After a stop, sessions may take so long to say goodbye.
const GOODBYE: Duration = Duration::from_millis(1_500);
/// The probe threads report a last time within this.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Silence of replies after which the far end may have forgotten the session.
const SILENCE: Duration = Duration::from_secs(2);

pub(super) struct Control {
    pub(super) host: Host,
    pub(super) shared: Arc<Shared>,
    pub(super) orders: Orders,
    pub(super) config: Config,
    pub(super) publisher: Publisher,
    pub(super) sessions: Keyed<Session>,
    /// Runs and configured sessions whose path is being opened, and that nobody has cancelled.
    pub(super) opening: HashSet<Key>,
    pub(super) own: Owns,
    pub(super) exporting: Exporting,
    pub(super) watching: Watching,
    /// The sessions of lines.
    pub(super) by_line: BTreeMap<Measures, Key>,
    /// By where TWAMP-Control is answered.
    pub(super) targets: HashMap<Site, Serving>,
    /// Where strangers are answered, one path a thread; without any it is being bound.
    pub(super) doors: HashMap<(SocketAddr, DoorKind), Vec<Path>>,
    /// When this instance started.
    pub(super) started: Ntp64,
    pub(super) manners: watch::Sender<Manners>,
    /// Sessions, responders, and sockets being opened.
    pub(super) tasks: JoinSet<()>,
    pub(super) news: UnboundedSender<News>,
    /// When the probe threads last reported.
    heard: Heard,
    /// Choices are too old to be used, and the log says so.
    stale: bool,
    /// What has happened since the last publication is to be published by then.
    publish_at: Option<Instant>,
    /// Before this, nothing is published.
    rest_until: Instant,
    /// Everything is to end; the probes in flight are waited for.
    pub(super) stopping: Option<Instant>,
}

impl Control {
    /// A loop that has not begun, and what its tasks will tell it.
    pub(super) fn new(
        host: Host,
        shared: Arc<Shared>,
        orders: Orders,
        config: Config,
    ) -> (Self, UnboundedReceiver<News>) {
        let (news, heard) = unbounded_channel();
        let started = Ntp64::from_wall(clock().wall);
        let manners = Manners::new(&config.responder, started);
        let control = Self {
            host,
            shared,
            heard: Heard::new(orders.threads()),
            orders,
            publisher: Publisher::new(&config),
            config,
            sessions: Keyed::default(),
            opening: HashSet::new(),
            own: Owns::default(),
            exporting: Exporting::default(),
            watching: Watching::default(),
            by_line: BTreeMap::new(),
            targets: HashMap::new(),
            doors: HashMap::new(),
            started,
            manners: watch::Sender::new(manners),
            tasks: JoinSet::new(),
            news,
            stale: false,
            publish_at: None,
            rest_until: Instant::now(),
            stopping: None,
        };
        (control, heard)
    }

    /// Runs until told to stop.
    pub(super) fn run(
        self,
        opened: Opened,
        wishes: UnboundedReceiver<Wish>,
        told: UnboundedReceiver<Told>,
        news: UnboundedReceiver<News>,
    ) {
        match Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
        {
            Ok(runtime) => {
                let turns = self.turns(opened, wishes, told, news);
                LocalSet::new().block_on(&runtime, turns);
            }
            Err(error) => {
                tracing::error!("local system: can't start the control runtime: {error}");
                self.shared.set_state(engine_state::FAILED);
                self.orders.to_all(|| Order::Quit);
            }
        }
    }

    async fn turns(
        mut self,
        opened: Opened,
        mut wishes: UnboundedReceiver<Wish>,
        mut told: UnboundedReceiver<Told>,
        mut news: UnboundedReceiver<News>,
    ) {
        // What the host doesn't keep is not even formatted.
        self.shared.log.set_level(self.host.log_level());
        self.begin(opened);
        let log = self.shared.log.clone();
        loop {
            let (stale_at, publish_at) = (self.stale_at(), self.publish_at);
            let (stop_at, run_at) = (self.stopping, self.run_at());
            let (take_back_at, look_at) = (self.take_back_at(), self.look_at());
            tokio::select! {
                Some(wish) = wishes.recv() => self.wish(wish),
                Some(message) = told.recv() => match message {
                    Told::Report { thread, report } => {
                        self.report(thread, &report);
                        self.orders.give_back(thread, report);
                    }
                    Told::Failed(why) => self.fail(&why),
                },
                Some(news) = news.recv() => self.news(news),
                Some(_) = self.tasks.join_next() => {}
                () = log.filled() => {}
                () = until(publish_at) => self.publish(),
                () = until(stale_at) => self.grow_stale(),
                () = until(run_at) => self.run_due(),
                () = until(take_back_at) => self.take_back(),
                () = until(look_at) => self.look(),
                () = until(stop_at) => break,
            }
            self.deliver_log();
            if self.stopping.is_some() && self.sessions.values().all(|session| !session.running) {
                break;
            }
        }
        self.end(&mut news, &mut told).await;
    }

    /// Starts what the start has bound; what the host is to open, it is asked for now.
    fn begin(&mut self, opened: Opened) {
        let mut senders: HashMap<Measures, Sender> = opened.senders.into_iter().collect();
        let by = self.opener().by();
        self.match_export();
        let lines = std::mem::take(&mut self.config.lines);
        for line in &lines {
            self.publisher.line(line);
            if by == By::Host {
                self.open_line(line);
            }
            for (class, probe) in probes(&self.config, line) {
                let line_id = line.id;
                let what = Measures {
                    line: line_id,
                    class,
                };
                if let Some(sender) = senders.remove(&what) {
                    self.begin_line(line, class, probe, sender);
                }
            }
        }
        self.config.lines = lines;
        for (site, target) in opened.targets {
            self.begin_target(site, target);
        }
        for (path, door) in opened.doors {
            let paths = self.doors.entry((door.local, door.kind)).or_default();
            paths.push(path);
        }
        if by == By::Host {
            self.match_responders();
        }
        self.begin_own();
        self.publish();
    }

    pub(super) fn wish(&mut self, wish: Wish) {
        match wish {
            Wish::Line(line) => self.change_line(&line),
            Wish::LineGone(id) => self.lose_line(id),
            Wish::Apply(config) => self.apply(*config),
            Wish::Roles(line) => self.change_roles(&line),
            Wish::Respond(added) => self.respond(added),
            Wish::Load(told) => self.publisher.load(&told),
            Wish::Override(overrides) => self.override_by(overrides),
            Wish::Run(key, measurement) => self.open(key, *measurement),
            Wish::Session(id, session) => self.put_session(&id, &session),
            Wish::SessionGone(id) => self.delete_session(&id),
            Wish::RunSession(id, key) => self.run_session(&id, key, Cause::Person),
            Wish::Cancel(key) => self.cancel(key),
            // Having woken up, it looks anew when the next run begins.
            Wish::Reschedule => {}
            Wish::Stop => self.stop(),
        }
    }

    fn news(&mut self, news: News) {
        match news {
            News::Step(key, step) => self.step(key, step),
            News::Bound(line, class, probe, Ok(sender)) => {
                let mut lines = self.config.lines.iter();
                let wanted = probes(&self.config, &line).contains(&(class, *probe.clone()));
                let current = wanted && lines.any(|known| is_probed_alike(known, &line));
                let what = Measures {
                    line: line.id,
                    class,
                };
                match current && !self.by_line.contains_key(&what) {
                    true => self.begin_line(&line, class, *probe, sender),
                    false => self.leave(&sender),
                }
            }
            News::Bound(line, class, _, Err(error)) => {
                tracing::error!("line {}: {error}", line.name);
                let failure = Failure {
                    kind: FailureKind::Local,
                    message: error.to_string(),
                };
                let what = Measures {
                    line: line.id,
                    class,
                };
                self.publisher
                    .trouble(what, clock().mono, Trouble::LocalFault, failure.message);
                self.publish_soon();
            }
            News::Listening(site, target) => self.listening(site, target),
            News::Moved(site, bound) => self.moved(&site, bound),
            News::Door(door, bound) => self.bound_door(door, bound),
            News::Opened(key, measurement, bound) => self.opened(key, &measurement, bound),
        }
    }

    fn report(&mut self, thread: u16, report: &Report) {
        // Held up for so long that all figures are stale, this report has nothing newer.
        let stale_after = Duration::from_millis(self.config.decision.stale_after_ms.into());
        if report.paused.is_none_or(|span| span < stale_after) {
            self.heard.report(thread, report.at.mono, report.next);
            let fresh = self.fresh().map(|fresh| report.at.mono.since(fresh));
            if self.stale && fresh.is_some_and(|age| age < stale_after) {
                self.stale = false;
                tracing::info!("samples are fresh again: choices may be used");
            }
        }
        if let Some(span) = report.paused {
            tracing::warn!(
                "this process was held up for {} ms: what was in flight is set aside, not lost",
                span.as_millis()
            );
        }
        let ended = lock(&self.shared.board).absorb(thread, report);
        self.export_served(&ended);
        for served in ended {
            self.run_ended(0, &served);
        }
        self.publisher.absorb(report);
        let what = |key| self.publisher.measured_by(key);
        self.shared.tap.absorb(report, what);
        for (key, pulse) in &report.pulses {
            if let Some(session) = self.sessions.get(key) {
                let silence = pulse
                    .unanswered_since
                    .map(|since| report.at.mono.since(since));
                let silent = match session.measures {
                    // The next one is due long after; three in a row say it.
                    Some(what) if what.class == MTU_PROBE_CLASS => self.publisher.doubts(what),
                    _ => silence.is_some_and(|silence| silence > SILENCE),
                };
                session.is_silent(silent);
            }
        }
        let finished = report.pulses.iter().filter(|(_, pulse)| pulse.finished);
        for key in finished.map(|(key, _)| *key).collect::<Vec<_>>() {
            if let Some(session) = self.sessions.get_mut(&key) {
                session.running = false;
            }
            self.quit(key);
        }
        self.publish_soon();
    }

    /// Something has happened to one of what may be thousands of lines: published at once if
    /// nothing was of late, else together with what comes until then.
    pub(super) fn publish_soon(&mut self) {
        self.publish_at = Some(self.rest_until);
    }

    /// New snapshot, new choices, and whoever wants to know is told. With thousands of lines that
    /// is work: so much rest follows that it takes a twentieth of a processor at most, if figures
    /// don't grow too old by that.
    fn publish(&mut self) {
        self.publish_at = None;
        // Nobody may choose by what a failed engine knew.
        if self.shared.state() == engine_state::FAILED {
            return;
        }
        let began = Instant::now();
        self.publish_now();
        let decision = &self.config.decision;
        let cadence = Duration::from_millis(decision.publish_ms.into());
        let too_old = Duration::from_millis(decision.stale_after_ms.into()) / 4;
        // A report comes with each cadence, or a little sooner: what it says is published in the
        // same wake-up.
        let rest = (began.elapsed() * 20).min(too_old).max(cadence * 7 / 10);
        self.rest_until = began + rest;
    }

    fn publish_now(&mut self) {
        let now = clock();
        let mut published = self
            .publisher
            .publish(now, self.fresh(), clock_error(), &self.shared);
        if published.changed {
            self.shared.event.ring();
        }
        for &(key, rate) in &published.rates {
            if let Some(session) = self.sessions.get(&key) {
                let path = session.path;
                self.orders.send(Order::Pace { key, path, rate });
            }
        }
        self.export_decisions(&published.rulings);
        self.watching.broken = std::mem::take(&mut published.broken);
        published.tell(self.host);
        self.export_due();
        self.look();
    }

    /// No report for too long: `choose` has no opinion by now, and this says so, once.
    fn grow_stale(&mut self) {
        self.stale = true;
        tracing::warn!(
            "no fresh samples for {} ms: no opinion until there are",
            self.config.decision.stale_after_ms
        );
        self.shared.event.ring();
    }

    fn stale_at(&self) -> Option<Instant> {
        let probing = self.sessions.values().any(|session| session.running);
        let fresh = self.fresh().filter(|_| probing && !self.stale)?;
        let stale = fresh + Duration::from_millis(self.config.decision.stale_after_ms.into());
        Some(Instant::now() + stale.since(clock().mono))
    }

    /// From when figures are.
    fn fresh(&self) -> Option<Mono> {
        self.heard.fresh(clock().mono)
    }

    fn fail(&mut self, why: &str) {
        tracing::error!("the engine has failed: {why}; no opinion from now on");
        self.shared.set_state(engine_state::FAILED);
        self.shared.close(clock());
        self.sessions
            .values_mut()
            .for_each(|session| session.running = false);
    }

    /// Everything ends: no more probes; those in flight are waited for.
    fn stop(&mut self) {
        let timeouts = self.sessions.values().map(|session| session.timeout);
        let longest = timeouts.max().map(|longest| longest.min(PARTING));
        self.stopping = Some(Instant::now() + longest.unwrap_or_default() + Duration::from_secs(1));
        for (key, session) in &self.sessions {
            if session.running {
                let (key, path) = (*key, session.path);
                self.orders.send(Order::Finish { key, path });
            }
        }
    }

    /// Says goodbye to the far ends, then ends the probe threads.
    async fn end(mut self, news: &mut UnboundedReceiver<News>, told: &mut UnboundedReceiver<Told>) {
        for key in self.sessions.keys().copied().collect::<Vec<_>>() {
            self.quit(key);
        }
        for target in self.targets.values() {
            target.abort();
        }
        let goodbye = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
        self.tasks.abort_all();
        self.orders.to_all(|| Order::Quit);
        // The last report of each has what came since the one before.
        let rest = async {
            while let Some(message) = told.recv().await {
                if let Told::Report { thread, report } = message {
                    self.report(thread, &report);
                }
            }
        };
        let _ = tokio::time::timeout(LAST_WORDS, rest).await;
        self.publish();
        while let Ok(news) = news.try_recv() {
            if let News::Step(key, Step::Ended(failure)) = news {
                self.end_session(key, failure);
            }
        }
        for key in std::mem::take(&mut self.opening) {
            self.end_session(key, None);
        }
        let ended = lock(&self.shared.board).close();
        self.export_served(&ended);
        for served in ended {
            self.run_ended(0, &served);
        }
        self.deliver_log();
    }

    pub(super) fn run_ended(&self, run: u64, result: &impl serde::Serialize) {
        match serde_json::to_string(result) {
            Ok(json) => self.host.run_ended(run, &json),
            Err(error) => tracing::error!("a result can't be written as JSON: {error}"),
        }
    }

    fn deliver_log(&self) {
        while let Some(message) = self.shared.log.take() {
            self.host.log(message.level, message.target, &message.text);
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
