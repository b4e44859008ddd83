//! plugin-abi's source → `twamp_plugin.h`, by cbindgen.

use std::path::Path;

use cbindgen::{Braces, Builder, Config, DocumentationStyle, Language, Style};

use super::source::{self, SECTION};

const TITLE: &str = "\
// The contract between an SD-WAN routing daemon (the host) and the autoflow plugin.
//
// Generated from the crate plugin-abi; don't edit.
//
// A host loads the plugin's file with dlopen, looks TWAMP_C_DOOR up with dlsym, compares
// `abi_major` and `struct_size` of the table, and calls `create`.
//
";

const OPAQUE: &str = "
// The symbol to look up: `const TwampPlugin *twamp_plugin_v1(void)`.
#define TWAMP_C_DOOR \"twamp_plugin_v1\"

// An engine of the plugin; only its address crosses.
typedef struct TwampEngine TwampEngine;
";

const DOOR: &str = "
/// The C door. The table is static.
#[unsafe(no_mangle)]
pub extern \"C\" fn twamp_plugin_v1() -> *const TwampPlugin {}
";

/// The header as plugin-abi's source wants it.
pub(super) fn header() -> String {
    let source = source::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugin-abi/src"));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("plugin_abi.rs");
    std::fs::write(&file, source.items + DOOR).expect("the directory takes a file");

    let mut config = Config {
        language: Language::C,
        cpp_compat: true,
        style: Style::Both,
        braces: Braces::SameLine,
        documentation_style: DocumentationStyle::Cxx,
        header: Some(TITLE.to_owned() + &comment(&source.rules)),
        include_guard: Some("TWAMP_PLUGIN_H".into()),
        no_includes: true,
        sys_includes: vec!["stddef.h".into(), "stdint.h".into()],
        after_includes: Some(OPAQUE.into()),
        line_length: 96,
        ..Config::default()
    };
    config.export.exclude = vec!["TwampEngine".into()];
    config.usize_is_size_t = true;

    let mut text = Vec::new();
    Builder::new()
        .with_config(config)
        .with_src(&file)
        .generate()
        .expect("cbindgen reads the source")
        .write(&mut text);
    finished(&String::from_utf8(text).expect("cbindgen writes UTF-8"))
}

fn comment(text: &str) -> String {
    text.lines()
        .map(|line| format!("// {line}").trim_end().to_owned() + "\n")
        .collect()
}

/// The last touches: what a module says of its constants stands by itself before the first of
/// them, no blank line follows another, and a negative number is safe in any expression.
fn finished(text: &str) -> String {
    let mut whole = String::new();
    let mut in_section = false;
    for line in text.lines() {
        let section = line
            .strip_prefix("/// ")
            .and_then(|doc| doc.strip_prefix(SECTION));
        if in_section && section.is_none() {
            whole.push('\n');
        }
        in_section = section.is_some();
        let line = match (section, line.rsplit_once(" -")) {
            (Some(section), _) => format!("//{section}"),
            (None, Some((name, number))) if line.starts_with("#define ") => {
                format!("{name} (-{number})")
            }
            _ => line.to_owned(),
        };
        if !line.is_empty() || !whole.ends_with("\n\n") {
            whole += &line;
            whole.push('\n');
        }
    }
    whole
}
