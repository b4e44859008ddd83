//! A far end that forgets a session without a word (power lost, no FIN): replies stop, the control
//! connection stays. A second session is asked for, and replaces the first only if it stays
//! silent.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use autoflow_tests::artifacts;
use plugin_abi::host::{Engine, Plugin, Silent};
use plugin_abi::manage::{Answer, Request, SessionResult};
use serde_json::json;

use crate::patience::{until, until_true};

/// A responder as small as it can be: one session a connection, numbers of its own.
#[derive(Default)]
struct FarEnd {
    answering: AtomicBool,
    /// Number of the next reply.
    next: AtomicU32,
    granted: AtomicU32,
    started: AtomicU32,
    stopped: AtomicU32,
}

impl FarEnd {
    fn start() -> (Arc<Self>, SocketAddr) {
        let far = Arc::new(Self::default());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let probes = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (control, port) = (
            listener.local_addr().unwrap(),
            probes.local_addr().unwrap().port(),
        );
        let reflector = Arc::clone(&far);
        thread::spawn(move || reflector.reflect(&probes));
        let server = Arc::clone(&far);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let server = Arc::clone(&server);
                // Ends when the near end closes the connection.
                thread::spawn(move || server.serve(stream, port));
            }
        });
        (far, control)
    }

    fn serve(&self, mut stream: TcpStream, port: u16) -> Option<()> {
        let mut greeting = [0; 64];
        greeting[15] = 1;
        greeting[50] = 4; // 1024
        stream.write_all(&greeting).ok()?;
        read::<164>(&mut stream)?;
        stream.write_all(&[0; 48]).ok()?;
        read::<112>(&mut stream)?;
        let mut accept = [0; 48];
        accept[2..4].copy_from_slice(&port.to_be_bytes());
        accept[4..20].fill(7);
        stream.write_all(&accept).ok()?;
        self.granted.fetch_add(1, Ordering::SeqCst);
        read::<32>(&mut stream)?;
        self.next.store(0, Ordering::SeqCst);
        self.answering.store(true, Ordering::SeqCst);
        self.started.fetch_add(1, Ordering::SeqCst);
        stream.write_all(&[0; 32]).ok()?;
        let stop = read::<32>(&mut stream)?;
        assert_eq!((stop[0], stop[7]), (3, 1), "Stop-Sessions, one session");
        self.stopped.fetch_add(1, Ordering::SeqCst);
        Some(())
    }

    fn reflect(&self, probes: &UdpSocket) {
        let mut probe = [0; 1500];
        while let Ok((_, from)) = probes.recv_from(&mut probe) {
            if !self.answering.load(Ordering::SeqCst) {
                continue;
            }
            let mut reply = [0; 41];
            reply[..4].copy_from_slice(&self.next.fetch_add(1, Ordering::SeqCst).to_be_bytes());
            reply[4..12].copy_from_slice(&probe[4..12]);
            reply[12..14].copy_from_slice(&[0, 1]);
            reply[16..24].copy_from_slice(&probe[4..12]);
            reply[24..38].copy_from_slice(&probe[..14]);
            reply[40] = 255;
            let _ = probes.send_to(&reply, from);
        }
    }

    fn forget(&self) {
        self.answering.store(false, Ordering::SeqCst);
    }
}

fn read<const N: usize>(stream: &mut TcpStream) -> Option<[u8; N]> {
    let mut octets = [0; N];
    stream.read_exact(&mut octets).ok().map(|()| octets)
}

fn engine(control: SocketAddr) -> Engine {
    let config = json!({
        "probe": {"interval_ms": 20, "timeout_ms": 300},
        "lines": [{"id": 1, "name": "A", "local": "127.0.0.1", "remote": control}],
        "responder": {"test_ports": [40_000, 40_999]},
    });
    let plugin = Plugin::load_checked(&artifacts().plugin).unwrap();
    let engine = plugin.create(&config.to_string(), Silent).unwrap();
    engine.start().unwrap();
    engine
}

fn result(engine: &Engine) -> SessionResult {
    until("the session is listed", || {
        match engine.manage(&Request::Sessions) {
            Ok(Answer::Sessions(mut rows)) => rows.pop()?.result,
            other => panic!("{other:?}"),
        }
    })
}

#[test]
fn a_far_end_that_stays_silent_is_asked_for_a_second_session_and_no_loss_gets_a_direction() {
    let (far, control) = FarEnd::start();
    let engine = engine(control);
    until_true("the first session runs", || result(&engine).received > 20);
    far.forget();
    until_true("a second session replaces it", || {
        far.started.load(Ordering::SeqCst) == 2
    });
    let before = result(&engine).received;
    until_true("its probes are answered", || {
        result(&engine).received > before + 20
    });
    until_true("the first one was stopped", || {
        far.stopped.load(Ordering::SeqCst) == 1
    });
    engine.stop().unwrap();
    let result = result(&engine);
    let directions = (result.lost.forward, result.lost.backward);
    assert_eq!(
        directions,
        (Some(0), Some(0)),
        "a restart is no loss of the line: {result:?}"
    );
    assert!(result.lost.unattributed > 0, "but its silence is told");
}

#[test]
fn a_line_that_comes_back_within_the_grace_keeps_its_session_and_its_numbers() {
    // A machine that stands still meanwhile says nothing about lines: once more.
    let quiet = (0..5).find_map(|_| {
        let (far, result) = silent_within_the_grace();
        (result.set_aside == 0).then_some((far, result))
    });
    let (far, result) = quiet.expect("this machine was held up five times in a row");
    assert_eq!(
        far.started.load(Ordering::SeqCst),
        1,
        "the second session was not started"
    );
    assert_eq!(
        result.lost.unattributed, 0,
        "all loss has a direction: {result:?}"
    );
    assert_eq!(result.lost.backward, Some(0));
    assert!(result.lost.forward > Some(50), "{result:?}");
}

/// The far end forgets its session, and answers it again as soon as another one is granted.
fn silent_within_the_grace() -> (Arc<FarEnd>, SessionResult) {
    let (far, control) = FarEnd::start();
    let engine = engine(control);
    until_true("the session runs", || result(&engine).received > 20);
    far.forget();
    until_true("a second session is granted", || {
        far.granted.load(Ordering::SeqCst) >= 2
    });
    far.answering.store(true, Ordering::SeqCst);
    thread::sleep(Duration::from_secs(2));
    engine.stop().unwrap();
    let result = result(&engine);
    (far, result)
}
