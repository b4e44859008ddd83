//! The two doors.

use std::mem::{MaybeUninit, offset_of};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::callbacks::{Callbacks, Registered};
use super::error::{CallError, LoadError};
#[cfg(feature = "stable")]
use super::layout;
use super::{Engine, engine};
use crate::{ABI_MAJOR, C_DOOR, TwampPlugin};

/// By which door a plugin was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// abi_stable's root module: the layout of every type was compared.
    Checked,
    /// The C symbol: only the version was.
    C,
}

/// A loaded plugin. It is never unloaded.
#[derive(Clone)]
pub struct Plugin {
    table: Arc<TwampPlugin>,
    path: PathBuf,
    door: Door,
}

/// The size of the first version's table: what every plugin must have.
const FIRST_VERSION: u32 = (offset_of!(TwampPlugin, release) + size_of::<usize>()) as u32;

impl Plugin {
    /// Loads by the checked door: refuses a plugin of another layout.
    ///
    /// # Errors
    /// [`LoadError`]: the file can't be opened, is no plugin, or of another version or layout.
    #[cfg(feature = "stable")]
    pub fn load_checked(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        use abi_stable::library::{LibraryError, lib_header_from_path};

        let path = path.as_ref();
        // The dynamic loader looks a bare name up elsewhere; a host means the file it names.
        let file = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let refused = |error: LibraryError| match error {
            LibraryError::OpenError { err, .. } => LoadError::Open {
                path: path.to_owned(),
                found: err.to_string(),
            },
            LibraryError::GetSymbolError { .. } => no_checked_door(path, &file),
            LibraryError::IncompatibleVersionNumber {
                expected_version,
                actual_version,
                ..
            } => LoadError::Release {
                path: path.to_owned(),
                expected: expected_version.to_string(),
                found: actual_version.to_string(),
            },
            other => {
                let report = other.to_string();
                LoadError::Layout {
                    path: path.to_owned(),
                    summary: layout::summary(&report),
                    report,
                }
            }
        };
        let root = lib_header_from_path(&file)
            .and_then(abi_stable::library::LibHeader::init_root_module::<crate::TwampPluginRef>)
            .map_err(refused)?;
        Self::accept(path, Door::Checked, table_of(root))
    }

    /// Loads by the C door: compares the version only.
    ///
    /// # Errors
    /// [`LoadError`]: the file can't be opened, is no plugin, or of another version.
    pub fn load_c(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        let path = path.as_ref();
        let file = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        // SAFETY: loading runs the library's constructors; the caller has named it as a plugin.
        let library =
            unsafe { libloading::Library::new(&file) }.map_err(|error| LoadError::Open {
                path: path.to_owned(),
                found: error_chain(&error),
            })?;
        // SAFETY: a plugin's door has this type, by the contract of its name.
        let door = unsafe {
            library.get::<unsafe extern "C" fn() -> *const TwampPlugin>(C_DOOR.as_bytes())
        }
        .map_err(|_| LoadError::NoDoor {
            path: path.to_owned(),
            symbol: C_DOOR,
        })?;
        // SAFETY: the door has no precondition; its table is static.
        let table = unsafe { copy(path, door())? };
        // The plugin can't be unloaded (it is linked so); keep our handle open as well.
        std::mem::forget(library);
        Self::accept(path, Door::C, table)
    }

    /// Makes an engine from a JSON configuration.
    ///
    /// # Errors
    /// [`CallError`] with every mistake of the configuration.
    pub fn create(&self, config: &str, callbacks: impl Callbacks) -> Result<Engine, CallError> {
        engine::create(Arc::clone(&self.table), config, Registered::new(callbacks))
    }

    /// What it can do: bits of [`crate::capability`].
    #[must_use]
    pub fn capabilities(&self) -> u64 {
        self.table.capabilities
    }

    /// Major and minor version that it speaks.
    #[must_use]
    pub fn version(&self) -> (u16, u16) {
        (self.table.abi_major, self.table.abi_minor)
    }

