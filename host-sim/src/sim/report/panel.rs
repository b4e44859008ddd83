//! A picture of one window of a run, for one class: lines, what was right, who chose what.
//!
//! ```text
//!     time ─────────────────────────────────────────────►
//!     line A   ░░░░░░░░░░░▓▓▓ 5 % loss ▓▓▓░░░░░░░░░░░░░░░    what was done to it
//!     right    ═══════════            ═══════════════════    a stripe for each line
//!     policy   AAAAAAAAAAAA│BBBBBBBBBBBBBBBBB│AAAAAAAAAAA    a band each, switches marked
//! ```

use super::markup::{escape, figure};
use super::scale::{marks, moment, span};
use super::windows::Window;
use crate::sim::Autoflow;
use crate::sim::course::{ClassCourse, Course, LineChange, PolicyCourse};
use crate::sim::scenario::Scenario;

const WIDTH: f64 = 1_000.0;
const LEFT: f64 = 160.0;
const RIGHT: f64 = 990.0;
const LANE: f64 = 18.0;
const STRIPE: f64 = 5.0;
const BAND: f64 = 12.0;
const GAP: f64 = 4.0;
/// Narrower than this, what was chosen can't be told apart.
const NARROW: f64 = 1.0;
/// Colours that there are for lines.
const COLOURS: usize = 7;

/// What pictures of a page share.
pub(super) const PATTERNS: &str = "\
<svg width=\"0\" height=\"0\" class=\"patterns\" aria-hidden=\"true\"><defs>\
<pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
patternTransform=\"rotate(45)\"><rect width=\"2.5\" height=\"6\" class=\"hatch\"/></pattern>\
<pattern id=\"dots\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\">\
<rect width=\"4\" height=\"4\" class=\"dots-ground\"/><circle cx=\"2\" cy=\"2\" r=\"1\" class=\"dots\"/>\
</pattern></defs></svg>\n";

/// What the colours of a course mean.
pub(super) fn legend(course: &Course) -> String {
    let mut items = String::new();
    for (place, line) in course.lines.iter().enumerate() {
        items.push_str(&item(
            &format!("l{}", place % COLOURS),
            &format!("on line {}", line.name),
        ));
    }
    for (class, says) in [
        ("dead", "nothing comes through"),
        ("loss", "loses more than at the start"),
        ("delay", "is slower, or varies more"),
        ("wrong", "chosen, though not right"),
        ("busy", "switches too often to be drawn"),
        ("none", "on none yet"),
    ] {
        items.push_str(&item(class, says));
    }
    format!("<ul class=\"legend\">{items}</ul>\n")
}

fn item(class: &str, says: &str) -> String {
    format!(
        "<li><svg width=\"22\" height=\"12\" aria-hidden=\"true\"><rect width=\"22\" height=\"12\" \
         class=\"{class}\"/></svg> {}</li>",
        escape(says)
    )
}

/// The picture with what it shows as its caption.
pub(super) fn render(
    scenario: &Scenario,
    course: &Course,
    class: &ClassCourse,
    window: &Window,
) -> String {
    let mut panel = Panel {
        course,
        window,
        y: 0.0,
        marks: String::new(),
    };
    panel.axis();
    panel.lines();
    panel.right(class);
    for policy in &class.policies {
        panel.policy(class, policy);
    }
    let Window { from, to, is_whole } = window;
    let mut caption = match is_whole {
        true => format!("The whole run, {}", span(course.seconds)),
        false => format!("From {} to {} s", figure_s(*from), figure_s(*to)),
    };
    let says = happenings(scenario, window);
    if !says.is_empty() {
        caption.push_str(": ");
        caption.push_str(&says);
    }
    let caption = escape(&caption);
    let height = panel.y + 4.0;
    format!(
        "<figure><figcaption>{caption}</figcaption><div class=\"wide\"><svg class=\"timeline\" \
         role=\"img\" aria-label=\"{caption}\" viewBox=\"0 0 {WIDTH} {height}\" \
         data-scenario=\"{}\" data-class=\"{}\" data-from=\"{from}\" data-to=\"{to}\" data-left=\"{LEFT}\" data-right=\"{RIGHT}\">\n{}</svg>\
         </div></figure>\n",
        escape(&scenario.name),
        escape(&class.name),
        panel.marks
    )
}

/// What the scenario says of the events in a window, each once.
fn happenings(scenario: &Scenario, window: &Window) -> String {
    let within = |at: f64| at >= window.from && at <= window.to;
    let ends = scenario.ends.iter();
    let ends = ends.map(|end| (end.at_s, None, end.at_s, end.says.as_str()));
    let events = scenario.events.iter().map(|event| {
        let until = event.until_s.unwrap_or(scenario.seconds);
        (event.at_s, event.every_s, until, event.says.as_str())
    });
    let mut said: Vec<(f64, String)> = Vec::new();
    for (first, every, until, says) in events.chain(ends) {
        let again = every.map_or(first, |every| {
            first + ((window.from - first) / every).ceil().max(0.0) * every
        });
        let is_known = said.iter().any(|(_, known)| known.ends_with(says));
        if says.is_empty() || !within(again) || again > until || is_known {
            continue;
        }
        let repeated = every.map_or(String::new(), |every| {
            format!(" and each {} s", figure_s(every))
        });
        said.push((again, format!("at {} s{repeated}, {says}", figure_s(again))));
    }
    said.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let said: Vec<_> = said.into_iter().map(|(_, says)| says).collect();
    said.join("; ")
}

