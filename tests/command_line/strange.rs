//! Peers on TCP that are no good TWAMP responders.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::spawn;

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
