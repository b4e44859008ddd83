//! How lines and choices stand: the published picture, with names instead of ids.

use std::collections::BTreeMap;

use plugin_abi::host::{CallError, Choice, Engine};
use plugin_abi::{TwampDelay, TwampLineState, TwampScore, engine_state, line_state, score_flag};
use serde::Serialize;

use super::Names;

/// How lines and choices stand.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// `created`, `running`, `stopped` or `failed`.
    pub engine: &'static str,
    /// The picture may be used: its publisher lives.
    pub fresh: bool,
    /// Grows with each picture.
    pub epoch: u64,
    /// The lines, in the plugin's order.
    pub lines: Vec<LineStatus>,
    /// What `choose` answers for each class of each group.
    pub choices: Vec<ChoiceStatus>,
}

/// How a line stands, over the rolling window.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LineStatus {
    /// Its name.
    pub line: String,
    /// `unknown`, `alive`, `dead` or `unmeasured`.
    pub state: &'static str,
    /// Seconds in this state.
    pub since_s: f64,
    /// Seconds since the last reply; `None` before the first.
    pub last_reply_s: Option<f64>,
    /// What keeps it from being measured.
    pub trouble: Option<String>,
    /// Probes whose fate is known.
    pub probes: u32,
    /// Of them, answered in time.
    pub samples: u32,
    /// The loss; `None`: unknown.
    pub loss: Option<LossStatus>,
    /// Round trip; `None`: unknown.
    pub round_trip_us: Option<Microseconds>,
    /// Towards the far end.
    pub outbound_us: Option<Microseconds>,
    /// From the far end.
    pub inbound_us: Option<Microseconds>,
    /// One-way figures are levels, not only variation.
    pub clocks_synchronised: bool,
    /// Its score for each class.
    pub scores: Vec<ClassScore>,
}

/// Loss over the rolling window, percent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LossStatus {
    /// Both directions together.
    pub percent: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of the 95 % interval.
    pub high: f64,
    /// Towards the far end; `None`: the far end doesn't tell.
    pub forward: Option<f64>,
    /// On the way back.
    pub backward: Option<f64>,
}

/// A delay over the rolling window, microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Microseconds {
    /// Smallest.
    pub min: f64,
    /// Mean.
    pub mean: f64,
    /// Largest.
    pub max: f64,
    /// RFC 3550 jitter.
    pub jitter: f64,
}

/// A line's score for a class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassScore {
    /// The class, by name.
    pub class: String,
    /// 0 (useless) to 100; `None`: unknown.
    pub score: Option<u32>,
    /// Within the class's SLA.
    pub within_sla: bool,
    /// What it is judged by, where that is not by the figures of the line above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
}

/// A line as probes of another class see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Seen {
    /// The probe class, by name; `None`: that of all classes that name none.
    pub probe_class: Option<String>,
    /// The loss; `None`: unknown.
    pub loss: Option<LossStatus>,
    /// Round trip; `None`: unknown.
    pub round_trip_us: Option<Microseconds>,
}

/// What `choose` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChoiceStatus {
    /// The group, by name.
    pub group: String,
    /// The class, by name.
    pub class: String,
    /// `no-opinion`, `line`, `best-of-bad` or `keep`.
    pub answer: &'static str,
    /// The line, by name; with `keep` the one that is kept.
    pub line: Option<String>,
}

/// Asks an engine as a routing daemon does: it remembers where each class is.
#[derive(Debug)]
pub struct Watch {
    names: Names,
    held: BTreeMap<(u64, u64), u64>,
}

impl Watch {
    /// A watch that knows these names and holds nothing yet.
    #[must_use]
    pub fn new(names: Names) -> Self {
        Self {
            names,
            held: BTreeMap::new(),
        }
    }

    /// The names it knows.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Other names from now on. What is held stays held.
    pub fn rename(&mut self, names: Names) {
        self.names = names;
    }

