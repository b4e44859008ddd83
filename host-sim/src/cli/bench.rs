//! The words of `host-sim bench`.

use clap::{Args, ValueEnum};

use super::positive;

/// `host-sim bench`.
#[derive(Args, Clone, Debug)]
pub struct Bench {
    /// What to measure
    #[arg(value_name = "WHAT")]
    pub what: BenchName,
    /// Rounds; in each, the plugin and the bare reference take a turn
    #[arg(long, value_name = "N", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: u32,
    /// How many seconds a turn takes; fractions are allowed
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = positive)]
    pub seconds: f64,
    /// With how many sessions [default: 1,64,10000; to send 100,1000,10000]
    #[arg(long, value_name = "LIST", value_delimiter = ',',
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub sessions: Vec<u32>,
}

/// What `bench` measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BenchName {
    /// Answering probes as fast as they come
    Reflect,
    /// Sending probes at ten a second each
    Send,
    /// How true the round trip is, at rest and with every processor busy
    Delay,
    /// Reading the published snapshot
    Snapshot,
    /// Telling the class of a flow, by 10, 100 and 1000 rules
    Classify,
}
