//! A network namespace of its own for one process: routes and links as a test wants them.

use std::process::Command;
use std::sync::OnceLock;

use autoflow_tests::artifacts;
use nix::unistd::geteuid;

use crate::host::{Answer, answer};

/// Two ends of a cable. Nobody listens at the far one, and nobody says so.
pub(crate) const DEAF_CABLE: &str = "\
ip link add near type veth peer name far
ip address add 192.0.2.2/24 dev near
ip link set near up
ip link set far up
ip neighbour add 192.0.2.1 lladdr 02:00:00:00:00:01 dev near nud permanent";

/// Runs `host-sim` in a namespace with a loopback and what `set_up`, a shell script, adds to it.
/// `None`, and a printed reason, where this system makes no namespaces for us.
pub(crate) fn host_sim(set_up: &str, words: &str) -> Option<Answer> {
    if let Some(reason) = unavailable() {
        println!("skipped: no network namespace: {reason}");
        return None;
    }
    let script = format!("ip link set lo up\n{set_up}\nexec \"$0\" \"$@\"");
    let host = &artifacts().host;
    let words = words.split_whitespace();
    Some(answer(
        unshare()
            .args(["sh", "-e", "-c", &script])
            .arg(host)
            .args(words),
    ))
}

fn unavailable() -> Option<&'static str> {
    static REASON: OnceLock<Option<String>> = OnceLock::new();
    let reason =
        REASON.get_or_init(
            || match unshare().args(["sh", "-e", "-c", DEAF_CABLE]).output() {
                Ok(output) if output.status.success() => None,
                Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
                Err(error) => Some(error.to_string()),
            },
        );
    reason.as_deref()
}

fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.arg("--net");
    if !geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command
}
