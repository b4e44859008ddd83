//! The files under test: the plugin and the host, built in the profile of the test itself.
//!
//! Cargo does not build the `cdylib` of another package for a test, so this does. A file that
//! can't be built, or is not there after the build, is an error: never a test of something else.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The files under test.
#[derive(Debug)]
pub struct Artifacts {
    /// `libautoflow_plugin.so`.
    pub plugin: PathBuf,
    /// `host-sim`.
    pub host: PathBuf,
    /// The workspace.
    pub root: PathBuf,
}

/// Builds the files under test, once a process.
///
/// # Panics
/// If they can't be built.
pub fn artifacts() -> &'static Artifacts {
    static BUILT: OnceLock<Artifacts> = OnceLock::new();
    BUILT.get_or_init(|| {
        let directory = profile_directory();
        build(&directory, &["-p", "autoflow-plugin", "-p", "host-sim"]);
        Artifacts {
            plugin: existing(directory.join("libautoflow_plugin.so")),
            host: existing(directory.join("host-sim")),
            root: root(),
        }
    })
}

/// Builds a variant of the plugin beside the shipped one: `name` keeps its files apart.
///
/// # Panics
/// If it can't be built.
pub fn plugin_variant(name: &str, arguments: &[&str]) -> PathBuf {
    let profile = profile_directory();
    let directory = profile.with_file_name(format!("variant-{name}"));
    let target = directory.to_str().expect("the workspace's path is UTF-8");
    let mut all = vec!["-p", "autoflow-plugin", "--target-dir", target];
    all.extend(arguments);
    build(&profile, &all);
    let profile = profile.file_name().expect("a profile has a name");
    existing(directory.join(profile).join("libautoflow_plugin.so"))
}

fn build(profile: &Path, arguments: &[&str]) {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(root())
        .args(["build", "--quiet"])
        .args(arguments);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let status = cargo.status().expect("cargo runs");
    assert!(
        status.success(),
        "the files under test can't be built: {cargo:?}"
    );
}

/// `target/debug` or `target/release`: where this test itself was built.
fn profile_directory() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own file");
    let deps = test.parent().expect("a test lies in a directory");
    deps.parent()
        .expect("deps lies in a profile's directory")
        .to_owned()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the workspace")
        .to_owned()
}

fn existing(file: PathBuf) -> PathBuf {
    assert!(
        file.is_file(),
        "{} is not there after its build",
        file.display()
    );
    file
}
