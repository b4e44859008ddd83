//! `TwampLine` → [`Line`]: every pointer followed, every text owned, every mistake listed.

use std::net::SocketAddr;
use std::os::fd::BorrowedFd;

use plugin_abi::config::{Address, Line, Remote, TWAMP_PORT};
use plugin_abi::manage::Problem;
use plugin_abi::{TwampAddress, TwampLine, TwampText, code, line_flag};

use super::argument;
use super::refusal::Refusal;
use crate::config;
use crate::net::Namespace;

const KNOWN_FLAGS: u32 =
    line_flag::METERED | line_flag::FLOWS_MOVABLE | line_flag::SENDER | line_flag::RESPONDER;

/// The line that the host describes, and the namespace that it hands over with it.
///
/// `INVALID` where an argument can't be right, `CONFIGURATION` where the line makes no sense.
///
/// # Safety
/// `pointer` is null or points to a `TwampLine` whose own pointers are null or hold what their
/// lengths say, during the call.
pub(super) unsafe fn read(pointer: *const TwampLine) -> Result<(Line, Option<Namespace>), Refusal> {
    // SAFETY: the caller's promise.
    let raw = unsafe { argument::read(pointer)? };
    // SAFETY: the caller's promise.
    let groups = unsafe { argument::slice("line.groups", raw.groups, raw.group_count)? };
    let mut problems = Vec::new();
    // SAFETY: the caller's promise, for each of the four texts.
    let (name, underlay, far_end, device) = unsafe {
        (
            text("line.name", raw.name, &mut problems),
            text("line.underlay", raw.underlay, &mut problems),
            text("line.far_end", raw.far_end, &mut problems),
            text("line.binding.device", raw.binding.device, &mut problems),
        )
    };
    plain_words(&raw, &mut problems);
    let (local, remote) = addresses(&raw, &mut problems);
    let namespace = namespace(raw.binding.namespace_fd, &mut problems);
    if !problems.is_empty() {
        return Err(Refusal::problems(code::INVALID, &problems));
    }

    let known = |number: u32| (number != 0).then_some(number);
    let mbps = |bits: u64| (bits != 0).then_some(bits as f64 / 1e6);
    let has = |flag: u32| raw.flags & flag != 0;
    let line = Line {
        id: raw.line,
        name: name.unwrap_or_default(),
        underlay,
        far_end,
        local,
        remote,
        device,
        mark: known(raw.binding.mark),
        namespace: namespace.as_ref().map(Namespace::name),
        hardware_stamps: false,
        cost: raw.cost,
        metered: has(line_flag::METERED),
        profile: Default::default(),
        flows_movable: has(line_flag::FLOWS_MOVABLE),
        mtu: known(raw.mtu),
        capacity_up_mbps: mbps(raw.capacity_up),
        capacity_down_mbps: mbps(raw.capacity_down),
        sender: has(line_flag::SENDER),
        responder: has(line_flag::RESPONDER),
        groups: groups.to_vec(),
        probe: None,
        mtu_probe: None,
        probe_budget_mb: None,
        export: true,
        export_s: None,
        owner: Default::default(),
    };
    config::judge_line(&line)
        .map_err(|problems| Refusal::problems(code::CONFIGURATION, &problems))?;
    Ok((line, namespace))
}

/// The owned text; the empty one is none.
///
/// # Safety
/// `raw` is null or holds what its length says.
unsafe fn text(path: &str, raw: TwampText, problems: &mut Vec<Problem>) -> Option<String> {
    // SAFETY: the caller's promise.
    let Some(text) = (unsafe { raw.as_str() }) else {
        let found = if raw.data.is_null() {
            "null with a length"
        } else {
            "other octets"
        };
        problems.push(problem(
            path,
            "UTF-8 text",
            found,
            "pass pointer and length of UTF-8",
        ));
        return None;
    };
    (!text.is_empty()).then(|| text.to_owned())
}

