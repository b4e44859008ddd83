//! What is simulated is what happens: scenarios in real time, over emulated lines and real sockets,
//! against the same in virtual time.
//!
//! ```text
//!   scenarios ─┬─► 40 lines, emulator, sockets, two engines, 90 s of the wall clock ─► times ─┐
//!              └─► world, manual clock, virtual time, many seeds ──────────────────► times ─┴─► ranks
//! ```
//!
//! Whoever draws the lines otherwise draws other times, so it is their distributions that have to
//! agree. They need not agree to less than a busy machine is late by itself: a metronome beside them
//! tells how late that is.

mod metronome;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use autoflow_tests::artifacts;
use host_sim::host::clock::boottime_ns;
use host_sim::link::{
    Direction, Directions, Emulator, EmulatorConfig, Impairment, LineAddresses, LineConfig,
};
use host_sim::sim::scenario::{Event, Scenario, embedded};
use host_sim::sim::{Autoflow, Wish, run};
use plugin_abi::config::{Class, Config, Group, Line, Mode, Responder};
use plugin_abi::host::{Callbacks, Change, Plugin, Silent};

use metronome::Metronome;

static PLUGIN: LazyLock<Plugin> = LazyLock::new(|| {
    Plugin::load_checked(&artifacts().plugin).unwrap_or_else(|error| panic!("{error}"))
});

const SCENARIOS: [&str; 4] = [
    "s01-hard-fail",
    "s02-brown-out-5",
    "s03-forward-loss",
    "s04-backward-loss",
];
/// Lines that meet each of them at the same time.
const LINES: usize = 10;
/// Runs of each in virtual time.
const RUNS: usize = 40;
/// When it happens, and how long is waited for a switch, in seconds.
const BEFORE_S: f64 = 30.0;
const AFTER_S: f64 = 60.0;
/// As far from chance the sum of ranks may be, in standard deviations: once in 30,000 times.
const FARTHEST: f64 = 4.2;
/// Choices are published so often, in seconds.
const PUBLISH_S: f64 = 0.1;
/// Threads that hand a packet on, and then what came of it, until a switch is told: sender and
/// emulator on the way out and back, the far end, the publication, the callback.
const HANDS: f64 = 6.0;
/// From one line's event to the next one's: lines are not to share how far the next publication is.
const STAGGER_S: f64 = 0.137;
/// What took so long never came.
const NEVER: f64 = f64::INFINITY;

const CONTROL_PORT: u16 = 18_620;
const TEST_PORTS: (u16, u16) = (20_000, 20_003);
/// The line that all groups have besides.
const OTHER: u64 = 1;

#[test]
fn scenarios_in_real_time_agree_with_virtual_time_within_their_spread() {
    let scenarios = SCENARIOS.map(|name| embedded(name).expect("it is there"));
    let metronome = Metronome::start();
    let real = Site::of(&scenarios).happen();
    // Times are worth a publication at either end, and what the machine is late.
    let worth_s = 2.0 * PUBLISH_S + HANDS * metronome.late_s();
    for (scenario, real) in scenarios.iter().zip(real) {
        let imagined = imagined(scenario);
        let sooner = ranks_apart(&moved(&real, -worth_s), &imagined);
        let later = ranks_apart(&moved(&real, worth_s), &imagined);
        println!(
            "{}: real {}, virtual {}, {sooner:.1} … {later:.1} standard deviations apart if times \
             are worth {worth_s:.2} s",
            scenario.name,
            spread(&real),
            spread(&imagined)
        );
        assert!(
            sooner <= FARTHEST && later >= -FARTHEST,
            "{}: {real:?} {imagined:?}",
            scenario.name
        );
        // Else nothing was put to the test.
        let came = real.iter().filter(|time| **time < NEVER).count();
        assert!(came >= LINES / 2, "{}: {real:?}", scenario.name);
    }
}

/// Times from the event to the switch in virtual time, in seconds.
fn imagined(scenario: &Scenario) -> Vec<f64> {
    let autoflow = Autoflow::new(PLUGIN.clone());
    let time = |n: usize| {
        let mut short = short(scenario);
        // Wherever it falls between two publications.
        short.events[0].at_s += PUBLISH_S * n as f64 / RUNS as f64;
        let name = format!("A{n}");
        // A line of another name has other fates.
        for named in [
            &mut short.lines[0].name,
            short.events[0].line.as_mut().expect("it has a name"),
        ] {
            named.clone_from(&name);
        }
        let once = Wish {
            seeds: 1,
            ..Wish::default()
        };
        let table = run(&[&short], &[&autoflow], &once, &|_| {}).expect("it runs");
        table.rows[0]
            .time_to_switch_s
            .map_or(NEVER, |time| time.p50)
    };
    (0..RUNS).map(time).collect()
}

