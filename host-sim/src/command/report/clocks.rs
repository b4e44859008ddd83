//! The clocks of the two ends, in words.

use plugin_abi::manage::ClockState;

use crate::text::milliseconds;

/// Whether they are synchronised and what that makes of one-way delays; then how far they are
/// apart, how fast that changes, and whether one was set, as far as it is known.
pub(super) fn text(clock: &ClockState) -> String {
    let lines = [Some(agreement(clock)), offset(clock), steps(clock)];
    lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

fn agreement(clock: &ClockState) -> String {
    let who = match (clock.near_synchronised, clock.far_synchronised) {
        _ if clock.synchronised => "clocks synchronised",
        (true, false) => "only the near clock is synchronised",
        (false, true) => "only the far clock is synchronised",
        _ => "clocks not synchronised",
    };
    let level = clock.level_uncertainty_us.map(|us| plus_minus(us) + " ms");
    let variation = clock
        .variation_uncertainty_us
        .map(|us| plus_minus(us) + " ms");
    match (level, variation) {
        (Some(level), Some(variation)) => {
            format!("{who}: one-way levels {level}, their variation {variation}")
        }
        (Some(level), None) => format!("{who}: one-way levels {level}"),
        _ if clock.synchronised => who.to_owned(),
        _ => format!("{who}: one-way figures show variation only"),
    }
}

fn offset(clock: &ClockState) -> Option<String> {
    let offset = clock.offset_us?;
    let side = if offset < 0.0 { "behind" } else { "ahead" };
    let by = milliseconds(Some(offset.abs()));
    let sure = clock.offset_uncertainty_us;
    let sure = sure.map_or_else(String::new, |us| format!(" {}", plus_minus(us)));
    let drift = clock.skew_ppm.zip(clock.skew_uncertainty_ppm);
    let drift = drift.map_or_else(String::new, |(skew, sure)| {
        format!("; it drifts by {skew:+.2} ± {sure:.2} ppm")
    });
    Some(format!(
        "far clock {by}{sure} ms {side} if the path is symmetric{drift}"
    ))
}

fn steps(clock: &ClockState) -> Option<String> {
    let last = clock.last_step_us.filter(|_| clock.steps > 0)?;
    let by = format!("{:+.3} ms", last / 1e3);
    Some(match clock.steps {
        1 => format!("one of the clocks was set during this, by {by}"),
        steps => format!("the clocks were set {steps} times during this, the last time by {by}"),
    })
}

fn plus_minus(us: f64) -> String {
    format!("± {}", milliseconds(Some(us)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_not_told() {
        assert_eq!(
            text(&ClockState::default()),
            "clocks not synchronised: one-way figures show variation only"
        );
    }

    #[test]
    fn levels_offset_drift_and_steps_are_told_with_what_they_are_worth() {
        let clock = ClockState {
            far_synchronised: true,
            offset_us: Some(-3_200.0),
            offset_uncertainty_us: Some(50.0),
            skew_ppm: Some(12.345),
            skew_uncertainty_ppm: Some(0.5),
            steps: 2,
            last_step_us: Some(1_000.0),
            level_uncertainty_us: Some(10_050.0),
            variation_uncertainty_us: Some(20.0),
            ..ClockState::default()
        };
        assert_eq!(
            text(&clock),
            "only the far clock is synchronised: one-way levels ± 10.050 ms, their variation \
             ± 0.020 ms\n\
             far clock 3.200 ± 0.050 ms behind if the path is symmetric; it drifts by +12.35 \
             ± 0.50 ppm\n\
             the clocks were set 2 times during this, the last time by +1.000 ms"
        );
    }
}
