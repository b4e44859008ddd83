//! What the plugin's file shows to the dynamic loader: its doors, and nothing else.

use std::path::Path;

use autoflow_tests::artifacts;

use crate::tools::{good, tool};
use crate::variants;

const CHECKED_DOOR: &str = "_1as_0lib_1header_0root_bmodule_bloader";
const C_DOOR: &str = plugin_abi::C_DOOR;

/// `None`: there is no tool to tell.
fn exports(file: &Path) -> Option<Vec<String>> {
    let mut nm = tool("nm", "binutils")?;
    let listed = good(nm.args(["-D", "--defined-only"]).arg(file));
    let name = |line: &str| line.split_whitespace().last().map(str::to_owned);
    let mut names: Vec<_> = listed.lines().filter_map(name).collect();
    names.sort();
    Some(names)
}

#[test]
fn the_plugin_exports_its_two_doors_and_nothing_else() {
    if let Some(names) = exports(&artifacts().plugin) {
        assert_eq!(names, [CHECKED_DOOR, C_DOOR]);
    }
}

#[test]
fn the_build_without_the_checked_door_exports_the_c_door_alone() {
    if let Some(names) = exports(&variants::c_door_only()) {
        assert_eq!(names, [C_DOOR]);
    }
}

#[test]
fn the_plugin_stays_mapped_and_needs_the_c_library_alone() {
    let Some(mut readelf) = tool("readelf", "binutils") else {
        return;
    };
    let dynamic = good(readelf.args(["-d", "--wide"]).arg(&artifacts().plugin));
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
    assert!(dynamic.contains("[libautoflow_plugin.so.1]"), "{dynamic}");
    for needed in dynamic.lines().filter(|line| line.contains("(NEEDED)")) {
        let known = ["[libc.", "[libgcc_s.", "[libm.", "[ld-linux"];
        assert!(
            known.iter().any(|library| needed.contains(library)),
            "{needed}"
        );
    }
}
