use super::*;
use proptest::prelude::*;

const OWN: ReflectorNumbers = ReflectorNumbers::Own;

/// Sends `sent` probes, takes replies `(s, r)` in order, and times out the rest.
fn account(sent: u64, arrivals: &[(u64, u32)]) -> LossAccount {
    let mut account = LossAccount::new(OWN, 1024);
    for _ in 0..sent {
        account.send();
    }
    for &(s, r) in arrivals {
        account.reply(s, r, Wall(r.into()));
    }
    for s in 0..sent {
        account.lose(s);
    }
    account
}

fn assert_sums(counts: LossCounts) {
    let settled = counts.received + counts.lost() + counts.set_aside;
    assert_eq!(counts.sent, settled + counts.in_flight, "{counts:?}");
    assert!(counts.late <= counts.lost(), "{counts:?}");
}

#[test]
fn known_arrivals_have_known_losses() {
    type Vector = (&'static str, u64, &'static [(u64, u32)], [u64; 6]);
    // received, forward, backward, unattributed, duplicates forward and backward
    let vectors: [Vector; 9] = [
        (
            "clean",
            5,
            &[(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)],
            [5, 0, 0, 0, 0, 0],
        ),
        (
            "forward",
            5,
            &[(0, 0), (1, 1), (3, 2), (4, 3)],
            [4, 1, 0, 0, 0, 0],
        ),
        (
            "backward",
            5,
            &[(0, 0), (1, 1), (3, 3), (4, 4)],
            [4, 0, 1, 0, 0, 0],
        ),
        (
            "probe doubled",
            4,
            &[(0, 0), (1, 1), (1, 2), (2, 3), (3, 4)],
            [4, 0, 0, 0, 1, 0],
        ),
        (
            "reply doubled",
            4,
            &[(0, 0), (1, 1), (1, 1), (2, 2), (3, 3)],
            [4, 0, 0, 0, 0, 1],
        ),
        (
            "probe doubled, its first reply lost",
            4,
            &[(0, 0), (1, 2), (2, 3), (3, 4)],
            [4, 0, 0, 0, 0, 0],
        ),
        ("tail", 6, &[(0, 0), (1, 1), (2, 2)], [3, 0, 0, 3, 0, 0]),
        (
            "mixed",
            10,
            &[(0, 0), (1, 1), (4, 3), (3, 2), (4, 3), (6, 5), (8, 6)],
            [6, 2, 1, 1, 0, 1],
        ),
        ("nothing", 3, &[], [0, 0, 0, 3, 0, 0]),
    ];
    for (name, sent, arrivals, expected) in vectors {
        let c = account(sent, arrivals).counts();
        let found = [
            c.received,
            c.lost_forward,
            c.lost_backward,
            c.unattributed,
            c.duplicates_forward,
            c.duplicates_backward,
        ];
        assert_eq!(found, expected, "{name}");
        assert_eq!(c.sent, sent, "{name}");
        assert_sums(c);
    }
}

#[test]
fn a_late_reply_changes_only_the_late_counter() {
    let mut account = account(6, &[(0, 0), (1, 1), (4, 4)]);
    let before = account.counts();
    assert_eq!(account.reply(2, 2, Wall(2)), Reply::Late);
    assert_eq!(account.counts(), LossCounts { late: 1, ..before });
    assert_eq!(account.reply(5, 5, Wall(5)), Reply::Late);
    assert_eq!(account.counts(), LossCounts { late: 2, ..before });
    assert_sums(account.counts());
}

#[test]
fn a_second_late_reply_is_a_duplicate() {
    let mut account = account(2, &[(0, 0)]);
    account.reply(1, 1, Wall(1));
    assert_eq!(
        account.reply(1, 1, Wall(1)),
        Reply::Duplicate(Direction::Backward)
    );
    assert_eq!(account.counts().late, 1);
}

#[test]
fn replies_of_a_reflector_that_copies_numbers_are_told_apart_by_all_of_t3() {
    for apart in [1, 1 << 32, 3 << 32, 1 << 62, i64::MIN] {
        let mut account = LossAccount::new(ReflectorNumbers::Copied, 64);
        account.send();
        account.reply(0, 0, Wall(7));
        let second = account.reply(0, 0, Wall(7 ^ apart));
        assert_eq!(second, Reply::Duplicate(Direction::Forward), "{apart}");
        let again = account.reply(0, 0, Wall(7));
        assert_eq!(again, Reply::Duplicate(Direction::Backward));
    }
}

