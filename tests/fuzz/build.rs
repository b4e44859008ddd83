//! Lets the instrumented plugin, a library opened at run time, report its coverage to the fuzzer
//! that is linked into the target.

fn main() {
    println!("cargo:rustc-link-arg-bins=-Wl,--export-dynamic-symbol=__sanitizer_cov_*");
}
