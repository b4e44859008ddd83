//! Marks of packets as network engineers call them.

/// The name of a DSCP (RFC 2474, 2597, 3246, 5865, 8622); its number where it has none.
#[must_use]
pub fn dscp_name(code: u8) -> String {
    let (class, low) = (code >> 3, code & 7);
    match (class, low) {
        (0, 1) => "LE".to_owned(),
        (5, 4) => "VOICE-ADMIT".to_owned(),
        (5, 6) => "EF".to_owned(),
        (_, 0) => format!("CS{class}"),
        (1..=4, 2 | 4 | 6) => format!("AF{class}{}", low / 2),
        _ => format!("DSCP {code}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dscp_has_its_name_or_its_number() {
        let named = [0, 1, 10, 34, 38, 40, 44, 46, 48, 56].map(dscp_name);
        let expected = [
            "CS0",
            "LE",
            "AF11",
            "AF41",
            "AF43",
            "CS5",
            "VOICE-ADMIT",
            "EF",
            "CS6",
            "CS7",
        ];
        assert_eq!(named, expected);
        assert_eq!([5, 42, 63].map(dscp_name), ["DSCP 5", "DSCP 42", "DSCP 63"]);
    }
}
