//! The head of a request, as far as it says what is wanted (RFC 9112).

/// The longest head, in octets.
pub(super) const LONGEST: usize = 8 << 10;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Without what follows a question mark.
    pub(super) path: String,
    /// Only the head of the answer is.
    pub(super) head_only: bool,
    /// Which forms are taken; empty: any.
    pub(super) accept: String,
}

/// Why it is not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// It is no request.
    Malformed,
    /// It wants something done.
    Method,
    /// It is of another version.
    Version,
}

/// Where the head ends; `None`: more is to come.
pub(super) fn end(octets: &[u8]) -> Option<usize> {
    let ends = |end: &[u8]| octets.windows(end.len()).position(|at| at == end);
    // A bare line feed ends a line, too (section 2.2).
    let crlf = ends(b"\r\n\r\n").map(|at| at + 4);
    let lf = ends(b"\n\n").map(|at| at + 2);
    crlf.into_iter().chain(lf).min()
}

/// Reads a whole head.
pub(super) fn read(head: &[u8]) -> Result<Wanted, Misfit> {
    let head = std::str::from_utf8(head).map_err(|_| Misfit::Malformed)?;
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Misfit::Malformed);
    };
    let is_method = !method.is_empty() && method.bytes().all(|octet| octet.is_ascii_uppercase());
    if !is_method || !target.starts_with('/') || !version.starts_with("HTTP/") {
        return Err(Misfit::Malformed);
    }
    if !version.starts_with("HTTP/1.") {
        return Err(Misfit::Version);
    }
    let head_only = match method {
        "GET" => false,
        "HEAD" => true,
        _ => return Err(Misfit::Method),
    };
    let accepts = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("accept").then_some(value.trim())
    });
    let path = target.split('?').next().unwrap_or_default();
    Ok(Wanted {
        path: path.to_owned(),
        head_only,
        accept: accepts.collect::<Vec<_>>().join(","),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_scraper_says_what_it_wants_and_in_which_form() {
        let head = b"GET /metrics?x=1 HTTP/1.1\r\nHost: here\r\nACCEPT: a/b\r\naccept: c/d\r\n\r\n";
        assert_eq!(end(head), Some(head.len()));
        assert_eq!(
            read(head),
            Ok(Wanted {
                path: "/metrics".into(),
                head_only: false,
                accept: "a/b,c/d".into()
            })
        );
        assert!(read(b"HEAD / HTTP/1.0\n\n").unwrap().head_only);
    }

    #[test]
    fn what_is_no_request_or_wants_more_is_told_apart() {
        for (head, misfit) in [
            ("POST /metrics HTTP/1.1", Misfit::Method),
            ("GET /metrics HTTP/2.0", Misfit::Version),
            ("GET /metrics", Misfit::Malformed),
            ("GET  /metrics HTTP/1.1", Misfit::Malformed),
            ("GET metrics HTTP/1.1", Misfit::Malformed),
            ("get /metrics HTTP/1.1", Misfit::Malformed),
            ("", Misfit::Malformed),
        ] {
            assert_eq!(read(head.as_bytes()), Err(misfit), "{head}");
        }
        assert_eq!(read(b"GET /\xff HTTP/1.1"), Err(Misfit::Malformed));
    }

    proptest! {
        #[test]
        fn no_octets_are_more_than_refused(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = end(&octets);
            let _ = read(&octets);
        }

        #[test]
        fn a_head_ends_where_its_lines_do(head in "[ -~\r\n]{0,80}") {
            if let Some(at) = end(head.as_bytes()) {
                prop_assert!(head[..at].ends_with("\n\r\n") || head[..at].ends_with("\n\n"));
            }
        }
    }
}
