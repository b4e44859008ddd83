//! Stamps in any order, sends that fail, interfaces that are slow: whose is it?

use super::*;

const MS: u64 = 1_000_000;

fn far() -> SocketAddr {
    "192.0.2.1:862".parse().unwrap()
}

/// Both clocks at `ms` milliseconds.
fn at(ms: u64) -> Now {
    Now {
        mono: Mono(ms * MS),
        wall: Wall((ms * MS) as i64),
    }
}

fn wall(ms: u64) -> Wall {
    at(ms).wall
}

fn whole<T: std::fmt::Debug>(found: Found<T>) -> Stamped<T> {
    match found {
        Found::Whole(stamped) => stamped,
        other => panic!("{other:?}"),
    }
}

fn expired<T>(ledger: &mut Ledger<T>, ms: u64) -> Vec<Stamped<T>> {
    let mut back = Vec::new();
    ledger.expire(at(ms).mono, |stamped| back.push(stamped));
    back
}

fn released<T>(ledger: &mut Ledger<T>, far: SocketAddr, ms: u64) -> Vec<Stamped<T>> {
    let mut back = Vec::new();
    ledger.release(far, at(ms).mono, |stamped| back.push(stamped));
    back
}

#[test]
fn an_answer_releases_the_tokens_of_its_far_end_and_no_others_however_many_share_the_socket() {
    let mut ledger = Ledger::new(true);
    let far = |host: u32| SocketAddr::from(((0x0a00_0000 + host % 300).to_be_bytes(), 862));
    for token in 0..900 {
        ledger.sent(far(token), at(1), token);
    }
    // Some have their stamps: first, last and in between.
    for number in [0, 300, 450, 899] {
        assert_eq!(whole(ledger.stamp(number, wall(2))).token, number);
    }
    for (host, expected) in [
        (0, vec![600]),
        (150, vec![750, 150]),
        (299, vec![599, 299]),
        (7, vec![607, 307, 7]),
        (7, vec![]),
    ] {
        let tokens: Vec<_> = released(&mut ledger, far(host), 3)
            .iter()
            .map(|back| back.token)
            .collect();
        assert_eq!(tokens, expected, "{host}");
    }
    assert_eq!(
        ledger.stamp(750, wall(4)),
        Found::Stray,
        "given back already"
    );
    assert_eq!(whole(ledger.stamp(1, wall(4))).token, 1);
}

#[test]
fn stamps_find_their_tokens_in_any_order() {
    let mut ledger = Ledger::new(true);
    for token in 0..4 {
        ledger.sent(far(), at(1), token);
    }
    for number in [2, 0, 3, 1] {
        let back = whole(ledger.stamp(number, wall(2)));
        assert_eq!((back.token, back.kernel), (number, Some(wall(2))));
    }
    assert_eq!(ledger.stamp(1, wall(2)), Found::Stray);
}

#[test]
fn numbers_go_on_after_the_32_bits_are_used_up() {
    let mut ledger = Ledger::new(true);
    ledger.next = u32::MAX;
    ledger.sent(far(), at(1), 'a');
    ledger.sent(far(), at(1), 'b');
    assert_eq!(whole(ledger.stamp(0, wall(2))).token, 'b');
    assert_eq!(whole(ledger.stamp(u32::MAX, wall(2))).token, 'a');
}

#[test]
fn after_a_failed_send_only_a_scout_asks_until_its_stamp_tells_the_number() {
    for used_up in [0, 1] {
        let mut ledger = Ledger::new(true);
        ledger.sent(far(), at(1), "before");
        ledger.failed();
        assert_eq!(ledger.ask(at(1).mono), Ask::One);
        ledger.sent(far(), at(1), "scout");
        assert_eq!(ledger.ask(at(1).mono), Ask::Nobody);
        assert_eq!(whole(ledger.stamp(0, wall(1))).token, "before");
        assert_eq!(whole(ledger.stamp(1 + used_up, wall(2))).token, "scout");
        assert_eq!(ledger.ask(at(2).mono), Ask::All);
        ledger.sent(far(), at(3), "after");
        assert_eq!(whole(ledger.stamp(2 + used_up, wall(3))).token, "after");
    }
}

#[test]
fn a_scout_takes_no_stamp_older_than_itself() {
    let mut ledger = Ledger::new(true);
    ledger.failed();
    ledger.sent(far(), at(10), "scout");
    assert_eq!(ledger.stamp(0, wall(9)), Found::Stray);
    assert_eq!(whole(ledger.stamp(1, wall(11))).token, "scout");
}

#[test]
fn an_unanswered_scout_is_followed_by_another_a_second_later() {
    let mut ledger = Ledger::new(true);
    ledger.failed();
    ledger.sent(far(), at(10), "scout");
    assert_eq!(expired(&mut ledger, 59), []);
    let back = expired(&mut ledger, 60);
    assert_eq!((back[0].token, back[0].kernel), ("scout", None));
    assert_eq!(ledger.ask(at(1059).mono), Ask::Nobody);
    assert_eq!(ledger.ask(at(1060).mono), Ask::One);
}

#[test]
fn a_path_that_never_stamps_is_left_alone_but_for_a_scout_a_second() {
    let mut ledger = Ledger::new(true);
    for token in 0..8 {
        assert_eq!(ledger.ask(at(token).mono), Ask::All);
        ledger.sent(far(), at(token), token);
    }
    assert_eq!(released(&mut ledger, far(), 8).len(), 8);
    assert!(!ledger.delivers());
    assert_eq!(ledger.ask(at(9).mono), Ask::Nobody);
    assert_eq!(ledger.ask(at(1008).mono), Ask::One);
    ledger.sent(far(), at(1008), 8);
    assert_eq!(ledger.ask(at(1008).mono), Ask::Nobody);
    assert_eq!(whole(ledger.stamp(8, wall(1009))).token, 8);
    assert!(ledger.delivers());
    assert_eq!(ledger.ask(at(1009).mono), Ask::All);
}

