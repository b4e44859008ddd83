//! Over what a run goes: the system's own way, or exactly that of a line, whose host is running or
//! whose configuration is at hand.

use std::net::SocketAddr;
use std::sync::Arc;

use plugin_abi::config::{Config, Key, Line, Probe, Remote};

use super::super::asking::Asking;
use super::super::check::judge;
use super::super::{CommandError, Surroundings, nearest};
use crate::cli::Ping;
use crate::document::Source;

/// Over what a run goes.
#[derive(Debug)]
pub(super) enum Over {
    /// As the system routes it.
    Alone,
    /// As a line of a running host, whose engine makes the run.
    Host(Box<Asking>, Box<Way>),
    /// As a line of a configuration, by an engine that has nothing but this line and the keys.
    Document(Box<Way>, Vec<Key>),
}

/// A line, and how it is probed.
#[derive(Debug)]
pub(super) struct Way {
    line: Arc<Line>,
    probe: Probe,
    /// The far end is the line's own: probes are the line's unless said otherwise.
    own: bool,
}

impl Over {
    /// What the command line says; `None`: the mistakes of the configuration have been shown.
    pub(super) fn of(
        arguments: &Ping,
        around: &Surroundings,
    ) -> Result<Option<Self>, CommandError> {
        let own = arguments.target.is_none();
        let Some(name) = &arguments.line else {
            return Ok(Some(Self::Alone));
        };
        let Some(file) = &arguments.config else {
            let mut host = Asking::at(&arguments.socket)?;
            let document = host.configuration()?;
            let (lines, probe) = (document.part("lines")?, document.part("probe")?);
            let way = Way::named(name, lines, probe, own)?;
            return Ok(Some(Self::Host(Box::new(host), Box::new(way))));
        };
        let Some(judged) = judge(Source::read(file)?, around)? else {
            return Ok(None);
        };
        let Config {
            lines, probe, keys, ..
        } = judged.config;
        let way = Way::named(name, lines, probe, own)?;
        Ok(Some(Self::Document(Box::new(way), keys)))
    }

    fn way(&self) -> Option<&Way> {
        match self {
            Self::Alone => None,
            Self::Host(_, way) | Self::Document(way, _) => Some(way),
        }
    }

    /// How to probe where nothing else is said.
    pub(super) fn probe(&self) -> Probe {
        let own = self.way().filter(|way| way.own);
        own.map_or_else(Probe::default, |way| {
            way.line.probe.as_deref().unwrap_or(&way.probe).clone()
        })
    }

    /// The line's own far end.
    pub(super) fn remote(&self) -> Result<SocketAddr, CommandError> {
        let line = self.way().map(|way| &way.line);
        let remote = line.and_then(|line| line.remote).map(Remote::socket);
        remote.ok_or_else(|| {
            let name = line.map_or("", |line| &line.name);
            CommandError::Usage(format!(
                "line {name} has no far end of its own; name one, as HOST[:PORT]"
            ))
        })
    }

    /// The host whose engine makes the run.
    pub(super) fn host(&mut self) -> Option<&mut Asking> {
        match self {
            Self::Host(host, _) => Some(host),
            _ => None,
        }
    }

    pub(super) fn is_host(&self) -> bool {
        matches!(self, Self::Host(..))
    }

    /// Secrets may be known beside the one of the command line.
    pub(super) fn has_keys(&self) -> bool {
        !matches!(self, Self::Alone)
    }

    /// The configuration of an engine of one's own: the line is there, but neither measured nor
    /// answered.
    pub(super) fn config(self, mut keys: Vec<Key>) -> Config {
        let mut config = Config::default();
        if let Self::Document(way, others) = self {
            keys.extend(others);
            let line = Line {
                sender: false,
                responder: false,
                groups: Vec::new(),
                ..Line::clone(&way.line)
            };
            config.lines.push(line.into());
        }
        Config { keys, ..config }
    }
}

impl Way {
    fn named(
        name: &str,
        lines: Vec<Arc<Line>>,
        probe: Probe,
        own: bool,
    ) -> Result<Self, CommandError> {
        let names: Vec<String> = lines.iter().map(|line| line.name.clone()).collect();
        let line = lines.into_iter().find(|line| line.name == name);
        match line {
            Some(line) => Ok(Self { line, probe, own }),
            None => Err(CommandError::Usage(format!(
                "no line is called {name}{}",
                nearest(name, names.iter().map(String::as_str))
            ))),
        }
    }
}