    /// The file it came from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// By which door it was reached.
    #[must_use]
    pub fn door(&self) -> Door {
        self.door
    }

    fn accept(path: &Path, door: Door, table: TwampPlugin) -> Result<Self, LoadError> {
        if table.abi_major != ABI_MAJOR {
            return Err(LoadError::Version {
                path: path.to_owned(),
                found_major: table.abi_major,
                found_minor: table.abi_minor,
            });
        }
        Ok(Self {
            table: Arc::new(table),
            path: path.to_owned(),
            door,
        })
    }
}

/// Copies as much of a plugin's table as this host knows.
///
/// # Safety
/// `table` is null or points to a table with as many octets as its `struct_size` says.
unsafe fn copy(path: &Path, table: *const TwampPlugin) -> Result<TwampPlugin, LoadError> {
    let too_small = |found| LoadError::TableTooSmall {
        path: path.to_owned(),
        expected: FIRST_VERSION,
        found,
    };
    if table.is_null() {
        return Err(too_small(0));
    }
    // SAFETY: the caller's promise; every version of the table begins with these three.
    let (found, found_major, found_minor) = unsafe {
        (
            (&raw const (*table).struct_size).read(),
            (&raw const (*table).abi_major).read(),
            (&raw const (*table).abi_minor).read(),
        )
    };
    if found_major != ABI_MAJOR {
        return Err(LoadError::Version {
            path: path.to_owned(),
            found_major,
            found_minor,
        });
    }
    if found < FIRST_VERSION {
        return Err(too_small(found));
    }
    let octets = (found as usize).min(size_of::<TwampPlugin>());
    // Half a function is none.
    let octets = octets - octets % size_of::<usize>();
    let mut known = MaybeUninit::<TwampPlugin>::zeroed();
    // SAFETY: `octets` are readable, and there is room for them. They hold all functions of the
    // first version; those appended later are `Option`s, for which zero is a value.
    unsafe {
        let from = table.cast::<u8>();
        from.copy_to_nonoverlapping(known.as_mut_ptr().cast(), octets);
        Ok(known.assume_init())
    }
}

/// Why a library can't be entered by the checked door.
#[cfg(feature = "stable")]
fn no_checked_door(path: &Path, file: &Path) -> LoadError {
    // SAFETY: it has been loaded a moment ago; the symbol is looked for, not called.
    let has_c_door = unsafe {
        libloading::Library::new(file)
            .is_ok_and(|library| library.get::<*const ()>(C_DOOR.as_bytes()).is_ok())
    };
    let path = path.to_owned();
    if has_c_door {
        LoadError::OnlyCDoor { path }
    } else {
        LoadError::NoDoor {
            path,
            symbol: "of the checked door",
        }
    }
}

/// Copies the functions out of the checked prefix, so that both doors lead to one type.
#[cfg(feature = "stable")]
fn table_of(root: crate::TwampPluginRef) -> TwampPlugin {
    TwampPlugin {
        struct_size: root.struct_size(),
        abi_major: root.abi_major(),
        abi_minor: root.abi_minor(),
        capabilities: root.capabilities(),
        create: root.create(),
        start: root.start(),
        stop: root.stop(),
        destroy: root.destroy(),
        apply: root.apply(),
        export_config: root.export_config(),
        save_state: root.save_state(),
        load_state: root.load_state(),
        manage: root.manage(),
        event_fd: root.event_fd(),
        line_up: root.line_up(),
        line_update: root.line_update(),
        line_down: root.line_down(),
        line_load: root.line_load(),
        observe: root.observe(),
        advance: root.advance(),
        classify: root.classify(),
        choose: root.choose(),
        acquire: root.acquire(),
        release: root.release(),
        keep_samples: root.keep_samples().flatten(),
        take_samples: root.take_samples().flatten(),
        renew: root.renew().flatten(),
    }
}

fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = cause.to_string();
        next = cause.source();
    }
    text
}