/// The first line of a scenario, what happens to it first, and the line beside it.
fn short(scenario: &Scenario) -> Scenario {
    let mut short = scenario.clone();
    short.lines.truncate(2);
    short.events.truncate(1);
    short.events[0].at_s = BEFORE_S;
    short.seconds = BEFORE_S + AFTER_S;
    short.truth.clear();
    short
}

/// Two engines and the lines between them.
struct Site<'a> {
    scenarios: &'a [Scenario; 4],
    /// That which all groups share first, then those of each scenario.
    lines: Vec<(String, LineAddresses, Impairment)>,
}

/// What an engine says of its choices.
struct Changes(Arc<Mutex<Vec<Change>>>);

impl Callbacks for Changes {
    fn choice_changed(&self, change: &Change) {
        self.0
            .lock()
            .expect("nobody panics with it")
            .push(change.clone());
    }
}

impl<'a> Site<'a> {
    fn of(scenarios: &'a [Scenario; 4]) -> Self {
        let other = ("other".to_owned(), scenarios[0].lines[1].base);
        let hurt = scenarios.iter().enumerate().flat_map(|(place, scenario)| {
            (0..LINES).map(move |n| (format!("{place}.{n}"), scenario.lines[0].base))
        });
        let lines = std::iter::once(other).chain(hurt).zip(0..);
        Self {
            scenarios,
            lines: lines
                .map(|((name, base), n)| (name, addresses(n), base))
                .collect(),
        }
    }

    /// Times from the event to the switch, by scenario, in seconds.
    fn happen(&self) -> [Vec<f64>; 4] {
        let line = |(name, addresses, base): &(String, LineAddresses, Impairment)| LineConfig {
            name: name.clone(),
            addresses: *addresses,
            udp_ports: vec![TEST_PORTS.0..=TEST_PORTS.1],
            tcp_ports: vec![CONTROL_PORT],
            forward: *base,
            backward: *base,
        };
        let emulator = Emulator::start(EmulatorConfig {
            seed: 77,
            lines: self.lines.iter().map(line).collect(),
        });
        let emulator = emulator.expect("the lines can be emulated");
        let far = PLUGIN
            .create(&json(&self.far()), Silent)
            .expect("a far end");
        far.start().expect("it starts");
        let changes = Arc::default();
        let heard = Changes(Arc::clone(&changes));
        let near = PLUGIN
            .create(&json(&self.near()), heard)
            .expect("a near end");
        near.start().expect("it starts");

        let start = Instant::now();
        let wait = |until_s: f64| {
            let left = Duration::from_secs_f64(until_s).saturating_sub(start.elapsed());
            std::thread::sleep(left);
        };
        // By line, then by scenario.
        let mut at_ns = [[0; 4]; LINES];
        for (n, at_ns) in at_ns.iter_mut().enumerate() {
            wait(BEFORE_S + n as f64 * STAGGER_S);
            for (place, scenario) in self.scenarios.iter().enumerate() {
                at_ns[place] = boottime_ns();
                hurt(&emulator, &format!("{place}.{n}"), &scenario.events[0]);
            }
        }
        wait(BEFORE_S + AFTER_S + LINES as f64 * STAGGER_S);
        near.stop().expect("it stops");
        let changes = changes.lock().expect("nobody panics with it");
        [0, 1, 2, 3].map(|place| {
            let time = |n: usize| {
                let group = id(place, n);
                let hurt = at_ns[n][place];
                let left = |change: &&Change| {
                    (change.group, change.to) == (group, Some(OTHER)) && change.at_ns >= hurt
                };
                let left = changes.iter().find(left);
                left.map_or(NEVER, |change| (change.at_ns - hurt) as f64 / 1e9)
            };
            (0..LINES).map(time).collect()
        })
    }

