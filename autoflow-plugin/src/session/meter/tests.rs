use proptest::prelude::*;

use super::*;

const DAY_S: i64 = 86_400;
const PROBE: u64 = 138;

fn at(text: &str) -> Wall {
    let at: Timestamp = text.parse().unwrap();
    Wall(at.as_nanosecond() as i64)
}

fn later(now: Wall, by: Duration) -> Wall {
    Wall(now.nanos() + by.as_nanos() as i64)
}

/// A session that wants to send each `interval`, from `now` until `end`; answers how many did.
fn send(meter: &Meter, now: &mut Wall, end: Wall, interval: Duration) -> u64 {
    let key = Key::new();
    let mut sent = 0;
    while *now < end {
        let wait = match meter.take(key, PROBE, *now) {
            Ok(spacing) => {
                sent += 1;
                spacing.max(interval)
            }
            Err(wait) => wait,
        };
        *now = later(*now, wait);
    }
    meter.leave(key);
    sent
}

#[test]
fn a_month_ends_where_the_calendar_says_also_in_a_leap_year() {
    for (now, begin, end) in [
        (
            "2026-11-29T12:00:00Z",
            "2026-11-01T00:00:00Z",
            "2026-12-01T00:00:00Z",
        ),
        (
            "2026-12-31T23:59:59.999999999Z",
            "2026-12-01T00:00:00Z",
            "2027-01-01T00:00:00Z",
        ),
        (
            "2027-02-28T23:00:00Z",
            "2027-02-01T00:00:00Z",
            "2027-03-01T00:00:00Z",
        ),
        (
            "2028-02-28T23:00:00Z",
            "2028-02-01T00:00:00Z",
            "2028-03-01T00:00:00Z",
        ),
        (
            "2028-02-29T23:00:00Z",
            "2028-02-01T00:00:00Z",
            "2028-03-01T00:00:00Z",
        ),
        (
            "2100-02-28T23:00:00Z",
            "2100-02-01T00:00:00Z",
            "2100-03-01T00:00:00Z",
        ),
        (
            "1970-01-01T00:00:00Z",
            "1970-01-01T00:00:00Z",
            "1970-02-01T00:00:00Z",
        ),
    ] {
        let (begin, end) = (at(begin), at(end));
        assert_eq!(Month::of(at(now)), Month { begin, end }, "{now}");
        assert_eq!(Month::of(begin), Month { begin, end });
        assert_ne!(Month::of(end), Month { begin, end });
    }
    let days = |month: &str| {
        let month = Month::of(at(month));
        month.end.since(month.begin) / 1_000_000_000 / DAY_S
    };
    let months = [
        "2027-02-03T00:00:00Z",
        "2028-02-03T00:00:00Z",
        "2100-02-03T00:00:00Z",
    ];
    assert_eq!(months.map(days), [28, 29, 28]);
}

#[test]
fn what_begins_within_a_month_has_the_part_that_is_left() {
    let share = |now| Meter::new(30_000_000, at(now)).balance(at(now)).share;
    assert_eq!(share("2026-11-01T00:00:00Z"), 30_000_000);
    assert_eq!(share("2026-11-16T00:00:00Z"), 15_000_000);
    assert_eq!(share("2026-11-30T00:00:00Z"), 1_000_000);
}

#[test]
fn a_new_month_has_the_whole_and_what_was_used_is_over() {
    let meter = Meter::new(PROBE * 10, at("2026-11-16T00:00:00Z"));
    let mut now = at("2026-11-16T00:00:00Z");
    let end = at("2026-12-01T00:00:00Z");
    assert_eq!(send(&meter, &mut now, end, Duration::from_secs(1)), 5);
    assert_eq!(now, end, "it waits for the month to end");
    let balance = meter.balance(now);
    assert_eq!((balance.share, balance.used), (PROBE * 10, 0));
    assert_eq!(balance.until, at("2027-01-01T00:00:00Z"));
}

#[test]
fn the_last_fifth_lasts_till_the_month_ends() {
    let begin = at("2026-11-01T00:00:00Z");
    let meter = Meter::new(PROBE * 10_000, begin);
    let mut now = begin;
    // Four fifths are gone after 8,000 seconds.
    let early = later(begin, Duration::from_secs(8_000));
    assert_eq!(send(&meter, &mut now, early, Duration::from_secs(1)), 8_000);
    let half = at("2026-11-16T00:00:00Z");
    let until_half = send(&meter, &mut now, half, Duration::from_secs(1));
    assert!((990..=1_010).contains(&until_half), "{until_half}");
    let rest = send(
        &meter,
        &mut now,
        at("2026-12-01T00:00:00Z"),
        Duration::from_secs(1),
    );
    assert_eq!(8_000 + until_half + rest, 10_000);
}