/// Flags and reserved words.
fn plain_words(raw: &TwampLine, problems: &mut Vec<Problem>) {
    let unknown = raw.flags & !KNOWN_FLAGS;
    if unknown != 0 {
        let found = format!("{unknown:#x} besides");
        let fix = "clear the other bits";
        problems.push(problem("line.flags", "bits of line_flag only", &found, fix));
    }
    let (binding, far) = (&raw.binding, &raw.far);
    for (path, word) in [
        ("line.binding.reserved", binding.reserved),
        (
            "line.binding.source.reserved",
            binding.source.reserved.into(),
        ),
        ("line.binding.source.port", binding.source.port.into()),
        ("line.far.reserved", far.reserved.into()),
    ] {
        if word != 0 {
            problems.push(problem(path, "0", &word.to_string(), "zero it"));
        }
    }
}

/// The namespace behind the host's descriptor, which stays the host's; -1 is none.
fn namespace(number: i32, problems: &mut Vec<Problem>) -> Option<Namespace> {
    if number == -1 {
        return None;
    }
    // SAFETY: not -1, and by the contract open during the call; a number without a descriptor
    // behind it is refused by the kernel.
    let handed = (number >= 0).then(|| unsafe { BorrowedFd::borrow_raw(number) });
    let namespace = handed.and_then(|handed| Namespace::duplicate(handed).ok());
    if namespace.is_none() {
        problems.push(problem(
            "line.binding.namespace_fd",
            "an open descriptor of a network namespace, or -1",
            &number.to_string(),
            "open /run/netns/NAME or /proc/PID/ns/net, or set -1",
        ));
    }
    namespace
}

/// Local and far address.
fn addresses(raw: &TwampLine, problems: &mut Vec<Problem>) -> (Option<Address>, Option<Remote>) {
    let (source, far) = (raw.binding.source, raw.far);
    if source.scope != 0 && source.scope != far.scope {
        let expected = format!("{} as in line.far.scope", far.scope);
        let (path, found) = ("line.binding.source.scope", source.scope.to_string());
        problems.push(problem(
            path,
            &expected,
            &found,
            "name one link for both ends",
        ));
    }
    let local =
        address("line.binding.source", source, problems).map(|socket| Remote::from(socket).address);
    let remote = address("line.far", far, problems).map(|mut socket| {
        if socket.port() == 0 {
            socket.set_port(TWAMP_PORT);
        }
        socket.into()
    });
    (local, remote)
}

fn address(path: &str, raw: TwampAddress, problems: &mut Vec<Problem>) -> Option<SocketAddr> {
    let socket = raw.to_socket();
    if socket.is_none() && raw.family != 0 {
        let (path, found) = (format!("{path}.family"), raw.family.to_string());
        problems.push(problem(
            &path,
            "4, 6, or 0 for no address",
            &found,
            "set the family",
        ));
    }
    socket
}

