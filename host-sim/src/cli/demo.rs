//! The words of `host-sim demo`.

use std::path::PathBuf;

use clap::Args;
use plugin_abi::config::{Collector, Transport};

use crate::demo::MIN_SECONDS;

/// `host-sim demo`.
#[derive(Args, Clone, Debug)]
pub struct Demo {
    /// How many seconds to show, at least 20
    #[arg(long, value_name = "N", default_value_t = 30,
          value_parser = clap::value_parser!(u64).range(MIN_SECONDS..=3600))]
    pub seconds: u64,
    /// What the emulated lines draw their accidents from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Tell a collector of IPFIX as well what is measured: HOST:PORT, or HOST:PORT/tcp
    #[arg(long = "ipfix", value_name = "HOST:PORT[/tcp]", value_parser = collector)]
    pub collectors: Vec<Collector>,
    /// Record what became of each probe, for `sim --replay`
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
}

/// A collector as it is written on the command line.
fn collector(text: &str) -> Result<Collector, String> {
    let (at, transport) = match text.rsplit_once('/') {
        None => (text, Transport::Udp),
        Some((at, "udp")) => (at, Transport::Udp),
        Some((at, "tcp")) => (at, Transport::Tcp),
        Some((_, other)) => return Err(format!("expected udp or tcp, found `{other}`")),
    };
    match Collector::host_and_port(at) {
        Some(_) => Ok(Collector::new(text, at, transport)),
        None => Err("expected a host and a port from 1 to 65535, as 192.0.2.1:4739".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_told_by_udp_unless_it_says_otherwise() {
        let read = |text| collector(text).map(|it| (it.at, it.transport));
        let at = || "c.example:4739".to_owned();
        assert_eq!(read("c.example:4739"), Ok((at(), Transport::Udp)));
        assert_eq!(read("c.example:4739/tcp"), Ok((at(), Transport::Tcp)));
        assert!(read("c.example:4739/sctp").is_err());
        assert!(read("c.example").is_err());
    }
}
