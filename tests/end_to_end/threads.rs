//! Several probe threads: they share the sessions, and nobody can tell by the figures.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::net::UdpSocket;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use host_sim::link::{Directions, Impairment};
use plugin_abi::config::{Config, Io, Mode, Policy, Responder};
use plugin_abi::host::Engine;
use plugin_abi::manage::SessionRow;

use crate::ends::{
    Ends, Heard, PLUGIN, Pair, dropped_by_the_machine, sessions, started, statistics,
};
use crate::patience::{undisturbed, until, until_true};

/// Engines with more threads than the others have, one at a time: their last threads are known by
/// their names.
static MANY: Mutex<()> = Mutex::new(());
/// No other engine of this process has as many.
const THREADS: u16 = 5;

fn with_threads(threads: u16) -> Io {
    Io {
        threads,
        ..Io::default()
    }
}

#[test]
fn sessions_that_were_agreed_on_are_answered_by_all_threads_and_measured_exactly() {
    let names = ["one", "two", "three", "four"];
    let ends = Ends::joined_by(&names);
    let losing = |percent| Impairment {
        loss_percent: percent,
        ..Impairment::delay(10.0)
    };
    let (rows, served, lines) = undisturbed(|| {
        let emulator = ends.emulator(41, losing(6.0), losing(4.0));
        let [mut near, mut far] = [ends.near(Mode::Measure), ends.far()];
        (near.io, far.io) = (with_threads(3), with_threads(3));
        let far = started(&PLUGIN, &far, Heard::default());
        let near = started(&PLUGIN, &near, Heard::default()).into();
        let pair = Pair {
            near,
            far,
            emulator,
        };
        until_true("all are measured", || {
            names.iter().all(|name| pair.result(name).received >= 150)
        });
        let well = Impairment::delay(10.0);
        for name in names {
            pair.emulator.set(name, Directions::Both, &well).unwrap();
        }
        let before = names.map(|name| pair.result(name).received);
        until_true("the lines are well", || {
            let mut all = names.iter().zip(before);
            all.all(|(name, before)| pair.result(name).received >= before + 30)
        });
        pair.near.stop().unwrap();
        until_true("all has arrived", || pair.emulator.is_idle());
        let pauses = statistics(&pair.near).pauses + statistics(&pair.far).pauses;
        let (rows, served) = (sessions(&pair.near), sessions(&pair.far));
        let lines = pair.emulator.stop().unwrap();
        let set_aside = |row: &SessionRow| row.result.as_ref().map_or(0, |near| near.set_aside);
        let disturbed = pauses > 0
            || rows.iter().any(|row| set_aside(row) > 0)
            || lines.iter().any(dropped_by_the_machine);
        ((rows, served, lines), disturbed)
    });
    assert_eq!(rows.len(), names.len());
    for line in &lines {
        let of_line = |row: &&SessionRow| row.line.as_deref() == Some(&line.line);
        let near = rows.iter().find(of_line).unwrap().result.as_ref().unwrap();
        let (forward, backward) = (line.forward.counts, line.backward.counts);
        assert!(forward.dropped.total() > 0 && backward.dropped.total() > 0);
        assert_eq!(near.sent, forward.offered, "{near:?}");
        assert_eq!(near.received, backward.delivered, "{near:?}");
        assert_eq!(near.lost.forward, Some(forward.dropped.total()), "{near:?}");
        assert_eq!(near.lost.backward, Some(backward.dropped.total()));
    }
    // Each thread has a port of its own.
    let served = served.iter().filter_map(|row| row.served.as_ref());
    let ports: BTreeSet<u16> = served.map(|served| served.local.port()).collect();
    assert_eq!(ports.len(), 3, "{ports:?}");
}

#[test]
fn a_door_with_several_threads_answers_all_callers_and_each_thread_has_some_of_them() {
    const CALLERS: u64 = 64;
    const PROBES: u64 = 4;
    let _alone = MANY.lock().unwrap_or_else(PoisonError::into_inner);
    let free = || UdpSocket::bind("127.0.0.1:0").unwrap();
    let door = free().local_addr().unwrap();
    let config = Config {
        io: with_threads(THREADS),
        responder: Responder {
            light: vec![door],
            peers: vec!["any".parse().unwrap()],
            ..Responder::default()
        },
        ..Config::default()
    };
    let engine = started(&PLUGIN, &config, Heard::default());
    let again = PLUGIN.create(&serde_json::to_string(&config).unwrap(), Heard::default());
    let refused = again.unwrap().start().unwrap_err().to_string();
    assert!(refused.contains("TWAMP Light responder"), "{refused}");
    let before = sleeps();
    let callers: Vec<_> = (0..CALLERS).map(|_| free()).collect();
    for number in 0..PROBES {
        for caller in &callers {
            // A number, no time, the least error estimate, and padding as long as the reply needs.
            let mut probe = [0; 41];
            (probe[3], probe[13]) = (number as u8, 1);
            caller.send_to(&probe, door).unwrap();
            caller
                .set_read_timeout(Some(Duration::from_secs(20)))
                .unwrap();
            let mut reply = [0; 100];
            let (octets, from) = caller.recv_from(&mut reply).unwrap();
            assert_eq!((octets, from), (41, door));
            assert_eq!(reply[24..28], [0, 0, 0, number as u8], "the probe's number");
        }
    }
    until_true("all is counted", || {
        statistics(&engine).reflected == CALLERS * PROBES
    });
    let served: Vec<_> = until("all sessions are told of", || {
        let rows = sessions(&engine).into_iter();
        let served: Vec<_> = rows.filter_map(|row| row.served).collect();
        let all: u64 = served.iter().map(|served| served.reflected).sum();
        (all == CALLERS * PROBES).then_some(served)
    });
    assert_eq!(served.len() as u64, CALLERS);
    assert_eq!(statistics(&engine).discarded, 0);
    for (thread, before) in before {
        assert!(sleeps()[&thread] > before, "{thread} had no caller");
    }
    engine.stop().unwrap();
}

