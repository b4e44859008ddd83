//! Loss by direction, against a line that knows what it has done: reordering and duplication in
//! both directions, replies after the time-out, an honest reflector.

#![no_main]

use std::collections::BTreeMap;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use twamp_core::metrics::loss::{LossAccount, ReflectorNumbers, Reply};
use twamp_core::time::Wall;

/// Between two probes, and before a probe is lost.
const INTERVAL: u64 = 100;
const TIMEOUT: u64 = 1_000;

/// More than there are probes and copies: a leap of the reflector's numbers by more is a restart.
const REMEMBERED: usize = 1_024;

/// What becomes of one probe: its copies on the way there, each with the copies of its reply.
#[derive(Arbitrary, Debug)]
struct Probe {
    copies: [Option<Copy>; 2],
}

#[derive(Arbitrary, Clone, Copy, Debug)]
struct Copy {
    there: u16,
    replies: [Option<u16>; 2],
}

#[derive(Debug)]
enum Event {
    Send(usize),
    Reflect(usize, Copy),
    Reply(usize, u32, u64),
    TimeOut(usize),
}

/// What the line knows.
struct Truth {
    reached: Vec<bool>,
    received: Vec<bool>,
    /// By the reflector's number: did a reply with it come in and count?
    counted: Vec<bool>,
}

fuzz_target!(|probes: Vec<Probe>| {
    if probes.len() > 500 {
        return;
    }
    let mut probes = probes;
    // The last probe is answered after all others, so that every loss has a direction.
    let answered = Copy {
        there: 0,
        replies: [Some(0), None],
    };
    probes.push(Probe {
        copies: [Some(answered), None],
    });

    let mut line = BTreeMap::new();
    let mut at = 0;
    for number in 0..probes.len() {
        let last = number + 1 == probes.len();
        at += if last { 1 << 20 } else { INTERVAL };
        line.insert((at, line.len()), Event::Send(number));
    }
    play(&probes, line);
});

fn play(probes: &[Probe], mut line: BTreeMap<(u64, usize), Event>) {
    let mut account = LossAccount::new(ReflectorNumbers::Own, REMEMBERED);
    let mut truth = Truth {
        reached: vec![false; probes.len()],
        received: vec![false; probes.len()],
        counted: Vec::new(),
    };
    let mut order = line.len();
    let mut queue = |line: &mut BTreeMap<_, _>, at: u64, event| {
        order += 1;
        line.insert((at, order), event);
    };
    while let Some(((now, _), event)) = line.pop_first() {
        match event {
            Event::Send(number) => {
                assert_eq!(account.send(), number as u64);
                for copy in probes[number].copies.iter().flatten() {
                    let at = now + u64::from(copy.there);
                    queue(&mut line, at, Event::Reflect(number, *copy));
                }
                queue(&mut line, now + TIMEOUT, Event::TimeOut(number));
            }
            Event::Reflect(number, copy) => {
                truth.reached[number] = true;
                let wire = truth.counted.len() as u32;
                truth.counted.push(false);
                for back in copy.replies.iter().flatten() {
                    let reply = Event::Reply(number, wire, now);
                    queue(&mut line, now + u64::from(*back), reply);
                }
            }
            Event::Reply(number, wire, t3) => {
                let reply = account.reply(number as u64, wire, Wall(t3 as i64));
                truth.answer(number, wire, reply);
            }
            Event::TimeOut(number) => _ = account.lose(number as u64),
        }
    }
    truth.compare(&account);
}

impl Truth {
    /// Replies to a probe that is already lost don't count, nor do their numbers.
    fn answer(&mut self, number: usize, wire: u32, reply: Reply) {
        match reply {
            Reply::First { reflector, epoch } => {
                assert_eq!((reflector, epoch), (wire.into(), 0));
                self.received[number] = true;
            }
            Reply::Duplicate(_) | Reply::Late => {}
            other => panic!("{other:?}"),
        }
        if self.received[number] {
            self.counted[wire as usize] = true;
        }
    }

    /// Exact, but for the numbers of extra copies that never came in: each of them may turn one
    /// loss on the way there into one on the way back.
    fn compare(&self, account: &LossAccount) {
        let lost = |reached: bool| {
            let fates = self.reached.iter().zip(&self.received);
            fates.filter(|fate| *fate == (&reached, &false)).count() as u64
        };
        let (forward, backward) = (lost(false), lost(true));
        let missing = self.counted.iter().filter(|counted| !**counted).count() as u64;
        let counts = account.counts();
        assert_eq!(
            (counts.in_flight, counts.unattributed, account.epoch()),
            (0, 0, 0)
        );
        assert_eq!(counts.lost(), forward + backward);
        let extra = missing - backward;
        assert!((backward..=backward + extra).contains(&counts.lost_backward));
    }
}
