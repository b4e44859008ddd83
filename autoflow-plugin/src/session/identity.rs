//! The id of a session: the same four addresses and ports give the same id after any restart.

use std::net::SocketAddr;

/// FNV-1a (64 bit) over `local>remote` in their usual spelling, as 16 hexadecimal digits. An
/// ephemeral local port counts as 0.
pub(crate) fn session_id(local: SocketAddr, remote: SocketAddr) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for octet in format!("{local}>{remote}").bytes() {
        hash = (hash ^ u64::from(octet)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_stable_and_tells_directions_and_ports_apart() {
        let a = "192.0.2.1:0".parse().unwrap();
        let b = "192.0.2.2:862".parse().unwrap();
        assert_eq!(session_id(a, b), "3ab5878ed9e32754");
        assert_ne!(session_id(a, b), session_id(b, a));
        assert_ne!(
            session_id(a, b),
            session_id("192.0.2.1:20000".parse().unwrap(), b)
        );
    }
}