#[test]
fn a_number_that_was_consumed_but_not_sent_is_no_loss() {
    let mut account = account(0, &[]);
    for _ in 0..3 {
        account.send();
    }
    assert!(account.not_sent(1));
    assert!(!account.not_sent(1));
    account.reply(0, 0, Wall(0));
    account.reply(2, 1, Wall(1));
    let counts = account.counts();
    assert_eq!((counts.sent, counts.received, counts.not_sent), (2, 2, 1));
    assert_eq!(counts.ratio(), Some(Ppm::ZERO));
    assert_eq!(account.reply(1, 9, Wall(9)), Reply::Unknown);
}

#[test]
fn a_restarted_reflector_makes_no_bogus_loss() {
    let mut account = LossAccount::new(OWN, 1024);
    // Probe 40 is lost forward, probes 100 to 109 fall into the restart.
    for s in 0..200u64 {
        account.send();
        let reply = match s {
            40 | 100..110 => continue,
            0..40 => s,
            41..100 => s - 1,
            _ => s - 110,
        };
        account.reply(s, reply as u32, Wall(s as i64));
    }
    for s in 0..200 {
        account.lose(s);
    }
    let counts = account.counts();
    assert_eq!((counts.lost_forward, counts.lost_backward), (1, 0));
    assert_eq!((counts.unattributed, counts.received), (10, 189));
    assert_eq!(account.epoch(), 1);
    assert_sums(counts);
}

#[test]
fn a_restart_is_noticed_even_if_the_reflector_forgot_the_time() {
    let mut account = LossAccount::new(OWN, 1024);
    for s in 0..20 {
        account.send();
        let (r, t3) = if s < 10 {
            (s, 1_000_000 + s)
        } else {
            (s - 10, s)
        };
        account.reply(s, r as u32, Wall(t3 as i64));
    }
    assert_eq!((account.epoch(), account.counts().received), (1, 20));
    account.send();
    account.send();
    account.reply(21, 10, Wall(22));
    account.lose(20);
    assert_eq!(account.counts().lost_forward, 1);
}

#[test]
fn a_restart_is_noticed_by_a_number_that_is_new_but_was_sent_too_late() {
    let mut account = LossAccount::new(OWN, 1024);
    for s in 0..11 {
        account.send();
        // The reply with number 0 is lost before the restart, and comes after it.
        if s > 0 {
            account.reply(s, (s % 10) as u32, Wall(s as i64));
        }
    }
    assert_eq!(account.epoch(), 1);
    account.lose(0);
    assert_eq!(account.counts().lost_backward, 1);
}

#[test]
fn a_reflector_that_was_already_counting_is_taken_as_it_is() {
    let mut account = LossAccount::new(OWN, 64);
    for s in 0..10 {
        account.send();
        if s != 5 {
            account.reply(s, 50_000 + s as u32 - u32::from(s > 5), Wall(s as i64));
        }
    }
    account.lose(5);
    assert_eq!(
        (
            account.counts().lost_forward,
            account.counts().lost_backward
        ),
        (1, 0)
    );
}

#[test]
fn the_32_bit_wrap_of_both_ends_is_not_a_loss() {
    let start = (1u64 << 32) - 5;
    let mut account = LossAccount::starting_at(start, OWN, 1024);
    account.directions = Some(Box::new(Directions::new(start, 1024)));
    let mut wire = u32::MAX - 7;
    for s in start..start + 20 {
        assert_eq!(account.send(), s);
        assert_eq!(account.unwrap(s as u32), s);
        if s == start + 9 {
            continue;
        }
        wire = wire.wrapping_add(1);
        account.reply(s, wire, Wall(s as i64));
    }
    account.lose(start + 9);
    let counts = account.counts();
    assert_eq!(
        (counts.received, counts.lost_forward, counts.lost_backward),
        (19, 1, 0)
    );
    assert_eq!(
        account.epoch(),
        1,
        "only because the reflector did not start at 0"
    );
}

#[test]
fn a_copying_reflector_gives_no_direction() {
    let mut account = LossAccount::new(ReflectorNumbers::Copied, 64);
    for s in 0..4 {
        account.send();
        if s != 1 {
            account.reply(s, s as u32, Wall(s as i64));
        }
    }
    account.lose(1);
    assert_eq!(
        account.reply(2, 2, Wall(2)),
        Reply::Duplicate(Direction::Backward)
    );
    assert_eq!(
        account.reply(2, 2, Wall(77)),
        Reply::Duplicate(Direction::Forward)
    );
    let counts = account.counts();
    assert_eq!(
        (
            counts.lost_forward,
            counts.lost_backward,
            counts.unattributed
        ),
        (0, 0, 1)
    );
    assert_sums(counts);
}

