//! The configured sessions, by id and by name.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use plugin_abi::config::{Line, Session};

use super::identity::configured_id;

/// A configured session's id. Clones are cheap.
pub(crate) type Id = Arc<str>;

/// Sessions that one engine takes, at most.
pub(crate) const MOST: usize = 100_000;

/// The configured sessions of one engine, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registry {
    by_id: HashMap<Id, Place>,
    by_name: HashMap<Box<str>, Id>,
    in_order: BTreeMap<u64, Id>,
    next: u64,
}

#[derive(Clone, Debug)]
struct Place {
    number: u64,
    session: Arc<Session>,
}

/// What two registries differ in.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) added: Vec<Id>,
    pub(crate) removed: Vec<Id>,
    pub(crate) changed: Vec<Id>,
}

impl Registry {
    /// Those of a document, among its lines.
    pub(crate) fn new(sessions: Vec<Session>, lines: &[Arc<Line>]) -> Self {
        let mut registry = Self::default();
        if sessions.is_empty() {
            return registry;
        }
        let lines: HashMap<&str, &Line> = lines
            .iter()
            .map(|line| (line.name.as_str(), &**line))
            .collect();
        for session in sessions {
            let line = session.line.as_deref().and_then(|name| lines.get(name));
            let id = configured_id(&session, line.copied());
            registry.put(id.into(), session);
        }
        registry
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// The one of this id, or else of this name.
    pub(crate) fn find(&self, text: &str) -> Option<(&Id, &Arc<Session>)> {
        let id = match self.by_id.get_key_value(text) {
            Some((id, _)) => id,
            None => self.by_name.get(text)?,
        };
        Some((id, self.get(id)?))
    }

    /// The one of this id.
    pub(crate) fn get(&self, id: &str) -> Option<&Arc<Session>> {
        self.by_id.get(id).map(|place| &place.session)
    }

    /// The id of the session that is called so.
    pub(crate) fn named(&self, name: &str) -> Option<&Id> {
        self.by_name.get(name)
    }

    /// All of them, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Id, &Arc<Session>)> {
        let in_order = self.in_order.values();
        in_order.filter_map(|id| Some((id, self.get(id)?)))
    }

    /// A session that is new, or is another one now.
    pub(crate) fn put(&mut self, id: Id, session: Session) {
        if let Some(former) = self.by_id.get(&id)
            && let Some(name) = &former.session.name
        {
            self.by_name.remove(name.as_str());
        }
        if let Some(name) = &session.name {
            self.by_name.insert(name.as_str().into(), id.clone());
        }
        let session = Arc::new(session);
        match self.by_id.get_mut(&id) {
            Some(place) => place.session = session,
            None => {
                let number = self.next;
                self.next += 1;
                self.in_order.insert(number, id.clone());
                self.by_id.insert(id, Place { number, session });
            }
        }
    }

    /// It is gone.
    pub(crate) fn remove(&mut self, id: &str) {
        if let Some(place) = self.by_id.remove(id) {
            self.in_order.remove(&place.number);
            if let Some(name) = &place.session.name {
                self.by_name.remove(name.as_str());
            }
        }
    }

    /// What is otherwise in `new`.
    pub(crate) fn difference(&self, new: &Self) -> Difference {
        let mut difference = Difference::default();
        for (id, session) in new.iter() {
            match self.get(id) {
                None => difference.added.push(id.clone()),
                Some(former) if former != session => difference.changed.push(id.clone()),
                Some(_) => {}
            }
        }
        let gone = self.iter().filter(|(id, _)| new.get(id).is_none());
        difference.removed.extend(gone.map(|(id, _)| id.clone()));
        difference
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn session(json: Value) -> Session {
        serde_json::from_value(json).unwrap()
    }

    fn registry(sessions: &[Value]) -> Registry {
        let sessions = sessions.iter().cloned().map(session).collect();
        Registry::new(sessions, &[])
    }

    #[test]
    fn a_session_is_found_by_id_and_by_name_as_long_as_it_is_called_so() {
        let mut all = registry(&[json!({"remote": "192.0.2.1", "name": "hub"})]);
        let (id, _) = all.find("hub").unwrap();
        let id = id.clone();
        assert_eq!(all.find(&id).unwrap().1.name.as_deref(), Some("hub"));
        all.put(
            id.clone(),
            session(json!({"remote": "192.0.2.1", "name": "far"})),
        );
        assert!(all.find("hub").is_none() && all.find("far").is_some());
        all.remove(&id);
        assert_eq!((all.len(), all.iter().count()), (0, 0));
        assert!(all.find("far").is_none());
    }

    #[test]
    fn a_change_keeps_the_place_in_the_list() {
        let mut all = registry(&[
            json!({"remote": "192.0.2.1"}),
            json!({"remote": "192.0.2.2"}),
        ]);
        let first = all.iter().next().unwrap().0.clone();
        all.put(
            first.clone(),
            session(json!({"remote": "192.0.2.1", "name": "x"})),
        );
        assert_eq!(all.iter().next().unwrap().0, &first);
    }

    #[test]
    fn what_comes_and_goes_is_told_and_what_stays_is_not() {
        let stays = json!({"remote": "192.0.2.9", "owner": "person"});
        let former = registry(&[json!({"remote": "192.0.2.1"}), stays.clone()]);
        let new = registry(&[json!({"remote": "192.0.2.2"}), stays]);
        let difference = former.difference(&new);
        assert_eq!(new.len(), 2);
        assert_eq!((difference.added.len(), difference.removed.len()), (1, 1));
        assert_eq!(new.difference(&new), Difference::default());
    }
}
