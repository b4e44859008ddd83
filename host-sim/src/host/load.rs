//! Finding and loading the plugin.

use std::path::{Path, PathBuf};

use plugin_abi::host::{Door, LoadError, Plugin};

/// The plugin's file, beside the executable.
pub const PLUGIN_FILE: &str = "libautoflow_plugin.so";

/// No plugin.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The executable's own place is unknown.
    #[error("can't tell where this program lies: {0}; name the plugin with --plugin FILE")]
    Nowhere(std::io::Error),
    /// No plugin beside the executable.
    #[error(
        "expected the plugin at {0}, found nothing there; build it with `cargo build`, or name it \
         with --plugin FILE"
    )]
    Missing(PathBuf),
    /// The plugin was refused.
    #[error(transparent)]
    Refused(#[from] LoadError),
}

/// Loads the plugin from `file`, or from beside the executable, by `door`.
///
/// # Errors
/// No plugin there, or one that is refused.
pub fn load(file: Option<&Path>, door: Door) -> Result<Plugin, FindError> {
    let file = match file {
        Some(file) => file.to_owned(),
        None => beside(&std::env::current_exe().map_err(FindError::Nowhere)?)?,
    };
    Ok(match door {
        Door::Checked => Plugin::load_checked(file)?,
        Door::C => Plugin::load_c(file)?,
    })
}

fn beside(executable: &Path) -> Result<PathBuf, FindError> {
    let file = executable.with_file_name(PLUGIN_FILE);
    if file.exists() {
        Ok(file)
    } else {
        Err(FindError::Missing(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_plugin_is_named_with_its_place() {
        let error = beside(Path::new("/nowhere/host-sim")).unwrap_err();
        let sentence = error.to_string();
        assert!(
            sentence.contains("/nowhere/libautoflow_plugin.so"),
            "{sentence}"
        );
        assert!(sentence.contains("--plugin"), "{sentence}");
    }

    #[test]
    fn a_file_that_is_no_library_is_refused_by_both_doors() {
        let file = Path::new(file!());
        for door in [Door::Checked, Door::C] {
            assert!(matches!(
                load(Some(file), door),
                Err(FindError::Refused(LoadError::Open { .. }))
            ));
        }
    }
}
