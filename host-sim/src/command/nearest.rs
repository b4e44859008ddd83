//! What somebody may have meant.

/// The end of a sentence that says that a name is unknown: the name nearest to it, or all that
/// there are if they are few.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.filter(|known| !known.is_empty()).collect();
    known.sort_unstable();
    known.dedup();
    let far = |known: &&&str| strsim::damerau_levenshtein(name, known);
    let near = known.iter().min_by_key(far).filter(|near| {
        let length = name.chars().count().max(near.chars().count());
        far(near) * 2 <= length || near.starts_with(name)
    });
    match (near, known.as_slice()) {
        (Some(near), _) => format!("; did you mean {near}?"),
        (None, []) => "; there is none".to_owned(),
        (None, few @ [_, ..]) if few.len() <= FEW => format!("; there are {}", few.join(", ")),
        (None, many) => format!("; there are {}", many.len()),
    }
}

/// So many are named.
const FEW: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_the_name_that_was_meant() {
        let known = ["fibre", "lte", "mpls"];
        let nearest = |name| nearest(name, known.into_iter());
        assert_eq!(nearest("fiber"), "; did you mean fibre?");
        assert_eq!(nearest("mlps"), "; did you mean mpls?");
        assert_eq!(nearest("fi"), "; did you mean fibre?");
        assert_eq!(nearest("satellite"), "; there are fibre, lte, mpls");
    }

    #[test]
    fn where_nothing_is_known_nothing_is_guessed() {
        assert_eq!(nearest("a", std::iter::empty()), "; there is none");
        let many: Vec<String> = (10..40).map(|n| format!("line-{n}")).collect();
        let many = many.iter().map(String::as_str);
        assert_eq!(nearest("satellite", many), "; there are 30");
    }
}
