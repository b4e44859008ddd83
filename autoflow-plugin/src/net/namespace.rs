//! Network namespaces: sockets are made in one, and stay in it.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use super::denied_or;
use super::error::NetError;
use super::thread::with_signals_blocked;

/// Where `ip netns` keeps the names.
const NAMES: &str = "/run/netns";

/// A network namespace, which lives at least as long as this. Two are equal if they are the same
/// one, however each was come by.
#[derive(Clone, Debug)]
pub(crate) struct Namespace {
    handle: Arc<OwnedFd>,
    /// Device and inode, by which the kernel tells them apart.
    identity: (u64, u64),
}

impl Namespace {
    /// The one of this name, or at this path.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn open(name: &str) -> Result<Self, NetError> {
        let path = match name.contains('/') {
            true => name.into(),
            false => format!("{NAMES}/{name}"),
        };
        let opened = File::open(&path);
        let file = opened.map_err(|source| NetError::NoSuchNamespace { path, source })?;
        Self::of(file)
    }

    /// The one behind a descriptor of the host's, which stays the host's.
    ///
    /// # Errors
    /// It is no network namespace.
    pub(crate) fn duplicate(handle: BorrowedFd<'_>) -> Result<Self, NetError> {
        let own = handle.try_clone_to_owned();
        Self::of(own.map_err(|_| NetError::NotANamespace)?.into())
    }

    /// What the kernel calls it: `net:[4026532000]`.
    pub(crate) fn name(&self) -> String {
        format!("net:[{}]", self.identity.1)
    }

    /// Its number.
    pub(super) fn inode(&self) -> u64 {
        self.identity.1
    }

    /// Does `work` in it. That is done by a thread of its own, so that this one never has to find
    /// its way back.
    ///
    /// # Errors
    /// [`NetError::PermissionDenied`], or those of `work`.
    pub(super) fn within<T: Send>(
        &self,
        work: impl FnOnce() -> Result<T, NetError> + Send,
    ) -> Result<T, NetError> {
        let work = || {
            self.enter()?;
            work()
        };
        let failed = |error| NetError::system("start a thread for a network namespace", error);
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("twamp-netns".into());
            let thread = with_signals_blocked(|| thread.spawn_scoped(scope, work));
            thread
                .map_err(failed)?
                .join()
                .map_err(|_| failed(io::Error::other("it panicked")))?
        })
    }

    fn of(file: File) -> Result<Self, NetError> {
        // SAFETY: this request takes no argument and only answers a number.
        let kind = unsafe { libc::ioctl(file.as_raw_fd(), libc::NS_GET_NSTYPE) };
        if kind != libc::CLONE_NEWNET {
            return Err(NetError::NotANamespace);
        }
        let found = file.metadata();
        let found = found.map_err(|error| NetError::system("look at a namespace", error))?;
        Ok(Self {
            handle: Arc::new(file.into()),
            identity: (found.dev(), found.ino()),
        })
    }

    fn enter(&self) -> Result<(), NetError> {
        // SAFETY: no pointers. Moves this thread alone, and it ends soon.
        if unsafe { libc::setns(self.handle.as_raw_fd(), libc::CLONE_NEWNET) } == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        let action = "enter the line's network namespace";
        let otherwise = "let the host hand over the sockets";
        Err(denied_or(error, action, "CAP_SYS_ADMIN", otherwise))
    }
}

impl PartialEq for Namespace {
    fn eq(&self, other: &Self) -> bool {
        self.identity == other.identity
    }
}

impl Eq for Namespace {}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_namespace_is_the_same_however_it_was_come_by() {
        let path = "/proc/self/ns/net";
        let by_path = Namespace::open(path).unwrap();
        let file = File::open(path).unwrap();
        let by_handle = Namespace::duplicate(file.as_fd()).unwrap();
        assert_eq!(by_path, by_handle);
        let link = std::fs::read_link(path).unwrap();
        assert_eq!(link.to_str(), Some(by_path.name().as_str()));
    }

    #[test]
    fn what_is_no_network_namespace_is_refused() {
        for path in ["/dev/null", "/proc/self/ns/mnt"] {
            let refused = Namespace::open(path).unwrap_err();
            assert!(matches!(refused, NetError::NotANamespace), "{refused}");
        }
        let refused = Namespace::open("no-such-namespace")
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("/run/netns/no-such-namespace"),
            "{refused}"
        );
    }
}
