//! Datagrams as a file of captured packets: no privilege is needed for that.

use std::net::Ipv4Addr;

/// Packets begin with their IP header.
const RAW_IP: u32 = 101;

/// A capture of datagrams to a port of IPFIX.
pub(crate) fn capture(datagrams: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(0xa1b2_c3d4_u32.to_be_bytes());
    file.extend([0, 2, 0, 4]);
    file.extend([0; 8]);
    file.extend(65_535_u32.to_be_bytes());
    file.extend(RAW_IP.to_be_bytes());
    for datagram in datagrams {
        let packet = packet(datagram);
        file.extend([0; 8]);
        let length = u32::try_from(packet.len()).unwrap().to_be_bytes();
        file.extend(length);
        file.extend(length);
        file.extend(packet);
    }
    file
}

fn packet(datagram: &[u8]) -> Vec<u8> {
    let udp = u16::try_from(datagram.len() + 8).unwrap();
    let mut packet = vec![0x45, 0];
    packet.extend((udp + 20).to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, 17, 0, 0]);
    packet.extend(Ipv4Addr::LOCALHOST.octets());
    packet.extend(Ipv4Addr::LOCALHOST.octets());
    packet.extend(40_000_u16.to_be_bytes());
    packet.extend(4_739_u16.to_be_bytes());
    packet.extend(udp.to_be_bytes());
    packet.extend([0, 0]);
    packet.extend(datagram);
    packet
}
