//! A recording through any policy: each probes when it likes, and what the line would have done to
//! its probe is what it did to the recorded one nearest in time.
//!
//! ```text
//!   Recording ─► Past ─► replies ─► Policy ─► probes ─► Past
//!                                     └─► choices ─► Replayed ─► side by side
//! ```
//!
//! The plugin itself follows the recording: its probes leave when the recorded ones left, and meet
//! what those met, so it decides as it did then. What is lost when a policy probes more often than
//! was recorded: several of its probes meet one recorded fate, so its losses come in runs. Where
//! nothing was recorded for a while there is silence, and such probes are counted. How traffic
//! fared was not recorded: who measures by that sees none.

mod compare;
mod follow;
mod past;
mod recording;

pub use compare::{Difference, differences};
pub use recording::{Recording, ReplayError};

use plugin_abi::host::Plugin;
use serde::Serialize;

use self::follow::Following;
use self::past::Past;
use super::Autoflow;
use super::policy::{Maker, Policy, Setting};

/// What was chosen when it was recorded.
pub const RECORDED: &str = "recorded";
/// How often a policy is asked for its choices, in nanoseconds.
const TICK: u64 = 10_000_000;
const NS_PER_S: f64 = 1e9;

/// Who plays.
pub enum Player<'a> {
    /// Nobody: what was chosen then.
    Recorded,
    /// The plugin, with the probes that were recorded.
    Autoflow(&'a Plugin),
    /// A rival, with its own.
    Rival(&'a dyn Maker),
}

/// What came of a recording with a policy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Replayed {
    /// The policy's slug.
    pub policy: String,
    /// Where it moved what, first choices too.
    pub switches: Vec<Switch>,
    /// Probes that it sent.
    pub probes: u64,
    /// Of them, those near which nothing was recorded.
    pub probes_in_gaps: u64,
    /// How the recorded probes fared on the lines that it chose.
    pub classes: Vec<Fared>,
}

/// A class of a group has moved.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Switch {
    /// When, in seconds of the recording.
    pub at_s: f64,
    /// The group's name.
    pub group: String,
    /// The class's name.
    pub class: String,
    /// The line's name that it was on.
    pub from: Option<String>,
    /// The line's name that it is on.
    pub to: Option<String>,
    /// Why, if the policy says so.
    pub why: Option<String>,
}

/// How recorded probes fared on the lines that a class was on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fared {
    /// The group's name.
    pub group: String,
    /// The class's name.
    pub class: String,
    /// Seconds without a line.
    pub unplaced_s: f64,
    /// Recorded probes.
    pub probes: u64,
    /// Of them, lost.
    pub lost_percent: Option<f64>,
    /// Mean round trip of the others.
    pub round_trip_ms: Option<f64>,
}

/// Plays a recording.
///
/// # Errors
/// The policy can't be made for it.
pub fn play(recording: &Recording, player: &Player<'_>) -> Result<Replayed, ReplayError> {
    let (name, switches, past) = match player {
        Player::Recorded => (RECORDED, recording.switches(), None),
        Player::Autoflow(plugin) => {
            let policy = Following::new(plugin, recording)?;
            let (switches, past) = perform(recording, Box::new(policy), Past::renewed(recording));
            (Autoflow::NAME, switches, Some(past))
        }
        Player::Rival(maker) => {
            let setting = Setting {
                lines: &recording.uplinks,
                groups: &recording.groups,
                classes: &recording.setting.classes,
                dscps: &vec![0; recording.setting.classes.len()],
                seed: 1,
            };
            let policy = maker.make(&setting, None)?;
            let (switches, past) = perform(recording, policy, Past::new(recording));
            (maker.name(), switches, Some(past))
        }
    };
    let (probes, probes_in_gaps) = past.as_ref().map_or((recording.probes(), 0), Past::sent);
    Ok(Replayed {
        policy: name.to_owned(),
        classes: recording.fared(&switches),
        switches,
        probes,
        probes_in_gaps,
    })
}

/// The policy in the past, from its start to its end.
fn perform<'a>(
    recording: &Recording,
    mut policy: Box<dyn Policy>,
    mut past: Past<'a>,
) -> (Vec<Switch>, Past<'a>) {
    let classes = recording.setting.classes.len();
    let mut on = vec![None; recording.groups.len() * classes];
    let mut switches = Vec::new();
    let (mut tick, end) = (0, recording.end);
    loop {
        let next = [Some(end), Some(tick), past.next()];
        let limit = next.into_iter().flatten().min().unwrap_or(end);
        let reached = policy.advance(limit, &mut past);
        past.go_to(reached);
        // Probes have left, and may be back before the rest happens.
        if reached < limit {
            continue;
        }
        while let Some(reply) = past.poll() {
            policy.heard(reached, &reply);
        }
        if tick <= reached {
            for (seat, on) in on.iter_mut().enumerate() {
                let (group, class) = (seat / classes, seat % classes);
                let choice = policy.choose(reached, group, class);
                let from = std::mem::replace(on, choice);
                if from != choice {
                    let why = policy.why(group, class);
                    let (at, why) = why.map_or((reached, None), |(at, why)| (at, Some(why)));
                    switches.push(recording.switch(at, (group, class), (from, choice), why));
                }
            }
            tick += TICK;
        }
        if reached >= end {
            return (switches, past);
        }
    }
}
