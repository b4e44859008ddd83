//! An engine that has sessions, and another one that answers them, each on an address of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use autoflow_tests::{address, artifacts};
use plugin_abi::host::{Callbacks, Engine, Plugin};
use plugin_abi::manage::{
    Answer, Problem, Progress, Refusal, Request, RunResult, RunState, ServedResult, SessionKind,
    SessionResult, SessionRow,
};
use serde_json::{Value, json};

static PLUGIN: LazyLock<Plugin> = LazyLock::new(|| {
    Plugin::load_checked(&artifacts().plugin).unwrap_or_else(|error| panic!("{error}"))
});

/// Only ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// An engine that sends, on an address of its own, and one that answers.
pub(crate) struct Ends {
    pub(crate) near: Engine,
    pub(crate) far: Engine,
    pub(crate) from: Ipv4Addr,
    pub(crate) to: Ipv4Addr,
    pub(crate) ended: Ended,
}

/// The runs that the host was told of.
#[derive(Clone, Default)]
pub(crate) struct Ended(Arc<Mutex<Vec<u64>>>);

impl Callbacks for Ended {
    fn run_ended(&self, run: u64, _: &str) {
        self.0.lock().unwrap().push(run);
    }
}

impl Ended {
    pub(crate) fn has(&self, run: u64) -> bool {
        self.0.lock().unwrap().contains(&run)
    }
}

/// Ports of the far end.
pub(crate) const CONTROL: u16 = 8_620;
pub(crate) const LIGHT: u16 = 8_621;
pub(crate) const STAMP: u16 = 8_622;

impl Ends {
    /// With these keys in the document of the near end.
    pub(crate) fn with(document: &Value) -> Self {
        let (from, to) = (address::own(), address::own());
        let far = json!({"responder": {
            "listen": [format!("{to}:{CONTROL}")],
            "light": [format!("{to}:{LIGHT}")],
            "stamp": [format!("{to}:{STAMP}")],
            "peers": ["127.0.0.0/8"],
            "test_ports": [8_700, 8_709],
        }});
        let mut near = json!({
            "probe": {"interval_ms": 10, "timeout_ms": 500},
            "responder": {"test_ports": [20_000, 24_999]},
            "decision": {"publish_ms": 20},
        });
        let text = document.to_string().replace("FROM", &from.to_string());
        let text = text.replace("TO", &to.to_string());
        let document: Value = serde_json::from_str(&text).unwrap();
        for (key, value) in document.as_object().unwrap() {
            near[key] = value.clone();
        }
        let ended = Ended::default();
        Self {
            far: started(&far, Ended::default()),
            near: started(&near, ended.clone()),
            from,
            to,
            ended,
        }
    }

    /// With nothing but what is added.
    pub(crate) fn new() -> Self {
        Self::with(&json!({}))
    }

    /// A session from the near to the far end on this port, with these keys besides.
    pub(crate) fn session(&self, port: u16, rest: Value) -> Value {
        let mut session = json!({
            "local": self.from.to_string(),
            "remote": SocketAddr::from((self.to, port)).to_string(),
        });
        let Value::Object(rest) = rest else {
            panic!("no object");
        };
        for (key, value) in rest {
            session[key] = value;
        }
        session
    }

    /// Adds such a session; answers its id.
    pub(crate) fn add(&self, port: u16, rest: Value) -> String {
        let session = self.session(port, rest);
        match self.ask(&Request::AddSession { session }) {
            Answer::Session(id) => id,
            other => panic!("not added: {other:?}"),
        }
    }

    pub(crate) fn ask(&self, request: &Request) -> Answer {
        let answer = self.near.manage(request);
        answer.unwrap_or_else(|error| {
            Answer::Error(Refusal {
                code: error.code,
                message: error.message,
            })
        })
    }

    pub(crate) fn rows(&self) -> Vec<SessionRow> {
        rows(&self.near)
    }

    /// The row of a configured session.
    pub(crate) fn row(&self, id: &str) -> Option<SessionRow> {
        let rows = self.rows();
        rows.into_iter()
            .find(|row| row.kind == SessionKind::Own && row.id == id)
    }

    pub(crate) fn result(&self, id: &str) -> Option<SessionResult> {
        self.row(id)?.result
    }

    /// Waits until so many of its probes were answered.
    pub(crate) fn until_received(&self, id: &str, probes: u64) -> SessionResult {
        until("replies", || {
            self.result(id).filter(|result| result.received >= probes)
        })
    }

    pub(crate) fn run(&self, id: &str) -> u64 {
        let session = id.to_owned();
        match self.ask(&Request::RunSession { session }) {
            Answer::Run(run) => run,
            other => panic!("no run: {other:?}"),
        }
    }

    pub(crate) fn progress(&self, run: u64) -> Progress {
        match self.ask(&Request::Progress { run }) {
            Answer::Progress(progress) => *progress,
            other => panic!("no progress: {other:?}"),
        }
    }

    /// Waits until a run is over.
    pub(crate) fn until_over(&self, run: u64) -> Progress {
        until("the end of a run", || {
            let progress = self.progress(run);
            matches!(progress.state, RunState::Ended | RunState::Failed).then_some(progress)
        })
    }

    pub(crate) fn results(&self, session: Option<&str>) -> Vec<RunResult> {
        let request = Request::Results {
            session: session.map(str::to_owned),
            line: None,
            last: None,
        };
        match self.ask(&request) {
            Answer::Results(results) => results,
            other => panic!("no results: {other:?}"),
        }
    }

    pub(crate) fn change(&self, id: &str, change: Value) -> Answer {
        self.ask(&Request::ChangeSession {
            session: id.into(),
            change,
        })
    }

    pub(crate) fn delete(&self, id: &str) {
        let session = id.to_owned();
        let answer = self.ask(&Request::DeleteSession { session });
        assert!(matches!(answer, Answer::Deleted(_)), "{answer:?}");
    }

    /// What the far end saw of its sessions.
    pub(crate) fn served(&self) -> Vec<ServedResult> {
        let rows = rows(&self.far).into_iter();
        rows.filter_map(|row| row.served).collect()
    }
}

fn started(document: &Value, callbacks: Ended) -> Engine {
    let engine = PLUGIN.create(&document.to_string(), callbacks).unwrap();
    engine.start().unwrap();
    engine
}

pub(crate) fn rows(engine: &Engine) -> Vec<SessionRow> {
    match engine.manage(&Request::Sessions).unwrap() {
        Answer::Sessions(rows) => rows,
        other => panic!("no sessions: {other:?}"),
    }
}

/// The mistakes that a request is refused for, as people read them.
pub(crate) fn sentences(answer: Answer) -> Vec<String> {
    match answer {
        Answer::Problems(problems) => problems.iter().map(Problem::to_string).collect(),
        Answer::Error(refusal) => vec![refusal.message],
        other => panic!("not refused: {other:?}"),
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
