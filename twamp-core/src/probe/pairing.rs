//! From a probe and its reply to one [`Sample`].
//!
//! Two rules. *A pair is never mixed from two clocks*: T1 and T4 are both the interface's own stamps,
//! if both are known when the reply is handled; or else both the kernel's; or else both were read in
//! user space. One of each would count the way through the driver as a delay of the line. *A step of
//! our clock is never a delay*: the monotonic clock, read beside the user-space stamps, must agree with
//! them on how long the probe was away; if not, the sample is set aside.

use super::sender::Reason;
use super::{Arrival, Discard, StampFormat, TxStamp};
use crate::metrics::delay::Delay;
use crate::time::{ErrorEstimate, Mono, Now, Wall};
use crate::wire::test::ReflectorPacket;

/// Disagreement of the clocks that is not yet a step, nanoseconds.
const STEP_FLOOR_NS: u64 = 100_000;

/// The same as a part of the round trip: how much `adjtime` may slew a clock, in 1/1 000 000.
const SLEW_PPM: u64 = 500;

/// One probe that came back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sample {
    /// The probe's number.
    pub sequence: u64,
    /// The reply's number, counted within the epoch; the same as `sequence` if the reflector has
    /// no numbers of its own.
    pub reflector_sequence: u64,
    /// How many times the reflector's numbers began anew before this sample.
    pub epoch: u32,
    /// When the probe was handed out.
    pub sent: Mono,
    /// When the reply was received.
    pub received: Mono,
    /// The probe left, by our clock.
    pub t1: Wall,
    /// The probe came in, by the reflector's clock.
    pub t2: Wall,
    /// The reply left, by the reflector's clock.
    pub t3: Wall,
    /// The reply came in, by our clock.
    pub t4: Wall,
    /// Where T1 and T4 were taken.
    pub stamps: Stamps,
    /// TTL or hop limit at the reflector. 255 also stands for unknown.
    pub ttl_forward: u8,
    /// TOS octet or traffic class at the reflector, if the session tells it (RFC 7750).
    pub tos_forward: Option<u8>,
    /// TTL or hop limit of the reply.
    pub ttl_backward: Option<u8>,
    /// TOS octet or traffic class of the reply.
    pub tos_backward: Option<u8>,
    /// The reflector says that its clock is synchronised. Otherwise one-way delays tell their
    /// variation only.
    pub peer_synchronised: bool,
    /// The reflector's own estimate of the error of T2 and T3, nanoseconds.
    pub peer_error_ns: u64,
}

/// Where the stamps of our end were taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Stamps {
    /// Both by the interface.
    Hardware,
    /// Both by the kernel.
    Kernel,
    /// Both in user space: scheduling is part of the delay.
    User,
}

/// All delays are signed nanoseconds, and `forward + backward == round_trip`.
impl Sample {
    /// All of them.
    pub fn delay(&self) -> Delay {
        Delay::from_stamps(self.t1, self.t2, self.t3, self.t4)
    }

    /// T2 − T1: with the offset of the reflector's clock.
    pub fn forward(&self) -> i64 {
        self.delay().forward
    }

    /// T4 − T3: with the opposite offset.
    pub fn backward(&self) -> i64 {
        self.delay().backward
    }

    /// T3 − T2.
    pub fn processing(&self) -> i64 {
        self.delay().processing
    }

    /// (T4 − T1) − (T3 − T2): no offset gets in.
    pub fn round_trip(&self) -> i64 {
        self.delay().round_trip()
    }
}

/// What the sender remembers of a probe.
#[derive(Clone, Copy, Debug)]
pub(super) struct Departure {
    /// When it was handed out; `wall` is the T1 in the packet.
    pub(super) at: Now,
    /// How it left, once known.
    pub(super) tx: Option<TxStamp>,
}

/// T2 and T3 in our units, whatever the format; the era is the one nearest to `near`.
pub(super) fn peer_stamps(
    reply: &ReflectorPacket,
    ours: StampFormat,
    near: Wall,
) -> Result<(Wall, Wall), Discard> {
    let stamps = [reply.receive, reply.timestamp];
    let [t2, t3] = ours
        .decode(stamps, reply.error, near)
        .ok_or(Discard::BadStamp)?;
    Ok((t2, t3))
}