#[test]
fn an_answer_releases_only_the_tokens_of_its_far_end() {
    let other: SocketAddr = "192.0.2.2:862".parse().unwrap();
    let mut ledger = Ledger::new(true);
    ledger.sent(far(), at(1), 'a');
    ledger.sent(other, at(1), 'b');
    let back = released(&mut ledger, far(), 2);
    assert_eq!((back.len(), back[0].token), (1, 'a'));
    assert_eq!(whole(ledger.stamp(1, wall(2))).token, 'b');
}

#[test]
fn a_wall_clock_set_back_costs_the_stamp_and_not_the_token() {
    let mut ledger = Ledger::new(true);
    ledger.sent(far(), at(10), 'a');
    let back = whole(ledger.stamp(0, wall(5)));
    assert_eq!((back.token, back.kernel), ('a', None));
}

#[test]
fn a_token_that_waits_for_the_interface_comes_back_with_its_stamp() {
    let mut ledger = Ledger::new(true);
    for token in ['a', 'b', 'c'] {
        ledger.sent(far(), at(1), token);
        if token != 'b' {
            ledger.awaits_both();
        }
    }
    assert_eq!(ledger.match_up(0), Found::Stray, "the kernel's is first");
    assert_eq!(ledger.stamp(0, wall(2)), Found::Half);
    assert_eq!(ledger.stamp(0, wall(2)), Found::Stray, "doubled");
    assert_eq!(whole(ledger.stamp(1, wall(2))).token, 'b');
    assert_eq!(ledger.stamp(2, wall(3)), Found::Half);
    let back = [2, 0].map(|number| whole(ledger.match_up(number)));
    assert_eq!(back.each_ref().map(|back| back.token), ['c', 'a']);
    assert_eq!(
        back.map(|back| back.kernel),
        [3, 2].map(|ms| Some(wall(ms)))
    );
    assert_eq!(ledger.match_up(0), Found::Stray);
    assert!(ledger.is_empty() && ledger.has_stamped());
}

#[test]
fn an_answer_releases_what_waits_for_the_interface_with_the_kernels_stamp() {
    let mut ledger = Ledger::new(true);
    ledger.sent(far(), at(1), 'a');
    ledger.awaits_both();
    assert_eq!(ledger.stamp(0, wall(2)), Found::Half);
    let back = released(&mut ledger, far(), 3);
    assert_eq!((back[0].token, back[0].kernel), ('a', Some(wall(2))));
    assert!(ledger.has_stamped() && ledger.delivers());
    assert_eq!(ledger.match_up(0), Found::Stray, "too late");
}

#[test]
fn an_interface_that_stamps_none_of_eight_is_asked_again_a_second_later() {
    let mut ledger = Ledger::new(true);
    for token in 0..8 {
        assert!(ledger.asks_both(at(1).mono));
        ledger.sent(far(), at(1), token);
        ledger.awaits_both();
        assert_eq!(ledger.stamp(token, wall(2)), Found::Half);
    }
    assert_eq!(expired(&mut ledger, 60).len(), 8);
    assert!(!ledger.asks_both(at(1_059).mono));
    assert!(ledger.asks_both(at(1_060).mono));
    assert_eq!(ledger.ask(at(60).mono), Ask::All, "the kernel does stamp");
    ledger.sent(far(), at(1_060), 8);
    ledger.awaits_both();
    assert_eq!(ledger.stamp(8, wall(1_061)), Found::Half);
    assert_eq!(whole(ledger.match_up(8)).token, 8);
    assert!(ledger.asks_both(at(1_061).mono));
}

#[test]
fn a_path_that_wants_no_stamps_never_asks() {
    assert_eq!(Ledger::<()>::new(false).ask(at(1).mono), Ask::Nobody);
}

/// A kernel that fails sends at random, using up a number or not, and stamps late, early or
/// never: no token ever comes back with another packet's stamp.
#[test]
fn no_token_gets_anothers_stamp_whatever_a_failed_send_did_to_the_numbers() {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = move |sides: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (random >> 33) % sides
    };
    let mut ledger = Ledger::new(true);
    let (mut number, mut stamped, mut back) = (0u32, 0, 0);
    let mut on_the_way: Vec<(u32, Wall)> = Vec::new();
    for step in 1..20_000u64 {
        let now = at(step);
        let asks = ledger.ask(now.mono) != Ask::Nobody;
        if asks && draw(20) == 0 {
            ledger.failed();
            number += draw(2) as u32;
        } else if asks {
            // The token is the stamp that the kernel makes for it.
            ledger.sent(far(), now, now.wall);
            if draw(50) > 0 {
                on_the_way.push((number, now.wall));
            }
            number += 1;
        }
        while !on_the_way.is_empty() && draw(3) > 0 {
            let picked = draw(on_the_way.len() as u64) as usize;
            let (number, stamp) = on_the_way.swap_remove(picked);
            if let Found::Whole(found) = ledger.stamp(number, stamp) {
                assert_eq!(found.kernel, Some(found.token));
                stamped += 1;
            }
        }
        back += expired(&mut ledger, step).len();
    }
    assert!(
        stamped > 1000 && back > 10,
        "{stamped} stamped, {back} given up"
    );
}
