//! Secrets from files. What is wrong with a file is told without what stands in it.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use plugin_abi::config::{Key, Secret};

use crate::text::complain;

/// A secret can't be had from its file.
#[derive(Debug, thiserror::Error)]
#[error("secrets of {}: {says}", file.display())]
pub struct SecretError {
    file: PathBuf,
    says: String,
}

/// The first line of a file.
///
/// # Errors
/// It can't be read, or its first line is empty.
pub fn passphrase(file: &Path) -> Result<Secret, SecretError> {
    let text = text(file)?;
    match text.lines().next().filter(|line| !line.is_empty()) {
        Some(line) => Ok(Secret::new(line)),
        None => Err(error(
            file,
            "the first line is empty; write the passphrase there",
        )),
    }
}

/// A TOML file with lines `key-id = "passphrase"`.
///
/// # Errors
/// It can't be read, is no such file, or has no line.
pub fn keys(file: &Path) -> Result<Vec<Key>, SecretError> {
    let text = text(file)?;
    let table: toml::Table = text.parse().map_err(|wrong: toml::de::Error| {
        let before = wrong.span().and_then(|span| text.get(..span.start));
        let line = before.unwrap_or_default().matches('\n').count() + 1;
        // The parser's own sentence would show the line.
        error(
            file,
            &format!("line {line} is no TOML; write key-id = \"passphrase\""),
        )
    })?;
    if table.is_empty() {
        return Err(error(
            file,
            "no secret is there; write key-id = \"passphrase\"",
        ));
    }
    let key = |(id, value): (&String, &toml::Value)| match value.as_str() {
        Some(passphrase) => Ok(Key::new(id, Secret::new(passphrase))),
        None => Err(error(
            file,
            &format!("{id} is no text; write it as {id} = \"passphrase\""),
        )),
    };
    table.iter().map(key).collect()
}

/// The text of a file; a warning if others may read it.
fn text(path: &Path) -> Result<String, SecretError> {
    let unreadable = |cause: std::io::Error| error(path, &format!("can't read it: {cause}"));
    let mut file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode();
    if mode & 0o007 != 0 {
        let file = path.display();
        complain(&format!(
            "warning: everybody on this machine may read the secrets in {file}; chmod 600 {file}"
        ));
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}

fn error(file: &Path, says: &str) -> SecretError {
    SecretError {
        file: file.to_owned(),
        says: says.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read from a file with this text, which only its owner may read.
    fn read<T>(name: &str, text: &str, read: impl Fn(&Path) -> T) -> T {
        let file = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        let answer = read(&file);
        std::fs::remove_file(&file).unwrap();
        answer
    }

    #[test]
    fn a_passphrase_is_the_first_line_without_its_end() {
        for text in ["open sesame", "open sesame\n", "open sesame\r\nnot this\n"] {
            let secret = read("line", text, passphrase).unwrap();
            assert_eq!(secret.reveal(), "open sesame");
        }
        let error = read("empty", "\nsecond", passphrase).unwrap_err();
        assert!(
            error.to_string().contains("the first line is empty"),
            "{error}"
        );
    }

    #[test]
    fn keys_are_a_table_of_texts() {
        let table = read("keys", "hub = \"a\"\n\"hub 2\" = \"b\"\n", keys).unwrap();
        let names: Vec<_> = table.iter().map(|key| key.id.as_str()).collect();
        assert_eq!(names, ["hub", "hub 2"]);
        assert_eq!(table[1].passphrase, Some(Secret::new("b")));
    }

    #[test]
    fn what_is_wrong_is_told_without_the_secret() {
        for (text, says) in [
            ("", "no secret is there"),
            ("a = \"1\"\nhub = hidden", "line 2 is no TOML"),
            ("a = \"1\"\nhub = \"hidden\nhub = 2", "line 2 is no TOML"),
            ("hub = [\"hidden\"]", "hub is no text"),
        ] {
            let error = read("wrong", text, keys).unwrap_err().to_string();
            assert!(error.contains(says) && !error.contains("hidden"), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = keys(Path::new("/nowhere/keys")).unwrap_err().to_string();
        assert!(
            error.starts_with("secrets of /nowhere/keys: can't read it: "),
            "{error}"
        );
    }
}