fn figure_s(seconds: f64) -> String {
    format!("{}", (seconds * 10.0).round() / 10.0)
}

struct Panel<'a> {
    course: &'a Course,
    window: &'a Window,
    y: f64,
    marks: String,
}

impl Panel<'_> {
    fn axis(&mut self) {
        let Window { from, to, .. } = *self.window;
        let bottom = self.height();
        for at in marks(from, to) {
            let x = self.x(at);
            self.marks.push_str(&format!(
                "<path class=\"grid\" d=\"M{x:.1} 16V{bottom:.1}\"/><text class=\"tick\" \
                 x=\"{x:.1}\" y=\"11\">{}</text>\n",
                moment(at, to - from)
            ));
        }
        self.y = 20.0;
    }

    /// Of all that is drawn, told before it is.
    fn height(&self) -> f64 {
        let lines = self.course.lines.len() as f64;
        let policies = self
            .course
            .classes
            .first()
            .map_or(0, |class| class.policies.len());
        20.0 + lines * (LANE + GAP)
            + lines * (STRIPE + 1.0)
            + 2.0 * GAP
            + policies as f64 * (BAND + GAP)
    }

    fn lines(&mut self) {
        for line in &self.course.lines {
            self.label(&format!("line {}", line.name), LANE, "name");
            let rest = line.changes.first();
            self.rect(
                "rest",
                self.window.from,
                self.window.to,
                LANE,
                "as at the start",
            );
            let spans = spans(&line.changes, self.course.seconds, |change| change.at_s);
            for (change, from, to) in spans.filter(|(change, ..)| !change.at_rest) {
                let Some((class, says)) = rest.map(|rest| doing(change, rest)) else {
                    continue;
                };
                self.rect(class, from, to, LANE, &says);
                self.words(&says, from, to);
            }
            self.y += LANE + GAP;
        }
    }

    fn right(&mut self, class: &ClassCourse) {
        let lines = self.course.lines.len();
        let height = lines as f64 * (STRIPE + 1.0);
        self.label(&format!("right for {}", class.name), height, "name");
        for (place, line) in self.course.lines.iter().enumerate() {
            let spans = spans(&class.right, self.course.seconds, |change| change.at_s);
            for (_, from, to) in spans.filter(|(change, ..)| change.lines.contains(&line.name)) {
                let says = format!("{} is right", line.name);
                self.rect(&format!("l{}", place % COLOURS), from, to, STRIPE, &says);
            }
            self.y += STRIPE + 1.0;
        }
        self.y += 2.0 * GAP;
    }

    fn policy(&mut self, class: &ClassCourse, policy: &PolicyCourse) {
        let slug = escape(policy.policy);
        self.marks
            .push_str(&format!("<g class=\"policy\" data-policy=\"{slug}\">"));
        let name = match policy.policy {
            Autoflow::NAME => "name ours",
            _ => "name",
        };
        self.label(policy.policy, BAND, name);
        // Those too narrow to be seen are one mark together.
        let mut busy: Option<(f64, f64, usize)> = None;
        let mut switches = Vec::new();
        let choices: Vec<_> =
            spans(&policy.choices, self.course.seconds, |change| change.at_s).collect();
        for (change, from, to) in &choices {
            let Some((x, width)) = self.place(*from, *to) else {
                continue;
            };
            if width < NARROW {
                let (since, _, count) = busy.unwrap_or((*from, *to, 0));
                busy = Some((since, *to, count + 1));
                continue;
            }
            self.crowd(busy.take());
            let line = change.line.as_deref();
            let place = self
                .course
                .lines
                .iter()
                .position(|of| Some(of.name.as_str()) == line);
            let colour = place.map_or("none".to_owned(), |place| format!("l{}", place % COLOURS));
            let says = format!(
                "{}: on {} from {} to {} s",
                policy.policy,
                line.unwrap_or("none"),
                figure_s(*from),
                figure_s(*to)
            );
            self.rect(&colour, *from, *to, BAND, &says);
            if *from > self.window.from {
                switches.push(x);
            }
        }
        self.crowd(busy.take());
        self.wrong(class, &choices);
        let (top, bottom) = (self.y - 1.5, self.y + BAND + 1.5);
        for x in switches {
            self.marks.push_str(&format!(
                "<path class=\"switch\" d=\"M{x:.2} {top:.1}V{bottom:.1}\"/>"
            ));
        }
        self.marks.push_str("</g>\n");
        self.y += BAND + GAP;
    }

    fn crowd(&mut self, busy: Option<(f64, f64, usize)>) {
        if let Some((from, to, count)) = busy {
            let says = format!(
                "{count} stays from {} to {} s",
                figure_s(from),
                figure_s(to)
            );
            self.rect("busy", from, to, BAND, &says);
        }
    }

    /// Where the line that is chosen isn't right, and another is.
    fn wrong(
        &mut self,
        class: &ClassCourse,
        choices: &[(&crate::sim::course::ChoiceChange, f64, f64)],
    ) {
        let mut until = f64::MIN;
        for (right, from, to) in spans(&class.right, self.course.seconds, |change| change.at_s) {
            for (change, chosen, left) in choices {
                let Some(line) = &change.line else { continue };
                let (start, end) = (from.max(*chosen), to.min(*left));
                if start >= end || right.lines.contains(line) {
                    continue;
                }
                // Many short ones would be a grey of their own.
                let Some((x, width)) = self.place(start.max(until), end) else {
                    continue;
                };
                if width >= 0.3 {
                    self.marks.push_str(&format!(
                        "<rect class=\"wrong\" x=\"{x:.2}\" y=\"{:.1}\" width=\"{width:.2}\" \
                         height=\"{BAND}\"/>",
                        self.y
                    ));
                    until = end;
                }
            }
        }
    }

    fn label(&mut self, text: &str, height: f64, class: &str) {
        let y = self.y + height / 2.0;
        self.marks.push_str(&format!(
            "<text class=\"{class}\" x=\"{}\" y=\"{y:.1}\">{}</text>\n",
            LEFT - 8.0,
            escape(text)
        ));
    }

    fn rect(&mut self, class: &str, from: f64, to: f64, height: f64, says: &str) {
        if let Some((x, width)) = self.place(from, to) {
            let width = width.max(NARROW);
            self.marks.push_str(&format!(
                "<rect class=\"{class}\" x=\"{x:.2}\" y=\"{:.1}\" width=\"{width:.2}\" \
                 height=\"{height}\"><title>{}</title></rect>",
                self.y,
                escape(says)
            ));
        }
    }

    /// Words into a mark that has room for them.
    fn words(&mut self, says: &str, from: f64, to: f64) {
        if let Some((x, width)) = self.place(from, to) {
            let needed = says.chars().count() as f64 * 6.2 + 6.0;
            if width >= needed {
                self.marks.push_str(&format!(
                    "<text class=\"inside\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                    x + width / 2.0,
                    self.y + LANE / 2.0,
                    escape(says)
                ));
            }
        }
    }

    fn x(&self, at: f64) -> f64 {
        let Window { from, to, .. } = *self.window;
        LEFT + (at - from) / (to - from) * (RIGHT - LEFT)
    }

    /// Where a span of time is drawn, and how wide; `None`: outside.
    fn place(&self, from: f64, to: f64) -> Option<(f64, f64)> {
        let (from, to) = (from.max(self.window.from), to.min(self.window.to));
        (from < to).then(|| (self.x(from), self.x(to) - self.x(from)))
    }
}

