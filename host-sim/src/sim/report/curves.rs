//! Delay against idle switches: a curve for each policy whose knob was turned.

use super::markup::{escape, figure};
use crate::sim::sweep::{Curve, Point};
use crate::sim::{Autoflow, baselines};

const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 480.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 980.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 430.0;
/// Room for those that never switch idly, and for those that never switch in time.
const ASIDE: f64 = 50.0;
const RADIUS: f64 = 8.0;

/// The picture, and its figures.
pub(super) fn render(curves: &[&Curve]) -> String {
    let axes = Axes::of(curves);
    let mut marks = axes.render();
    for curve in curves {
        marks.push_str(&line(&axes, curve));
    }
    let mut taken: Vec<(f64, f64)> = Vec::new();
    for (number, curve) in curves.iter().enumerate() {
        marks.push_str(&shipped(&axes, curve, number + 1, &mut taken));
    }
    let label = "median time to switch against idle switches of a healthy line a week";
    format!(
        "<h3>Quick or calm: each policy's knob turned</h3>\n<p class=\"aside\">A number marks a \
         policy as it is shipped; the line through it is what it does with its knob elsewhere. To \
         the left is calm, below is quick: the nearer to that corner, the better.</p>\n\
         <figure><div class=\"wide\"><svg class=\"curves\" role=\"img\" aria-label=\"{label}\" \
         viewBox=\"0 0 {WIDTH} {HEIGHT}\">\n{marks}</svg></div></figure>\n{}",
        points(curves)
    )
}

/// Logarithms of both, with a place for nothing and for never.
struct Axes {
    idle: [f64; 2],
    seconds: [f64; 2],
}

impl Axes {
    fn of(curves: &[&Curve]) -> Self {
        let points = || curves.iter().flat_map(|curve| &curve.points);
        let seconds = points()
            .filter_map(delay)
            .filter(|seconds| seconds.is_finite());
        Self {
            idle: decades(points().filter_map(idle)),
            seconds: decades(seconds),
        }
    }

    fn x(&self, idle: f64) -> f64 {
        match idle {
            0.0 => LEFT + ASIDE / 2.0,
            some => {
                let share = share(some, self.idle);
                LEFT + ASIDE + share * (RIGHT - LEFT - ASIDE)
            }
        }
    }

    fn y(&self, seconds: f64) -> f64 {
        match seconds.is_finite() {
            true => {
                // At once is as quick as can be drawn.
                let share = share(seconds.max(self.seconds[0]), self.seconds);
                BOTTOM - share * (BOTTOM - TOP - ASIDE)
            }
            false => TOP + ASIDE / 2.0,
        }
    }

    fn render(&self) -> String {
        let mut text = String::new();
        let mut column = |x: f64, says: &str| {
            text.push_str(&format!(
                "<path class=\"grid\" d=\"M{x:.1} {TOP}V{BOTTOM}\"/><text class=\"tick\" \
                 x=\"{x:.1}\" y=\"{}\">{says}</text>",
                BOTTOM + 16.0
            ));
        };
        column(self.x(0.0), "none");
        for at in powers(self.idle) {
            column(self.x(at), &figure(at));
        }
        let mut row = |y: f64, says: &str| {
            text.push_str(&format!(
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/><text class=\"name\" \
                 x=\"{}\" y=\"{y:.1}\">{says}</text>",
                LEFT - 6.0
            ));
        };
        row(self.y(f64::INFINITY), "never");
        for at in powers(self.seconds) {
            row(self.y(at), &format!("{} s", figure(at)));
        }
        text.push_str(&format!(
            "<text class=\"tick\" x=\"{}\" y=\"{}\">idle switches of a healthy line a week</text>\n",
            (LEFT + RIGHT) / 2.0,
            BOTTOM + 38.0
        ));
        text
    }
}

/// Whole powers of ten around all that is more than nothing.
fn decades(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let some: Vec<_> = values.filter(|value| *value > 0.0).collect();
    let least = some.iter().copied().fold(f64::INFINITY, f64::min);
    let most = some.iter().copied().fold(0.0, f64::max);
    if some.is_empty() {
        return [1.0, 10.0];
    }
    let low = 10_f64.powf(least.log10().floor());
    [low, 10_f64.powf(most.log10().ceil()).max(low * 10.0)]
}

fn share(value: f64, [low, high]: [f64; 2]) -> f64 {
    (value / low).log10() / (high / low).log10()
}

