//! What the far end of a STAMP session tells, as people read it.

use std::collections::VecDeque;
use std::net::IpAddr;

use plugin_abi::manage::{Endpoint, FarClock, FarEnd};
use twamp_core::probe::Sample;
use twamp_core::stamp::{Returned, Stopped};
use twamp_core::time::Wall;
use twamp_core::wire::tlv::telemetry::{StampMethod, SyncSource, TimestampInformation};

/// Replies for whose true departure is waited: it is told with one of the next.
const WAITING: usize = 8;

/// What the far end of one session has told so far.
#[derive(Default)]
pub(super) struct FarSide {
    newest: Option<Returned>,
    /// The last replies: their numbers, and the times at which they say that they left.
    replies: VecDeque<(u64, Wall)>,
    epoch: u32,
    /// By how much they left later, nanoseconds.
    lag_sum: i128,
    lags: i64,
}

impl FarSide {
    /// A reply has come in.
    pub(super) fn sample(&mut self, sample: &Sample) {
        if sample.epoch != self.epoch {
            self.restart();
            self.epoch = sample.epoch;
        }
        self.replies.truncate(WAITING - 1);
        let number = sample.reflector_sequence;
        self.replies.push_front((number, sample.t3));
    }

    /// What it told besides.
    pub(super) fn absorb(&mut self, returned: &Returned) {
        self.newest = Some(*returned);
        let Some(departed) = returned.follow_up else {
            return;
        };
        // The number on the wire has 32 bits.
        let told = |(number, _): &(u64, Wall)| *number as u32 == departed.sequence;
        if let Some(place) = self.replies.iter().position(told)
            && let Some((_, t3)) = self.replies.remove(place)
        {
            self.lag_sum += i128::from(departed.at.since(t3));
            self.lags += 1;
        }
    }

    /// The far end's numbers begin anew.
    pub(super) fn restart(&mut self) {
        self.replies.clear();
    }

    /// The newest that is known; `None` if nothing was told.
    pub(super) fn result(&self) -> Option<FarEnd> {
        let newest = self.newest.filter(|told| *told != Returned::default())?;
        let endpoint = |address: Option<IpAddr>, port| Endpoint { address, port };
        let seen = newest.location;
        let class = newest.class_of_service;
        Some(FarEnd {
            lacks_extensions: newest.stopped == Some(Stopped::NoExtensions),
            unrecognised: newest.unrecognised,
            unread: match newest.stopped {
                Some(Stopped::Malformed) => Some("malformed".into()),
                Some(Stopped::Integrity) => Some("integrity".into()),
                Some(Stopped::NoExtensions) | None => None,
            },
            probes_from: seen.map(|seen| endpoint(seen.source, seen.source_port)),
            probes_to: seen.map(|seen| endpoint(seen.destination, seen.destination_port)),
            dscp_refused: class.map(|class| class.reverse_path != 0),
            clock: newest.timestamp_information.map(clock),
            departure_lag_us: (self.lags > 0).then(|| self.lag_sum as f64 / self.lags as f64 / 1e3),
        })
    }
}

fn clock(told: TimestampInformation) -> FarClock {
    FarClock {
        source: match told.source_out {
            SyncSource::NTP => "ntp".into(),
            SyncSource::PTP => "ptp".into(),
            SyncSource::SSU_BITS => "ssu-bits".into(),
            SyncSource::GNSS => "gnss".into(),
            SyncSource::LOCAL => "local".into(),
            SyncSource(other) => other.to_string(),
        },
        receive_stamps: method(told.method_in),
        transmit_stamps: method(told.method_out),
    }
}

fn method(method: StampMethod) -> String {
    match method {
        StampMethod::HARDWARE => "hardware".into(),
        StampMethod::SOFTWARE => "software".into(),
        StampMethod::CONTROL_PLANE => "control-plane".into(),
        StampMethod(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use twamp_core::probe::Stamps;
    use twamp_core::stamp::returned::Departed;
    use twamp_core::time::Mono;

    use super::*;

    fn reply(number: u64, epoch: u32) -> Sample {
        let t3 = Wall(1_000_000 * number as i64);
        Sample {
            sequence: number,
            reflector_sequence: number,
            epoch,
            sent: Mono(0),
            received: Mono(0),
            t1: t3,
            t2: t3,
            t3,
            t4: t3,
            stamps: Stamps::User,
            ttl_forward: 255,
            tos_forward: None,
            ttl_backward: None,
            tos_backward: None,
            peer_synchronised: false,
            peer_error_ns: 0,
        }
    }

    fn left(sequence: u32, at: i64) -> Returned {
        Returned {
            follow_up: Some(Departed {
                sequence,
                at: Wall(at),
                method: StampMethod::SOFTWARE,
            }),
            ..Returned::default()
        }
    }

    #[test]
    fn the_lag_is_that_of_the_reply_that_is_told_of() {
        let mut far = FarSide::default();
        assert_eq!(far.result(), None);
        far.sample(&reply(0, 0));
        far.absorb(&left(7, 7));
        assert_eq!(far.result().unwrap().departure_lag_us, None);
        far.sample(&reply(1, 0));
        far.absorb(&left(0, 3_000));
        far.absorb(&left(0, 900_000));
        far.sample(&reply(2, 0));
        far.absorb(&left(1, 1_005_000));
        assert_eq!(far.result().unwrap().departure_lag_us, Some(4.0));
        far.sample(&reply(0, 1));
        far.absorb(&left(2, 9));
        assert_eq!(far.result().unwrap().departure_lag_us, Some(4.0));
    }

    #[test]
    fn what_is_told_is_the_newest_and_nothing_is_nothing() {
        let mut far = FarSide::default();
        far.absorb(&Returned {
            stopped: Some(Stopped::NoExtensions),
            ..Returned::default()
        });
        assert!(far.result().unwrap().lacks_extensions);
        far.absorb(&Returned {
            timestamp_information: Some(TimestampInformation {
                source_out: SyncSource::GNSS,
                method_in: StampMethod(9),
                ..TimestampInformation::default()
            }),
            ..Returned::default()
        });
        let told = far.result().unwrap();
        let clock = told.clock.unwrap();
        assert_eq!(
            (
                told.lacks_extensions,
                &*clock.source,
                &*clock.receive_stamps
            ),
            (false, "gnss", "9")
        );
        far.absorb(&Returned::default());
        assert_eq!(far.result(), None);
    }
}
