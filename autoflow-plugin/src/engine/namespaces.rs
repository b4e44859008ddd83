//! Network namespaces by what a configuration calls them.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use super::lock;
use crate::net::{Namespace, NetError};

/// Those that the host handed over, by the kernel's name. Others are opened by path.
#[derive(Debug, Default)]
pub(super) struct Namespaces(Mutex<HashMap<String, Namespace>>);

impl Namespaces {
    /// The host has handed it over with a line.
    pub(super) fn add(&self, namespace: Namespace) {
        lock(&self.0).insert(namespace.name(), namespace);
    }

    /// The one that a line names.
    ///
    /// # Errors
    /// There is none of that name, or it is none of a network.
    pub(super) fn find(&self, name: &str) -> Result<Namespace, NetError> {
        let handed = lock(&self.0).get(name).cloned();
        handed.map_or_else(|| Namespace::open(name), Ok)
    }

    /// Holds only those of these names: one that is held does not go.
    pub(super) fn keep<'a>(&self, names: impl Iterator<Item = &'a String>) {
        let mut handed = lock(&self.0);
        if !handed.is_empty() {
            let names: HashSet<&String> = names.collect();
            handed.retain(|name, _| names.contains(name));
        }
    }
}
