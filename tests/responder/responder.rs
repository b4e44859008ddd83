//! The plugin as a responder, in this process, on an address of its own.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use autoflow_tests::caller::{Caller, probe};
use autoflow_tests::{address, artifacts};
use plugin_abi::host::{Callbacks, Engine, Level, Plugin};
use plugin_abi::manage::{Answer, Request, ServedResult, Statistics};
use serde_json::{Value, json};

static PLUGIN: LazyLock<Plugin> = LazyLock::new(|| {
    Plugin::load_checked(&artifacts().plugin).unwrap_or_else(|error| panic!("{error}"))
});

/// Only ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(30);
/// What has not come within this does not come.
const SILENCE: Duration = Duration::from_millis(300);

/// A running responder.
pub(crate) struct Responder {
    pub(crate) engine: Engine,
    pub(crate) address: Ipv4Addr,
    pub(crate) heard: Heard,
    document: Value,
}

/// What it logs.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<String>>>);

impl Callbacks for Heard {
    fn log_enabled(&self, level: Level) -> bool {
        level <= Level::Warn
    }

    fn log(&self, _: Level, _: &str, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }
}

impl Heard {
    /// Messages so far that contain `words`.
    pub(crate) fn said(&self, words: &str) -> usize {
        let log = self.0.lock().unwrap();
        log.iter().filter(|message| message.contains(words)).count()
    }
}

impl Responder {
    /// One that answers TWAMP-Control on port 8620, with these keys of `responder` besides.
    pub(crate) fn with(responder: Value) -> Self {
        let address = address::own();
        let mut document = json!({"responder": {
            "listen": [format!("{address}:8620")],
            "peers": ["127.0.0.0/8"],
            "test_ports": [8_700, 8_709],
        }});
        merge(&mut document["responder"], responder);
        let heard = Heard::default();
        let engine = PLUGIN.create(&document.to_string(), heard.clone()).unwrap();
        engine.start().unwrap();
        Self {
            engine,
            address,
            heard,
            document,
        }
    }

    /// Changes these keys of `responder` while it runs.
    pub(crate) fn apply(&mut self, responder: Value) {
        merge(&mut self.document["responder"], responder);
        let document = self.document.to_string();
        self.engine.apply(&document, 0, false).unwrap();
    }

    /// Changes the lines while it runs.
    pub(crate) fn apply_lines(&mut self, lines: Value) {
        self.document["lines"] = lines;
        let document = self.document.to_string();
        self.engine.apply(&document, 0, false).unwrap();
    }

    pub(crate) fn at(&self, port: u16) -> SocketAddr {
        (self.address, port).into()
    }

    /// A connection from the responder's own address.
    pub(crate) fn call(&self) -> Caller {
        Caller::connect(self.address, self.at(8620)).unwrap()
    }

    /// A connection that is closed without a word.
    pub(crate) fn turns_away(&self, from: impl Into<IpAddr>) -> bool {
        let mut caller = Caller::connect(from, self.at(8620)).unwrap();
        caller.set_up().is_err()
    }

    pub(crate) fn statistics(&self) -> Statistics {
        match self.engine.manage(&Request::Statistics).unwrap() {
            Answer::Statistics(statistics) => statistics,
            other => panic!("no statistics: {other:?}"),
        }
    }

    /// What it saw of the session with this sender, once `holds` is true of it.
    pub(crate) fn served(
        &self,
        sender: SocketAddr,
        holds: impl Fn(&ServedResult) -> bool,
    ) -> ServedResult {
        until("the session is told of so", || {
            let Answer::Sessions(rows) = self.engine.manage(&Request::Sessions).unwrap() else {
                panic!("no sessions");
            };
            let mut served = rows.into_iter().filter_map(|row| row.served);
            served.find(|served| served.remote == sender && holds(served))
        })
    }
}

fn merge(document: &mut Value, keys: Value) {
    let Value::Object(keys) = keys else {
        panic!("no object: {keys}");
    };
    for (key, value) in keys {
        document[key] = value;
    }
}

/// A sender of probes, one at a time.
pub(crate) struct Prober(pub(crate) UdpSocket);

impl Prober {
    pub(crate) fn on(address: impl Into<IpAddr>, port: u16) -> io::Result<Self> {
        let socket = UdpSocket::bind((address.into(), port))?;
        socket.set_read_timeout(Some(SILENCE))?;
        Ok(Self(socket))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// Sends a probe; true if it is answered.
    pub(crate) fn is_answered(&self, number: u32, to: SocketAddr) -> bool {
        self.0.send_to(&probe(number), to).unwrap();
        let mut reply = [0; 64];
        // An answer to an earlier one is none.
        while let Ok(octets) = self.0.recv(&mut reply) {
            assert_eq!(octets, 41);
            if reply[24..28] == number.to_be_bytes() {
                return true;
            }
        }
        false
    }
}

/// Looks until there is something to see.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < end, "in vain: {what}");
        sleep(Duration::from_millis(10));
    }
}

/// Looks until something holds.
pub(crate) fn until_true(what: &str, mut holds: impl FnMut() -> bool) {
    until(what, || holds().then_some(()));
}
