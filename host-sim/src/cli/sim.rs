//! The words of `host-sim sim`.

use std::path::PathBuf;

use clap::Args;

/// `host-sim sim`.
#[derive(Args, Clone, Debug)]
pub struct Sim {
    /// Scenarios by name, `all`, or files (`*.toml`)
    #[arg(
        long,
        value_name = "NAME|all|FILE",
        value_delimiter = ',',
        default_value = "all"
    )]
    pub scenario: Vec<String>,
    /// Policies by name, or `all`
    #[arg(
        long,
        value_name = "NAME|all",
        value_delimiter = ',',
        default_value = "all"
    )]
    pub policy: Vec<String>,
    /// How often each policy meets each scenario, each time with another seed
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub seeds: u32,
    /// Play a recording of `run --record` or `demo --record` instead of scenarios
    #[arg(long, value_name = "FILE", conflicts_with_all = ["scenario", "seeds", "sweep", "report", "cpu", "list"])]
    pub replay: Option<PathBuf>,
    /// Show where two policies disagree in a recording; `recorded`: what was chosen then
    #[arg(
        long,
        value_name = "A,B",
        value_delimiter = ',',
        num_args = 1,
        requires = "replay"
    )]
    pub compare: Vec<String>,
    /// Turn each policy's knob as well: delay against pointless switches, one curve a policy
    #[arg(long)]
    pub sweep: bool,
    /// Write a page for people: tables, curves, and a picture of what happened and who chose what
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// Measure what each policy costs of a processor; these figures differ from run to run
    #[arg(long)]
    pub cpu: bool,
    /// Name the policies and scenarios, and play none
    #[arg(long)]
    pub list: bool,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::{Cli, Command};

    #[test]
    fn names_may_be_given_in_a_list() {
        let line = "host-sim sim --scenario s01-hard-fail,a.toml --policy oracle --policy static";
        let Command::Sim(sim) = Cli::parse_from(line.split(' ')).command else {
            panic!("not sim");
        };
        assert_eq!(sim.scenario, ["s01-hard-fail", "a.toml"]);
        assert_eq!(sim.policy, ["oracle", "static"]);
        assert_eq!(sim.seeds, 20);
        assert_eq!((sim.sweep, sim.report, sim.cpu), (false, None, false));
    }
}
