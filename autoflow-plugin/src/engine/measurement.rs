//! What is measured apart from lines: a run that somebody asks for, a configured session.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use plugin_abi::config::{Address, Config, Line, Probe, Remote, Session};
use plugin_abi::manage::{Asked, Problem, RunRequest};

use super::binding::{Wanted, Whose};
use super::ends::{By, Ends};
use super::namespaces::Namespaces;
use super::opening;
use crate::net::{Binding, NetError, Options, PathSpec};
use crate::session::Tuning;
use crate::session::identity::Way;
use crate::session::initiator::rhythm;

/// What is to be measured, with all that it takes from the configuration.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Measurement {
    pub(super) local: Option<Address>,
    pub(super) remote: Remote,
    /// First and last port that probes may leave from.
    ports: (u16, u16),
    /// The line whose way packets take.
    pub(super) line: Option<u64>,
    device: Option<String>,
    mark: Option<u32>,
    namespace: Option<String>,
    pub(super) probe: Probe,
    tos: u8,
    /// Probes; `None`: until told otherwise.
    pub(super) count: Option<u32>,
    /// It may share a socket with others that are configured.
    configured: bool,
}

/// What a change of a session that runs comes down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Its packets are the same.
    Nothing,
    /// Its sender alone has to know.
    Retune,
    /// Other packets, that nobody has to agree to.
    Afresh,
    /// It has to end and to begin anew.
    Anew,
}

impl Measurement {
    /// What a run asks for. It has been judged.
    ///
    /// # Errors
    /// Its line is not there, or is of the other family.
    pub(super) fn of_run(run: &RunRequest, config: &Config) -> Result<Self, Vec<Problem>> {
        let line = match &run.line {
            None => None,
            Some(name) => Some(over(name, run, config)?),
        };
        Ok(Self {
            local: run.local.map(Address::from),
            remote: run.remote.into(),
            ports: (0, 0),
            line: None,
            device: None,
            mark: None,
            namespace: None,
            probe: run.probe.clone(),
            tos: run.tos.unwrap_or(run.probe.dscp << 2),
            count: Some(run.count),
            configured: false,
        }
        .along(line))
    }

    /// What a configured session asks for; `None`: the line that it is to go over is not there.
    pub(super) fn of(session: &Session, config: &Config) -> Option<Self> {
        let line = match &session.line {
            None => None,
            Some(name) => Some(&**config.lines.iter().find(|line| line.name == *name)?),
        };
        let probe = session.probe.clone();
        let probe = probe.unwrap_or_else(|| config.probe.clone());
        let ports = match (session.local_port, session.count) {
            (Some(port), _) => (port, port),
            (None, None) => config.responder.test_ports,
            (None, Some(_)) => (0, 0),
        };
        let way = Way::of(session, None);
        let measurement = Self {
            local: session.local,
            remote: session.remote,
            ports,
            line: None,
            device: way.device.map(str::to_owned),
            mark: way.mark,
            namespace: way.namespace.map(str::to_owned),
            tos: session.tos.unwrap_or(probe.dscp << 2),
            probe,
            count: session.count,
            configured: true,
        };
        Some(measurement.along(line))
    }

    fn along(self, line: Option<&Line>) -> Self {
        let Some(line) = line else { return self };
        Self {
            local: self.local.or(line.local),
            line: Some(line.id),
            device: line.device.clone(),
            mark: line.mark,
            namespace: line.namespace.clone(),
            ..self
        }
    }

    /// Its ends as sockets know them.
    ///
    /// # Errors
    /// An interface or a namespace that is not there.
    pub(super) fn ends(&self, by: By, known: &Namespaces) -> Result<Ends, NetError> {
        let like = (&self.device, self.mark, &self.namespace);
        Ends::between((self.local, self.remote), like, by, known)
    }

    /// How its probes are to leave.
    pub(super) fn asked(&self) -> Asked {
        Asked {
            dscp: self.tos >> 2,
            ecn: self.tos & 3,
            ttl: self.probe.ttl,
            dont_fragment: self.probe.dont_fragment,
        }
    }

    /// The path that its probes leave by.
    pub(super) fn path(&self, ends: &Ends, by: By) -> Wanted {
        let spec = PathSpec {
            binding: ends.binding.clone(),
            ttl: self.probe.ttl,
            tos: self.tos,
            dont_fragment: self.probe.dont_fragment,
            unhurried: self.count.is_none(),
            ..PathSpec::new(self.source(ends, by))
        };
        Wanted {
            spec,
            ports: self.ports,
            whose: match self.configured {
                true => Whose::Own(self.line, ends.remote),
                false => Whose::Run(self.line, ends.remote),
            },
        }
    }

    /// Where it measures from: of a run that says nothing of it, the address that the system would
    /// send from. What goes on for ever leaves it to the system for each probe.
    fn source(&self, ends: &Ends, by: By) -> SocketAddr {
        let anyhow = ends.source().is_none() && ends.binding == Binding::default();
        match anyhow && self.count.is_some() {
            true => opening::source(by, None, ends.remote),
            false => ends.local,
        }
    }

    /// What is known of both ends before any socket is open.
    pub(super) fn outlook(&self, by: By) -> (SocketAddr, SocketAddr) {
        let remote = self.remote.socket();
        let ends = Ends {
            local: match self.local {
                Some(local) => local.socket(0, None),
                None => unspecified(remote),
            },
            remote,
            binding: Binding {
                device: self.device.clone(),
                mark: self.mark,
                namespace: None,
            },
        };
        let elsewhere = self.namespace.is_some();
        match elsewhere {
            true => (ends.local, remote),
            false => (self.source(&ends, by), remote),
        }
    }

