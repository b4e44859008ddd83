//! Where the socket lies, and whether it may lie there.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen};
use rustix::process::geteuid;

/// How many may wait to be let in.
const BACKLOG: i32 = 16;

/// Write permission of everybody, and the sticky bit that takes away what is dangerous in it.
const WORLD_WRITABLE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// A socket of one's own in the file system; its file goes when this is dropped.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    /// Which file: another one of that name is another's.
    file: Which,
}

/// Device, inode and time of the last change: an inode's number is soon used again.
type Which = (u64, u64, i64, i64);

fn which(file: &Metadata) -> Which {
    (file.dev(), file.ino(), file.ctime(), file.ctime_nsec())
}

/// There can be no socket.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// A host answers there.
    #[error("another host-sim runs at {}; end it, or name another socket with --socket", .0.display())]
    Live(PathBuf),
    /// Something else has the name.
    #[error("{} is no socket; name another file with --socket", .0.display())]
    Taken(PathBuf),
    /// A socket of somebody else.
    #[error("the socket {} belongs to user {user}; name another with --socket", path.display())]
    Foreign {
        /// The socket.
        path: PathBuf,
        /// Its owner.
        user: u32,
    },
    /// Anybody could put another socket in its place.
    #[error(
        "anybody may replace files in {}, also the socket; name one elsewhere with --socket",
        .0.display()
    )]
    Open(PathBuf),
    /// The system refuses.
    #[error("can't open the control socket {}: {cause}; name another with --socket", path.display())]
    System {
        /// The socket.
        path: PathBuf,
        /// Its words.
        cause: io::Error,
    },
}

/// Where the socket is unless somebody says otherwise: in `$XDG_RUNTIME_DIR`, else in `/run` for
/// root, else in the home directory.
#[must_use]
pub fn default_path() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    match (variable("XDG_RUNTIME_DIR"), variable("HOME")) {
        (Some(directory), _) => Path::new(&directory).join("host-sim.sock"),
        _ if geteuid().is_root() => PathBuf::from("/run/host-sim.sock"),
        (None, Some(home)) => Path::new(&home).join(".host-sim.sock"),
        (None, None) => PathBuf::from("host-sim.sock"),
    }
}

impl Place {
    /// Takes the place at `path` and listens there. A socket that nobody listens on any more is
    /// replaced.
    ///
    /// # Errors
    /// Another host listens there, something else lies there, or it would not be safe there.
    pub fn claim(path: &Path) -> Result<(Self, UnixListener), PlaceError> {
        let system = |cause: io::Error| PlaceError::System {
            path: path.to_owned(),
            cause,
        };
        safe(path, system)?;
        clear(path, system)?;
        let socket = || -> io::Result<_> {
            let address = SocketAddrUnix::new(path)?;
            let flags = SocketFlags::CLOEXEC;
            let socket =
                rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
            bind(&socket, &address)?;
            // Nobody can connect before `listen`: there is no moment of other permissions.
            fs::set_permissions(path, Permissions::from_mode(0o600))?;
            let file = fs::symlink_metadata(path)?;
            listen(&socket, BACKLOG)?;
            Ok((socket, which(&file)))
        };
        let (socket, file) = socket().map_err(system)?;
        let path = path.to_owned();
        Ok((Self { path, file }, socket.into()))
    }

    /// Its file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let now = fs::symlink_metadata(&self.path);
        if now.is_ok_and(|now| which(&now) == self.file) {
            // What can't be removed is replaced by the next host.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whoever may rename files of the directory may put a socket of his own there.
fn safe(path: &Path, system: impl Fn(io::Error) -> PlaceError) -> Result<(), PlaceError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mode = fs::metadata(directory).map_err(system)?.mode();
    if mode & WORLD_WRITABLE != 0 && mode & STICKY == 0 {
        return Err(PlaceError::Open(directory.to_owned()));
    }
    Ok(())
}

/// Removes a socket that nobody listens on.
fn clear(path: &Path, system: impl Fn(io::Error) -> PlaceError) -> Result<(), PlaceError> {
    let file = match fs::symlink_metadata(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(system(error)),
    };
    if !file.file_type().is_socket() {
        return Err(PlaceError::Taken(path.to_owned()));
    }
    if file.uid() != geteuid().as_raw() {
        let (path, user) = (path.to_owned(), file.uid());
        return Err(PlaceError::Foreign { path, user });
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(system)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(_) | Err(_) => Err(PlaceError::Live(path.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of the test's own.
    fn directory(name: &str) -> PathBuf {
        let directory =
            std::env::temp_dir().join(format!("host-sim-{}-{name}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
        directory
    }

    #[test]
    fn a_socket_is_for_its_owner_alone_and_goes_with_its_host() {
        let path = directory("own").join("a.sock");
        let (place, _listener) = Place::claim(&path).unwrap();
        let file = fs::symlink_metadata(&path).unwrap();
        assert!(file.file_type().is_socket());
        assert_eq!(file.mode() & 0o777, 0o600);
        drop(place);
        assert!(!path.exists());
    }

    #[test]
    fn a_live_socket_is_refused_and_a_stale_one_replaced() {
        let path = directory("stale").join("a.sock");
        let (place, listener) = Place::claim(&path).unwrap();
        assert!(matches!(Place::claim(&path), Err(PlaceError::Live(_))));
        drop(listener);
        let (second, _listener) = Place::claim(&path).unwrap();
        // The first one's end leaves the second one's file alone.
        drop(place);
        assert!(path.exists());
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_is_no_socket_stays() {
        let path = directory("file").join("a.sock");
        fs::write(&path, "mine").unwrap();
        assert!(matches!(Place::claim(&path), Err(PlaceError::Taken(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }

    #[test]
    fn where_anybody_may_rename_there_is_no_socket() {
        let directory = directory("open");
        fs::set_permissions(&directory, Permissions::from_mode(0o777)).unwrap();
        let path = directory.join("a.sock");
        assert!(matches!(Place::claim(&path), Err(PlaceError::Open(_))));
        fs::set_permissions(&directory, Permissions::from_mode(0o1777)).unwrap();
        assert!(Place::claim(&path).is_ok());
    }
}
