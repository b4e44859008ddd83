//! The books of loss against a model that remembers everything and counts anew each time.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use twamp_core::metrics::loss::{Direction, LossAccount, ReflectorNumbers, Reply};
use twamp_core::time::Wall;

#[derive(Arbitrary, Debug)]
struct Input {
    copied: bool,
    remembered: u8,
    events: Vec<Event>,
}

/// Probes are named by how far back they are.
#[derive(Arbitrary, Debug)]
enum Event {
    Send,
    SendMany(u8),
    NotSent(u8),
    Lose(u8),
    LoseTheOldest,
    SetAside(u8),
    Reply { back: u8, number: u8, t3: i8 },
    OddReply { back: u8, number: u32, t3: i64 },
    Seam,
    MakeRoom,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Outstanding,
    Received(i64),
    Lost,
    Late(i64),
    NotSent,
    SetAside,
}

struct Model {
    copied: bool,
    remembered: usize,
    /// The first probe that is remembered.
    base: usize,
    fates: Vec<Fate>,
    forward: u64,
    backward: u64,
}

fuzz_target!(|input: Input| {
    let numbers = match input.copied {
        true => ReflectorNumbers::Copied,
        false => ReflectorNumbers::Own,
    };
    let mut account = LossAccount::new(numbers, input.remembered.into());
    let mut model = Model {
        copied: input.copied,
        remembered: usize::from(input.remembered).max(1),
        base: 0,
        fates: Vec::new(),
        forward: 0,
        backward: 0,
    };
    for event in &input.events {
        model.play(event, &mut account);
        model.compare(&account);
    }
});

impl Model {
    fn play(&mut self, event: &Event, account: &mut LossAccount) {
        match *event {
            Event::Send => self.send(account),
            Event::SendMany(times) => (0..times).for_each(|_| self.send(account)),
            Event::NotSent(back) => {
                let number = self.number(back);
                assert_eq!(account.not_sent(number), self.settle(number, Fate::NotSent));
            }
            Event::Lose(back) => {
                let number = self.number(back);
                assert_eq!(account.lose(number), self.settle(number, Fate::Lost));
            }
            Event::LoseTheOldest => {
                if let Some(number) = account.oldest_outstanding() {
                    assert!(account.lose(number) && self.settle(number, Fate::Lost));
                }
            }
            Event::SetAside(back) => {
                let number = self.number(back);
                assert_eq!(
                    account.set_aside(number),
                    self.settle(number, Fate::SetAside)
                );
            }
            Event::Reply { back, number, t3 } => {
                self.reply(account, back, number.into(), t3.into());
            }
            Event::OddReply { back, number, t3 } => self.reply(account, back, number, t3),
            Event::Seam => account.seam(),
            Event::MakeRoom => assert_eq!(account.make_room(), self.make_room()),
        }
    }

    fn send(&mut self, account: &mut LossAccount) {
        self.make_room();
        assert_eq!(account.send(), self.fates.len() as u64);
        self.fates.push(Fate::Outstanding);
    }

    fn make_room(&mut self) -> Option<u64> {
        if self.fates.len() - self.base < self.remembered {
            return None;
        }
        let oldest = self.base as u64;
        let overrun = self.settle(oldest, Fate::SetAside);
        self.base += 1;
        overrun.then_some(oldest)
    }

    fn reply(&mut self, account: &mut LossAccount, back: u8, wire: u32, t3: i64) {
        let number = self.number(back);
        let found = account.reply(number, wire, Wall(t3));
        let print = if self.copied { t3 } else { wire.into() };
        match self.fate(number) {
            Some(Fate::Outstanding) => {
                assert!(matches!(found, Reply::First { .. }));
                self.settle(number, Fate::Received(print));
            }
            // Of two different replies only the account knows which copy came before.
            Some(Fate::Received(first)) if first != print && !self.copied => match found {
                Reply::Duplicate(Direction::Forward) => self.forward += 1,
                Reply::Duplicate(Direction::Backward) => self.backward += 1,
                other => panic!("{other:?}"),
            },
            Some(Fate::Received(first) | Fate::Late(first)) if first == print => {
                assert_eq!(found, Reply::Duplicate(Direction::Backward));
                self.backward += 1;
            }
            Some(Fate::Received(_) | Fate::Late(_)) => {
                assert_eq!(found, Reply::Duplicate(Direction::Forward));
                self.forward += 1;
            }
            Some(Fate::Lost) => {
                assert_eq!(found, Reply::Late);
                self.fates[number as usize] = Fate::Late(print);
            }
            Some(Fate::SetAside) => assert_eq!(found, Reply::SetAside),
            Some(Fate::NotSent) | None => assert_eq!(found, Reply::Unknown),
        }
    }

    fn settle(&mut self, number: u64, fate: Fate) -> bool {
        let outstanding = self.fate(number) == Some(Fate::Outstanding);
        if outstanding {
            self.fates[number as usize] = fate;
        }
        outstanding
    }

    /// 0 is a probe that was not sent yet.
    fn number(&self, back: u8) -> u64 {
        (self.fates.len() as u64).saturating_sub(back.into())
    }

    fn fate(&self, number: u64) -> Option<Fate> {
        let known = number >= self.base as u64;
        known
            .then(|| self.fates.get(number as usize).copied())
            .flatten()
    }

    fn compare(&self, account: &LossAccount) {
        let count = |wanted: fn(&Fate) -> bool| {
            self.fates.iter().filter(|fate| wanted(fate)).count() as u64
        };
        let counts = account.counts();
        assert_eq!(counts.not_sent, count(|f| *f == Fate::NotSent));
        assert_eq!(counts.sent, self.fates.len() as u64 - counts.not_sent);
        assert_eq!(counts.received, count(|f| matches!(f, Fate::Received(_))));
        assert_eq!(
            counts.lost(),
            count(|f| matches!(f, Fate::Lost | Fate::Late(_)))
        );
        assert_eq!(counts.late, count(|f| matches!(f, Fate::Late(_))));
        assert_eq!(counts.set_aside, count(|f| *f == Fate::SetAside));
        assert_eq!(counts.in_flight, count(|f| *f == Fate::Outstanding));
        assert_eq!(counts.duplicates_forward, self.forward);
        assert_eq!(counts.duplicates_backward, self.backward);
        assert_eq!(account.next(), self.fates.len() as u64);
        assert_eq!(
            account.remembered(),
            self.base as u64..self.fates.len() as u64
        );

        let oldest = self.fates.iter().position(|f| *f == Fate::Outstanding);
        assert_eq!(
            account.oldest_outstanding(),
            oldest.map(|oldest| oldest as u64)
        );
        let settled = &self.fates[..oldest.unwrap_or(self.fates.len())];
        assert_eq!(account.longest_run(), longest_run(settled));
        if self.copied {
            assert_eq!((counts.lost_forward, counts.lost_backward), (0, 0));
        }
    }
}

fn longest_run(fates: &[Fate]) -> u64 {
    let counted = |fate: &&Fate| !matches!(fate, Fate::NotSent | Fate::SetAside);
    let counted: Vec<_> = fates.iter().filter(counted).collect();
    let runs = counted.split(|fate| !matches!(fate, Fate::Lost | Fate::Late(_)));
    runs.map(<[_]>::len).max().unwrap_or(0) as u64
}