#[test]
fn a_local_pause_never_reads_as_loss_and_never_gives_loss_a_direction() {
    let mut account = LossAccount::new(OWN, 1024);
    for s in 0..20 {
        account.send();
        if s < 10 {
            account.reply(s, s as u32, Wall(s as i64));
        }
    }
    for s in 10..20 {
        assert!(account.set_aside(s));
    }
    account.seam();
    assert_eq!(account.reply(12, 12, Wall(12)), Reply::SetAside);
    for s in 20..30 {
        account.send();
        if s != 25 {
            account.reply(s, s as u32 - u32::from(s > 25), Wall(s as i64));
        }
    }
    account.lose(25);
    let counts = account.counts();
    assert_eq!(
        (counts.set_aside, counts.lost_forward, counts.lost_backward),
        (10, 1, 0)
    );
    assert_sums(counts);
}

#[test]
fn a_probe_that_falls_out_of_the_window_is_set_aside() {
    let mut account = LossAccount::new(OWN, 4);
    for _ in 0..6 {
        account.send();
    }
    assert_eq!(account.make_room(), Some(2));
    assert_eq!(
        (account.counts().set_aside, account.counts().in_flight),
        (3, 3)
    );
    assert_eq!(account.reply(0, 0, Wall(0)), Reply::Unknown);
    assert_eq!(account.oldest_outstanding(), Some(3));
    assert_sums(account.counts());
}

#[test]
fn as_many_are_remembered_as_was_asked_for_last_and_no_outstanding_one_is_forgotten_for_it() {
    let mut account = LossAccount::new(OWN, 100);
    account.remember(4);
    for s in 0..50 {
        account.send();
        account.reply(s, s as u32, Wall(0));
        assert!(account.remembered().count() <= 4 && account.room() < 8);
    }
    account.remember(60);
    (50..150).for_each(|_| _ = account.send());
    account.remember(4);
    account.send();
    assert_eq!(account.counts().set_aside, 1, "100 are kept, if need be");
    (51..151).for_each(|s| _ = account.reply(s, s as u32, Wall(0)));
    account.send();
    assert_eq!(account.remembered(), 148..152);
    assert!(account.room() < 8);
    assert_sums(account.counts());
}

#[test]
fn losses_forgotten_before_they_could_be_attributed_are_attributed_all_the_same() {
    let mut account = LossAccount::new(OWN, 4);
    for s in 0..20 {
        account.send();
        account.lose(s);
    }
    assert_eq!(account.counts().unattributed, 20);
    account.send();
    account.reply(20, 5, Wall(0));
    let counts = account.counts();
    assert_eq!((counts.lost_forward, counts.lost_backward), (15, 5));
    assert_sums(counts);
}

#[test]
fn the_longest_run_counts_neighbours_in_sending_order() {
    let mut account = account(9, &[(0, 0), (5, 2), (3, 1), (8, 3)]);
    assert_eq!(account.longest_run(), 2);
    for _ in 0..3 {
        account.send();
    }
    account.lose(11);
    account.lose(10);
    account.lose(9);
    assert_eq!(account.longest_run(), 3);
    assert_eq!(account.counts().loss_periods, 4);
}

#[test]
fn a_number_that_was_not_sent_does_not_end_a_run_of_losses() {
    let mut account = LossAccount::new(OWN, 1024);
    for _ in 0..3 {
        account.send();
    }
    account.lose(0);
    account.not_sent(1);
    account.lose(2);
    assert_eq!(account.longest_run(), 2);
}

#[test]
fn loss_of_nothing_is_unknown() {
    assert_eq!(LossCounts::default().ratio(), None);
}

/// What the line does to one probe.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Answered,
    LostForward,
    LostBackward,
    ProbeDoubled,
    ReplyDoubled,
    Late,
    NotSent,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Send,
    Reflect(u64),
    Reply(u64, u32, i64),
    TimeOut(u64),
    Restart,
}

