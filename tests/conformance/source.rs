//! Where a test of some path stands in the source.

use std::path::{Path, PathBuf};

/// Looks for the test `crate::modules::name` below `root`, the workspace.
///
/// # Errors
/// A sentence that says what is not there.
pub(crate) fn find(root: &Path, test: &str) -> Result<(), String> {
    let path: Vec<_> = test.split("::").collect();
    let [krate, modules @ .., name] = &path[..] else {
        return Err(format!("{test} is no path of a test"));
    };
    let directory = directory(root, krate).ok_or_else(|| format!("{test}: no crate {krate}"))?;
    let (file, inline) = file(&directory, modules)
        .ok_or_else(|| format!("{test}: nothing in {}", directory.display()))?;
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{test}: {error}"))?;
    let has_modules = inline
        .iter()
        .all(|module| text.contains(&format!("mod {module} {{")));
    if has_modules && has_test(&text, name) {
        Ok(())
    } else {
        Err(format!("{test}: no such test in {}", file.display()))
    }
}

/// The sources of a package, or of a test binary in this folder.
fn directory(root: &Path, krate: &str) -> Option<PathBuf> {
    let package = root.join(krate.replace('_', "-")).join("src");
    let binary = root.join("tests").join(krate);
    [package, binary].into_iter().find(|place| place.is_dir())
}

/// The file of the innermost module that has one, and the modules that stand in it.
fn file<'a>(directory: &Path, modules: &'a [&'a str]) -> Option<(PathBuf, &'a [&'a str])> {
    (0..=modules.len()).rev().find_map(|depth| {
        let (outer, inline) = modules.split_at(depth);
        let module = directory.join(outer.iter().collect::<PathBuf>());
        let files = match outer {
            [] => [module.join("lib.rs"), module.join("main.rs")],
            _ => [module.with_extension("rs"), module.join("mod.rs")],
        };
        let file = files.into_iter().find(|file| file.is_file())?;
        Some((file, inline))
    })
}

/// A function of this name with `#[test]` among the lines right above it.
fn has_test(text: &str, name: &str) -> bool {
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let head = format!("fn {name}(");
    let is_test = |at: usize| {
        let above = lines[..at].iter().rev();
        let mut attributes = above.take_while(|line| line.starts_with(['#', '/']));
        attributes.any(|line| *line == "#[test]")
    };
    (0..lines.len()).any(|at| lines[at].starts_with(&head) && is_test(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn a_test_is_found_in_a_file_of_its_own_inline_and_in_a_property() {
        for test in [
            "conformance::every_item_stands_in_its_table_once",
            "conformance::source::tests::what_is_no_test_is_not_found",
            "twamp_core::stamp::tests::light::a_reply_of_41_octets_is_enough_in_open_mode",
            "twamp_core::stamp::tests::properties::the_books_balance_on_any_line",
        ] {
            assert_eq!(find(&workspace(), test), Ok(()));
        }
    }

    #[test]
    fn what_is_no_test_is_not_found() {
        for test in [
            "conformance",
            "conformance::every_item_stands",
            "conformance::rows",
            "conformance::source::what_is_no_test_is_not_found::twice",
            "conformance::source::inline::what_is_no_test_is_not_found",
            "no_such_crate::every_item_stands_in_its_table_once",
        ] {
            let error = find(&workspace(), test).unwrap_err();
            assert!(error.starts_with(test), "{error}");
        }
    }
}
