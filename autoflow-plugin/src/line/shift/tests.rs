use std::path::Path;

use super::super::synthetic::Random;
use super::*;

/// A person's mark and a found one so far apart are of the same change, in samples.
const NEAR: usize = 5;

/// Slots of a line, `noise_ms` of normal noise; answers the shifts, with the slot they were known at.
fn run(watch: &mut ShiftWatch, seed: u64, slots: u64, ms: f64, noise_ms: f64) -> Vec<(u64, Shift)> {
    let mut random = Random::new(seed);
    let begin = u64::from(watch.slots);
    (begin..begin + slots)
        .filter_map(|slot| {
            let value = ms + noise_ms * random.normal();
            let shift = watch.slot(Mono(slot), value as f32);
            shift.map(|shift| (slot, shift))
        })
        .collect()
}

#[test]
fn a_round_trip_that_moves_is_known_within_six_slots_both_ways() {
    let mut watch = ShiftWatch::default();
    assert_eq!(run(&mut watch, 1, 200, 20.0, 0.5), []);
    for (seed, ms) in [(2, 35.0), (3, 20.0)] {
        let began = u64::from(watch.slots);
        let shifts = run(&mut watch, seed, 100, ms, 0.5);
        let [(known, shift)] = shifts[..] else {
            panic!("{shifts:?}");
        };
        assert!(known - began < 6, "known {} later", known - began);
        assert!(shift.since.nanos().abs_diff(began) <= 1, "{shift:?}");
        assert!((f64::from(shift.after_ms) - ms).abs() < 1.0, "{shift:?}");
    }
}

#[test]
fn what_is_over_within_four_slots_moves_nothing() {
    let mut watch = ShiftWatch::default();
    run(&mut watch, 1, 200, 20.0, 0.5);
    for seed in 0..20 {
        assert_eq!(run(&mut watch, seed, 4, 2_000.0, 0.5), []);
        assert_eq!(run(&mut watch, seed, 30, 20.0, 0.5), []);
    }
    assert!((watch.level - 20.0).abs() < 1.5, "{}", watch.level);
}

#[test]
fn noise_alone_moves_nothing_in_a_month() {
    let slots = 30 * 86_400 / SLOT.as_secs();
    for noise_ms in [0.1, 2.0, 20.0] {
        let mut watch = ShiftWatch::default();
        assert_eq!(run(&mut watch, 7, slots, 80.0, noise_ms), []);
    }
}

#[test]
fn a_slot_is_the_least_of_five_seconds() {
    let mut watch = ShiftWatch::default();
    for tenth in 0..2_000 {
        // All but one in ten wait in a queue.
        let wait = if tenth % 10 == 0 { 0 } else { 400_000_000 };
        let at = Mono(tenth * 100_000_000);
        assert_eq!(watch.see(at, 20_000_000 + wait), None);
    }
    assert_eq!((watch.slots, watch.level), (39, 20.0));
}

/// Each of the series of `tests/data/rtt-labelled`, milliseconds (0: no answer), with the samples
/// at which a person saw a change.
fn labelled() -> Vec<(String, Vec<f32>, Vec<usize>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/rtt-labelled");
    let marks = std::fs::read_to_string(folder.join("marks")).unwrap();
    let series = marks.lines().map(|line| {
        let (name, marks) = line.split_once(':').unwrap();
        let octets = std::fs::read(folder.join(name)).unwrap();
        let samples = octets.chunks_exact(2);
        let samples = samples.map(|two| f32::from(u16::from_le_bytes([two[0], two[1]])) / 100.0);
        let marks = marks.split_whitespace().map(|mark| mark.parse().unwrap());
        (name.to_owned(), samples.collect(), marks.collect())
    });
    series.collect()
}

/// Pairs of a found shift and a mark, each in one pair at most, the nearest first.
fn pairs(found: &[(usize, usize)], marks: &[usize]) -> Vec<(usize, usize)> {
    let mut all: Vec<_> = (0..found.len())
        .flat_map(|of| (0..marks.len()).map(move |mark| (of, mark)))
        .map(|(of, mark)| (found[of].1.abs_diff(marks[mark]), of, mark))
        .filter(|(apart, ..)| *apart <= NEAR)
        .collect();
    all.sort_unstable();
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for (_, of, mark) in all {
        if pairs.iter().all(|pair| pair.0 != of && pair.1 != mark) {
            pairs.push((of, mark));
        }
    }
    pairs
}

/// A sample of these lines stands for a slot. Prints the table of docs/auto-flow-control.md.
#[test]
fn of_what_people_saw_on_real_lines_three_in_four_are_found_and_as_quickly() {
    let (mut marked, mut shifts, mut hits) = (0, 0, 0);
    let mut delays = Vec::new();
    println!("series  marks  found  both");
    for (name, samples, marks) in labelled() {
        let mut watch = ShiftWatch::default();
        // When it was known, and since when it is said to be.
        let answers = samples.iter().enumerate().filter(|(_, ms)| **ms > 0.0);
        let found: Vec<(usize, usize)> = answers
            .filter_map(|(place, ms)| {
                let shift = watch.slot(Mono(place as u64), *ms)?;
                Some((place, shift.since.nanos() as usize))
            })
            .collect();
        let pairs = pairs(&found, &marks);
        let late = |(of, mark): &(usize, usize)| found[*of].0 as i64 - marks[*mark] as i64;
        delays.extend(pairs.iter().map(late));
        println!(
            "{name:6}  {:5}  {:5}  {:4}",
            marks.len(),
            found.len(),
            pairs.len()
        );
        marked += marks.len();
        shifts += found.len();
        hits += pairs.len();
    }
    delays.sort_unstable();
    let recall = f64::from(hits as u32) / f64::from(marked as u32);
    let precision = f64::from(hits as u32) / f64::from(shifts as u32);
    let [median, p95] = [50, 95].map(|percent| delays[delays.len() * percent / 100]);
    println!("precision {precision:.3}, recall {recall:.3}, {shifts} found of {marked}");
    println!("known {median} samples after the mark, 95 % of them {p95}");
    assert_eq!(marked, 539);
    assert!(recall >= 0.73, "{recall}");
    assert!(precision >= 0.57, "{precision}");
    assert!(median <= 5 && p95 <= 18, "{median}, {p95}");
}
