//! Lines: the figures of the rolling window, as the published picture has them.

use std::collections::{BTreeMap, BTreeSet};

use plugin_abi::manage::{MtuState, Opinions};
use plugin_abi::{NONE, TwampDelay, TwampScore, line_state, score_flag};

use super::Collected;
use super::text::Family;

const STATES: [&str; 4] = ["unknown", "alive", "dead", "unmeasured"];

/// Both ways between the two ends, as they are called in labels.
const FORWARD: &str = "forward";
const BACKWARD: &str = "backward";

/// What is told of each line.
struct Figures {
    state: Family,
    state_age: Family,
    reply_age: Family,
    probes: Family,
    loss: Family,
    loss_low: Family,
    loss_high: Family,
    one_way_loss: Family,
    round_trip: Family,
    jitter: Family,
    one_way_delay: Family,
    one_way_jitter: Family,
    synchronised: Family,
    mos: Family,
    score: Family,
    within_sla: Family,
    full_size: Family,
    full_size_octets: Family,
    budget: Family,
    budget_used: Family,
}

pub(super) fn families(collected: &Collected, names: &BTreeMap<u64, &str>) -> Vec<Family> {
    let mut figures = Figures::new();
    let seconds = |then_ns: u64| collected.now_ns.saturating_sub(then_ns) as f64 / 1e9;
    for row in &collected.rows {
        // One that has just gone.
        let Some(name) = names.get(&row.line) else {
            continue;
        };
        let line = [("line", *name)];
        let now = line_state::name(row.state);
        figures.state.state(&line, &STATES, now);
        figures.state_age.add(&line, seconds(row.since_ns));
        if row.last_reply_ns > 0 {
            figures.reply_age.add(&line, seconds(row.last_reply_ns));
        }
    }
    let mut told = BTreeSet::new();
    for score in &collected.scores {
        let Some(name) = names.get(&score.line) else {
            continue;
        };
        // Rows of classes that share a probe class have the same figures.
        let probe_class = collected.names.probe_class(score.class);
        if told.insert((score.line, probe_class)) {
            figures.window(name, probe_class, score);
        }
        if score.class != NONE {
            figures.class(name, &collected.names.class(score.class), score);
        }
    }
    for line in &collected.lines {
        if let Some(mtu) = &line.mtu {
            let labels = [("line", line.name.as_str())];
            let known = mtu.state != MtuState::Unknown;
            if known {
                let passes = f64::from(u8::from(!mtu.state.is_obstructed()));
                figures.full_size.add(&labels, passes);
            }
            figures.full_size_octets.add(&labels, mtu.octets.into());
        }
        if let Some(budget) = line.budget {
            let labels = [("line", line.name.as_str())];
            figures.budget.add(&labels, budget.octets as f64);
            figures.budget_used.add(&labels, budget.used_octets as f64);
        }
        if let Some(Opinions { forward, backward }) = line.mos {
            for (way, mos) in [(FORWARD, forward), (BACKWARD, backward)] {
                let labels = [("line", line.name.as_str()), ("direction", way)];
                figures.mos.add(&labels, mos);
            }
        }
    }
    figures.all()
}