#[test]
fn who_needs_less_than_the_budget_is_never_slowed() {
    let begin = at("2028-02-01T00:00:00Z");
    let meter = Meter::new(PROBE * 29 * 144, begin);
    let mut now = begin;
    let end = at("2028-03-01T00:00:00Z");
    let sent = send(&meter, &mut now, end, Duration::from_secs(600));
    assert_eq!(sent, 29 * 144);
}

#[test]
fn two_sessions_of_a_line_share_the_last_fifth() {
    let begin = at("2026-11-01T00:00:00Z");
    let meter = Meter::new(PROBE * 1_000, begin);
    let (one, other) = (Key::new(), Key::new());
    (0..800).for_each(|_| assert!(meter.take(one, PROBE, begin).is_ok()));
    let alone = meter.balance(begin).spacing.unwrap();
    meter.take(other, 2 * PROBE, begin).unwrap();
    let both = meter.balance(begin).spacing.unwrap();
    assert!(
        both > alone.mul_f64(2.9) && both < alone.mul_f64(3.1),
        "{alone:?} {both:?}"
    );
    meter.leave(other);
    assert!(meter.balance(begin).spacing.unwrap() < alone.mul_f64(1.1));
}

#[test]
fn a_probe_that_did_not_leave_is_not_paid_and_longer_replies_are() {
    let begin = at("2026-11-01T00:00:00Z");
    let meter = Meter::new(10 * PROBE, begin);
    meter.take(Key::new(), PROBE, begin).unwrap();
    meter.more(50);
    assert_eq!(meter.balance(begin).used, PROBE + 50);
    meter.give_back(PROBE);
    assert_eq!(meter.balance(begin).used, 50);
}

#[test]
fn another_budget_keeps_what_is_used_and_a_clock_set_back_gives_nothing_back() {
    let now = at("2026-11-16T00:00:00Z");
    let meter = Meter::new(20 * PROBE, now);
    let key = Key::new();
    (0..10).for_each(|_| assert!(meter.take(key, PROBE, now).is_ok()));
    assert!(meter.take(key, PROBE, now).is_err());
    assert!(
        meter
            .take(Key::new(), PROBE, at("2026-10-01T00:00:00Z"))
            .is_err()
    );
    meter.limit(40 * PROBE);
    let balance = meter.balance(now);
    assert_eq!((balance.share, balance.used), (20 * PROBE, 10 * PROBE));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the budget, the rate and the moment, no month takes more than the budget, and no
    /// life of the plugin more than the part of the month that was left when it began.
    #[test]
    fn a_budget_is_never_exceeded(
        year in 2020i16..2040, month in 1i8..=12, day in 1i8..=28, second in 0i64..86_400,
        probes in 0u64..3_000, interval_s in 1u64..20_000, octets in 60u64..3_000,
        lives in prop::collection::vec((1i64..80, 0u64..2), 1..5),
    ) {
        let first = Date::new(year, month, day).unwrap();
        let mut now = Wall(midnight(first).nanos() + second * 1_000_000_000);
        let budget = probes * octets + 17;
        for (days, sessions) in lives {
            let meter = Meter::new(budget, now);
            let keys: Vec<Key> = (0..=sessions).map(|_| Key::new()).collect();
            let end = Wall(now.nanos() + days * DAY_S * 1_000_000_000);
            let mut share = meter.balance(now).share;
            let (mut month_ends, mut used) = (Month::of(now).end, 0);
            let mut turn = 0;
            while now < end {
                if now >= month_ends {
                    (month_ends, used) = (Month::of(now).end, 0);
                    share = budget;
                }
                let key = keys[turn % keys.len()];
                turn += 1;
                let wait = match meter.take(key, octets, now) {
                    Ok(spacing) => {
                        used += octets;
                        spacing.max(Duration::from_secs(interval_s)) / keys.len() as u32
                    }
                    Err(wait) => wait,
                };
                prop_assert!(used <= share, "{used} of {share}");
                prop_assert!(meter.balance(now).used == used);
                now = later(now, wait.max(Duration::from_secs(1)));
            }
        }
    }
}
