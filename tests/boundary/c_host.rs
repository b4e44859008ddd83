//! The smallest host, in C: the header and the C door are all it needs.

use std::process::Command;

use autoflow_tests::artifacts;
use plugin_abi::{ABI_MAJOR, ABI_MINOR};

use crate::header::{STRICT_C, include_directory};
use crate::loops::looped;
use crate::tools::{all, good, tool};

#[test]
fn the_c_host_measures_a_line_and_gets_a_choice() {
    let Some(mut compile) = tool("cc", "C compiler") else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let host = directory.path().join("host");
    compile
        .args(STRICT_C)
        .arg("-I")
        .arg(include_directory())
        .arg("-o")
        .arg(&host);
    good(
        compile
            .arg(artifacts().root.join("host-sim/c/host.c"))
            .arg("-ldl"),
    );

    let plugin = &artifacts().plugin;
    let told = good(Command::new(&host).arg(plugin).arg(looped("loop", 42)));
    let expected = format!("ABI {ABI_MAJOR}.{ABI_MINOR}\nline 42: alive\nchoice: line 42\n");
    assert_eq!(told, expected);

    let refused = Command::new(&host)
        .arg(plugin)
        .arg(r#"{"mod":"act"}"#)
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let told = all(&refused);
    assert!(
        told.contains("mod: ") && told.contains("(create was answered with -2)"),
        "{told}"
    );
}
