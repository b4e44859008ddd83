//! Packets the kernel dropped at a full socket buffer, as it tells in `/proc/net/udp`: without them
//! a busy machine's loss would be taken for the line's.

use std::collections::HashMap;
use std::net::Ipv4Addr;

/// Drops so far of all open UDP sockets by local address; `None` if the kernel doesn't tell.
pub(super) fn by_address() -> Option<HashMap<Ipv4Addr, u64>> {
    let table = std::fs::read_to_string("/proc/net/udp").ok()?;
    Some(parse(&table))
}

fn parse(table: &str) -> HashMap<Ipv4Addr, u64> {
    let mut sums = HashMap::new();
    for (address, drops) in table.lines().skip(1).filter_map(parse_socket) {
        *sums.entry(address).or_default() += drops;
    }
    sums
}

/// A line of the table: slot, local address as `0100007F:1F90`, eleven more fields; drops are last.
fn parse_socket(line: &str) -> Option<(Ipv4Addr, u64)> {
    let mut fields = line.split_ascii_whitespace();
    let (address, _port) = fields.nth(1)?.split_once(':')?;
    let drops = fields.next_back()?.parse().ok()?;
    // The kernel prints the address's bytes in memory as a number of the machine.
    let bytes = u32::from_str_radix(address, 16).ok()?.to_ne_bytes();
    Some((Ipv4Addr::from(bytes), drops))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn drops_are_summed_by_address() {
        let table = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  103: 0201017F:1F90 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 17 2 0000000000000000 5
  104: 0201017F:1F91 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 18 2 0000000000000000 7
  105: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 19 2 0000000000000000 0
nonsense
";
        let drops = parse(table);
        assert_eq!(drops.get(&Ipv4Addr::new(127, 1, 1, 2)), Some(&12));
        assert_eq!(drops.get(&Ipv4Addr::LOCALHOST), Some(&0));
        assert_eq!(drops.len(), 2);
    }
}
