//! Network namespaces of a test's own, and cables between them.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::artifacts;
use crate::host::Running;
use crate::oracle;
use nix::unistd::geteuid;

/// A network of its own; gone when dropped.
pub struct Net(Child);

impl Net {
    /// So many, each with a loopback. `None`, and a printed reason, where this system makes none
    /// for us.
    pub fn several<const N: usize>() -> Option<[Self; N]> {
        available().then(|| std::array::from_fn(|_| Self::start().unwrap()))
    }

    /// Where others find it.
    pub fn path(&self) -> String {
        format!("/proc/{}/ns/net", self.0.id())
    }

    /// A descriptor of it.
    pub fn handle(&self) -> File {
        File::open(self.path()).unwrap()
    }

    /// The number of the process that holds it.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Runs a script of the shell in it.
    pub fn run(&self, script: &str) {
        good(self.command("sh").args(["-e", "-c", script]));
    }

    /// Joins it with another one: an interface here, one there.
    pub fn cable(&self, near: &str, other: &Self, far: &str) {
        let pid = other.id();
        self.run(&format!(
            "ip link add name {near} type veth peer name {far} netns {pid}"
        ));
        for (net, name) in [(self, near), (other, far)] {
            // Addresses are those that a test gives, and usable at once.
            net.run(&format!(
                "ip link set {name} addrgenmode none\n\
                 ip link set {name} up"
            ));
        }
    }

    /// `host-sim` in it, in the background.
    pub fn host_sim(&self, words: &str) -> Running {
        Running::start(self.host_command().args(words.split_whitespace()))
    }

    /// `host-sim` in it, without arguments yet.
    pub fn host_command(&self) -> Command {
        let mut command = self.command("--");
        command.arg(&artifacts().host);
        command
    }

    /// A program in it, without arguments yet.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.path())).arg(program);
        command
    }

    fn start() -> Option<Self> {
        // Should nobody be left to end it, it ends by itself.
        let script = "ip link set lo up && echo there && exec sleep 900";
        let mut child = Command::new("unshare")
            .args(["--net", "sh", "-e", "-c", script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let mut said = String::new();
        let stdout = BufReader::new(child.stdout.take()?).read_line(&mut said);
        let net = Self(child);
        (stdout.is_ok() && said == "there\n").then_some(net)
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn available() -> bool {
    static THERE: OnceLock<bool> = OnceLock::new();
    *THERE.get_or_init(|| {
        if !geteuid().is_root() {
            println!("skipped: only root may enter other network namespaces");
            return false;
        }
        let made = Net::start().is_some_and(|net| {
            let mut link = net.command("ip");
            let link = link.args([
                "link", "add", "name", "a", "type", "veth", "peer", "name", "b",
            ]);
            link.status().is_ok_and(|status| status.success())
        });
        if !made {
            oracle::missing("no network namespaces with cables: needs unshare, nsenter and ip");
        }
        made
    })
}

/// Runs a command that must end well; answers what it wrote.
pub fn good(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        text(&output.stderr)
    );
    text(&output.stdout)
}
