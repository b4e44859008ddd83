//! Hosts that open the plugin's sockets: good ones, and others.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use autoflow_tests::{address, artifacts};
use plugin_abi::host::{Callbacks, Engine, Level, LoadError, Plugin, SocketRequest};
use plugin_abi::manage::{Answer, Request};
use plugin_abi::socket_purpose::{CONTROL_CONNECTION, CONTROL_LISTENER, REFLECTOR, SENDER};
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

use crate::loops::until;

type Open = dyn Fn(&SocketRequest) -> Option<OwnedFd> + Send + Sync;

/// A host that opens sockets in its own way, and notes what it was asked for and told.
#[derive(Clone)]
struct Opener {
    open: Arc<Open>,
    asked: Arc<Mutex<Vec<SocketRequest>>>,
    /// The names of the threads that asked.
    threads: Arc<Mutex<Vec<Option<String>>>>,
    words: Arc<Mutex<String>>,
}

impl Opener {
    fn new(open: impl Fn(&SocketRequest) -> Option<OwnedFd> + Send + Sync + 'static) -> Self {
        Self {
            open: Arc::new(open),
            asked: Arc::default(),
            threads: Arc::default(),
            words: Arc::default(),
        }
    }

    fn asked(&self) -> Vec<SocketRequest> {
        self.asked.lock().unwrap().clone()
    }

    fn purposes(&self) -> Vec<(u32, Option<u64>)> {
        let asked = self.asked().into_iter();
        let mut all: Vec<_> = asked.map(|asked| (asked.purpose, asked.line)).collect();
        all.sort_unstable();
        all
    }
}

impl Callbacks for Opener {
    fn log_enabled(&self, level: Level) -> bool {
        level <= Level::Warn
    }

    fn log(&self, _: Level, _: &str, message: &str) {
        *self.words.lock().unwrap() += &format!("{message}\n");
    }

    fn opens_sockets(&self) -> bool {
        true
    }

    fn open_socket(&self, request: &SocketRequest) -> Option<OwnedFd> {
        self.asked.lock().unwrap().push(*request);
        let name = thread::current().name().map(str::to_owned);
        self.threads.lock().unwrap().push(name);
        (self.open)(request)
    }
}

/// As a good host does.
fn bound(request: &SocketRequest) -> OwnedFd {
    let kind = match request.purpose {
        SENDER | REFLECTOR => Type::DGRAM,
        _ => Type::STREAM,
    };
    let socket = Socket::new(Domain::for_address(request.local), kind, None).unwrap();
    socket.bind(&request.local.into()).unwrap();
    socket.into()
}

/// One line of the engine to itself.
fn looped() -> (Ipv4Addr, Value) {
    let own = address::own();
    let far = format!("{own}:8620");
    let config = json!({
        "probe": {"interval_ms": 10, "timeout_ms": 200},
        "responder": {"listen": [far], "stamp": [format!("{own}:8621")], "peers": ["any"]},
        "lines": [{"id": 7, "name": "loop", "local": own, "remote": far}],
    });
    (own, config)
}

fn started(host: &Opener, config: &Value) -> Engine {
    started_by(Plugin::load_checked, host, config)
}

