//! From a running engine to a file, on a thread of its own: whoever measures or tells waits for no
//! disk.
//!
//! ```text
//!   engine ── take_samples, each 100 ms ──► thread `recorder` ──► FILE
//!   host ──── choices, states, settings ──►        │
//!                                                  └─ half the limit is full: FILE ─► FILE.1
//! ```

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use plugin_abi::config::{Config, Line};
use plugin_abi::host::{CallError, Change, Engine};
use plugin_abi::{TwampSample, reason, sample_flag as flag, sample_kind as kind};

use super::{Answered, Aside, Moved, Path, Record, Setting, Writer};
use crate::host::clock::{boottime_ns, wall_ns};

/// Samples that the plugin keeps while this thread is held up: 10 s of 6,500 probes a second.
const KEPT: usize = 1 << 16;
/// Samples taken at once.
const ROOM: usize = 1 << 10;
/// From one look at the engine to the next.
const LOOK: Duration = Duration::from_millis(100);
/// What was written is on file after so long.
const FLUSH: Duration = Duration::from_secs(1);

/// Records an engine.
pub struct Recorder {
    told: Sender<Told>,
    thread: JoinHandle<Result<Recorded, RecorderError>>,
}

/// What was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Probes.
    pub probes: u64,
    /// Octets, those of files that were replaced as well.
    pub octets: u64,
    /// Records that are missing, as the recorder did not keep up.
    pub dropped: u64,
}

/// A recording can't be written.
#[derive(Debug, thiserror::Error)]
pub enum RecorderError {
    /// The system refuses.
    #[error("can't write the recording {}: {cause}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Its words.
        cause: io::Error,
    },
    /// The plugin keeps no samples.
    #[error("the plugin can't be recorded: {0}; take one that keeps samples (ABI 1.1)")]
    Plugin(#[from] CallError),
    /// A mistake of this program.
    #[error("the recorder's thread has panicked; this is a mistake in the recorder")]
    Panicked,
}

/// What the host tells.
enum Told {
    Setting(Box<Config>),
    Choice(Change),
    State(u64, u64, String),
    Stop,
}

impl Recorder {
    /// Records `engine` to `file` from now on; `config` is what it runs by, its topology written
    /// out. `most_octets` is what `file` and the one before it may have together.
    ///
    /// # Errors
    /// The file can't be made, or the plugin keeps no samples.
    pub fn start(
        engine: Arc<Engine>,
        config: &Config,
        file: &FilePath,
        most_octets: u64,
    ) -> Result<Self, RecorderError> {
        let started = boottime_ns();
        let mut tape = Tape::new(engine, config, file, most_octets, started)?;
        tape.engine.keep_samples(KEPT)?;
        let (told, heard) = channel();
        let thread = thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || tape.run(&heard))
            .map_err(|cause| RecorderError::File {
                file: file.to_owned(),
                cause,
            })?;
        Ok(Self { told, thread })
    }

    /// The engine runs by another configuration from now on.
    pub fn setting(&self, config: &Config) {
        self.tell(Told::Setting(Box::new(config.clone())));
    }

    /// A class of a group has moved.
    pub fn choice(&self, change: &Change) {
        self.tell(Told::Choice(change.clone()));
    }

    /// A line was seen in another state at a time of `CLOCK_BOOTTIME`.
    pub fn state(&self, at_ns: u64, line: u64, state: &str) {
        self.tell(Told::State(at_ns, line, state.to_owned()));
    }

    /// Has it ended by itself? Then [`stop`](Self::stop) says why.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.thread.is_finished()
    }

    /// Takes what is left of the engine's samples, and closes the file.
    ///
    /// # Errors
    /// What kept it from being written, at any time.
    pub fn stop(self) -> Result<Recorded, RecorderError> {
        self.tell(Told::Stop);
        self.thread.join().map_err(|_| RecorderError::Panicked)?
    }

    fn tell(&self, told: Told) {
        // Fails if the file did: `stop` says so.
        let _ = self.told.send(told);
    }
}

