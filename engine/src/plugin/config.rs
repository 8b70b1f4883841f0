//! What an operator gives a plugin.

use std::io::Read;
use std::path::{Path, PathBuf};

use lazaret_policy::{PolicyProblems, plugin_config};
use serde_json::Value;

/// The most bytes of the file, and of what is in it as JSON.
const MAX_BYTES: u64 = 64 * 1024;

/// What an operator gives a plugin: a JSON object.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginConfig {
    value: Value,
    file: Option<PathBuf>,
}

/// Why a file gives a plugin nothing.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("failed to read what the plugin is to be given")]
    Unreadable(#[source] std::io::Error),
    /// It is no text.
    #[error("`{}`, which the plugin is to be given, is no UTF-8", .0.display())]
    NotUnicode(PathBuf),
    /// There is too much of it.
    #[error("`{}`, which the plugin is to be given, is larger than {MAX_BYTES} bytes", .0.display())]
    TooLarge(PathBuf),
    /// It is no map, or no YAML.
    #[error("what the plugin is to be given is wrong\n{0}")]
    Wrong(#[from] PolicyProblems),
}

impl Default for PluginConfig {
    fn default() -> Self {
        Self {
            value: Value::Object(serde_json::Map::new()),
            file: None,
        }
    }
}

impl PluginConfig {
    /// Reads a file of YAML, of which JSON is a part.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let file = fs_err::File::open(path).map_err(ConfigError::Unreadable)?;
        let mut text = Vec::new();
        file.take(MAX_BYTES + 1)
            .read_to_end(&mut text)
            .map_err(ConfigError::Unreadable)?;
        if text.len() as u64 > MAX_BYTES {
            return Err(ConfigError::TooLarge(path.to_owned()));
        }
        let text = String::from_utf8(text).map_err(|_| ConfigError::NotUnicode(path.to_owned()))?;
        let config = Self {
            value: plugin_config(&path.to_string_lossy(), &text)?,
            file: Some(path.to_owned()),
        };
        // YAML may be shorter than the JSON it stands for.
        if config.text().len() as u64 > MAX_BYTES {
            return Err(ConfigError::TooLarge(path.to_owned()));
        }
        Ok(config)
    }

    /// The object.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The file it was read from.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// As the plugin's shim is told it.
    pub(crate) fn text(&self) -> String {
        self.value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<PluginConfig, ConfigError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.yaml");
        fs_err::write(&path, text).unwrap();
        PluginConfig::load(&path)
    }

    #[test]
    fn a_map_is_given_and_anything_else_is_not() {
        assert_eq!(load("a: [ 1, x ]").unwrap().text(), r#"{"a":[1,"x"]}"#);
        assert_eq!(PluginConfig::default().text(), "{}");
        assert!(matches!(load("- a"), Err(ConfigError::Wrong(_))));
        let missing = PluginConfig::load(Path::new("/nowhere/config.yaml"));
        assert!(matches!(missing, Err(ConfigError::Unreadable(_))));
    }

    #[test]
    fn so_many_bytes_are_given_and_no_more() {
        let of = |bytes: usize| load(&format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8)));
        assert_eq!(of(65_536).unwrap().text().len(), 65_536);
        assert!(matches!(of(65_537), Err(ConfigError::TooLarge(_))));
        // In JSON each of these is six bytes.
        let longer = load(&format!("a: \"{}\"", "\\x01".repeat(12_000)));
        assert!(
            matches!(longer, Err(ConfigError::TooLarge(_))),
            "{longer:?}"
        );
    }
}