#[test]
fn each_thread_has_its_name_and_its_cpu_and_none_is_left_after_a_stop() {
    let _alone = MANY.lock().unwrap_or_else(PoisonError::into_inner);
    let cpus = cpus();
    let io = Io {
        threads: THREADS,
        cpus: cpus.clone(),
        ..Io::default()
    };
    let engine = started(&PLUGIN, &of(io), Heard::default());
    let threads = last_threads();
    let names: BTreeSet<_> = threads.keys().map(String::as_str).collect();
    assert_eq!(names, ["twamp-io/3", "twamp-io/4"].into());
    for (place, name) in [(3, "twamp-io/3"), (4, "twamp-io/4")] {
        let allowed = field(&threads[name], "Cpus_allowed_list:");
        assert_eq!(allowed, cpus[place % cpus.len()].to_string());
    }
    engine.stop().unwrap();
    assert_eq!(last_threads(), HashMap::new());
}

#[test]
fn a_cpu_that_is_not_there_is_refused_and_no_thread_is_left() {
    let _alone = MANY.lock().unwrap_or_else(PoisonError::into_inner);
    let mut cpus = vec![cpus()[0]; 4];
    cpus.push(1_023);
    let io = Io {
        threads: THREADS,
        cpus,
        ..Io::default()
    };
    let refused = refused(&of(io)).expect("no machine has it");
    assert!(
        refused.contains(
            "configuration: twamp-io/4 can't stay on CPU 1023, as io.cpus says: Invalid argument"
        ),
        "{refused}"
    );
    assert!(
        refused.contains("name CPUs that are there"),
        "what to do: {refused}"
    );
    assert_eq!(last_threads(), HashMap::new());
}

#[test]
fn threads_run_in_real_time_or_the_system_is_named_that_forbids_it() {
    let _alone = MANY.lock().unwrap_or_else(PoisonError::into_inner);
    let config = of(Io {
        threads: THREADS,
        policy: Policy::Fifo,
        priority: Some(7),
        ..Io::default()
    });
    match refused(&config) {
        Some(refused) => assert!(
            refused
                .contains("local system: twamp-io/0 can't run with io.policy fifo and priority 7")
                && refused.contains("grant CAP_SYS_NICE or an RLIMIT_RTPRIO of at least 7"),
            "{refused}"
        ),
        None => {
            let engine = started(&PLUGIN, &config, Heard::default());
            for status in last_threads().values() {
                let id = field(status, "Pid:");
                let stat = fs::read_to_string(format!("/proc/self/task/{id}/stat")).unwrap();
                // Fields 40 and 41 of proc(5), counted from the state, the third.
                let (_, rest) = stat.rsplit_once(") ").unwrap();
                let rest: Vec<_> = rest.split(' ').collect();
                assert_eq!(rest[37..39], ["7", "1"], "priority and SCHED_FIFO");
            }
            engine.stop().unwrap();
        }
    }
}

#[test]
fn another_number_of_threads_waits_for_the_next_start_and_the_host_is_told() {
    let heard = Heard::default();
    let engine = started(&PLUGIN, &of(with_threads(1)), heard.clone());
    let apply = |config: &Config| {
        let json = serde_json::to_string(config).unwrap();
        engine.apply(&json, 0, false).unwrap()
    };
    let told = apply(&of(with_threads(2)));
    assert!(told.contains(r#""at_next_start":["io"]"#), "{told}");
    until_true("the log says so", || {
        heard.said("io can't change while the engine runs") == 1
    });
    let told = apply(&of(with_threads(2)));
    assert!(told.contains(r#""at_next_start":[]"#), "{told}");
    engine.stop().unwrap();
}

fn of(io: Io) -> Config {
    Config {
        io,
        ..Config::default()
    }
}

/// Why an engine can't start; `None` if it can.
fn refused(config: &Config) -> Option<String> {
    let json = serde_json::to_string(config).unwrap();
    let engine: Engine = PLUGIN.create(&json, Heard::default()).unwrap();
    let refused = engine.start().err().map(|error| error.to_string());
    if refused.is_none() {
        engine.stop().unwrap();
    }
    refused
}

/// What the kernel says of those probe threads that no engine has but those of `THREADS`.
fn last_threads() -> HashMap<String, String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("status")).ok())
        .map(|status| (field(&status, "Name:"), status))
        .filter(|(name, _)| {
            let number = name.strip_prefix("twamp-io/").map(str::parse::<u16>);
            number.is_some_and(|number| number.unwrap() >= 3)
        })
        .collect()
}

/// How often each of them has gone to sleep by itself.
fn sleeps() -> HashMap<String, u64> {
    let threads = last_threads().into_iter();
    threads
        .map(|(name, status)| {
            let sleeps = field(&status, "voluntary_ctxt_switches:");
            (name, sleeps.parse().unwrap())
        })
        .collect()
}

/// CPUs that this process may use, two at most.
fn cpus() -> Vec<u16> {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    let list = field(&status, "Cpus_allowed_list:");
    let spans = list.split(',').flat_map(|span| {
        let (first, last) = span.split_once('-').unwrap_or((span, span));
        first.parse::<u16>().unwrap()..=last.parse::<u16>().unwrap()
    });
    spans.take(2).collect()
}

fn field(status: &str, name: &str) -> String {
    let value = status.lines().find_map(|line| line.strip_prefix(name));
    value.unwrap().trim().to_owned()
}
