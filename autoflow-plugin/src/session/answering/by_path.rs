//! Something for each of a few paths, found without hashing.

use crate::net::Path;

/// By the place that a path has among those that are open.
pub(super) struct ByPath<T>(Vec<Option<(Path, T)>>);

impl<T> Default for ByPath<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> ByPath<T> {
    pub(super) fn get(&self, path: Path) -> Option<&T> {
        let (owner, found) = self.0.get(path.place())?.as_ref()?;
        (*owner == path).then_some(found)
    }

    /// What a path before it had in this place is forgotten.
    pub(super) fn insert(&mut self, path: Path, new: T) {
        let place = path.place();
        if place >= self.0.len() {
            self.0.resize_with(place + 1, || None);
        }
        self.0[place] = Some((path, new));
    }

    pub(super) fn remove(&mut self, path: Path) {
        if self.get(path).is_some() {
            self.0[path.place()] = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Net, PathSpec};

    #[test]
    fn a_path_that_took_the_place_of_another_one_has_nothing_of_it() {
        let (mut net, _) = Net::<()>::new().unwrap();
        let spec = PathSpec::new("127.0.0.1:0".parse().unwrap());
        let mut open = || net.open(&spec).unwrap().0;
        let (first, second) = (open(), open());
        let mut by_path = ByPath::default();
        by_path.insert(second, 2);
        assert_eq!((by_path.get(first), by_path.get(second)), (None, Some(&2)));
        net.close(second);
        let (third, _) = net.open(&spec).unwrap();
        assert_eq!(third.place(), second.place());
        assert_eq!(by_path.get(third), None);
        by_path.remove(third);
        assert_eq!(by_path.get(second), Some(&2));
        by_path.insert(third, 3);
        assert_eq!((by_path.get(second), by_path.get(third)), (None, Some(&3)));
    }
}