/// Makes a sample of a first reply. T2 and T3 are already in our units; `reflector_sequence` and
/// `epoch` come from the loss account.
pub(super) fn pair(
    sequence: u64,
    departure: &Departure,
    (t2, t3): (Wall, Wall),
    (reflector_sequence, epoch): (u64, u32),
    reply: &ReflectorPacket,
    arrival: &Arrival,
) -> Result<Sample, Reason> {
    if stepped(departure.at, arrival) {
        return Err(Reason::ClockStep);
    }
    let (t1, t4, stamps) = our_stamps(departure, arrival);
    let sample = Sample {
        sequence,
        reflector_sequence,
        epoch,
        sent: departure.at.mono,
        received: arrival.mono,
        t1,
        t2,
        t3,
        t4,
        stamps,
        ttl_forward: reply.sender_ttl,
        tos_forward: None,
        ttl_backward: arrival.ttl,
        tos_backward: arrival.tos,
        peer_synchronised: reply.error.synchronised(),
        peer_error_ns: reply.error.error_ns(),
    };
    let Delay { processing, .. } = sample.delay();
    if processing < 0 || sample.round_trip() < 0 {
        return Err(Reason::Anomaly);
    }
    Ok(sample)
}

fn our_stamps(departure: &Departure, arrival: &Arrival) -> (Wall, Wall, Stamps) {
    let hardware = departure
        .tx
        .and_then(|tx| tx.hardware)
        .zip(arrival.hardware);
    if let Some((t1, t4)) = hardware {
        return (t1, t4, Stamps::Hardware);
    }
    let kernel = departure.tx.and_then(|tx| tx.kernel).zip(arrival.kernel);
    if let Some((t1, t4)) = kernel {
        return (t1, t4, Stamps::Kernel);
    }
    let t1 = departure.tx.map_or(departure.at.wall, |tx| tx.user);
    (t1, arrival.user, Stamps::User)
}

/// Compares what was read at the same places: kernel stamps have no monotonic twin.
fn stepped(sent: Now, arrival: &Arrival) -> bool {
    let steady = arrival.mono.nanos().saturating_sub(sent.mono.nanos());
    let wall = arrival.user.since(sent.wall);
    let disagreement = (i128::from(wall) - i128::from(steady)).unsigned_abs();
    let slew = u128::from(steady) * u128::from(SLEW_PPM) / 1_000_000;
    disagreement > slew.max(STEP_FLOOR_NS.into())
}

