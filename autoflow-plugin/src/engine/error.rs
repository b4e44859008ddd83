//! Why the engine refuses a call.

use std::io;
use std::net::SocketAddr;

use plugin_abi::code;
use plugin_abi::manage::Problem;
use thiserror::Error;

use crate::net::NetError;

/// Why the engine refuses a call. Nothing has changed then.
#[derive(Debug, Error)]
pub(crate) enum EngineError {
    /// Not in this state.
    #[error("the engine is {found}, but must be {expected} for this call")]
    State {
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A capability that this plugin has not.
    #[error("{0} is not supported by this version of the plugin")]
    Unsupported(&'static str),
    /// Time goes on only.
    #[error("{found} ns is over: it is {now} ns by this engine's clock, and time goes on only")]
    TimeIsOver {
        /// What the time is.
        now: u64,
        /// What the host named.
        found: u64,
    },
    /// No such line.
    #[error("no line has the id {0}; `lines` lists those there are")]
    UnknownLine(u64),
    /// No such probe class, or no class of traffic names it.
    #[error("the line {0} has no probes of the class {1}: no class of traffic judges by them")]
    UnknownProbeClass(u64, u64),
    /// A generation that was applied before.
    #[error("generation {found} is not above {expected}, which is applied already")]
    OldGeneration {
        /// The newest one applied.
        expected: u64,
        /// What the host named.
        found: u64,
    },
    /// A run that can't be measured so.
    #[error("{}", list(.0))]
    Run(Vec<Problem>),
    /// The id or name of a line is another line's.
    #[error("{}", list(.0))]
    Taken(Vec<Problem>),
    /// A line is in groups that are not there.
    #[error("{}", list(.0))]
    UnknownGroups(Vec<Problem>),
    /// A request with mistakes in it.
    #[error("{}", list(.0))]
    Mistakes(Vec<Problem>),
    /// No such line.
    #[error("no line is called {0:?}; `lines` lists those there are")]
    NoLine(String),
    /// No such override.
    #[error("no override is called {0:?}; `overrides` lists those there are")]
    NoOverride(String),
    /// It is another's to change.
    #[error("{what} belongs to {whose}: {instead}")]
    Owned {
        /// What it is.
        what: String,
        /// Who owns it.
        whose: &'static str,
        /// How it can be changed.
        instead: &'static str,
    },
    /// Nothing was applied that is to be confirmed.
    #[error("nothing waits to be confirmed; `statistics` tells in `pending` what does")]
    NothingWaits,
    /// A configuration that is no JSON.
    #[error("the configuration can't be written as JSON: {0}")]
    Unwritable(String),
    /// A path for probes can't be opened.
    #[error("{what}: {source}")]
    Path {
        /// Whose path.
        what: String,
        /// Why not.
        source: NetError,
    },
    /// A control port can't be bound.
    #[error("local system: can't listen for TWAMP-Control on {local}: {source}; {fix}")]
    Listen {
        /// What was to be bound.
        local: SocketAddr,
        /// What the kernel said.
        source: io::Error,
        /// What to do.
        fix: &'static str,
    },
    /// A probe thread can't run as the configuration wishes.
    #[error("{fault}: twamp-io/{thread} can't {wish}: {source}; {fix}")]
    Thread {
        /// Who is at fault.
        fault: &'static str,
        /// Its number.
        thread: u16,
        /// What the configuration wishes.
        wish: String,
        /// What the kernel said.
        source: io::Error,
        /// What to do.
        fix: String,
    },
    /// Threads, descriptors and the like.
    #[error("local system: can't {action}: {source}")]
    System {
        /// What was tried.
        action: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

impl EngineError {
    /// The boundary's code for it.
    pub(crate) fn code(&self) -> i32 {
        match self {
            Self::TimeIsOver { .. } => code::INVALID,
            Self::State { .. } | Self::NothingWaits => code::STATE,
            Self::Unsupported(_) => code::UNSUPPORTED,
            Self::UnknownLine(_)
            | Self::UnknownProbeClass(..)
            | Self::NoLine(_)
            | Self::NoOverride(_)
            | Self::UnknownGroups(_) => code::UNKNOWN,
            Self::Taken(_) | Self::Owned { .. } => code::EXISTS,
            Self::Unwritable(_) => code::FAILED,
            Self::OldGeneration { .. } | Self::Run(_) | Self::Mistakes(_) => code::CONFIGURATION,
            Self::Path { .. } | Self::Listen { .. } | Self::Thread { .. } | Self::System { .. } => {
                code::SYSTEM
            }
        }
    }

    /// A thread that can't stay on a CPU.
    pub(super) fn pinned(thread: u16, cpu: u16, source: io::Error) -> Self {
        let (fault, fix) = match source.raw_os_error() {
            Some(libc::EINVAL) => (
                "configuration",
                "name CPUs that are there and that this process may use; `nproc --all` counts them",
            ),
            _ => (
                "local system",
                "allow sched_setaffinity, or leave io.cpus out",
            ),
        };
        Self::Thread {
            fault,
            thread,
            wish: format!("stay on CPU {cpu}, as io.cpus says"),
            source,
            fix: fix.into(),
        }
    }

    /// A thread that can't run under a policy.
    pub(super) fn policy(thread: u16, policy: &str, priority: u8, source: io::Error) -> Self {
        Self::Thread {
            fault: "local system",
            thread,
            wish: format!("run with io.policy {policy} and priority {priority}"),
            source,
            fix: format!(
                "grant CAP_SYS_NICE or an RLIMIT_RTPRIO of at least {priority}, or take normal"
            ),
        }
    }

    /// A control port that can't be bound.
    pub(super) fn listen(local: SocketAddr, source: io::Error) -> Self {
        let fix = match source.kind() {
            io::ErrorKind::AddrInUse => "`ss -tlpn` shows who has it; free it or name another port",
            io::ErrorKind::AddrNotAvailable => "name an address that `ip address` shows",
            io::ErrorKind::PermissionDenied => {
                "ports below 1024 need CAP_NET_BIND_SERVICE; grant it or name a higher port"
            }
            _ => "check address and port",
        };
        Self::Listen { local, source, fix }
    }
}

fn list(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}