/// Plays the fates out in time; probe i leaves at 100 i and times out 1000 later.
fn play(fates: &[(Fate, i64, i64)], restarts: &[usize]) -> LossAccount {
    let mut queue: Vec<(i64, Event)> = Vec::new();
    queue.extend((0..fates.len()).map(|i| (100 * i as i64, Event::Send)));
    queue.extend(
        restarts
            .iter()
            .map(|&i| (100 * i as i64 + 50, Event::Restart)),
    );
    let mut account = LossAccount::new(OWN, 256);
    let (mut sent, mut counter) = (0, 0u32);
    while let Some(at) = (0..queue.len()).min_by_key(|&i| queue[i].0) {
        let (now, event) = queue.remove(at);
        match event {
            Event::Send => {
                let number = account.send();
                let (fate, forward, _) = fates[sent];
                sent += 1;
                match fate {
                    Fate::NotSent => _ = account.not_sent(number),
                    Fate::LostForward => {}
                    _ => queue.push((now + forward, Event::Reflect(number))),
                }
                if fate == Fate::ProbeDoubled {
                    queue.push((now + forward + 30, Event::Reflect(number)));
                }
                queue.push((now + 1000, Event::TimeOut(number)));
            }
            Event::Reflect(s) => {
                let (fate, _, backward) = fates[s as usize];
                let reply = Event::Reply(s, counter, now);
                counter += 1;
                match fate {
                    Fate::LostBackward => {}
                    Fate::Late => queue.push((now + backward + 2000, reply)),
                    _ => queue.push((now + backward, reply)),
                }
                if fate == Fate::ReplyDoubled {
                    queue.push((now + backward + 10, reply));
                }
            }
            Event::Reply(s, r, t3) => _ = account.reply(s, r, Wall(t3)),
            Event::TimeOut(s) => _ = account.lose(s),
            Event::Restart => counter = 0,
        }
        assert_sums(account.counts());
    }
    account
}

fn fates(kinds: Vec<Fate>) -> impl Strategy<Value = Vec<(Fate, i64, i64)>> {
    let one = (proptest::sample::select(kinds), 1i64..400, 1i64..400);
    proptest::collection::vec(one, 0..120)
}

proptest! {
    #[test]
    fn every_probe_is_in_exactly_one_column(
        fates in fates(vec![
            Fate::Answered, Fate::LostForward, Fate::LostBackward, Fate::ProbeDoubled,
            Fate::ReplyDoubled, Fate::Late, Fate::NotSent,
        ]),
        restarts in proptest::collection::vec(0usize..120, 0..4),
    ) {
        let counts = play(&fates, &restarts).counts();
        let of = |fate| fates.iter().filter(|f| f.0 == fate).count() as u64;
        prop_assert_eq!(counts.in_flight, 0);
        prop_assert_eq!(counts.not_sent, of(Fate::NotSent));
        prop_assert_eq!(counts.late, of(Fate::Late));
        prop_assert_eq!(
            counts.lost(),
            of(Fate::LostForward) + of(Fate::LostBackward) + of(Fate::Late)
        );
        prop_assert_eq!(
            counts.duplicates_forward + counts.duplicates_backward,
            of(Fate::ProbeDoubled) + of(Fate::ReplyDoubled)
        );
    }

    #[test]
    fn the_split_is_exact_while_no_reply_to_a_doubled_probe_is_lost(
        mut fates in fates(vec![
            Fate::Answered, Fate::Answered, Fate::LostForward, Fate::LostBackward, Fate::Late,
            Fate::ProbeDoubled, Fate::ReplyDoubled,
        ]),
    ) {
        // The last one is answered after all others, so that there is no tail.
        fates.extend([(Fate::Answered, 1, 1); 4]);
        fates.push((Fate::Answered, 399, 399));
        let counts = play(&fates, &[]).counts();
        let of = |fate| fates.iter().filter(|f| f.0 == fate).count() as u64;
        prop_assert_eq!(counts.lost_forward, of(Fate::LostForward));
        prop_assert_eq!(counts.lost_backward, of(Fate::LostBackward) + of(Fate::Late));
        prop_assert_eq!(counts.unattributed, 0);
        prop_assert_eq!(counts.duplicates_forward, of(Fate::ProbeDoubled));
        prop_assert_eq!(counts.duplicates_backward, of(Fate::ReplyDoubled));
    }

    #[test]
    fn no_reply_can_break_the_books(
        replies in proptest::collection::vec((0u64..40, any::<u32>(), any::<i64>()), 0..200),
        small in proptest::collection::vec((0u64..40, 0u32..40, 0i64..40), 0..200),
        ops in proptest::collection::vec(0u8..6, 400),
        copied: bool,
    ) {
        let numbers = if copied { ReflectorNumbers::Copied } else { OWN };
        let mut account = LossAccount::new(numbers, 16);
        for ((s, r, t3), op) in replies.into_iter().chain(small).zip(ops) {
            _ = match op {
                0 => account.lose(s),
                1 => account.set_aside(s),
                2 => account.not_sent(s),
                3 => { account.seam(); true }
                _ => account.send() > 0,
            };
            account.reply(s, r, Wall(t3));
            assert_sums(account.counts());
        }
    }
}
