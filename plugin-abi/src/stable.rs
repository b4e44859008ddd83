//! The checked door: the table as an abi_stable root module.
//!
//! abi_stable compares the layout of every type behind the table, names included, before the
//! first call. What it can't know is what the functions mean: that is `abi_major`.

use abi_stable::{library::RootModule, package_version_strings, sabi_types::VersionStrings};

use crate::TwampPluginRef;

impl RootModule for TwampPluginRef {
    abi_stable::declare_root_module_statics! {TwampPluginRef}
    const BASE_NAME: &'static str = "autoflow_plugin";
    const NAME: &'static str = "autoflow_plugin";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}
