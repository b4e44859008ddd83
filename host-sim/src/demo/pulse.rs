//! The round trip of one line as a row of small bars.

use std::collections::VecDeque;

/// The newest mean round trips of a line; bars without samples stay empty.
#[derive(Debug, Clone, Default)]
pub(super) struct Pulse {
    means_us: VecDeque<Option<f64>>,
    /// Samples and their sum so far.
    before: Option<(u64, f64)>,
}

/// Bars.
const WIDTH: usize = 16;
/// A difference of so many microseconds fills a bar, or the largest one seen if that is more.
const LEAST_SPAN_US: f64 = 1_000.0;

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const NO_SAMPLE: char = '·';

impl Pulse {
    /// Adds a bar: the mean of the samples since the last one, from the mean of all so far.
    pub(super) fn beat(&mut self, samples: u64, mean_us: Option<f64>) {
        let sum_us = mean_us.unwrap_or(0.0) * samples as f64;
        let (samples_before, sum_before_us) = self.before.unwrap_or((0, 0.0));
        // A session that was replaced may have begun to count anew.
        let new = samples.checked_sub(samples_before).filter(|&new| new > 0);
        let mean = new.map(|new| (sum_us - sum_before_us) / new as f64);
        self.before = Some((samples, sum_us));
        if self.means_us.len() == WIDTH {
            self.means_us.pop_front();
        }
        self.means_us.push_back(mean);
    }

    /// The bars, the newest to the right; always as wide.
    pub(super) fn bars(&self) -> String {
        let known = || self.means_us.iter().flatten().copied();
        let least = known().fold(f64::INFINITY, f64::min);
        let span = (known().fold(f64::NEG_INFINITY, f64::max) - least).max(LEAST_SPAN_US);
        let bar = |mean: &Option<f64>| {
            mean.map_or(NO_SAMPLE, |mean| {
                let level = (mean - least) / span * (BARS.len() - 1) as f64;
                BARS[(level.round() as usize).min(BARS.len() - 1)]
            })
        };
        let room = WIDTH - self.means_us.len();
        std::iter::repeat_n(' ', room)
            .chain(self.means_us.iter().map(bar))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bars of these means of ten samples each; `None`: no sample came.
    fn bars(means_us: &[Option<f64>]) -> String {
        let mut pulse = Pulse::default();
        let (mut samples, mut sum) = (0, 0.0);
        for mean_us in means_us {
            if let Some(mean_us) = mean_us {
                samples += 10;
                sum += mean_us * 10.0;
            }
            pulse.beat(samples, (samples > 0).then(|| sum / samples as f64));
        }
        pulse.bars().trim_start().to_owned()
    }

    #[test]
    fn a_bar_shows_only_the_newest_samples() {
        let far = [Some(20_000.0), Some(34_000.0), Some(27_000.0)];
        assert_eq!(bars(&far), "▁█▅");
    }

    #[test]
    fn a_steady_line_is_flat() {
        let steady = [Some(20_000.0), Some(20_060.0), Some(20_010.0)];
        assert_eq!(bars(&steady), "▁▁▁");
    }

    #[test]
    fn a_silent_line_has_no_bar() {
        assert_eq!(bars(&[Some(20_000.0), None, None]), "▁··");
        assert_eq!(bars(&[None]), "·");
    }

    #[test]
    fn the_row_is_always_as_wide_and_forgets_the_oldest() {
        let mut pulse = Pulse::default();
        assert_eq!(pulse.bars().chars().count(), WIDTH);
        for n in 1..=40 {
            pulse.beat(n, Some(1.0));
        }
        assert_eq!(pulse.bars(), "▁".repeat(WIDTH));
    }

    #[test]
    fn a_session_that_counts_anew_is_no_negative_time() {
        let mut pulse = Pulse::default();
        pulse.beat(100, Some(20_000.0));
        pulse.beat(5, Some(20_000.0));
        assert_eq!(pulse.bars().trim_start(), "▁·");
    }
}
