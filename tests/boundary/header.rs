//! The C header: generated from plugin-abi's source, committed, and right.

mod generate;
mod source;

use std::path::{Path, PathBuf};

use plugin_abi::{
    TwampAddress, TwampBinding, TwampChange, TwampChoice, TwampDelay, TwampFlowKey, TwampGuard,
    TwampHost, TwampLine, TwampLineLoad, TwampLineState, TwampObservation, TwampPlugin, TwampProbe,
    TwampSample, TwampScore, TwampSink, TwampSnapshot, TwampText,
};

use crate::tools::{good, tool};

/// How to bring the committed file up to date.
const RENEW: &str = "TWAMP_BLESS=1 cargo test -p autoflow-tests --test boundary header";

/// What a host of C is compiled with here.
pub(crate) const STRICT_C: [&str; 5] = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];

/// Where `twamp_plugin.h` lies.
pub(crate) fn include_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugin-abi/include")
}

#[test]
fn the_committed_header_is_the_one_that_the_source_makes() {
    let file = include_directory().join("twamp_plugin.h");
    let generated = generate::header();
    if std::env::var_os("TWAMP_BLESS").is_some() {
        std::fs::write(&file, &generated).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    let same = committed
        .lines()
        .zip(generated.lines())
        .take_while(|(committed, generated)| committed == generated);
    assert!(
        committed == generated,
        "{} differs from plugin-abi's source from line {} on; renew it with\n    {RENEW}",
        file.display(),
        same.count() + 1
    );
}

#[test]
fn the_header_is_clean_c99_and_clean_cpp() {
    let directory = tempfile::tempdir().unwrap();
    for (compiler, what, file, options) in [
        ("cc", "C compiler", "a.c", &STRICT_C[..]),
        (
            "c++",
            "C++ compiler",
            "a.cpp",
            &["-std=c++11", "-Wall", "-Wextra", "-Werror"],
        ),
    ] {
        let Some(mut compile) = tool(compiler, what) else {
            continue;
        };
        let source = directory.path().join(file);
        // Twice: the guard must hold.
        let include = "#include <twamp_plugin.h>\n".repeat(2);
        std::fs::write(
            &source,
            include + "int code = TWAMP_CODE_OK -TWAMP_CODE_INVALID;\n",
        )
        .unwrap();
        compile.args(options).arg("-I").arg(include_directory());
        good(compile.arg("-fsyntax-only").arg(source));
    }
}

#[test]
fn c_and_rust_agree_on_the_size_of_everything_that_crosses() {
    macro_rules! sizes {
        ($($name:ident),*) => { [$((stringify!($name), size_of::<$name>())),*] };
    }
    let sizes = sizes![
        TwampAddress,
        TwampBinding,
        TwampChange,
        TwampChoice,
        TwampDelay,
        TwampFlowKey,
        TwampGuard,
        TwampHost,
        TwampLine,
        TwampLineLoad,
        TwampLineState,
        TwampObservation,
        TwampPlugin,
        TwampProbe,
        TwampSample,
        TwampScore,
        TwampSink,
        TwampSnapshot,
        TwampText
    ];
    let Some(mut compile) = tool("cc", "C compiler") else {
        return;
    };
    let mut program = String::from("#include <twamp_plugin.h>\n");
    for (name, size) in sizes {
        // An array of negative length doesn't compile, and its name says why.
        program += &format!("char {name}_has_{size}_octets[sizeof({name}) == {size} ? 1 : -1];\n");
    }
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("sizes.c");
    std::fs::write(&source, program).unwrap();
    compile.args(STRICT_C).arg("-I").arg(include_directory());
    good(compile.arg("-fsyntax-only").arg(source));
}
