//! What the sockets of several threads have in common: nobody may count them apart.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Looked at when paths open and close. A clone is the same register.
#[derive(Clone, Debug, Default)]
pub(super) struct Register(Arc<Mutex<Entries>>);

#[derive(Debug, Default)]
struct Entries {
    /// Sockets of the host's, as the kernel tells them apart.
    handed: HashSet<u64>,
    /// Network namespaces that paths were opened in, by the kernel's numbers.
    networks: Vec<u64>,
}

impl Register {
    /// False if that socket of the host's is a path already, of whichever thread.
    pub(super) fn take(&self, cookie: u64) -> bool {
        self.entries().handed.insert(cookie)
    }

    /// The socket is closed.
    pub(super) fn give_back(&self, cookie: u64) {
        self.entries().handed.remove(&cookie);
    }

    /// A small number for the kernel's: the same to all threads.
    pub(super) fn network(&self, network: u64) -> u32 {
        let networks = &mut self.entries().networks;
        let known = networks.iter().position(|known| *known == network);
        let place = known.unwrap_or_else(|| {
            networks.push(network);
            networks.len() - 1
        });
        place as u32
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
