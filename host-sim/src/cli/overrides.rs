//! The words of `host-sim overrides`.

use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};
use jiff::{Span, SpanRelativeTo, Timestamp};

use super::{Socket, positive};

/// `host-sim overrides`.
#[derive(Args, Clone, Debug)]
pub struct Overrides {
    /// What to do with them.
    #[command(subcommand)]
    pub what: Option<OverridesCommand>,
    /// The host.
    #[command(flatten)]
    pub socket: Socket,
}

/// What can be done with overrides.
#[derive(Clone, Debug, Subcommand)]
pub enum OverridesCommand {
    /// Show what goes before the decisions, or will [the default]
    List,
    /// Keep a class on a line, as long as that lives
    Pin(Pin),
    /// Keep every class off a line, if another one lives
    Drain(Withdraw),
    /// The same, as somebody works on the line
    Maintain(Withdraw),
    /// Let a class need something else
    Sla(OtherSla),
    /// Give a line another share of the flows, where they are spread
    Weight(OtherWeight),
    /// End an override before it expires
    End(NamedOverride),
}

/// `host-sim overrides pin`.
#[derive(Args, Clone, Debug)]
pub struct Pin {
    /// The class
    #[arg(value_name = "CLASS")]
    pub class: String,
    /// The line
    #[arg(value_name = "LINE")]
    pub line: String,
    /// Only in this group
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// How long.
    #[command(flatten)]
    pub term: Term,
}

/// `host-sim overrides drain` and `maintain`.
#[derive(Args, Clone, Debug)]
pub struct Withdraw {
    /// The line
    #[arg(value_name = "LINE")]
    pub line: String,
    /// How long.
    #[command(flatten)]
    pub term: Term,
}

/// `host-sim overrides sla`. What is not given is no demand meanwhile.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("demand").required(true).multiple(true))]
pub struct OtherSla {
    /// The class
    #[arg(value_name = "CLASS")]
    pub class: String,
    /// Mean round trip in milliseconds, at most
    #[arg(long, value_name = "MS", value_parser = positive, group = "demand")]
    pub round_trip: Option<f64>,
    /// Jitter in milliseconds, at most
    #[arg(long, value_name = "MS", value_parser = positive, group = "demand")]
    pub jitter: Option<f64>,
    /// Loss in percent, at most
    #[arg(long, value_name = "PERCENT", value_parser = positive, group = "demand")]
    pub loss: Option<f64>,
    /// How long.
    #[command(flatten)]
    pub term: Term,
}

/// `host-sim overrides weight`.
#[derive(Args, Clone, Debug)]
pub struct OtherWeight {
    /// The line
    #[arg(value_name = "LINE")]
    pub line: String,
    /// Its share, in percent of what it would be: 0 to 1000
    #[arg(value_name = "PERCENT")]
    pub percent: u32,
    /// Only of this class
    #[arg(long, value_name = "CLASS")]
    pub class: Option<String>,
    /// Only in this group
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// How long.
    #[command(flatten)]
    pub term: Term,
}

/// `host-sim overrides end`.
#[derive(Args, Clone, Debug)]
pub struct NamedOverride {
    /// Which override
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// When an override holds, and whose it is.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("end").required(true))]
pub struct Term {
    /// Let it expire after so long, as 90min, 2h or 7d; from --from on, if that is given
    #[arg(long = "for", value_name = "TIME", value_parser = span, group = "end")]
    pub lasting: Option<Duration>,
    /// Let it expire then, as 2026-12-24T18:00:00+01:00
    #[arg(long, value_name = "WHEN", value_parser = moment, group = "end")]
    pub until: Option<u64>,
    /// Let it hold from then on only
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    pub from: Option<u64>,
    /// Let it hold at the times of a cron expression, as "0 3 * * sun", for --each
    #[arg(long, value_name = "EXPR", requires = "each")]
    pub cron: Option<String>,
    /// Time zone of --cron, as Europe/Berlin [default: UTC]
    #[arg(long, value_name = "TZ", requires = "cron")]
    pub time_zone: Option<String>,
    /// How long it holds each time
    #[arg(long, value_name = "TIME", value_parser = span, requires = "cron")]
    pub each: Option<Duration>,
    /// What to call it [default: its kind and a number]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Why, for those who read it
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// It is the order of a program that watches the network
    #[arg(long)]
    pub analyzer: bool,
}

fn span(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a time as 90s, 45min, 2h or 7d".to_owned();
    let span: Span = text.parse().map_err(|_| wrong())?;
    let whole = span.to_duration(SpanRelativeTo::days_are_24_hours());
    let whole = whole.ok().and_then(|whole| Duration::try_from(whole).ok());
    whole.filter(|whole| whole.as_secs() > 0).ok_or_else(wrong)
}

fn moment(text: &str) -> Result<u64, String> {
    let moment = text.parse::<Timestamp>().ok();
    let moment = moment.and_then(|moment| u64::try_from(moment.as_second()).ok());
    moment.ok_or_else(|| {
        "expected a moment with its distance from UTC, as 2026-12-24T18:00:00+01:00 or \
         2026-12-24T17:00Z"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("90s", 90),
            ("45min", 2_700),
            ("2h", 7_200),
            ("1h30m", 5_400),
            ("7d", 604_800),
        ] {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "5", "-2h", "0s", "2 fortnights", "3 months"] {
            assert!(span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn moments_say_how_far_they_are_from_utc() {
        assert_eq!(moment("2026-11-28T22:00:00Z"), Ok(1_795_903_200));
        assert_eq!(moment("2026-11-28T23:00+01:00"), Ok(1_795_903_200));
        for text in ["2026-11-28T22:00", "tomorrow", "22:00", "1900-01-01T00:00Z"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }
}
