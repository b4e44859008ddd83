//! Marks of packets as network engineers call them.

use plugin_abi::config::dscp;

/// The DSCP of a name, in any case, or of a number from 0 to 63.
///
/// # Errors
/// Says what was expected.
pub fn dscp_code(text: &str) -> Result<u8, String> {
    let code = text.parse().ok().or_else(|| dscp::named(text));
    code.filter(|code| *code <= dscp::LARGEST)
        .ok_or_else(|| format!("expected 0 to 63 or a name like EF, AF41 or CS6, found `{text}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_or_number_is_a_dscp() {
        for code in 0..64 {
            assert_eq!(dscp_code(&code.to_string()), Ok(code));
        }
        let named = ["EF", "af41", "CS0", "DF"].map(dscp_code);
        assert_eq!(named, [Ok(46), Ok(34), Ok(0), Ok(0)]);
        for wrong in ["", "64", "-1", "AF44", "EF "] {
            assert!(dscp_code(wrong).is_err(), "{wrong}");
        }
    }
}