fn powers([low, high]: [f64; 2]) -> impl Iterator<Item = f64> {
    std::iter::successors(Some(low), |at| Some(at * 10.0)).take_while(move |at| *at <= high * 1.001)
}

fn idle(point: &Point) -> Option<f64> {
    point.healthy_switches_per_line_week
}

fn delay(point: &Point) -> Option<f64> {
    point.time_to_switch_s.map(|times| times.p50)
}

fn class(curve: &Curve) -> &'static str {
    match curve.policy {
        Autoflow::NAME => "ours",
        of if baselines::is_oracle(of) => "oracle",
        _ => "rival",
    }
}

/// Through all positions of the knob.
fn line(axes: &Axes, curve: &Curve) -> String {
    let places = curve.points.iter().filter(|point| point.at.is_some());
    let places: Vec<_> = places
        .filter_map(|point| Some((axes.x(idle(point)?), axes.y(delay(point)?))))
        .collect();
    if places.len() < 2 {
        return String::new();
    }
    let path: Vec<_> = places
        .iter()
        .map(|(x, y)| format!("{x:.1} {y:.1}"))
        .collect();
    let dots = places
        .iter()
        .map(|(x, y)| format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\"/>"));
    format!(
        "<g class=\"curve {}\" data-policy=\"{}\"><path d=\"M{}\"/>{}</g>\n",
        class(curve),
        escape(curve.policy),
        path.join("L"),
        dots.collect::<String>()
    )
}

/// The number of a policy where it is as shipped, moved aside where another one is already.
fn shipped(axes: &Axes, curve: &Curve, number: usize, taken: &mut Vec<(f64, f64)>) -> String {
    let point = curve.points.iter().find(|point| point.at.is_none());
    let Some((idle, delay)) = point.and_then(|point| Some((idle(point)?, delay(point)?))) else {
        return String::new();
    };
    let (mut x, mut y) = (axes.x(idle), axes.y(delay));
    let near = |x: f64, y: f64, taken: &[(f64, f64)]| {
        let apart = |(a, b): &(f64, f64)| (a - x).hypot(b - y) >= 2.0 * RADIUS;
        !taken.iter().all(apart)
    };
    while near(x, y, taken) {
        x += 2.0 * RADIUS + 1.0;
        if x > RIGHT - RADIUS {
            (x, y) = (axes.x(idle), y + 2.0 * RADIUS + 1.0);
        }
    }
    taken.push((x, y));
    format!(
        "<g class=\"shipped {}\" data-policy=\"{}\"><circle cx=\"{x:.1}\" cy=\"{y:.1}\" \
         r=\"{RADIUS}\"/><text x=\"{x:.1}\" y=\"{y:.1}\">{number}</text><title>{}: {} s, {} a \
         week</title></g>\n",
        class(curve),
        escape(curve.policy),
        escape(curve.policy),
        figure(delay),
        figure(idle)
    )
}

/// The same as figures.
fn points(curves: &[&Curve]) -> String {
    let mut rows = String::new();
    for (number, curve) in curves.iter().enumerate() {
        let cells = curve.points.iter().map(|point| {
            let at = point
                .at
                .map_or("shipped".to_owned(), |at| format!("at {}", figure(at)));
            let exact = |value: Option<f64>| value.map_or(String::new(), |of| format!("{of:?}"));
            let shown = |value: Option<f64>| value.map_or("–".to_owned(), figure);
            format!(
                "<td data-delay=\"{}\" data-idle=\"{}\"><small>{at}</small>{} s<small>{} / week\
                 </small></td>",
                exact(delay(point)),
                exact(idle(point)),
                shown(delay(point)),
                shown(idle(point))
            )
        });
        rows.push_str(&format!(
            "<tr data-policy=\"{policy}\" class=\"{}\"><td>{}</td><th scope=\"row\">{policy}</th>\
             <td class=\"words\">{}</td>{}</tr>\n",
            class(curve),
            number + 1,
            escape(curve.knob.unwrap_or("has none")),
            cells.collect::<String>(),
            policy = escape(curve.policy),
        ));
    }
    format!(
        "<div class=\"wide\"><table class=\"points\">\n<caption>Median time to switch, and idle \
         switches of a healthy line a week, at each position of the knob.</caption>\n\
         <thead><tr><th scope=\"col\"></th><th scope=\"col\" class=\"words\">policy</th><th scope=\"col\" \
         class=\"words\">knob</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n"
    )
}