/// What holds, from when, and until when.
fn spans<'a, T>(
    changes: &'a [T],
    end: f64,
    at: impl Fn(&T) -> f64 + Copy + 'a,
) -> impl Iterator<Item = (&'a T, f64, f64)> {
    changes.iter().enumerate().map(move |(place, change)| {
        let until = changes.get(place + 1).map_or(end, at);
        (change, at(change), until)
    })
}

/// What a line does beside what it did at rest: how it is drawn, and in words.
fn doing(change: &LineChange, rest: &LineChange) -> (&'static str, String) {
    if change.dead {
        let ways = match change.loss_percent {
            [there, back] if there >= 100.0 && back >= 100.0 => "dead",
            [there, _] if there >= 100.0 => "dead forward",
            _ => "dead backward",
        };
        return ("dead", ways.to_owned());
    }
    let [there, back] = change.loss_percent;
    let more = |way: usize| change.loss_percent[way] > rest.loss_percent[way] + 0.005;
    let loss = match (more(0), more(1)) {
        (true, true) if (there - back).abs() < 0.005 => format!("{} % loss", figure(there)),
        (true, true) => format!(
            "{} % loss forward, {} % backward",
            figure(there),
            figure(back)
        ),
        (true, false) => format!("{} % loss forward", figure(there)),
        (false, true) => format!("{} % loss backward", figure(back)),
        (false, false) => String::new(),
    };
    let slower = change.round_trip_ms - rest.round_trip_ms;
    let delay = match slower.abs() < 0.5 {
        true => String::new(),
        false => format!(
            "{}{} ms",
            if slower > 0.0 { "+" } else { "−" },
            figure(slower.abs())
        ),
    };
    let varied = change.jitter_ms[0].hypot(change.jitter_ms[1]);
    let steady = rest.jitter_ms[0].hypot(rest.jitter_ms[1]);
    let jitter = match varied > steady + 0.5 {
        true => format!("jitter {} ms", figure(varied)),
        false => String::new(),
    };
    let class = if loss.is_empty() { "delay" } else { "loss" };
    let parts: Vec<_> = [loss, delay, jitter]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    match parts.is_empty() {
        true => ("delay", "otherwise".to_owned()),
        false => (class, parts.join(", ")),
    }
}
