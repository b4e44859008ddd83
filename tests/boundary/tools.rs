//! Programs of the system that a test needs.

use std::process::{Command, Output};

/// The tool, or `None` where it is missing and the test may be skipped. On a build server
/// nothing is skipped.
pub(crate) fn tool(name: &str, what: &str) -> Option<Command> {
    let there = Command::new(name).arg("--version").output().is_ok();
    if !there {
        assert!(
            std::env::var_os("CI").is_none(),
            "no {what}: install `{name}`"
        );
        println!("skipped: no {what}");
    }
    there.then(|| Command::new(name))
}

/// Runs a command that must end well; answers what it wrote to standard output.
pub(crate) fn good(command: &mut Command) -> String {
    let output = command.output().expect("the command starts");
    assert!(
        output.status.success(),
        "{command:?} failed:\n{}",
        all(&output)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Everything that a command wrote.
pub(crate) fn all(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    )
}
