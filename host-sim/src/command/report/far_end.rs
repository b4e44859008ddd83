//! What the far end of a STAMP session told, for people.

use std::net::SocketAddr;

use plugin_abi::manage::{Endpoint, FarEnd};

use crate::text::milliseconds;

/// A few lines; `None`: nothing that is not said elsewhere. `local` is where the probes left.
pub(super) fn text(far: &FarEnd, local: SocketAddr) -> Option<String> {
    let mut lines = Vec::new();
    if let Some(from) = far.probes_from {
        let nat = from.address.is_some_and(|seen| seen != local.ip()) || from.port != local.port();
        let by = if nat { ": a NAT is on the way" } else { "" };
        lines.push(format!("sees the probes come from {}{by}", endpoint(from)));
    }
    if let Some(to) = far.probes_to {
        lines.push(format!("sees them arrive at {}", endpoint(to)));
    }
    if far.dscp_refused == Some(true) {
        lines.push("doesn't answer with the DSCP of the probes".to_owned());
    }
    if let Some(clock) = &far.clock {
        let source = match clock.source.as_str() {
            "local" => "by nothing",
            source => &format!("by {source}"),
        };
        lines.push(format!(
            "has a clock set {source}, stamps what arrives by {}, what leaves by {}",
            clock.receive_stamps, clock.transmit_stamps
        ));
    }
    if let Some(lag) = far.departure_lag_us {
        let lag = milliseconds(Some(lag));
        lines.push(format!(
            "answers {lag} ms later than its replies say, on average"
        ));
    }
    if far.lacks_extensions {
        lines.push("lacks the extensions of STAMP (RFC 8972)".to_owned());
    }
    if far.unrecognised > 0 {
        lines.push(format!(
            "didn't understand {} of the questions",
            far.unrecognised
        ));
    }
    if let Some(why) = &far.unread {
        lines.push(format!("its answers were left unread: {why}"));
    }
    if lines.is_empty() {
        return None;
    }
    let lines: Vec<_> = lines.iter().map(|line| format!("  {line}\n")).collect();
    Some(format!("the far end\n{}", lines.concat()))
}

fn endpoint(endpoint: Endpoint) -> String {
    match endpoint.address {
        Some(address) => SocketAddr::new(address, endpoint.port).to_string(),
        None => format!("port {}", endpoint.port),
    }
}

#[cfg(test)]
mod tests {
    use plugin_abi::manage::FarClock;

    use super::*;

    #[test]
    fn each_thing_that_was_told_is_a_line() {
        let far = FarEnd {
            lacks_extensions: true,
            unrecognised: 2,
            unread: Some("malformed".to_owned()),
            probes_from: Some(Endpoint {
                address: "203.0.113.9".parse().ok(),
                port: 40_000,
            }),
            probes_to: Some(Endpoint {
                address: None,
                port: 862,
            }),
            dscp_refused: Some(true),
            clock: Some(FarClock {
                source: "local".to_owned(),
                receive_stamps: "software".to_owned(),
                transmit_stamps: "9".to_owned(),
            }),
            departure_lag_us: Some(12.3),
        };
        assert_eq!(
            text(&far, "192.0.2.9:40000".parse().unwrap()).unwrap(),
            "\
the far end
  sees the probes come from 203.0.113.9:40000: a NAT is on the way
  sees them arrive at port 862
  doesn't answer with the DSCP of the probes
  has a clock set by nothing, stamps what arrives by software, what leaves by 9
  answers 0.012 ms later than its replies say, on average
  lacks the extensions of STAMP (RFC 8972)
  didn't understand 2 of the questions
  its answers were left unread: malformed
"
        );
    }

    #[test]
    fn the_address_that_probes_left_from_is_no_nat() {
        let far = FarEnd {
            probes_from: Some(Endpoint {
                address: "192.0.2.9".parse().ok(),
                port: 40_000,
            }),
            ..FarEnd::default()
        };
        let local = "192.0.2.9:40000".parse().unwrap();
        assert_eq!(
            text(&far, local).unwrap(),
            "the far end\n  sees the probes come from 192.0.2.9:40000\n"
        );
        assert_eq!(text(&FarEnd::default(), local), None);
    }
}
