//! Peers on TCP that are no good TWAMP responders.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{sleep, spawn};
use std::time::Duration;

use crate::address;

/// What a strange peer does with a connection.
#[derive(Clone, Copy)]
pub(crate) enum Manner {
    /// Takes it and says nothing.
    Silent,
    /// Takes it and closes it.
    Closes,
    /// Speaks another protocol, and at length.
    Garbage,
    /// Greets, and offers these modes.
    Offers(u32),
    /// Greets, offers open mode and refuses it with this Accept value.
    Refuses(u8),
    /// Agrees to open mode, then says nothing.
    FallsSilent,
    /// Agrees to open mode, then closes.
    HangsUp,
}

/// A peer that serves one connection, and how it is reached.
pub(crate) fn peer(manner: Manner) -> SocketAddr {
    let listener = TcpListener::bind((address::own(), 8620)).unwrap();
    let local = listener.local_addr().unwrap();
    spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // The other side may leave at any time.
        let _ = behave(manner, &mut stream);
        let _ = stream.shutdown(Shutdown::Both);
    });
    local
}

/// How a server that offers features says no to them.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum No {
    /// It hangs up.
    HangsUp,
    /// It hangs up, and a while later on those who have selected none.
    HangsUpLater,
    /// It says "not supported" (Accept 3).
    Refuses,
}

/// All features but shared keys from IKEv2.
const FEATURES: u32 = 0x371 & !0xf;

/// A server that offers features and can't do them, before `inner`, which serves all others. How
/// it is reached, and the modes that each connection selects.
pub(crate) fn shy_of_features(inner: &str, no: No) -> (SocketAddr, Receiver<u32>) {
    let inner: SocketAddr = inner.parse().unwrap();
    let listener = TcpListener::bind((inner.ip(), 8622)).unwrap();
    let local = listener.local_addr().unwrap();
    let (selections, selected) = channel();
    spawn(move || {
        while let Ok((near, _)) = listener.accept() {
            let selections = selections.clone();
            // The other side may leave at any time.
            spawn(move || {
                let tell = |modes| {
                    let _ = selections.send(modes);
                };
                let _ = pass_on(near, TcpStream::connect(inner).unwrap(), no, tell);
            });
        }
    });
    (local, selected)
}

fn pass_on(
    mut near: TcpStream,
    mut far: TcpStream,
    no: No,
    tell: impl Fn(u32),
) -> std::io::Result<()> {
    let mut greeting = [0; 64];
    far.read_exact(&mut greeting)?;
    let offered = modes(&greeting[12..]) | FEATURES;
    greeting[12..16].copy_from_slice(&offered.to_be_bytes());
    near.write_all(&greeting)?;
    let mut response = [0; 164];
    near.read_exact(&mut response)?;
    let selected = modes(&response);
    tell(selected);
    if selected & FEATURES != 0 {
        let mut start = [0; 48];
        start[15] = 3;
        return match no {
            No::Refuses => near.write_all(&start),
            No::HangsUp | No::HangsUpLater => Ok(()),
        };
    }
    far.write_all(&response)?;
    let (mut from, mut to) = (far.try_clone()?, near.try_clone()?);
    spawn(move || std::io::copy(&mut from, &mut to));
    if no == No::HangsUpLater {
        let (near, far) = (near.try_clone()?, far.try_clone()?);
        spawn(move || {
            sleep(Duration::from_millis(500));
            [near, far].map(|end| end.shutdown(Shutdown::Both))
        });
    }
    std::io::copy(&mut near, &mut far)?;
    far.shutdown(Shutdown::Both)
}

fn modes(octets: &[u8]) -> u32 {
    u32::from_be_bytes([octets[0], octets[1], octets[2], octets[3]])
}

fn behave(manner: Manner, stream: &mut TcpStream) -> std::io::Result<()> {
    match manner {
        Manner::Silent => until_closed(stream),
        Manner::Closes => Ok(()),
        Manner::Garbage => {
            stream.write_all(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n")?;
            stream.write_all(&[b'x'; 200])?;
            until_closed(stream)
        }
        Manner::Offers(modes) => {
            stream.write_all(&greeting(modes))?;
            until_closed(stream)
        }
        Manner::Refuses(accept) => {
            agree(stream, accept)?;
            until_closed(stream)
        }
        Manner::FallsSilent => {
            agree(stream, 0)?;
            until_closed(stream)
        }
        Manner::HangsUp => {
            agree(stream, 0)?;
            stream.read_exact(&mut [0; 112])
        }
    }
}

/// Greeting, Set-Up-Response and Server-Start (RFC 4656, section 3.1).
fn agree(stream: &mut TcpStream, accept: u8) -> std::io::Result<()> {
    stream.write_all(&greeting(1))?;
    stream.read_exact(&mut [0; 164])?;
    let mut start = [0; 48];
    start[15] = accept;
    stream.write_all(&start)
}

fn greeting(modes: u32) -> [u8; 64] {
    let mut greeting = [0; 64];
    greeting[12..16].copy_from_slice(&modes.to_be_bytes());
    greeting[16..48].fill(0x5a);
    greeting[48..52].copy_from_slice(&2048_u32.to_be_bytes());
    greeting
}

fn until_closed(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut buffer = [0; 512];
    while stream.read(&mut buffer)? > 0 {}
    Ok(())
}