    /// How its probes leave, whatever path they leave by.
    pub(super) fn tuning(&self) -> Tuning {
        Tuning {
            interval: self.probe.interval(),
            rhythm: rhythm(&self.probe),
            options: Options {
                ttl: Some(self.probe.ttl),
                tos: Some(self.tos),
                ..Options::default()
            },
        }
    }

    /// What it takes to make `new` of it while it runs.
    pub(super) fn turn(&self, new: &Self) -> Turn {
        let mut same = self.clone();
        // Other test ports are for those that begin.
        same.ports = new.ports;
        if same == *new {
            return Turn::Nothing;
        }
        same.probe.interval_ms = new.probe.interval_ms;
        same.probe.stream = new.probe.stream;
        same.probe.ttl = new.probe.ttl;
        if same == *new {
            return Turn::Retune;
        }
        same.probe.dscp = new.probe.dscp;
        same.tos = new.tos;
        // Where both ends agree on a session, they agree on its DSCP (RFC 5357, section 3.5).
        match same == *new && !new.probe.protocol.has_control() {
            true => Turn::Afresh,
            false => Turn::Anew,
        }
    }
}

fn unspecified(like: SocketAddr) -> SocketAddr {
    match like {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    }
}

/// The line of a run, by name.
fn over<'a>(name: &str, run: &RunRequest, config: &'a Config) -> Result<&'a Line, Vec<Problem>> {
    let Some(line) = config.lines.iter().find(|line| line.name == name) else {
        return Err(vec![Problem {
            path: "run.line".into(),
            expected: "the name of a line".into(),
            found: format!("{name:?}"),
            fix: "name a line that is there; `lines` lists them".into(),
        }]);
    };
    let near = line.local.filter(|_| run.local.is_none());
    match near {
        Some(near) if near.ip.is_ipv4() != run.remote.is_ipv4() => Err(vec![Problem {
            path: "run.remote".into(),
            expected: format!("an address of the family of {}, as line {name:?}", near.ip),
            found: run.remote.to_string(),
            fix: "take two addresses of one family".into(),
        }]),
        _ => Ok(line),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn config() -> Config {
        serde_json::from_value(json!({"lines": [
            {"id": 7, "name": "fibre", "local": "192.0.2.1", "remote": "192.0.2.2",
             "device": "wan0", "mark": 3, "namespace": "blue"}
        ]}))
        .unwrap()
    }

    fn session(rest: Value) -> Measurement {
        let mut session = json!({"remote": "192.0.2.9"});
        let Value::Object(rest) = rest else {
            panic!("no object");
        };
        for (key, value) in rest {
            session[key] = value;
        }
        let session = serde_json::from_value(session).unwrap();
        Measurement::of(&session, &config()).unwrap()
    }

    #[test]
    fn over_a_line_packets_leave_as_the_lines_do() {
        let run = json!({"remote": "192.0.2.9:862", "count": 1, "line": "fibre"});
        let run: RunRequest = serde_json::from_value(run).unwrap();
        let run = Measurement::of_run(&run, &config()).unwrap();
        for over in [run, session(json!({"line": "fibre"}))] {
            assert_eq!(over.local.unwrap().to_string(), "192.0.2.1");
            assert_eq!((over.line, over.mark), (Some(7), Some(3)));
            assert_eq!(over.device.as_deref(), Some("wan0"));
            assert_eq!(over.namespace.as_deref(), Some("blue"));
        }
        let own = session(json!({"line": "fibre", "local": "192.0.2.3"}));
        assert_eq!(own.local.unwrap().to_string(), "192.0.2.3");
    }

    #[test]
    fn a_run_over_a_line_that_is_not_there_is_refused_with_its_name() {
        let run = json!({"remote": "192.0.2.9:862", "count": 1, "line": "fiber"});
        let run: RunRequest = serde_json::from_value(run).unwrap();
        let problems = Measurement::of_run(&run, &config()).unwrap_err();
        assert_eq!(
            problems[0].to_string(),
            "run.line: expected the name of a line, found \"fiber\"; name a line that is there; `lines` lists them"
        );
    }

    #[test]
    fn a_change_costs_no_more_than_it_must() {
        let of = |probe: Value| session(json!({ "probe": probe }));
        let open = of(json!({}));
        let light = of(json!({"protocol": "light"}));
        for (old, new, turn) in [
            (&open, json!({}), Turn::Nothing),
            (&open, json!({"interval_ms": 5}), Turn::Retune),
            (&open, json!({"stream": "poisson"}), Turn::Retune),
            (&open, json!({"ttl": 64}), Turn::Retune),
            (&open, json!({"dscp": 46}), Turn::Anew),
            (&open, json!({"padding": 100}), Turn::Anew),
            (&open, json!({"dont_fragment": true}), Turn::Anew),
            (&open, json!({"protocol": "light"}), Turn::Anew),
            (
                &light,
                json!({"protocol": "light", "dscp": 46}),
                Turn::Afresh,
            ),
            (
                &light,
                json!({"protocol": "light", "dscp": 46, "ttl": 9}),
                Turn::Afresh,
            ),
            (
                &light,
                json!({"protocol": "light", "timeout_ms": 9}),
                Turn::Anew,
            ),
        ] {
            assert_eq!(old.turn(&of(new.clone())), turn, "{new}");
        }
    }

    #[test]
    fn a_fixed_port_is_the_only_one_and_runs_take_any() {
        assert_eq!(session(json!({"local_port": 9})).ports, (9, 9));
        assert_eq!(
            session(json!({})).ports,
            Config::default().responder.test_ports
        );
        assert_eq!(session(json!({"count": 1})).ports, (0, 0));
    }
}
