//! The text that Prometheus reads: OpenMetrics 1.0, and the older form 0.0.4, which `promtool` and
//! older scrapers know.

use std::fmt::Write as _;

/// A form of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `application/openmetrics-text`, version 1.0.0.
    OpenMetrics,
    /// `text/plain`, version 0.0.4.
    Plain,
}

/// What a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It goes up and down.
    Gauge,
    /// It only grows, until the engine begins anew; the name has no `_total` here.
    Counter,
}

/// All samples of one name.
#[derive(Clone, Debug)]
pub(super) struct Family {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    samples: Vec<Sample>,
}

#[derive(Clone, Debug)]
struct Sample {
    labels: Vec<(&'static str, String)>,
    value: f64,
}

/// Units that end a name, as OpenMetrics wants them told.
const UNITS: [&str; 3] = ["seconds", "ratio", "bytes"];

impl Form {
    /// What a scraper that sends this `Accept` gets.
    #[must_use]
    pub fn accepted(accept: &str) -> Self {
        match accept.contains("application/openmetrics-text") {
            true => Self::OpenMetrics,
            false => Self::Plain,
        }
    }

    /// As `Content-Type` has it.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Plain => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

impl Family {
    pub(super) fn gauge(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Gauge, help)
    }

    pub(super) fn counter(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Counter, help)
    }

    fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self {
            name,
            kind,
            help,
            samples: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, labels: &[(&'static str, &str)], value: f64) {
        let labels = labels
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        self.samples.push(Sample {
            labels: labels.collect(),
            value,
        });
    }

    /// One of several states holds: each has its sample, 1 or 0.
    pub(super) fn state(&mut self, labels: &[(&'static str, &str)], states: &[&str], now: &str) {
        for state in states {
            let mut labels = labels.to_vec();
            labels.push(("state", state));
            self.add(&labels, f64::from(u8::from(*state == now)));
        }
    }

    /// A family with one sample, which has no labels.
    pub(super) fn with(mut self, value: f64) -> Self {
        self.add(&[], value);
        self
    }

    fn write(&self, form: Form, text: &mut String) {
        // The older form has no families, only names.
        let suffix = match self.kind {
            Kind::Gauge => "",
            Kind::Counter => "_total",
        };
        let (name, family_suffix) = match form {
            Form::OpenMetrics => (self.name, ""),
            Form::Plain => (self.name, suffix),
        };
        let kind = match self.kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        };
        let _ = writeln!(text, "# TYPE {name}{family_suffix} {kind}");
        let unit = name.rsplit('_').next().unwrap_or_default();
        if form == Form::OpenMetrics && UNITS.contains(&unit) {
            let _ = writeln!(text, "# UNIT {name} {unit}");
        }
        let _ = writeln!(text, "# HELP {name}{family_suffix} {}", self.help);
        for sample in &self.samples {
            let _ = write!(text, "{name}{suffix}");
            for (number, (label, value)) in sample.labels.iter().enumerate() {
                text.push(if number == 0 { '{' } else { ',' });
                let _ = write!(text, "{label}=\"{}\"", escaped(value));
            }
            if !sample.labels.is_empty() {
                text.push('}');
            }
            let _ = writeln!(text, " {}", sample.value);
        }
    }
}

/// All families, as one text. Those without a sample are left out.
pub(super) fn page(families: &[Family], form: Form) -> String {
    let mut text = String::new();
    for family in families.iter().filter(|family| !family.samples.is_empty()) {
        family.write(form, &mut text);
    }
    if form == Form::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

fn escaped(value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    value.replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn families() -> [Family; 3] {
        let mut lost = Family::counter("twamp_lost", "What was lost.");
        lost.add(&[("line", "a \"b\"\\\nc")], 3.0);
        let mut delay = Family::gauge("twamp_delay_seconds", "How long it took.");
        delay.add(&[("line", "x"), ("statistic", "mean")], 0.25);
        [lost, delay, Family::gauge("twamp_nothing", "Not known.")]
    }

    #[test]
    fn open_metrics_names_the_family_of_a_counter_without_its_suffix_and_ends_with_eof() {
        assert_eq!(
            page(&families(), Form::OpenMetrics),
            "# TYPE twamp_lost counter\n\
             # HELP twamp_lost What was lost.\n\
             twamp_lost_total{line=\"a \\\"b\\\"\\\\\\nc\"} 3\n\
             # TYPE twamp_delay_seconds gauge\n\
             # UNIT twamp_delay_seconds seconds\n\
             # HELP twamp_delay_seconds How long it took.\n\
             twamp_delay_seconds{line=\"x\",statistic=\"mean\"} 0.25\n\
             # EOF\n"
        );
    }

    #[test]
    fn the_older_form_names_the_counter_itself() {
        let text = page(&families(), Form::Plain);
        assert!(
            text.starts_with("# TYPE twamp_lost_total counter\n"),
            "{text}"
        );
        assert!(!text.contains("UNIT") && !text.contains("EOF"), "{text}");
    }

    #[test]
    fn what_is_not_known_is_not_there() {
        assert!(!page(&families(), Form::Plain).contains("nothing"));
    }

    #[test]
    fn of_states_exactly_one_is_1() {
        let mut family = Family::gauge("twamp_line_state", "How it is.");
        family.state(&[("line", "x")], &["alive", "dead"], "dead");
        let text = page(&[family], Form::Plain);
        assert!(text.contains("{line=\"x\",state=\"alive\"} 0\n"), "{text}");
        assert!(text.contains("{line=\"x\",state=\"dead\"} 1\n"), "{text}");
    }

    #[test]
    fn a_scraper_gets_the_form_that_it_asks_for() {
        let prometheus = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5,*/*;q=0.1";
        assert_eq!(Form::accepted(prometheus), Form::OpenMetrics);
        assert_eq!(Form::accepted("*/*"), Form::Plain);
        assert_eq!(Form::accepted(""), Form::Plain);
    }
}
