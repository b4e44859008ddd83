//! Estimates as rows of the published snapshot.

use plugin_abi::config::Class;
use plugin_abi::{TwampLineState, TwampScore, line_state, score_flag};
use twamp_core::time::Mono;

use super::estimator::Estimate;
use super::liveness::State;
use super::metric::within;
use super::score::score;
use super::whole::Life;

/// How sure the published interval of the loss is.
const CONFIDENCE: f64 = 0.95;

/// The state of `line`, for a picture that must not be used after `valid_until`.
pub(crate) fn state_row(line: u64, life: &Life, valid_until: Mono) -> TwampLineState {
    TwampLineState {
        line,
        state: match life.state {
            State::Unknown => line_state::UNKNOWN,
            // Of a probe class; the line lives.
            State::Alive | State::Silent => line_state::ALIVE,
            State::Dead => line_state::DEAD,
            State::Unmeasured => line_state::UNMEASURED,
        },
        flags: 0,
        since_ns: life.since.nanos(),
        last_reply_ns: life.last_reply.map_or(0, Mono::nanos),
        valid_until_ns: valid_until.nanos(),
    }
}

/// The score of `line` for `class`, for a picture taken `now`. `clock_synchronised` tells of this
/// end's clock.
pub(crate) fn score_row(
    line: u64,
    class: &Class,
    estimate: &Estimate,
    clock_synchronised: bool,
    now: Mono,
    valid_until: Mono,
) -> TwampScore {
    let window = &estimate.window;
    let score = score(estimate, &class.sla);
    let mut row = TwampScore {
        line,
        class: class.id,
        score: score.unwrap_or(0),
        probes: count(window.probes),
        samples: count(window.received),
        age_ns: estimate
            .newest_sample
            .map_or(0, |newest| now.since(newest).as_nanos() as u64),
        valid_until_ns: valid_until.nanos(),
        ..TwampScore::default()
    };
    let alive = estimate.state == State::Alive;
    let delays = estimate.delays.as_ref();
    let mut flag = |bit, known| row.flags |= if known { bit } else { 0 };
    flag(score_flag::SCORE_KNOWN, score.is_some());
    flag(
        score_flag::WITHIN_SLA,
        alive && within(window, &class.sla) == Some(true),
    );
    flag(score_flag::LOSS_KNOWN, window.probes > 0);
    flag(
        score_flag::DIRECTIONS_KNOWN,
        window.probes > 0 && estimate.directions.is_some(),
    );
    flag(score_flag::DELAY_KNOWN, delays.is_some());
    flag(
        score_flag::KERNEL_STAMPS,
        delays.is_some_and(|delays| delays.kernel_stamps),
    );
    let both = delays.is_some_and(|delays| delays.peer_synchronised) && clock_synchronised;
    flag(score_flag::CLOCKS_SYNCHRONISED, both);
    if let (Some(loss), Some(interval)) = (window.loss(), window.loss_interval(CONFIDENCE)) {
        row.loss_ppm = ppm(loss);
        row.loss_low_ppm = ppm(interval.low);
        row.loss_high_ppm = ppm(interval.high);
        if let Some(directions) = estimate.directions {
            row.loss_forward_ppm = ppm(directions.forward as f64 / window.probes as f64);
            row.loss_backward_ppm = ppm(directions.backward as f64 / window.probes as f64);
        }
    }
    if let Some(delays) = delays {
        row.round_trip = delays.round_trip;
        row.outbound = delays.outbound;
        row.inbound = delays.inbound;
    }
    row
}

fn count(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn ppm(part: f64) -> u32 {
    (part * 1e6).round() as u32
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use plugin_abi::config::{Decision, Probe, Profile, Sla};

    use super::super::synthetic::{lost, sample};
    use super::super::{Estimator, EstimatorConfig, Pulse};
    use super::*;

    const NOW: Mono = Mono(20_000_000_000);

    fn voice() -> Class {
        let sla = Sla {
            round_trip_ms: Some(150.0),
            jitter_ms: None,
            loss_percent: Some(1.0),
            packet_octets: None,
        };
        Class::new(7, "voice", sla)
    }

    #[test]
    fn a_row_says_what_it_knows_and_nothing_else() {
        let mut line = Estimator::new(EstimatorConfig::new(
            &Decision::default(),
            &Probe::default(),
            Profile::Fibre,
        ));
        let unknown = score_row(3, &voice(), &line.view(NOW), true, NOW, NOW);
        assert_eq!((unknown.line, unknown.class, unknown.flags), (3, 7, 0));
        for n in 0..100 {
            let (sent, trip) = (
                Mono(10_000_000_000 + n * 100_000_000),
                Duration::from_millis(20),
            );
            line.absorb(&match n % 10 {
                3 => lost(n, sent, Duration::from_secs(1)),
                _ => sample(n, sent, trip),
            });
        }
        let at = NOW;
        line.pulse(&Pulse {
            at,
            last_reply: Some(NOW),
            unanswered_since: None,
            resting_interval: Duration::from_millis(100),
            slowed: 1.0,
        });
        let row = score_row(3, &voice(), &line.view(NOW), false, NOW, NOW);
        let known = score_flag::SCORE_KNOWN
            | score_flag::LOSS_KNOWN
            | score_flag::DIRECTIONS_KNOWN
            | score_flag::DELAY_KNOWN
            | score_flag::KERNEL_STAMPS;
        assert_eq!(
            row.flags, known,
            "this clock isn't synchronised, and the loss is too high"
        );
        assert_eq!((row.loss_ppm, row.probes, row.samples), (100_000, 90, 81));
        assert_eq!((row.loss_forward_ppm, row.loss_backward_ppm), (0, 100_000));
        assert!(
            (53_400..53_600).contains(&row.loss_low_ppm),
            "{}",
            row.loss_low_ppm
        );
        assert!(
            (179_000..179_500).contains(&row.loss_high_ppm),
            "{}",
            row.loss_high_ppm
        );
        assert_eq!((row.score, row.age_ns), (1, 80_000_000));
        assert_eq!(state_row(3, &line.life(), NOW).state, line_state::ALIVE);
    }
}