/// What the thread has.
struct Tape {
    engine: Arc<Engine>,
    file: PathBuf,
    writer: Writer<BufWriter<File>>,
    config: Config,
    /// Lines whose far end has numbers of its own.
    directed: HashSet<u64>,
    /// Time 0 of the records.
    boot_ns: u64,
    wall_ns: i64,
    most_octets: u64,
    /// Of files that are closed.
    before: Recorded,
    samples: Vec<TwampSample>,
    /// The last of each class of each group: a file begins with them.
    choices: BTreeMap<(u64, u64), Moved>,
    flushed: Instant,
}

impl Tape {
    fn new(
        engine: Arc<Engine>,
        config: &Config,
        file: &FilePath,
        most_octets: u64,
        boot_ns: u64,
    ) -> Result<Self, RecorderError> {
        let mut tape = Self {
            engine,
            writer: open(file)?,
            file: file.to_owned(),
            config: config.clone(),
            directed: HashSet::new(),
            boot_ns,
            wall_ns: wall_ns(),
            most_octets,
            before: Recorded::default(),
            samples: vec![TwampSample::default(); ROOM],
            choices: BTreeMap::new(),
            flushed: Instant::now(),
        };
        tape.begin()?;
        Ok(tape)
    }

    fn run(&mut self, heard: &Receiver<Told>) -> Result<Recorded, RecorderError> {
        loop {
            let told = heard.recv_timeout(LOOK);
            self.take()?;
            match told {
                Ok(Told::Setting(config)) if *config == self.config => {}
                Ok(Told::Setting(config)) => {
                    self.config = *config;
                    self.begin()?;
                }
                Ok(Told::Choice(change)) => {
                    let moved = self.moved(change);
                    self.choices
                        .insert((moved.group, moved.class), moved.clone());
                    self.write(&Record::Choice(moved))?;
                }
                Ok(Told::State(at_ns, line, state)) => {
                    let at = self.since(at_ns);
                    self.write(&Record::State { at, line, state })?;
                }
                Ok(Told::Stop) | Err(RecvTimeoutError::Disconnected) => return self.end(),
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.keep_to_the_limit()?;
            if self.flushed.elapsed() >= FLUSH {
                self.flushed = Instant::now();
                self.writer.flush().map_err(|cause| self.failed(cause))?;
            }
        }
    }

    /// Writes what the engine has learnt since the last look.
    fn take(&mut self) -> Result<(), RecorderError> {
        let mut samples = std::mem::take(&mut self.samples);
        loop {
            let (count, dropped) = self.engine.take_samples(&mut samples)?;
            if dropped > 0 {
                self.before.dropped += dropped;
                let at = self.since(boottime_ns());
                self.write(&Record::Dropped { at, count: dropped })?;
            }
            for sample in &samples[..count] {
                self.sample(sample)?;
            }
            if count < samples.len() {
                self.samples = samples;
                return Ok(());
            }
        }
    }

    fn sample(&mut self, sample: &TwampSample) -> Result<(), RecorderError> {
        let TwampSample {
            line,
            sequence,
            flags,
            ..
        } = *sample;
        // What left before this file began is in the one before.
        let Some(sent) = sample.sent_ns.checked_sub(self.boot_ns) else {
            return Ok(());
        };
        let sequence = sequence as u32;
        let numbered = flags & flag::REFLECTOR_SEQUENCE != 0;
        let reflector = numbered.then_some(sample.reflector_sequence as u32);
        let aside = |why| Record::Aside {
            line,
            sequence,
            sent,
            why,
            reflector,
        };
        let record = match sample.kind {
            kind::ANSWERED => {
                let path = path(sample);
                self.write(&Record::Path { line, path })?;
                Record::Probe(self.answered(sample, sent, reflector))
            }
            kind::LOST => Record::Lost {
                line,
                sequence,
                sent,
                after: sample.until_ns.saturating_sub(sample.sent_ns),
            },
            kind::CLOCK_STEP => aside(Aside::ClockStep),
            kind::ANOMALY => aside(Aside::Anomaly),
            kind::LOCAL_TROUBLE => aside(Aside::LocalTrouble),
            kind::OVERRUN => aside(Aside::Overrun),
            kind::NEW_SESSION => Record::Session { at: sent, line },
            kind::PAUSED => Record::Pause {
                at: sent,
                span: sample.until_ns,
            },
            _ => return Ok(()),
        };
        self.write(&record)
    }

    fn answered(&self, sample: &TwampSample, sent: u64, reflector: Option<u32>) -> Answered {
        let [t1, t2, t3, t4] = sample.stamps_wall_ns;
        let (out, far, back) = (t2 - t1, t3 - t2, t4 - t3);
        let away = sample.until_ns.saturating_sub(sample.sent_ns) as i64;
        Answered {
            line: sample.line,
            sequence: sample.sequence as u32,
            sent,
            wall: t1 - (self.wall_ns + sent as i64),
            out,
            far,
            back,
            read: away - (t4 - t1),
            reflector: reflector.filter(|_| self.directed.contains(&sample.line)),
        }
    }

    fn moved(&self, change: Change) -> Moved {
        Moved {
            at: self.since(change.at_ns),
            group: change.group,
            class: change.class,
            from: change.from,
            to: change.to,
            reason: reason::name(change.reason).to_owned(),
            sentence: change.sentence,
        }
    }

    fn since(&self, boot_ns: u64) -> u64 {
        boot_ns.saturating_sub(self.boot_ns)
    }

    fn write(&mut self, record: &Record) -> Result<(), RecorderError> {
        let written = self.writer.write(record);
        written.map_err(|cause| self.failed(cause))
    }

    /// A setting, before what it holds for.
    fn begin(&mut self) -> Result<(), RecorderError> {
        let Config { lines, probe, .. } = &self.config;
        let directed = |line: &&Arc<Line>| line.probe.as_deref().unwrap_or(probe).is_directed();
        self.directed = lines.iter().filter(directed).map(|line| line.id).collect();
        let setting = Setting::of(&self.config, self.boot_ns, self.wall_ns);
        self.write(&Record::Setting(Box::new(setting)))
    }

    /// The file is put aside where it has half of what may be there, and the one put aside before
    /// goes: so the newest is always there, and never more than was allowed.
    fn keep_to_the_limit(&mut self) -> Result<(), RecorderError> {
        if self.writer.written().0 < self.most_octets / 2 {
            return Ok(());
        }
        self.close()?;
        let put_aside = aside_of(&self.file);
        fs::rename(&self.file, &put_aside).map_err(|cause| self.failed(cause))?;
        self.writer = open(&self.file)?;
        self.begin()?;
        for moved in self.choices.clone().into_values() {
            self.write(&Record::Choice(moved))?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<Recorded, RecorderError> {
        self.close()?;
        // The engine may run on.
        let _ = self.engine.keep_samples(0);
        Ok(self.before)
    }

    fn close(&mut self) -> Result<(), RecorderError> {
        let at = self.since(boottime_ns());
        self.write(&Record::End { at })?;
        let (octets, probes) = self.writer.written();
        self.before.octets += octets;
        self.before.probes += probes;
        self.writer.flush().map_err(|cause| self.failed(cause))
    }

    fn failed(&self, cause: io::Error) -> RecorderError {
        RecorderError::File {
            file: self.file.clone(),
            cause,
        }
    }
}

/// What holds for an answered probe, and for those beside it mostly.
fn path(sample: &TwampSample) -> Path {
    let known = |bit: u32, value: u8| (sample.flags & bit != 0).then_some(value);
    Path {
        epoch: sample.epoch,
        ttl: [
            known(flag::TTL_FORWARD, sample.ttl_forward),
            known(flag::TTL_BACKWARD, sample.ttl_backward),
        ],
        tos: [
            known(flag::TOS_FORWARD, sample.tos_forward),
            known(flag::TOS_BACKWARD, sample.tos_backward),
        ],
        kernel: sample.flags & flag::KERNEL_STAMPS != 0,
        synchronised: sample.flags & flag::FAR_SYNCHRONISED != 0,
    }
}

fn open(file: &FilePath) -> Result<Writer<BufWriter<File>>, RecorderError> {
    let made = File::create(file).map_err(|cause| RecorderError::File {
        file: file.to_owned(),
        cause,
    })?;
    Ok(Writer::new(BufWriter::new(made)))
}

/// Where a file that is full goes.
fn aside_of(file: &FilePath) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(".1");
    name.into()
}
