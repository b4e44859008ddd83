//! A router in this process: each end has a TUN device, and what goes in at the one comes out at the
//! other, as the router is told.
//!
//! ```text
//!   near ── line ══▶ Way: TOS, hops, longest ══▶ line ── far
//!        (TUN)  ◀══ Way ◀══                    (TUN)
//! ```

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex};
use std::thread::spawn;

use autoflow_tests::net::Net;
use nix::libc;
use nix::sched::{CloneFlags, setns};

/// The name of the device at either end.
const LINE: &str = "line";

nix::ioctl_write_ptr_bad!(
    tun_set_iff,
    nix::request_code_write!(b'T', 202, size_of::<libc::c_int>()),
    libc::ifreq
);

/// What is done to the packets of one direction. The default is nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Way {
    /// Their TOS octet or traffic class becomes this.
    pub(crate) tos: Option<u8>,
    /// Routers that they pass.
    pub(crate) hops: u8,
    /// Longer ones vanish, and nobody says so.
    pub(crate) longest: Option<usize>,
}

/// Two ends and the router between them.
pub(crate) struct Relay {
    pub(crate) near: Net,
    pub(crate) far: Net,
    there: Arc<Mutex<Way>>,
}

impl Relay {
    /// `None`, and a printed reason, where this system makes none for us.
    pub(crate) fn start(there: Way, back: Way) -> Option<Self> {
        let [near, far] = Net::several()?;
        let devices = [&near, &far].map(device);
        for (net, host) in [(&near, 1), (&far, 2)] {
            net.run(&format!(
                "ip link set {LINE} addrgenmode none\n\
                 ip link set {LINE} up\n\
                 ip address add 10.7.0.{host}/24 dev {LINE}\n\
                 ip address add fd00:7::{host}/64 dev {LINE} nodad"
            ));
        }
        let [here, yonder] = devices.map(Arc::new);
        let there = Arc::new(Mutex::new(there));
        let told = Arc::clone(&there);
        let (from, to) = (Arc::clone(&here), Arc::clone(&yonder));
        // They end with this process, or with the devices.
        spawn(move || carry(&from, &to, || *told.lock().unwrap()));
        spawn(move || carry(&yonder, &here, || back));
        Some(Self { near, far, there })
    }

    /// From now on the way there is this one.
    pub(crate) fn reroute(&self, there: Way) {
        *self.there.lock().unwrap() = there;
    }
}

/// A TUN device in a network; a thread of its own enters that.
fn device(net: &Net) -> File {
    let handle = net.handle();
    let open = move || {
        setns(handle, CloneFlags::CLONE_NEWNET).unwrap();
        let mut how = OpenOptions::new();
        let device = how.read(true).write(true).open("/dev/net/tun").unwrap();
        // SAFETY: all zeros are a request without name and flags.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, octet) in request.ifr_name.iter_mut().zip(LINE.bytes()) {
            *to = octet as libc::c_char;
        }
        request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
        // SAFETY: the descriptor is open, the request lives on this stack during the call.
        unsafe { tun_set_iff(device.as_raw_fd(), &raw const request) }.unwrap();
        device
    };
    spawn(open).join().unwrap()
}

fn carry(mut from: &File, mut to: &File, way: impl Fn() -> Way) {
    let mut octets = [0; 65_536];
    while let Ok(length) = from.read(&mut octets) {
        let packet = &mut octets[..length];
        if way().takes(packet) {
            let _ = to.write_all(packet);
        }
    }
}

impl Way {
    fn takes(&self, packet: &mut [u8]) -> bool {
        if self.longest.is_some_and(|longest| packet.len() > longest) {
            return false;
        }
        match packet[0] >> 4 {
            4 => {
                packet[1] = self.tos.unwrap_or(packet[1]);
                packet[8] = packet[8].saturating_sub(self.hops);
                let sum = checksum(&packet[..20]);
                packet[10..12].copy_from_slice(&sum.to_be_bytes());
            }
            6 => {
                if let Some(tos) = self.tos {
                    packet[0] = 6 << 4 | tos >> 4;
                    packet[1] = tos << 4 | packet[1] & 0xf;
                }
                packet[7] = packet[7].saturating_sub(self.hops);
            }
            _ => return false,
        }
        true
    }
}

/// Of a header of IPv4 without options (RFC 1071).
fn checksum(header: &[u8]) -> u16 {
    let words = header.chunks_exact(2).enumerate();
    let words = words.filter(|(at, _)| *at != 5);
    let sum: u32 = words
        .map(|(_, word)| u32::from(u16::from_be_bytes([word[0], word[1]])))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !((folded & 0xffff) + (folded >> 16)) as u16
}
