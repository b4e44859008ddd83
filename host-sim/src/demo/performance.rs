//! The demo itself: the script is performed, the traffic flows, everything is recorded and shown.

use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Duration;

use super::DemoError;
use super::audience::Audience;
use super::listener::Heard;
use super::recording::{Recording, Start};
use super::script::{Cue, script};
use super::setting::{HUB, Setting};
use super::stage::Stage;
use super::view::{FlowView, LineView, Pulses, View};
use crate::host::Status;
use crate::host::clock::boottime_ns;
use crate::host::flows::{FlowCounts, Flows};

/// What was performed.
pub(super) struct Performance {
    pub(super) recording: Recording,
    /// What became of the traffic.
    pub(super) flows: Vec<FlowCounts>,
    /// The last picture that the plugin published while it measured.
    pub(super) status: Status,
}

/// A picture each so often.
const FRAME: Duration = Duration::from_millis(250);
/// A bar of the pulse stands for so many pictures.
const FRAMES_A_BEAT: u64 = 2;
/// The last packets have so long to arrive.
const DRAIN: Duration = Duration::from_secs(1);

/// Performs the script of so many seconds. `placed` is where the classes are.
pub(super) fn perform(
    stage: &mut Stage,
    setting: &Setting,
    seconds: u64,
    placed: Vec<(&'static str, &'static str)>,
    audience: &mut Audience,
) -> Result<Performance, DemoError> {
    let near = Arc::clone(&stage.near);
    let flows = Flows::start(&setting.flows(), move |class, hash, current| {
        near.choose(HUB, class, hash, current, 0)
    })?;
    let script = script(seconds);
    let mut show = Show {
        stage,
        start: Start {
            at_ns: boottime_ns(),
        },
        seconds,
        recording: Recording {
            placed,
            ..Recording::default()
        },
        pulses: Pulses::default(),
        warning: None,
    };
    let mut cues = script.iter().peekable();
    for frame in 0.. {
        let due = FRAME * frame;
        if due >= Duration::from_secs(seconds) {
            break;
        }
        show.draw(u64::from(frame), &flows, audience)?;
        let until = (due + FRAME).min(Duration::from_secs(seconds));
        while let Some(cue) = cues.next_if(|cue| cue.at < until) {
            show.listen(cue.at, audience)?;
            show.perform(cue, audience)?;
        }
        show.listen(until, audience)?;
    }
    let status = show.draw(0, &flows, audience)?;
    let moves = flows.moves();
    let start = show.start;
    let mut recording = show.recording;
    recording.follow(&moves, start);
    Ok(Performance {
        recording,
        flows: flows.stop(DRAIN),
        status,
    })
}

/// What the performance carries along.
struct Show<'a> {
    stage: &'a mut Stage,
    start: Start,
    seconds: u64,
    recording: Recording,
    pulses: Pulses,
    warning: Option<String>,
}

impl Show<'_> {
    /// Records what the plugin tells until a time after the start.
    fn listen(&mut self, until: Duration, audience: &mut Audience) -> Result<(), DemoError> {
        loop {
            let left = until.saturating_sub(self.elapsed());
            match self.stage.heard.recv_timeout(left) {
                Ok(Heard::Change(change)) => {
                    if let Some(recorder) = &self.stage.recorder {
                        recorder.choice(&change);
                    }
                    if let Some(switch) = self.recording.changed(&change, self.start) {
                        audience.switched(switch)?;
                    }
                }
                Ok(Heard::Warning(warning)) => {
                    audience.warned(&warning)?;
                    self.warning = Some(warning);
                }
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                // The engine lives as long as the stage; if it didn't, time would go on.
                Err(RecvTimeoutError::Disconnected) => thread::sleep(left),
            }
            if left.is_zero() {
                return Ok(());
            }
        }
    }

    fn perform(&mut self, cue: &Cue, audience: &mut Audience) -> Result<(), DemoError> {
        cue.perform(&self.stage.emulator)?;
        let at_s = self.start.seconds(boottime_ns());
        audience.impaired(self.recording.performed(cue, at_s))?;
        Ok(())
    }

    /// Shows how it stands.
    fn draw(
        &mut self,
        frame: u64,
        flows: &Flows,
        audience: &mut Audience,
    ) -> Result<Status, DemoError> {
        if frame.is_multiple_of(FRAMES_A_BEAT) {
            self.pulses.beat(&self.stage.results()?);
        }
        let status = self.stage.status()?;
        let view = View {
            elapsed_s: self.elapsed().as_secs_f64().min(self.seconds as f64),
            seconds: self.seconds,
            lines: LineView::of(status.clone(), &self.pulses, &self.stage.emulator)?,
            flows: flows.counts().iter().map(FlowView::of).collect(),
            recording: &self.recording,
            warning: self.warning.as_deref(),
        };
        audience.show(&view)?;
        Ok(status)
    }

    fn elapsed(&self) -> Duration {
        Duration::from_nanos(boottime_ns().saturating_sub(self.start.at_ns))
    }
}