type Door = fn(&'static PathBuf) -> Result<Plugin, LoadError>;

fn started_by(door: Door, host: &Opener, config: &Value) -> Engine {
    let plugin = door(&artifacts().plugin).unwrap();
    let engine = plugin.create(&config.to_string(), host.clone()).unwrap();
    engine.start().unwrap();
    engine
}

fn received(engine: &Engine) -> u64 {
    let Ok(Answer::Sessions(rows)) = engine.manage(&Request::Sessions) else {
        panic!("no list of sessions");
    };
    let results = rows.into_iter().filter_map(|row| row.result);
    results.map(|result| result.received).sum()
}

/// What keeps the line from being measured.
fn trouble(engine: &Engine) -> Option<String> {
    let Ok(Answer::Lines(rows)) = engine.manage(&Request::Lines) else {
        panic!("no list of lines");
    };
    rows.into_iter().find_map(|row| row.trouble)
}

#[test]
fn a_host_that_opens_all_sockets_has_a_session_without_another_one() {
    for door in [Plugin::load_checked as Door, Plugin::load_c] {
        all_sockets_are_the_hosts(door);
    }
}

fn all_sockets_are_the_hosts(door: Door) {
    let host = Opener::new(|request| Some(bound(request)));
    let (own, config) = looped();
    let engine = started_by(door, &host, &config);
    until("the session runs", || received(&engine) > 20);
    engine.stop().unwrap();

    let purposes = host.purposes();
    // A connection that came before the listener was refused, and asked for again.
    let mut kinds = purposes.clone();
    kinds.dedup();
    assert_eq!(
        kinds,
        [
            (CONTROL_LISTENER, None),
            (CONTROL_CONNECTION, Some(7)),
            (SENDER, Some(7)),
            (REFLECTOR, None)
        ]
    );
    let of = |purpose| purposes.iter().filter(|(one, _)| *one == purpose).count();
    assert_eq!((of(CONTROL_LISTENER), of(SENDER), of(REFLECTOR)), (1, 1, 2));
    for asked in host.asked() {
        assert_eq!(asked.local.ip(), own);
        let far = matches!(asked.purpose, SENDER | CONTROL_CONNECTION);
        assert_eq!(asked.remote, far.then(|| SocketAddr::new(own.into(), 8620)));
    }
    let threads = host.threads.lock().unwrap();
    assert!(
        threads
            .iter()
            .all(|name| name.as_deref() != Some("twamp-io/0"))
    );
    assert!(!threads.contains(&thread::current().name().map(str::to_owned)));
}

/// The way a host opens the socket of a line's probes is the only one that is wrong.
fn line_of(wrong: impl Fn(&SocketRequest) -> Option<OwnedFd> + Send + Sync + 'static) -> String {
    let host = Opener::new(move |request| match request.purpose {
        SENDER => wrong(request),
        _ => Some(bound(request)),
    });
    let (_, config) = looped();
    let engine = started(&host, &config);
    until("the line says why", || trouble(&engine).is_some());
    assert_eq!(received(&engine), 0);
    let trouble = trouble(&engine).unwrap();
    engine.stop().unwrap();
    trouble
}

#[test]
fn each_socket_that_is_not_what_was_asked_for_is_named_at_its_line() {
    let text = line_of(|_| None);
    assert!(text.contains("host: it refuses the socket"), "{text}");
    let text = line_of(|request| Some(TcpListener::bind(request.local).unwrap().into()));
    assert!(
        text.contains("expected a UDP socket, found a stream socket"),
        "{text}"
    );
    let text = line_of(|_| Some(UdpSocket::bind("127.0.0.1:0").unwrap().into()));
    assert!(text.contains(", found 127.0.0.1:"), "{text}");
    let text = line_of(|request| {
        let socket = bound(request);
        // Far above those that others open meanwhile.
        let number = nix::fcntl::fcntl(&socket, nix::fcntl::FcntlArg::F_DUPFD(4_000)).unwrap();
        // SAFETY: a number of this test's own, closed at once: what is left is wrong on purpose,
        // and only its number is used from then on.
        unsafe {
            drop(OwnedFd::from_raw_fd(number));
            Some(OwnedFd::from_raw_fd(number))
        }
    });
    assert!(text.contains("is no open descriptor"), "{text}");
}

#[test]
fn a_socket_that_is_handed_over_twice_is_one_path_and_stays_whole() {
    let own = address::own();
    let far = address::own();
    let first = Arc::new(Mutex::new(None::<OwnedFd>));
    let host = Opener::new(move |request| match request.purpose {
        SENDER => {
            let mut first = first.lock().unwrap();
            let socket = first.get_or_insert_with(|| bound(request));
            socket.try_clone().ok()
        }
        _ => Some(bound(request)),
    });
    let line = |id: u8, port: u16| {
        json!({
            "id": id, "name": format!("line-{id}"), "local": own, "remote": format!("{far}:{port}"),
        })
    };
    let engine = started(
        &host,
        &json!({
            "probe": {"interval_ms": 10, "timeout_ms": 200},
            "responder": {"listen": [format!("{far}:8620"), format!("{far}:8622")],
                          "peers": ["any"]},
            "lines": [line(1, 8620), line(2, 8622)],
        }),
    );
    until("one line says why", || trouble(&engine).is_some());
    let text = trouble(&engine).unwrap();
    assert!(text.contains("in use by another path"), "{text}");
    until("the other one is measured", || received(&engine) > 20);
}

#[test]
fn responders_that_the_host_refuses_are_told_to_its_log() {
    let host = Opener::new(|_| None);
    let (_, config) = looped();
    let engine = started(&host, &config);
    until("both responders are told", || {
        let words = host.words.lock().unwrap();
        words.contains("STAMP responder on") && words.contains(":8620: host: it refuses")
    });
    drop(engine);
}

#[test]
fn the_descriptors_of_a_host_are_closed_with_the_engine() {
    let handed = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&handed);
    let host = Opener::new(move |request| {
        let socket = Socket::from(bound(request));
        kept.lock()
            .unwrap()
            .push(socket.local_addr().unwrap().as_socket().unwrap());
        Some(OwnedFd::from(socket))
    });
    let (_, config) = looped();
    let engine = started(&host, &config);
    until("the session runs", || received(&engine) > 5);
    drop(engine);
    for local in handed.lock().unwrap().iter() {
        // Without SO_REUSEADDR: nobody else has it.
        assert!(UdpSocket::bind(local).is_ok(), "{local}");
    }
}
