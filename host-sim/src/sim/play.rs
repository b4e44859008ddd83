//! Every policy in every scenario, over seeds, on all processors.
//!
//! ```text
//!   scenarios, and each of them without its events ─┐
//!   policies, and each position of their knobs ─────┼─► cells ─► runs ─► sums of each ─► Table
//!   seeds ──────────────────────────────────────────┘
//! ```

use std::time::Duration;

use super::SimError;
use super::bound;
use super::course::{Course, Diary, shown_group};
use super::crew::{self, Standing};
use super::measure::Measures;
use super::policy::{Knob, Maker};
use super::quiet::{self, quiet};
use super::run::{Noting, Played, Stage};
use super::scenario::Scenario;
use super::sweep::{Curve, Point};
use super::table::{Cost, Quantiles, Row, Table};

const US_PER_S: f64 = 1e6;
/// The seed of the run that is drawn.
const DRAWN: u64 = 1;

/// What is wished for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Runs of each policy in each scenario, with seeds from 1 on.
    pub seeds: u32,
    /// Hold delays against the exact bound, for which scenarios are played without their events too.
    pub bounds: bool,
    /// Turn knobs as well.
    pub curves: bool,
    /// Note one run of each scenario, to be drawn.
    pub courses: bool,
    /// Measure what policies cost.
    pub cost: bool,
}

impl Wish {
    /// Rows alone.
    #[must_use]
    pub fn rows(seeds: u32) -> Self {
        Self {
            seeds,
            bounds: true,
            ..Self::default()
        }
    }
}

/// A policy with its knob somewhere, on a stage.
#[derive(Clone, Copy, PartialEq)]
struct Cell {
    stage: usize,
    maker: usize,
    /// Which position of the knob; `None`: as shipped.
    position: Option<usize>,
}

/// What came of a cell.
#[derive(Default)]
struct Sum {
    measures: Measures,
    diary: Option<Diary>,
    /// Microseconds of a line and second, by run.
    costs: Vec<f64>,
}

/// Plays every policy in every scenario. `progress` is told how far it is.
///
/// # Errors
/// The first run, in the order of rows, that can't be made.
pub fn run(
    scenarios: &[&Scenario],
    makers: &[&dyn Maker],
    wish: &Wish,
    progress: &(dyn Fn(Standing) + Sync),
) -> Result<Table, SimError> {
    let (quiets, quiet_of) = quiets(scenarios, wish);
    let quiets_of = quiets.iter().map(|(scenario, _)| scenario);
    let all = scenarios.iter().copied().chain(quiets_of);
    let stages: Vec<_> = all.map(Stage::new).collect();
    let seeds = |stage: usize| match stage.checked_sub(scenarios.len()) {
        Some(quiet) => quiets[quiet].1,
        None => wish
            .seeds
            .min(scenarios[stage].most_seeds.unwrap_or(u32::MAX)),
    };
    let cells = cells(makers, stages.len(), |stage| {
        let has_quiet = quiet_of.get(stage).is_none_or(Option::is_some);
        wish.curves && has_quiet
    });
    let mut jobs = Vec::new();
    for (place, cell) in cells.iter().enumerate() {
        jobs.extend((1..=seeds(cell.stage)).map(|seed| (place, u64::from(seed))));
    }
    let weight = |(place, _): &(usize, u64)| {
        let stage = &stages[cells[*place].stage];
        stage.scenario.seconds * stage.lines.len() as f64
    };
    let weights: Vec<_> = jobs.iter().map(weight).collect();
    let played = crew::all(&weights, progress, |job| {
        let (place, seed) = jobs[job];
        let Cell {
            stage,
            maker,
            position,
            ..
        } = cells[place];
        let is_drawn = wish.courses && seed == DRAWN && position.is_none();
        let stage_of = &stages[stage];
        let noting = Noting {
            choices_of: (is_drawn && stage < scenarios.len()).then(|| shown_group(stage_of)),
            cost: wish.cost && stage < scenarios.len() && position.is_none(),
        };
        let maker = makers[maker];
        let knob = maker.knob().zip(position);
        let at = knob.map(|(Knob { positions, .. }, position)| positions[position]);
        stage_of.play_noting(maker, at, seed, noting)
    });
    let mut sums: Vec<_> = cells.iter().map(|_| Sum::default()).collect();
    for (played, (place, _)) in played.into_iter().zip(&jobs) {
        sums[*place].add(played?);
    }
    let results = Results {
        cells: &cells,
        sums: &sums,
        quiet_of: &quiet_of,
    };
    Ok(results.table(&stages[..scenarios.len()], makers, wish))
}

