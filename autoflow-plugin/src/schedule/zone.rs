//! Time zones: one file each, below `/usr/share/zoneinfo`.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use jiff::tz::TimeZone;

use crate::config::distance;

/// The system's time zone database.
const DATABASE: &str = "/usr/share/zoneinfo";
/// Octets of a zone's file, at most; the longest has about 4,000.
const LONGEST: u64 = 65_536;

/// Why there is no such time zone.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ZoneError {
    /// The configuration is at fault: no zone has that name.
    #[error("no time zone {name:?} in {DATABASE}")]
    Unknown {
        name: String,
        /// The name that it differs least from.
        nearest: Option<String>,
    },
    /// The local system is: it has no database.
    #[error("no time zone database in {DATABASE}")]
    NoDatabase,
    /// The local system is: the zone's file is not what it should be.
    #[error("the time zone {name:?} can't be read: {why}")]
    Unreadable { name: String, why: String },
}

/// The time zone that the IANA calls `name`. UTC needs no database.
pub(crate) fn time_zone(name: &str) -> Result<TimeZone, ZoneError> {
    if name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    from(Path::new(DATABASE), name)
}

fn from(database: &Path, name: &str) -> Result<TimeZone, ZoneError> {
    if !database.is_dir() {
        return Err(ZoneError::NoDatabase);
    }
    let unreadable = |why: String| ZoneError::Unreadable {
        name: name.to_owned(),
        why,
    };
    let file = database.join(name);
    if !is_name(name) || !file.is_file() {
        return Err(ZoneError::Unknown {
            name: name.to_owned(),
            nearest: nearest(database, name),
        });
    }
    let data = read(&file).map_err(|error| unreadable(error.to_string()))?;
    TimeZone::tzif(name, &data).map_err(|error| unreadable(error.to_string()))
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut data = Vec::new();
    File::open(file)?.take(LONGEST).read_to_end(&mut data)?;
    Ok(data)
}

/// Parts of letters, each begun with a capital: no way out of the database, and none of its lists.
fn is_name(name: &str) -> bool {
    let known = |letter: char| letter.is_ascii_alphanumeric() || "_+-".contains(letter);
    name.split('/').all(|part| {
        part.starts_with(|first: char| first.is_ascii_uppercase()) && part.chars().all(known)
    })
}

/// The zone whose name differs least, if it is less than a third.
fn nearest(database: &Path, name: &str) -> Option<String> {
    let mut names = Vec::new();
    collect(database, Path::new(""), &mut names);
    let written = name.to_ascii_lowercase();
    let (distance, nearest) = names
        .into_iter()
        .map(|name| (distance(&written, &name.to_ascii_lowercase()), name))
        .min()?;
    (distance * 3 <= nearest.len()).then_some(nearest)
}

/// The names below `part`; what can't be read has none.
fn collect(database: &Path, part: &Path, names: &mut Vec<String>) {
    let entries = fs::read_dir(database.join(part)).into_iter().flatten();
    for entry in entries.flatten() {
        let path = part.join(entry.file_name());
        let Some(name) = path.to_str().filter(|name| is_name(name)) else {
            continue;
        };
        // No link to a folder is followed: it might lead round.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(database, &path, names);
        } else {
            names.push(name.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_found_by_its_name() {
        for name in ["Europe/Berlin", "Australia/Lord_Howe", "Etc/GMT+5", "UTC"] {
            let zone = time_zone(name).unwrap();
            assert_eq!(zone.iana_name(), Some(name));
        }
    }

    #[test]
    fn a_name_that_is_nearly_right_is_told_the_right_one() {
        for (written, right) in [
            ("Europe/Berln", Some("Europe/Berlin")),
            ("europe/berlin", Some("Europe/Berlin")),
            ("Hogsmeade", None),
        ] {
            let nearest = right.map(str::to_owned);
            let name = written.to_owned();
            let expected = ZoneError::Unknown { name, nearest };
            assert_eq!(time_zone(written).unwrap_err(), expected);
        }
    }

    #[test]
    fn no_name_leads_out_of_the_database() {
        for name in [
            "../../etc/passwd",
            "/etc/passwd",
            "",
            ".",
            "Europe",
            "tzdata.zi",
            "Europe//Berlin",
        ] {
            let error = time_zone(name).unwrap_err();
            assert!(
                matches!(error, ZoneError::Unknown { .. }),
                "{name}: {error}"
            );
        }
    }

    #[test]
    fn a_system_without_a_database_says_so() {
        let error = from(Path::new("/nowhere"), "Europe/Berlin").unwrap_err();
        assert_eq!(error, ZoneError::NoDatabase);
    }
}
