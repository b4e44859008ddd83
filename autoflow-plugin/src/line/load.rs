//! What the host tells of a line's own traffic: counters that become rates.

use std::time::Duration;

use plugin_abi::TwampLineLoad;
use twamp_core::time::Mono;

/// A rate is that of the last so much time, more or less.
const SPAN: Duration = Duration::from_secs(2);
/// Of a host that has fallen silent for so long nothing is known.
const STALE: Duration = Duration::from_secs(15);
/// For so long after a drop the queue counts as full.
const FULL: Duration = Duration::from_secs(5);

/// The traffic of one line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    last: Option<Counters>,
    /// Towards the far end, and from it, in Mbit/s.
    rates: Option<[f64; 2]>,
    dropped: Option<Mono>,
}

#[derive(Clone, Copy, Debug)]
struct Counters {
    at: Mono,
    octets: [u64; 2],
    drops: u64,
}

impl Load {
    /// The host has read its counters. Those that are less than before have begun anew; a time that
    /// is over says nothing.
    pub(crate) fn enter(&mut self, told: &TwampLineLoad) {
        let counters = Counters {
            at: Mono(told.at_ns),
            octets: [told.sent_octets, told.received_octets],
            drops: told.queue_drops,
        };
        if let Some(last) = self.last {
            if counters.at <= last.at {
                return;
            }
            let took = counters.at.since(last.at);
            let more = |now: u64, before: u64| now.checked_sub(before);
            let sent = more(counters.octets[0], last.octets[0]);
            let received = more(counters.octets[1], last.octets[1]);
            if let (Some(sent), Some(received)) = (sent, received) {
                let weight = 1.0 - (-took.div_duration_f64(SPAN)).exp();
                let fresh =
                    [sent, received].map(|octets| octets as f64 * 8e-6 / took.as_secs_f64());
                let known = self.rates.unwrap_or(fresh);
                self.rates =
                    Some([0, 1].map(|way| known[way] + weight * (fresh[way] - known[way])));
            }
            if more(counters.drops, last.drops).is_some_and(|drops| drops > 0) {
                self.dropped = Some(counters.at);
            }
        }
        self.last = Some(counters);
    }

    /// Towards the far end and from it, in Mbit/s, if that is known now.
    pub(crate) fn rates(&self, now: Mono) -> Option<[f64; 2]> {
        let last = self.last?;
        self.rates.filter(|_| now.since(last.at) < STALE)
    }

    /// The host's own queue of the line has overflowed of late.
    pub(crate) fn overflows(&self, now: Mono) -> bool {
        self.dropped.is_some_and(|at| now.since(at) < FULL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(at_ms: u64, sent: u64, received: u64, drops: u64) -> TwampLineLoad {
        TwampLineLoad {
            at_ns: at_ms * 1_000_000,
            sent_octets: sent,
            received_octets: received,
            queue_drops: drops,
            ..TwampLineLoad::default()
        }
    }

    fn at(ms: u64) -> Mono {
        Mono(ms * 1_000_000)
    }

    #[test]
    fn counters_become_rates_once_there_are_two_of_them() {
        let mut load = Load::default();
        load.enter(&told(1_000, 9_000_000, 0, 0));
        assert_eq!(load.rates(at(1_000)), None);
        for second in 2..20 {
            load.enter(&told(
                second * 1_000,
                9_000_000 + second * 125_000,
                second * 250_000,
                0,
            ));
        }
        let [up, down] = load.rates(at(19_500)).unwrap();
        // The first step is a longer one: it began at the counters of a line that was up before.
        assert!(
            (up - 1.0).abs() < 0.1 && (down - 2.0).abs() < 0.1,
            "{up} {down}"
        );
        assert_eq!(load.rates(at(60_000)), None, "that was long ago");
    }

    #[test]
    fn counters_that_begin_anew_or_come_late_are_no_traffic() {
        let mut load = Load::default();
        load.enter(&told(1_000, 1_000_000, 0, 7));
        load.enter(&told(2_000, 1_125_000, 0, 7));
        load.enter(&told(3_000, 0, 0, 0));
        load.enter(&told(2_500, 9_000_000, 0, 9));
        let [up, _] = load.rates(at(3_000)).unwrap();
        assert!((up - 1.0).abs() < 1e-9, "{up}");
        assert!(!load.overflows(at(3_000)));
    }

    #[test]
    fn a_queue_that_dropped_packets_is_full_for_a_while() {
        let mut load = Load::default();
        load.enter(&told(1_000, 0, 0, 7));
        load.enter(&told(2_000, 0, 0, 8));
        assert!(load.overflows(at(2_000)) && !load.overflows(at(9_000)));
    }
}
