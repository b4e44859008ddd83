//! The two doors.

use std::mem::offset_of;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::callbacks::{Callbacks, Registered};
use super::error::{CallError, LoadError};
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
            LibraryError::GetSymbolError { .. } => LoadError::NoDoor {
                path: path.to_owned(),
                symbol: "of the checked door",
            },
            other => layout_error(path, &other.to_string()),
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
        // SAFETY: the door has no precondition; the table is static and begins with its size.
        let table = unsafe {
            let table = door();
            let head = table.cast::<u32>();
            let found = head.read();
            let found_major = head.add(1).cast::<u16>().read();
            let found_minor = head.add(1).cast::<u16>().add(1).read();
            if found_major != ABI_MAJOR {
                return Err(LoadError::Version {
                    path: path.to_owned(),
                    found_major,
                    found_minor,
                });
            }
            if found < FIRST_VERSION {
                return Err(LoadError::TableTooSmall {
                    path: path.to_owned(),
                    expected: FIRST_VERSION,
                    found,
                });
            }
            *table
        };
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
    }
}

/// abi_stable's report runs to thousands of lines; a person needs what differs first.
#[cfg(feature = "stable")]
fn layout_error(path: &Path, report: &str) -> LoadError {
    let wanted = |line: &&str| {
        ["Error:", "expected", "found", "incompatible"]
            .iter()
            .any(|word| line.contains(word))
    };
    let lines: Vec<_> = report
        .lines()
        .map(str::trim)
        .filter(wanted)
        .take(3)
        .collect();
    LoadError::Layout {
        path: path.to_owned(),
        summary: if lines.is_empty() {
            report
                .lines()
                .find(|line| !line.trim().is_empty())
                .unwrap_or("?")
                .trim()
                .to_owned()
        } else {
            lines.join(" ")
        },
        report: report.to_owned(),
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
