//! Collectors that keep every octet: others are asked later what they read in it.

use std::io::{ErrorKind, Read};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// A collector that keeps what it hears.
pub(crate) struct Sink {
    pub(crate) at: SocketAddr,
    over: Arc<AtomicBool>,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
    thread: JoinHandle<()>,
}

impl Sink {
    pub(crate) fn udp(ip: IpAddr) -> Self {
        Self::udp_at((ip, 0).into())
    }

    pub(crate) fn udp_at(at: SocketAddr) -> Self {
        let socket = UdpSocket::bind(at).unwrap();
        let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(8 << 20);
        let pause = Duration::from_millis(20);
        socket.set_read_timeout(Some(pause)).unwrap();
        let at = socket.local_addr().unwrap();
        Self::hear(at, move |over, heard| {
            let mut octets = [0; 65_536];
            loop {
                match socket.recv(&mut octets) {
                    Ok(length) => heard.lock().unwrap().push(octets[..length].to_vec()),
                    Err(_) if over.load(Ordering::Acquire) => return,
                    Err(_) => {}
                }
            }
        })
    }

    pub(crate) fn tcp(ip: IpAddr) -> Self {
        Self::tcp_at((ip, 0).into())
    }

    /// All of one connection, until that ends or this collector does.
    pub(crate) fn tcp_at(at: SocketAddr) -> Self {
        let listener = TcpListener::bind(at).unwrap();
        let at = listener.local_addr().unwrap();
        Self::hear(at, move |over, heard| {
            let (mut stream, _) = listener.accept().unwrap();
            let pause = Duration::from_millis(20);
            stream.set_read_timeout(Some(pause)).unwrap();
            let (mut octets, mut piece) = (Vec::new(), [0; 65_536]);
            loop {
                match stream.read(&mut piece) {
                    Ok(0) => break,
                    Ok(length) => octets.extend(&piece[..length]),
                    Err(error) if error.kind() != ErrorKind::WouldBlock => break,
                    Err(_) if over.load(Ordering::Acquire) => break,
                    Err(_) => {}
                }
            }
            heard.lock().unwrap().push(octets);
        })
    }

    fn hear(
        at: SocketAddr,
        hear: impl FnOnce(&AtomicBool, &Mutex<Vec<Vec<u8>>>) + Send + 'static,
    ) -> Self {
        let (over, heard) = (Arc::<AtomicBool>::default(), Arc::default());
        let (is_over, hears) = (Arc::clone(&over), Arc::clone(&heard));
        let thread = std::thread::spawn(move || hear(&is_over, &hears));
        Self {
            at,
            over,
            heard,
            thread,
        }
    }

    /// Datagrams, or all of a connection, once the exporter has ended; before that, it is gone from
    /// here on.
    pub(crate) fn end(self) -> Vec<Vec<u8>> {
        self.over.store(true, Ordering::Release);
        self.thread.join().unwrap();
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}