    /// How everything stands at `now_ns` (`CLOCK_BOOTTIME`). `trouble` is what the plugin's list
    /// of lines says, by the line's id.
    ///
    /// # Errors
    /// The plugin can't hand out its picture.
    pub fn status(
        &mut self,
        engine: &Engine,
        trouble: &BTreeMap<u64, String>,
        now_ns: u64,
    ) -> Result<Status, CallError> {
        let picture = engine.snapshot()?;
        let (state, epoch, fresh) = (
            picture.engine_state,
            picture.epoch,
            now_ns <= picture.valid_until_ns,
        );
        let lines: Vec<TwampLineState> = picture.lines().copied().collect();
        let scores: Vec<TwampScore> = picture.scores().copied().collect();
        // Pictures are held for microseconds; what follows allocates and asks.
        drop(picture);

        let lines = lines.iter().map(|line| {
            let of_line = scores.iter().filter(|score| score.line == line.line);
            line_status(line, of_line, &self.names, trouble, now_ns)
        });
        Ok(Status {
            engine: engine_name(state),
            fresh,
            epoch,
            lines: lines.collect(),
            choices: self.choices(engine),
        })
    }

    fn choices(&mut self, engine: &Engine) -> Vec<ChoiceStatus> {
        let pairs: Vec<_> = self.names.pairs().collect();
        pairs
            .into_iter()
            .map(|(group, class)| {
                let held = self.held.get(&(group, class)).copied();
                let (answer, line) = match engine.choose(group, class, 0, held, 0) {
                    Choice::NoOpinion => ("no-opinion", None),
                    Choice::Line(line) => ("line", Some(line)),
                    Choice::BestOfBad(line) => ("best-of-bad", Some(line)),
                    Choice::Keep => ("keep", held),
                };
                match line {
                    Some(line) => self.held.insert((group, class), line),
                    None => self.held.remove(&(group, class)),
                };
                ChoiceStatus {
                    group: self.names.group(group),
                    class: self.names.class(class),
                    answer,
                    line: line.map(|line| self.names.line(line)),
                }
            })
            .collect()
    }
}

fn line_status<'a>(
    line: &TwampLineState,
    scores: impl Iterator<Item = &'a TwampScore>,
    names: &Names,
    trouble: &BTreeMap<u64, String>,
    now_ns: u64,
) -> LineStatus {
    let scores: Vec<&TwampScore> = scores.collect();
    // Rows of classes that share a probe class have the same figures.
    let figures = scores.first().copied().copied().unwrap_or_default();
    let first = names.probe_class(figures.class);
    let has = |flag| figures.flags & flag != 0;
    let delay = |delay| has(score_flag::DELAY_KNOWN).then(|| microseconds(delay));
    LineStatus {
        line: names.line(line.line),
        state: line_state::name(line.state),
        since_s: seconds_since(line.since_ns, now_ns),
        last_reply_s: (line.last_reply_ns > 0).then(|| seconds_since(line.last_reply_ns, now_ns)),
        trouble: trouble.get(&line.line).cloned(),
        probes: figures.probes,
        samples: figures.samples,
        loss: loss(&figures),
        round_trip_us: delay(figures.round_trip),
        outbound_us: delay(figures.outbound),
        inbound_us: delay(figures.inbound),
        clocks_synchronised: has(score_flag::CLOCKS_SYNCHRONISED),
        scores: scores
            .iter()
            .map(|score| class_score(score, first, names))
            .collect(),
    }
}

/// `shown` is the probe class whose figures stand above.
fn class_score(score: &TwampScore, shown: Option<&str>, names: &Names) -> ClassScore {
    let has = |flag| score.flags & flag != 0;
    let probe_class = names.probe_class(score.class);
    let delay = has(score_flag::DELAY_KNOWN).then(|| microseconds(score.round_trip));
    ClassScore {
        class: names.class(score.class),
        score: has(score_flag::SCORE_KNOWN).then_some(score.score),
        within_sla: has(score_flag::WITHIN_SLA),
        seen: (probe_class != shown).then(|| Seen {
            probe_class: probe_class.map(str::to_owned),
            loss: loss(score),
            round_trip_us: delay,
        }),
    }
}

fn loss(score: &TwampScore) -> Option<LossStatus> {
    let percent = |ppm: u32| f64::from(ppm) / 10_000.0;
    let split = score.flags & score_flag::DIRECTIONS_KNOWN != 0;
    let is_known = score.flags & score_flag::LOSS_KNOWN != 0;
    is_known.then(|| LossStatus {
        percent: percent(score.loss_ppm),
        low: percent(score.loss_low_ppm),
        high: percent(score.loss_high_ppm),
        forward: split.then(|| percent(score.loss_forward_ppm)),
        backward: split.then(|| percent(score.loss_backward_ppm)),
    })
}