fn problem(path: &str, expected: &str, found: &str, fix: &str) -> Problem {
    Problem {
        path: path.to_owned(),
        expected: expected.to_owned(),
        found: found.to_owned(),
        fix: fix.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use plugin_abi::{NONE, TwampBinding};

    use super::*;

    fn at(text: &str) -> TwampAddress {
        text.parse::<SocketAddr>().unwrap().into()
    }

    fn raw() -> TwampLine {
        TwampLine {
            struct_size: size_of::<TwampLine>() as u32,
            flags: line_flag::SENDER | line_flag::FLOWS_MOVABLE,
            line: 7,
            name: TwampText::borrow("fibre"),
            underlay: TwampText::EMPTY,
            far_end: TwampText::borrow("hub"),
            binding: TwampBinding {
                device: TwampText::borrow("wan0"),
                namespace_fd: -1,
                mark: 3,
                source: at("192.0.2.1:0"),
                reserved: 0,
            },
            far: at("198.51.100.1:0"),
            cost: 5,
            mtu: 0,
            capacity_up: 2_500_000,
            capacity_down: 0,
            groups: [1, 2].as_ptr(),
            group_count: 2,
        }
    }

    fn refused(raw: &TwampLine) -> (i32, String) {
        // SAFETY: the tests' lines point to what they say.
        let refusal = unsafe { read(raw) }.unwrap_err();
        (refusal.code, refusal.text)
    }

    #[test]
    fn a_line_is_read_whole() {
        // SAFETY: points to what it says.
        let (line, _) = unsafe { read(&raw()) }.unwrap();
        let expected: Line = serde_json::from_value(serde_json::json!({
            "id": 7, "name": "fibre", "far_end": "hub", "local": "192.0.2.1",
            "remote": "198.51.100.1:862", "device": "wan0", "mark": 3, "cost": 5,
            "capacity_up_mbps": 2.5, "groups": [1, 2],
        }))
        .unwrap();
        assert_eq!(line, expected);
    }

    #[test]
    fn a_far_end_keeps_its_scope_and_port() {
        let line = TwampLine {
            far: at("[fe80::1%4]:9000"),
            binding: TwampBinding {
                source: at("[fe80::2%4]:0"),
                ..raw().binding
            },
            ..raw()
        };
        // SAFETY: points to what it says.
        let (line, _) = unsafe { read(&line) }.unwrap();
        assert_eq!(
            line.remote.unwrap().socket(),
            "[fe80::1%4]:9000".parse().unwrap()
        );
        assert_eq!(line.local, Some("fe80::2%4".parse().unwrap()));
    }

    #[test]
    fn every_argument_that_cannot_be_right_is_listed() {
        let mut line = raw();
        line.flags |= 0x50;
        line.name = TwampText {
            data: std::ptr::null(),
            len: 3,
        };
        line.underlay = TwampText {
            data: [0xff].as_ptr(),
            len: 1,
        };
        line.far.family = 5;
        line.binding.namespace_fd = -7;
        line.binding.source.port = 80;
        line.binding.source.scope = 2;
        assert_eq!(
            refused(&line),
            (
                code::INVALID,
                "line.name: expected UTF-8 text, found null with a length; \
                 pass pointer and length of UTF-8\n\
                 line.underlay: expected UTF-8 text, found other octets; \
                 pass pointer and length of UTF-8\n\
                 line.flags: expected bits of line_flag only, found 0x50 besides; \
                 clear the other bits\n\
                 line.binding.source.port: expected 0, found 80; zero it\n\
                 line.binding.source.scope: expected 0 as in line.far.scope, found 2; \
                 name one link for both ends\n\
                 line.far.family: expected 4, 6, or 0 for no address, found 5; set the family\n\
                 line.binding.namespace_fd: expected an open descriptor of a network namespace, \
                 or -1, found -7; open /run/netns/NAME or /proc/PID/ns/net, or set -1"
                    .to_owned()
            )
        );
    }

    #[test]
    fn a_line_that_makes_no_sense_is_refused_as_a_configuration() {
        let line = TwampLine {
            line: NONE,
            name: TwampText::EMPTY,
            far: TwampAddress::none(),
            ..raw()
        };
        let (code, text) = refused(&line);
        assert_eq!(code, code::CONFIGURATION);
        for path in ["line.id: ", "line.name: ", "line.remote: "] {
            assert!(text.contains(path), "{text}");
        }
    }

    #[test]
    fn a_struct_of_another_time_is_refused_before_it_is_read() {
        let line = TwampLine {
            struct_size: 8,
            groups: std::ptr::null(),
            ..raw()
        };
        let expected = format!(
            "line.struct_size is 8, at least {} is expected; set it to sizeof the struct",
            size_of::<TwampLine>()
        );
        assert_eq!(refused(&line), (code::INVALID, expected));
        let null = TwampLine {
            groups: std::ptr::null(),
            ..raw()
        };
        assert_eq!(
            refused(&null),
            (code::INVALID, "line.groups is null".into())
        );
    }
}