    fn near(&self) -> Config {
        let groups: Vec<u64> = (0..SCENARIOS.len() * LINES)
            .map(|place| id(place / LINES, place % LINES))
            .collect();
        let lines = self.configured(|line, addresses| {
            line.local = Some(addresses.near_end.into());
            let remote = SocketAddr::new(addresses.near_side.into(), CONTROL_PORT);
            line.remote = Some(remote.into());
            (line.groups, line.cost) = match line.id {
                OTHER => (groups.clone(), 1),
                own => (vec![own], 0),
            };
        });
        let named = |&id: &u64| Group {
            id,
            name: id.to_string(),
            mode: None,
        };
        let class = self.scenarios[0].classes().remove(0);
        Config {
            mode: Mode::Act,
            lines: lines.into_iter().map(Arc::new).collect(),
            groups: groups.iter().map(named).collect(),
            classes: vec![Class { id: 1, ..class }],
            responder: responder(),
            ..Config::default()
        }
    }

    fn far(&self) -> Config {
        let lines = self.configured(|line, addresses| {
            line.local = Some(addresses.far_end.into());
            line.remote = Some(plugin_abi::config::Address::from(addresses.far_side).into());
            (line.sender, line.responder) = (false, true);
        });
        Config {
            mode: Mode::Measure,
            lines: lines.into_iter().map(Arc::new).collect(),
            responder: responder(),
            ..Config::default()
        }
    }

    fn configured(&self, place: impl Fn(&mut Line, &LineAddresses)) -> Vec<Line> {
        let ids = std::iter::once(OTHER)
            .chain((0..SCENARIOS.len() * LINES).map(|n| id(n / LINES, n % LINES)));
        let lines = ids.zip(&self.lines).map(|(id, (name, addresses, _))| {
            let bare = serde_json::json!({ "id": id, "name": name });
            let mut line = serde_json::from_value(bare).expect("all else has a default");
            place(&mut line, addresses);
            line
        });
        lines.collect()
    }
}

/// What happens in a scenario happens to this line.
fn hurt(emulator: &Emulator, line: &str, event: &Event) {
    let set = event.set.expect("a scenario begins with what hurts");
    for (direction, other) in [
        (Direction::Forward, Directions::Backward),
        (Direction::Backward, Directions::Forward),
    ] {
        if event.direction != other {
            let done = emulator.set(line, direction, &set);
            done.expect("a sound impairment of a line that is there");
        }
    }
}

/// The same, so many seconds later.
fn moved(times: &[f64], by_s: f64) -> Vec<f64> {
    times.iter().map(|time| time + by_s).collect()
}

/// Of the n-th line of a scenario, and of its group.
fn id(scenario: usize, n: usize) -> u64 {
    (100 * (scenario + 1) + n) as u64
}

fn responder() -> Responder {
    Responder {
        control_port: CONTROL_PORT,
        test_ports: TEST_PORTS,
        ..Responder::default()
    }
}

fn json(config: &Config) -> String {
    serde_json::to_string(config).expect("a configuration is JSON")
}

/// The process's own block, and behind all that demos take.
fn addresses(n: u8) -> LineAddresses {
    let block = (std::process::id() % 254) as u8 + 1;
    let address = |place| Ipv4Addr::new(127, block, 245, 1 + 4 * n + place);
    LineAddresses {
        near_end: address(0),
        near_side: address(1),
        far_side: address(2),
        far_end: address(3),
    }
}

/// How many standard deviations the sum of the ranks of `one` is from what it would be if both were
/// of one distribution (Mann and Whitney, 1947).
fn ranks_apart(one: &[f64], other: &[f64]) -> f64 {
    let wins: f64 = one
        .iter()
        .flat_map(|mine| other.iter().map(move |theirs| mine.total_cmp(theirs)))
        .map(|order| match order {
            std::cmp::Ordering::Greater => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Less => 0.0,
        })
        .sum();
    let (n, m) = (one.len() as f64, other.len() as f64);
    (wins - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt()
}

/// The least, the median and the most, for people.
fn spread(times: &[f64]) -> String {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted[(share * (sorted.len() - 1) as f64).round() as usize];
    format!("{:.2} … {:.2} … {:.2} s", at(0.0), at(0.5), at(1.0))
}

#[test]
fn the_same_distribution_is_not_far_apart_and_another_one_is() {
    let even = |from: f64, count: usize| -> Vec<f64> {
        (0..count).map(|n| from + n as f64 / count as f64).collect()
    };
    assert!(ranks_apart(&even(0.0, 10), &even(0.0, 60)).abs() < 0.5);
    assert!(ranks_apart(&even(1.0, 10), &even(0.0, 60)) > FARTHEST);
    assert!(ranks_apart(&even(-1.0, 10), &even(0.0, 60)) < -FARTHEST);
    assert!(ranks_apart(&[NEVER; 10], &[NEVER; 60]).abs() < 1e-9);
}