/// Never one that the peer would have to discard: if unknown, the largest error there is.
pub(super) fn sendable(error: ErrorEstimate) -> ErrorEstimate {
    if error.is_valid() {
        error
    } else {
        ErrorEstimate(0x3fff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Ntp64;
    use proptest::prelude::*;

    const MS: i64 = 1_000_000;
    const BASE: i64 = 1_700_000_000_250_000_000;

    /// A probe sent at `BASE`, 10 ms out, 1 ms inside, 12 ms back, with a reflector `offset` off.
    fn exchange(offset: i64) -> (Departure, ReflectorPacket, Arrival) {
        let at = Now {
            mono: Mono(5_000),
            wall: Wall(BASE),
        };
        let reply = ReflectorPacket {
            receive: Ntp64::from_wall(Wall(BASE + 10 * MS + offset)),
            timestamp: Ntp64::from_wall(Wall(BASE + 11 * MS + offset)),
            error: ErrorEstimate(0x8f84),
            sender_ttl: 61,
            ..ReflectorPacket::default()
        };
        let arrival = Arrival {
            mono: Mono(5_000 + 23 * MS as u64),
            user: Wall(BASE + 23 * MS),
            ..Arrival::default()
        };
        (Departure { at, tx: None }, reply, arrival)
    }

    fn paired(
        (departure, reply, arrival): &(Departure, ReflectorPacket, Arrival),
    ) -> Result<Sample, Reason> {
        let stamps = peer_stamps(reply, StampFormat::default(), arrival.user).unwrap();
        pair(3, departure, stamps, (2, 0), reply, arrival)
    }

    #[test]
    fn the_delays_are_those_of_the_line() {
        let sample = paired(&exchange(0)).unwrap();
        assert_eq!((sample.forward(), sample.backward()), (10 * MS, 12 * MS));
        assert_eq!((sample.processing(), sample.round_trip()), (MS, 22 * MS));
        assert_eq!((sample.ttl_forward, sample.peer_synchronised), (61, true));
        assert_eq!(sample.peer_error_ns.div_ceil(100_000), 11);
    }

    #[test]
    fn an_hour_between_the_clocks_moves_the_ways_but_not_the_round_trip() {
        let hour = 3_600_000 * MS;
        for offset in [hour, -hour] {
            let sample = paired(&exchange(offset)).unwrap();
            assert_eq!(sample.forward(), 10 * MS + offset);
            assert_eq!(sample.backward(), 12 * MS - offset);
            assert_eq!(sample.round_trip(), 22 * MS);
        }
    }

    #[test]
    fn a_pair_is_never_mixed_from_two_clocks() {
        let tx = |kernel| {
            Some(TxStamp {
                user: Wall(BASE + 7),
                kernel,
                ..TxStamp::default()
            })
        };
        let (kernel_t1, kernel_t4) = (Wall(BASE + 40), Wall(BASE + 22 * MS));
        let user_t4 = Wall(BASE + 23 * MS);
        let cases = [
            (
                tx(Some(kernel_t1)),
                Some(kernel_t4),
                kernel_t1,
                kernel_t4,
                Stamps::Kernel,
            ),
            (
                tx(Some(kernel_t1)),
                None,
                Wall(BASE + 7),
                user_t4,
                Stamps::User,
            ),
            (
                tx(None),
                Some(kernel_t4),
                Wall(BASE + 7),
                user_t4,
                Stamps::User,
            ),
            (None, Some(kernel_t4), Wall(BASE), user_t4, Stamps::User),
        ];
        for (tx, kernel, t1, t4, stamps) in cases {
            let (mut departure, reply, mut arrival) = exchange(0);
            departure.tx = tx;
            arrival.kernel = kernel;
            let sample = paired(&(departure, reply, arrival)).unwrap();
            assert_eq!((sample.t1, sample.t4, sample.stamps), (t1, t4, stamps));
        }
    }

    #[test]
    fn the_interface_stamps_both_ends_or_neither() {
        let [kernel_t1, hardware_t1] = [40, 90].map(|ns| Wall(BASE + ns));
        let [kernel_t4, hardware_t4] = [22, 21].map(|ms| Wall(BASE + ms * MS));
        for (t1, t4, expected) in [
            (
                Some(hardware_t1),
                Some(hardware_t4),
                (hardware_t1, hardware_t4, Stamps::Hardware),
            ),
            (
                Some(hardware_t1),
                None,
                (kernel_t1, kernel_t4, Stamps::Kernel),
            ),
            (
                None,
                Some(hardware_t4),
                (kernel_t1, kernel_t4, Stamps::Kernel),
            ),
        ] {
            let (mut departure, reply, mut arrival) = exchange(0);
            departure.tx = Some(TxStamp {
                user: Wall(BASE),
                kernel: Some(kernel_t1),
                hardware: t1,
            });
            (arrival.kernel, arrival.hardware) = (Some(kernel_t4), t4);
            let sample = paired(&(departure, reply, arrival)).unwrap();
            assert_eq!((sample.t1, sample.t4, sample.stamps), expected);
        }
    }

    #[test]
    fn a_step_of_our_clock_is_set_aside_and_a_slew_is_not() {
        for (moved, expected) in [
            (100_000, None),
            (-100_000, None),
            (100_001, Some(Reason::ClockStep)),
            (-100_001, Some(Reason::ClockStep)),
            (-3_600_000 * MS, Some(Reason::ClockStep)),
        ] {
            let (departure, reply, mut arrival) = exchange(0);
            arrival.user.0 += moved;
            assert_eq!(
                paired(&(departure, reply, arrival)).err(),
                expected,
                "{moved}"
            );
        }
    }

    #[test]
    fn a_long_round_trip_may_be_slewed_by_500_ppm() {
        let (departure, reply, mut arrival) = exchange(0);
        arrival.mono = Mono(5_000 + 1_000 * MS as u64);
        arrival.user = Wall(BASE + 1_000 * MS + 500_000);
        assert!(paired(&(departure, reply, arrival)).is_ok());
        arrival.user.0 += 1;
        assert_eq!(paired(&(departure, reply, arrival)), Err(Reason::ClockStep));
    }

    #[test]
    fn kernel_stamps_do_not_hide_a_step() {
        let (mut departure, reply, mut arrival) = exchange(0);
        departure.tx = Some(TxStamp {
            user: Wall(BASE),
            kernel: Some(Wall(BASE)),
            ..TxStamp::default()
        });
        arrival.kernel = Some(Wall(BASE + 23 * MS));
        arrival.user.0 += 50 * MS;
        assert_eq!(paired(&(departure, reply, arrival)), Err(Reason::ClockStep));
    }

    #[test]
    fn time_running_backwards_at_the_reflector_is_an_anomaly() {
        let (departure, mut reply, arrival) = exchange(0);
        reply.timestamp = Ntp64::from_wall(Wall(BASE + 9 * MS));
        assert_eq!(paired(&(departure, reply, arrival)), Err(Reason::Anomaly));
    }

    #[test]
    fn a_processing_time_longer_than_the_whole_is_an_anomaly() {
        let (departure, mut reply, arrival) = exchange(0);
        reply.timestamp = Ntp64::from_wall(Wall(BASE + 34 * MS));
        assert_eq!(paired(&(departure, reply, arrival)), Err(Reason::Anomaly));
    }

    #[test]
    fn a_delay_across_the_2036_rollover_is_small_and_positive() {
        let rollover = 2_085_978_496_000_000_000;
        let (mut departure, mut reply, mut arrival) = exchange(0);
        departure.at.wall = Wall(rollover - 5 * MS);
        reply.receive = Ntp64::from_wall(Wall(rollover + 5 * MS));
        reply.timestamp = Ntp64::from_wall(Wall(rollover + 6 * MS));
        arrival.user = Wall(rollover + 18 * MS);
        let sample = paired(&(departure, reply, arrival)).unwrap();
        assert_eq!((sample.forward(), sample.backward()), (10 * MS, 12 * MS));
    }

    #[test]
    fn ptp_stamps_give_the_same_delays_in_utc_and_in_tai() {
        let ptp = |ns: i64| Ntp64((((ns / 1_000_000_000) << 32) | (ns % 1_000_000_000)) as u64);
        for ahead in [0, 37_000_000_000] {
            let (departure, mut reply, arrival) = exchange(0);
            reply.receive = ptp(BASE + 10 * MS + ahead);
            reply.timestamp = ptp(BASE + 11 * MS + ahead);
            reply.error = ErrorEstimate(0xce42);
            let sample = paired(&(departure, reply, arrival)).unwrap();
            assert_eq!((sample.forward(), sample.backward()), (10 * MS, 12 * MS));
        }
    }

    #[test]
    fn a_ptp_stamp_with_too_many_nanoseconds_is_refused() {
        let (_, mut reply, arrival) = exchange(0);
        reply.error = ErrorEstimate(0xce42);
        reply.receive = Ntp64(1_000_000_000);
        assert_eq!(
            peer_stamps(&reply, StampFormat::default(), arrival.user),
            Err(Discard::BadStamp)
        );
    }

    proptest! {
        #[test]
        fn there_and_back_add_up_and_nothing_overflows(
            t2: u64, t3: u64, error: u16, base in 0i64..1 << 62, away in 0u64..1 << 40,
        ) {
            let departure = Departure { at: Now { mono: Mono(1), wall: Wall(base) }, tx: None };
            let user = Wall(base + away as i64);
            let arrival = Arrival { mono: Mono(1 + away), user, ..Arrival::default() };
            let reply = ReflectorPacket {
                receive: Ntp64(t2),
                timestamp: Ntp64(t3),
                error: ErrorEstimate(error),
                ..ReflectorPacket::default()
            };
            if let Ok(stamps) = peer_stamps(&reply, StampFormat::default(), user)
                && let Ok(sample) = pair(0, &departure, stamps, (0, 0), &reply, &arrival)
            {
                prop_assert_eq!(sample.forward() + sample.backward(), sample.round_trip());
                prop_assert_eq!(sample.round_trip() + sample.processing(), away as i64);
            }
        }
    }
}