impl Figures {
    fn new() -> Self {
        let gauge = Family::gauge;
        Self {
            state: gauge("twamp_line_state", "Whether the line is in this state."),
            state_age: gauge(
                "twamp_line_state_age_seconds",
                "For how long the line is in its state.",
            ),
            reply_age: gauge("twamp_line_reply_age_seconds", "How old the last reply is."),
            probes: gauge(
                "twamp_line_window_probes",
                "Probes in the rolling window whose fate is known.",
            ),
            loss: gauge(
                "twamp_line_loss_ratio",
                "Share of probes lost in the rolling window, there or back.",
            ),
            loss_low: gauge(
                "twamp_line_loss_low_ratio",
                "Lower end of the 95 % interval of the loss.",
            ),
            loss_high: gauge(
                "twamp_line_loss_high_ratio",
                "Upper end of the 95 % interval of the loss.",
            ),
            one_way_loss: gauge(
                "twamp_line_one_way_loss_ratio",
                "Share of probes lost on one way, where the far end tells.",
            ),
            round_trip: gauge(
                "twamp_line_round_trip_seconds",
                "Round trip in the rolling window, without the far end's processing.",
            ),
            jitter: gauge(
                "twamp_line_jitter_seconds",
                "RFC 3550 jitter of the round trip.",
            ),
            one_way_delay: gauge(
                "twamp_line_one_way_delay_seconds",
                "Mean delay of one way, while both clocks are synchronised.",
            ),
            one_way_jitter: gauge(
                "twamp_line_one_way_jitter_seconds",
                "RFC 3550 jitter of one way.",
            ),
            synchronised: gauge(
                "twamp_line_clocks_synchronised",
                "Whether both ends say that their clocks are synchronised.",
            ),
            mos: gauge(
                "twamp_line_mos",
                "What people would think of a call over one way: 1 bad to 4.41 (ITU-T G.107).",
            ),
            score: gauge(
                "twamp_line_score",
                "How good the line is for the class: 0 useless, 100 nothing to improve.",
            ),
            within_sla: gauge(
                "twamp_line_within_sla",
                "Whether the line is within the limits of the class.",
            ),
            full_size: gauge(
                "twamp_line_full_size_passes",
                "Whether packets of full size come through: 0 where the MTU is too small, or is a \
                 black hole.",
            ),
            full_size_octets: gauge(
                "twamp_line_full_size_octets",
                "Octets of the packets that are tried as such of full size.",
            ),
            budget: gauge(
                "twamp_line_probe_budget_bytes",
                "What probes of the line may take this calendar month (UTC), with their replies.",
            ),
            budget_used: gauge(
                "twamp_line_probe_budget_used_bytes",
                "What probes of the line took of that.",
            ),
        }
    }

    /// What the window of a probe class says, whatever the class of traffic.
    fn window(&mut self, name: &str, probe_class: Option<&str>, score: &TwampScore) {
        let probe_class = probe_class.map(|class| ("probe_class", class));
        let line: Vec<_> = [("line", name)].into_iter().chain(probe_class).collect();
        let with = |label, value| [&line[..], &[(label, value)]].concat();
        let one_way = |way| with("direction", way);
        let has = |flag| score.flags & flag != 0;
        let ratio = |ppm: u32| f64::from(ppm) / 1e6;
        self.probes.add(&line, score.probes.into());
        if has(score_flag::LOSS_KNOWN) {
            self.loss.add(&line, ratio(score.loss_ppm));
            self.loss_low.add(&line, ratio(score.loss_low_ppm));
            self.loss_high.add(&line, ratio(score.loss_high_ppm));
        }
        if has(score_flag::DIRECTIONS_KNOWN) {
            self.one_way_loss
                .add(&one_way(FORWARD), ratio(score.loss_forward_ppm));
            self.one_way_loss
                .add(&one_way(BACKWARD), ratio(score.loss_backward_ppm));
        }
        if !has(score_flag::DELAY_KNOWN) {
            return;
        }
        let TwampDelay {
            min_ns,
            mean_ns,
            max_ns,
            jitter_ns,
        } = score.round_trip;
        for (statistic, nanos) in [("min", min_ns), ("mean", mean_ns), ("max", max_ns)] {
            let labels = with("statistic", statistic);
            self.round_trip.add(&labels, nanos as f64 / 1e9);
        }
        self.jitter.add(&line, jitter_ns as f64 / 1e9);
        let synchronised = has(score_flag::CLOCKS_SYNCHRONISED);
        self.synchronised
            .add(&line, f64::from(u8::from(synchronised)));
        for (way, delay) in [(FORWARD, score.outbound), (BACKWARD, score.inbound)] {
            self.one_way_jitter
                .add(&one_way(way), delay.jitter_ns as f64 / 1e9);
            if synchronised {
                self.one_way_delay
                    .add(&one_way(way), delay.mean_ns as f64 / 1e9);
            }
        }
    }

    fn class(&mut self, name: &str, class: &str, score: &TwampScore) {
        let labels = [("line", name), ("class", class)];
        if score.flags & score_flag::SCORE_KNOWN != 0 {
            self.score.add(&labels, score.score.into());
            let within = score.flags & score_flag::WITHIN_SLA != 0;
            self.within_sla.add(&labels, f64::from(u8::from(within)));
        }
    }

    fn all(self) -> Vec<Family> {
        vec![
            self.state,
            self.state_age,
            self.reply_age,
            self.probes,
            self.loss,
            self.loss_low,
            self.loss_high,
            self.one_way_loss,
            self.round_trip,
            self.jitter,
            self.one_way_delay,
            self.one_way_jitter,
            self.synchronised,
            self.mos,
            self.score,
            self.within_sla,
            self.full_size,
            self.full_size_octets,
            self.budget,
            self.budget_used,
        ]
    }
}