fn microseconds(delay: TwampDelay) -> Microseconds {
    Microseconds {
        min: delay.min_ns as f64 / 1e3,
        mean: delay.mean_ns as f64 / 1e3,
        max: delay.max_ns as f64 / 1e3,
        jitter: delay.jitter_ns as f64 / 1e3,
    }
}

fn seconds_since(then_ns: u64, now_ns: u64) -> f64 {
    now_ns.saturating_sub(then_ns) as f64 / 1e9
}

/// The word for a state of an engine.
pub(crate) fn engine_name(state: u32) -> &'static str {
    match state {
        engine_state::CREATED => "created",
        engine_state::RUNNING => "running",
        engine_state::STOPPED => "stopped",
        _ => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn names() -> Names {
        let config = serde_json::from_str(
            r#"{"lines":[{"id":1,"name":"fibre"}],"classes":[{"id":5,"name":"voice","sla":{}}]}"#,
        );
        Names::of(&config.unwrap())
    }

    fn line() -> TwampLineState {
        TwampLineState {
            line: 1,
            state: line_state::ALIVE,
            since_ns: 4 * SECOND,
            last_reply_ns: 9 * SECOND,
            ..TwampLineState::default()
        }
    }

    fn status(line: &TwampLineState, scores: &[TwampScore]) -> LineStatus {
        line_status(line, scores.iter(), &names(), &BTreeMap::new(), 10 * SECOND)
    }

    #[test]
    fn a_line_without_a_score_has_no_figures_instead_of_zeros() {
        let status = status(&line(), &[]);
        assert_eq!((status.line.as_str(), status.state), ("fibre", "alive"));
        assert_eq!((status.since_s, status.last_reply_s), (6.0, Some(1.0)));
        assert_eq!(status.loss, None);
        assert_eq!(status.round_trip_us, None);
        assert!(status.scores.is_empty());
    }

    #[test]
    fn a_line_never_answered_has_no_last_reply() {
        let never = TwampLineState {
            last_reply_ns: 0,
            ..line()
        };
        assert_eq!(status(&never, &[]).last_reply_s, None);
    }

    #[test]
    fn only_what_the_flags_say_is_known() {
        let score = TwampScore {
            line: 1,
            class: 5,
            score: 77,
            flags: score_flag::LOSS_KNOWN | score_flag::SCORE_KNOWN,
            loss_ppm: 12_500,
            loss_forward_ppm: 12_500,
            ..TwampScore::default()
        };
        let status = status(&line(), &[score]);
        let loss = status.loss.unwrap();
        assert_eq!((loss.percent, loss.forward), (1.25, None));
        assert_eq!(status.round_trip_us, None);
        assert_eq!(status.scores[0].class, "voice");
        assert_eq!(status.scores[0].score, Some(77));
        assert!(!status.scores[0].within_sla);
    }

    #[test]
    fn a_class_with_probes_of_its_own_has_figures_of_its_own() {
        let config = serde_json::from_str(
            r#"{"probe_classes":[{"id":1,"name":"realtime","dscp":"EF"}],
                "classes":[{"id":5,"name":"voice","sla":{},"probe_class":"realtime"},
                           {"id":6,"name":"video","sla":{},"probe_class":"realtime"},
                           {"id":7,"name":"bulk","sla":{}}]}"#,
        );
        let names = Names::of(&config.unwrap());
        let scores = [(5, 0), (6, 0), (7, 150_000)].map(|(class, loss_ppm)| TwampScore {
            line: 1,
            class,
            flags: score_flag::LOSS_KNOWN,
            loss_ppm,
            ..TwampScore::default()
        });
        let status = line_status(&line(), scores.iter(), &names, &BTreeMap::new(), 0);
        assert_eq!(status.loss.unwrap().percent, 0.0);
        let [voice, video, bulk] = &status.scores[..] else {
            panic!("{status:?}");
        };
        assert_eq!((&voice.seen, &video.seen), (&None, &None));
        let seen = bulk.seen.as_ref().unwrap();
        assert_eq!(
            (&seen.probe_class, seen.loss.unwrap().percent),
            (&None, 15.0)
        );
    }

    #[test]
    fn a_state_of_a_later_version_is_failed() {
        assert_eq!(engine_name(engine_state::RUNNING), "running");
        assert_eq!(engine_name(99), "failed");
    }
}
