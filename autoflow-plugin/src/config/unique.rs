//! What may stand in a list only once.

use std::collections::HashMap;
use std::hash::Hash;

use plugin_abi::manage::Problem;

use super::node::Node;

/// No two things of a list have the same `key`.
pub(super) fn own<'doc, T: Eq + Hash>(
    list: &Node<'doc>,
    key: &str,
    read: impl Fn(&Node<'doc>) -> Option<T>,
    problems: &mut Vec<Problem>,
) {
    once(
        list.items().map(|thing| thing.key(key)),
        key,
        read,
        problems,
    );
}

/// No item of a list stands there twice.
pub(super) fn own_items<'doc, T: Eq + Hash>(
    list: &Node<'doc>,
    what: &str,
    read: impl Fn(&Node<'doc>) -> Option<T>,
    problems: &mut Vec<Problem>,
) {
    once(list.items(), what, read, problems);
}

fn once<'doc, T: Eq + Hash>(
    nodes: impl Iterator<Item = Node<'doc>>,
    what: &str,
    read: impl Fn(&Node<'doc>) -> Option<T>,
    problems: &mut Vec<Problem>,
) {
    let mut seen: HashMap<T, String> = HashMap::new();
    for node in nodes {
        let Some(value) = read(&node) else { continue };
        if let Some(first) = seen.get(&value) {
            let found = format!("{} as in {first}", node.found());
            let expected = format!("{} {what} that is not taken", article(what));
            problems.push(node.problem_found(expected, found, "change one of the two"));
        } else {
            seen.insert(value, node.path().to_owned());
        }
    }
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    }
}
