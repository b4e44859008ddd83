//! What another document changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use plugin_abi::config::{Class, Config, Group, Key, Line};
use plugin_abi::manage::{Applied, Difference};
use serde_json::{Map, Value};

use super::owners::id_of;
use crate::config::expand;

/// What comes, goes and is different from `old` to `new`.
pub(super) fn difference(old: &Config, new: &Config) -> Applied {
    // Of a topology, what it means here, and that it is another one.
    let settings = settings(old, new);
    let (old, new) = (&expand(old), &expand(new));
    let line = |line: &Arc<Line>| (line.id, line.name.clone());
    let group = |group: &Group| (group.id, group.name.clone());
    let class = |class: &Class| (class.id, class.name.clone());
    let key = |key: &Key| (key.id.clone(), key.id.clone());
    let keys = compare(&named(&old.keys, key), &named(&new.keys, key));
    let [before, after] = [old, new].map(|config| {
        named(&config.sessions, |session| {
            let id = id_of(session, config);
            let name = session.name.clone().unwrap_or_else(|| id.clone());
            (id, name)
        })
    });
    let [answered, answers] = [old, new].map(|config| {
        let all = config.responder.answering().into_iter();
        all.map(|(one, _)| (one, (one, ()))).collect()
    });
    Applied {
        lines: compare(&named(&old.lines, line), &named(&new.lines, line)),
        groups: compare(&named(&old.groups, group), &named(&new.groups, group)),
        classes: compare(&named(&old.classes, class), &named(&new.classes, class)),
        sessions: compare(&before, &after),
        responder: compare(&answered, &answers),
        settings_changed: !settings.is_empty() || !keys.is_none() || old.responder != new.responder,
        settings,
        keys,
        ..Applied::default()
    }
}

/// The things of a list by what they are known by, with their names.
fn named<Id: Ord, T>(list: &[T], of: impl Fn(&T) -> (Id, String)) -> BTreeMap<Id, (String, &T)> {
    let list = list.iter();
    list.map(|thing| {
        let (id, name) = of(thing);
        (id, (name, thing))
    })
    .collect()
}

fn compare<Id: Ord, Name: Clone, T: PartialEq>(
    old: &BTreeMap<Id, (Name, T)>,
    new: &BTreeMap<Id, (Name, T)>,
) -> Difference<Name> {
    let mut told = Difference::default();
    for (id, (name, thing)) in new {
        match old.get(id) {
            None => told.added.push(name.clone()),
            Some((_, before)) if before != thing => told.changed.push(name.clone()),
            Some(_) => {}
        }
    }
    let gone = old.iter().filter(|(id, _)| !new.contains_key(id));
    told.removed.extend(gone.map(|(_, (name, _))| name.clone()));
    told
}

/// The keys of a document, beside lists that are told thing by thing, that say something else.
fn settings(old: &Config, new: &Config) -> Vec<String> {
    let [old, new] = [old, new].map(rest);
    let mut keys: Vec<_> = old.keys().chain(new.keys()).cloned().collect();
    keys.sort();
    keys.dedup();
    keys.retain(|key| old.get(key) != new.get(key));
    keys
}

fn rest(config: &Config) -> Map<String, Value> {
    let mut rest = config.clone();
    for addresses in [
        &mut rest.responder.listen,
        &mut rest.responder.light,
        &mut rest.responder.stamp,
    ] {
        addresses.clear();
    }
    rest.responder.added.clear();
    rest.lines.clear();
    rest.groups.clear();
    rest.classes.clear();
    rest.sessions.clear();
    rest.keys.clear();
    match serde_json::to_value(rest) {
        Ok(Value::Object(keys)) => keys,
        // A configuration is an object.
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(document: Value) -> Config {
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn what_comes_goes_and_changes_is_told_by_name_and_no_secret_is() {
        let old = config(json!({
            "mode": "advise", "probe": {"interval_ms": 100},
            "keys": [{"id": "hub", "passphrase": "old one"}, {"id": "spare"}],
            "responder": {"listen": ["127.0.0.1:862"]},
            "lines": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}, {"id": 4, "name": "d"}],
            "sessions": [{"remote": "192.0.2.1", "name": "one"}, {"remote": "192.0.2.2"}]
        }));
        let new = config(json!({
            "mode": "act", "probe": {"interval_ms": 100},
            "keys": [{"id": "hub", "passphrase": "new one"}, {"id": "spare"}],
            "responder": {"stamp": ["127.0.0.1:862"]},
            "lines": [{"id": 1, "name": "a"}, {"id": 2, "name": "b", "cost": 7},
                      {"id": 3, "name": "c"}],
            "sessions": [{"remote": "192.0.2.1", "name": "one", "count": 9}]
        }));
        let told = difference(&old, &new);
        assert_eq!(told.lines.added, ["c"]);
        assert_eq!(told.lines.removed, ["d"]);
        assert_eq!(told.lines.changed, ["b"]);
        assert_eq!(told.keys.changed, ["hub"]);
        assert_eq!(told.settings, ["mode"]);
        assert_eq!(told.sessions.changed, ["one"]);
        assert_eq!(told.sessions.removed.len(), 1);
        assert_eq!(told.responder.added[0].protocol.name(), "stamp");
        assert_eq!(told.responder.removed[0].protocol.name(), "twamp");
        assert!(told.settings_changed && !told.is_none());
        assert!(!serde_json::to_string(&told).unwrap().contains("new one"));
        assert!(difference(&new, &new).is_none());
    }

    #[test]
    fn what_a_person_toggled_is_a_setting() {
        let old = config(json!({"lines": [{"id": 1, "name": "a"}]}));
        let mut new = old.clone();
        new.toggled = config(json!({"toggled": [{"line": 1, "sender": false}]})).toggled;
        assert_eq!(difference(&old, &new).settings, ["toggled"]);
    }
}