/// The scenarios without their events, each with how many runs of it there are; and by scenario
/// which of the stages its own is.
fn quiets(scenarios: &[&Scenario], wish: &Wish) -> (Vec<(Scenario, u32)>, Vec<Option<usize>>) {
    let mut quiets: Vec<(Scenario, u32)> = Vec::new();
    let quiet_of = scenarios.iter().map(|scenario| {
        let is_bound = || wish.bounds && bound::only_change(&Stage::new(scenario)).is_some();
        let is_needed = wish.curves || is_bound();
        let (quiet, runs) = quiet(scenario, wish.seeds).filter(|_| is_needed)?;
        let known = quiets
            .iter()
            .position(|(known, _)| quiet::is_same(known, &quiet));
        let place = known.unwrap_or_else(|| {
            quiets.push((quiet.clone(), runs));
            quiets.len() - 1
        });
        // Those who share it have the longest.
        let whole = |(quiet, runs): &(Scenario, u32)| quiet.seconds * f64::from(*runs);
        let other = (quiet, runs);
        if whole(&other) > whole(&quiets[place]) {
            quiets[place] = other;
        }
        Some(scenarios.len() + place)
    });
    let quiet_of = quiet_of.collect();
    (quiets, quiet_of)
}

/// All policies on all stages, and with their knobs turned where that is wished for.
fn cells(makers: &[&dyn Maker], stages: usize, is_swept: impl Fn(usize) -> bool) -> Vec<Cell> {
    let mut cells = Vec::new();
    for stage in 0..stages {
        for (maker, of) in makers.iter().enumerate() {
            let positions = of.knob().filter(|_| is_swept(stage));
            let positions = positions.map_or(0, |knob| knob.positions.len());
            let turned = (0..positions).map(Some);
            cells.extend(std::iter::once(None).chain(turned).map(|position| Cell {
                stage,
                maker,
                position,
            }));
        }
    }
    cells
}

impl Sum {
    fn add(&mut self, played: Played) {
        let line_seconds = played.measures.seconds * played.measures.lines as f64;
        let cost = |cost: Duration| cost.as_secs_f64() * US_PER_S / line_seconds;
        self.costs.extend(played.cost.map(cost));
        self.measures.add(&played.measures);
        self.diary = self.diary.take().or(played.diary);
    }
}

/// What came of all cells.
struct Results<'a> {
    cells: &'a [Cell],
    sums: &'a [Sum],
    quiet_of: &'a [Option<usize>],
}

impl Results<'_> {
    fn table(&self, stages: &[Stage<'_>], makers: &[&dyn Maker], wish: &Wish) -> Table {
        let mut table = Table::default();
        for (place, stage) in stages.iter().enumerate() {
            let mut course = wish.courses.then(|| Course::of(stage, DRAWN));
            for (which, maker) in makers.iter().enumerate() {
                let Some(sum) = self.of(place, which, None) else {
                    continue;
                };
                let quiet = self.quiet(place, which, None);
                table
                    .rows
                    .push(Row::of(stage, *maker, &sum.measures, quiet));
                if wish.curves && self.quiet_of[place].is_some() {
                    table.curves.push(self.curve(stage, place, *maker, which));
                }
                if let (Some(course), Some(diary)) = (&mut course, &sum.diary) {
                    course.add(stage, maker.name(), diary);
                }
                if wish.cost {
                    table.cost.push(Cost {
                        scenario: stage.scenario.name.clone(),
                        policy: maker.name(),
                        us_per_line_s: Quantiles::of(&sum.costs, 0),
                    });
                }
            }
            table.courses.extend(course);
        }
        table
    }

    fn curve(&self, stage: &Stage<'_>, place: usize, maker: &dyn Maker, which: usize) -> Curve {
        let mut curve = Curve::of(stage.scenario, maker);
        let knob = maker.knob();
        let positions = knob.iter().flat_map(|knob| knob.positions);
        let positions = positions.enumerate().map(|(at, value)| Some((at, *value)));
        for turned in std::iter::once(None).chain(positions) {
            let position = turned.map(|(position, _)| position);
            if let Some(sum) = self.of(place, which, position) {
                let quiet = self.quiet(place, which, position);
                let at = turned.map(|(_, value)| value);
                curve.points.push(Point::of(at, &sum.measures, quiet));
            }
        }
        curve
    }

    fn quiet(&self, place: usize, maker: usize, position: Option<usize>) -> Option<&Measures> {
        let sum = self.of(self.quiet_of[place]?, maker, position)?;
        Some(&sum.measures)
    }

    fn of(&self, stage: usize, maker: usize, position: Option<usize>) -> Option<&Sum> {
        let asked = Cell {
            stage,
            maker,
            position,
        };
        let place = self.cells.iter().position(|cell| *cell == asked)?;
        self.sums.get(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::baselines;
    use crate::sim::scenario::embedded;

    #[test]
    fn a_row_is_the_same_whichever_thread_plays_it_and_whatever_else_is_played() {
        let scenarios = ["s05-bursty", "s17-start-up"].map(|name| embedded(name).unwrap());
        let all = baselines::all();
        let makers = ["fortios-sla", "ewma"]
            .map(|name| &**all.iter().find(|maker| maker.name() == name).unwrap());
        let play = |scenarios: &[&Scenario], makers: &[&dyn Maker]| {
            let table = run(scenarios, makers, &Wish::rows(4), &|_| {}).unwrap();
            serde_json::to_string(&table.rows).unwrap()
        };
        let together = play(&[&scenarios[0], &scenarios[1]], &makers);
        let alone: Vec<_> = scenarios
            .iter()
            .flat_map(|scenario| makers.map(|maker| play(&[scenario], &[maker])))
            .collect();
        let alone = alone.join(",").replace("],[", ",");
        assert_eq!(together, alone);
    }
}
