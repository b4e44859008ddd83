//! How the plugin is linked.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Threads leave destructors of thread-locals behind: code that was unloaded would be run.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libautoflow_plugin.so.1");
}
