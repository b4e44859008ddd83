//! What people would think of a call over a line: each way by itself.

use plugin_abi::{TwampDelay, TwampScore, score_flag};
use twamp_core::metrics::mos::Way;

/// The mean opinion score towards the far end and from there, 1 to 4.41; `None` unless loss has a
/// direction and something came back.
///
/// The delay of a way is its own while both clocks are synchronised, else half of the round trip.
pub(crate) fn opinions(row: &TwampScore) -> Option<[f64; 2]> {
    let has = |flag| row.flags & flag == flag;
    if !has(score_flag::DELAY_KNOWN | score_flag::DIRECTIONS_KNOWN) {
        return None;
    }
    let half = row.round_trip.mean_ns as f64 / 2.0;
    let way = |way: &TwampDelay, loss: f64| {
        let delay = match has(score_flag::CLOCKS_SYNCHRONISED) {
            true => way.mean_ns as f64,
            false => half,
        };
        let way = Way {
            delay_ms: delay / 1e6,
            jitter_ms: way.jitter_ns as f64 / 1e6,
            loss,
        };
        way.mos()
    };
    let forward = f64::from(row.loss_forward_ppm) / 1e6;
    // Both are shares of the probes; what is lost on the way back had got there.
    let backward = f64::from(row.loss_backward_ppm) / 1e6 / (1.0 - forward).max(f64::EPSILON);
    Some([way(&row.outbound, forward), way(&row.inbound, backward)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> TwampScore {
        let delay = |mean_ns| TwampDelay {
            mean_ns,
            ..TwampDelay::default()
        };
        TwampScore {
            flags: score_flag::DELAY_KNOWN | score_flag::DIRECTIONS_KNOWN,
            round_trip: delay(600_000_000),
            outbound: delay(50_000_000),
            inbound: delay(550_000_000),
            ..TwampScore::default()
        }
    }

    #[test]
    fn without_a_common_clock_both_ways_take_half_of_the_round_trip() {
        let [there, back] = opinions(&row()).unwrap();
        assert_eq!(there, back);
        let synchronised = TwampScore {
            flags: row().flags | score_flag::CLOCKS_SYNCHRONISED,
            ..row()
        };
        let [there, back] = opinions(&synchronised).unwrap();
        assert!(there > 4.3 && back < 3.2, "{there} {back}");
    }

    #[test]
    fn loss_on_the_way_back_is_a_share_of_what_got_there() {
        let lossy = TwampScore {
            loss_forward_ppm: 500_000,
            loss_backward_ppm: 250_000,
            ..row()
        };
        let [there, back] = opinions(&lossy).unwrap();
        assert!((there - back).abs() < 1e-9, "a half each: {there} {back}");
    }

    #[test]
    fn what_is_not_known_has_no_opinion() {
        for flags in [0, score_flag::DELAY_KNOWN, score_flag::DIRECTIONS_KNOWN] {
            assert_eq!(opinions(&TwampScore { flags, ..row() }), None);
        }
    }
}
