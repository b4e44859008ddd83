//! The element table as documents: XML as IANA writes its own registry, which libfixbuf and
//! NetGauze read, and the table in `docs/telemetry.md`. Both are committed, and compared here.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use plugin_abi::config::DOCUMENTATION_ENTERPRISE;

use super::element::{Element, Kind, Semantics, Unit};
use super::table as of;

/// To renew the documents, set this variable.
const BLESS: &str = "TWAMP_BLESS";

fn kind(element: &Element) -> &'static str {
    match element.kind {
        Kind::Unsigned8 => "unsigned8",
        Kind::Unsigned16 => "unsigned16",
        Kind::Unsigned32 => "unsigned32",
        Kind::Unsigned64 => "unsigned64",
        Kind::Signed64 => "signed64",
        Kind::Boolean => "boolean",
        Kind::Text => "string",
        Kind::Milliseconds => "dateTimeMilliseconds",
        Kind::Ipv4 => "ipv4Address",
        Kind::Ipv6 => "ipv6Address",
    }
}

fn semantics(element: &Element) -> &'static str {
    match element.semantics {
        Semantics::Default => "default",
        Semantics::Quantity => "quantity",
        Semantics::TotalCounter => "totalCounter",
        Semantics::DeltaCounter => "deltaCounter",
        Semantics::Identifier => "identifier",
        Semantics::Flags => "flags",
    }
}

fn unit(element: &Element) -> &'static str {
    match element.unit {
        Unit::None => "",
        Unit::Packets => "packets",
        Unit::Microseconds => "microseconds",
        Unit::Nanoseconds => "nanoseconds",
        Unit::Entries => "entries",
    }
}

/// Those of IANA's that are younger than most collectors (RFC 9951).
fn young() -> [&'static Element; 4] {
    [
        &of::PATH_DELAY_MEAN,
        &of::PATH_DELAY_MIN,
        &of::PATH_DELAY_MAX,
        &of::PATH_DELAY_SUM,
    ]
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

fn xml() -> String {
    let mut xml = String::from(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!-- Elements of twamp-autoflow. Another enterprise number than 32473: replace it throughout. -->
<registry xmlns="http://www.iana.org/assignments"
          xmlns:cert="http://www.cert.org/ipfix" id="ipfix">
  <registry id="ipfix-information-elements">
"#,
    );
    for element in of::OWN.iter().copied().chain(young()) {
        let mut line = |tag: &str, text: &str| {
            if !text.is_empty() {
                let _ = writeln!(xml, "      <{tag}>{}</{tag}>", escaped(text));
            }
        };
        line("name", element.name);
        line("dataType", kind(element));
        line("dataTypeSemantics", semantics(element));
        line("elementId", &element.id.to_string());
        if element.own {
            line("cert:enterpriseId", &DOCUMENTATION_ENTERPRISE.to_string());
        }
        line("units", unit(element));
        line("status", "current");
        let described = match element.own {
            true => element.description,
            false => "See IANA's registry.",
        };
        let described = format!("<paragraph>{}</paragraph>", escaped(described));
        let _ = writeln!(xml, "      <description>{described}</description>");
        let begin = xml.rfind("      <name>").unwrap_or_default();
        xml.insert_str(begin, "    <record>\n");
        xml.push_str("    </record>\n");
    }
    xml + "  </registry>\n</registry>\n"
}

fn rows() -> String {
    let mut rows =
        String::from("| id | name | type | unit | what it says |\n|--:|---|---|---|---|\n");
    for element in of::OWN {
        let _ = writeln!(
            rows,
            "| {} | `{}` | {} | {} | {} |",
            element.id,
            element.name,
            kind(element),
            unit(element),
            element.description
        );
    }
    rows
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

/// The file, between two marks if it has some, is this text; or is made so.
fn hold(file: &str, marks: Option<(&str, &str)>, text: &str) {
    let path = docs().join(file);
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let wanted = match marks {
        None => text.to_owned(),
        Some((begin, end)) => {
            let (before, rest) = found.split_once(begin).expect("the beginning is marked");
            let (_, after) = rest.split_once(end).expect("and the end");
            format!("{before}{begin}\n{text}{end}{after}")
        }
    };
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&path, wanted).unwrap();
    } else {
        assert!(found == wanted, "{file} is old: set {BLESS} to renew it");
    }
}

#[test]
fn the_documents_for_collectors_say_what_the_table_says() {
    hold("ipfix-elements.xml", None, &xml());
    let marks = ("<!-- elements: begin -->", "<!-- elements: end -->");
    hold("telemetry.md", Some(marks), &rows());
}
