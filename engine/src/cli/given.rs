//! What an operator gives plugins, named on the command line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::ExitCode;
use super::failure::Failure;
use crate::plugin::{ConfigError, PluginConfig};

/// What the file gives, or nothing without one.
pub(super) fn config(path: Option<&Path>) -> Result<PluginConfig, Failure> {
    Ok(path
        .map(PluginConfig::load)
        .transpose()?
        .unwrap_or_default())
}

/// `PLUGIN=FILE`
#[derive(Clone, Debug)]
pub(super) struct GivenFile {
    plugin: String,
    file: PathBuf,
}

impl std::str::FromStr for GivenFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((plugin, file)) if !plugin.is_empty() && !file.is_empty() => Ok(Self {
                plugin: plugin.to_owned(),
                file: file.into(),
            }),
            _ => Err("write `PLUGIN=FILE`, the plugin by its name".to_owned()),
        }
    }
}

/// What each plugin is given, by its name.
pub(super) struct Given(BTreeMap<String, PluginConfig>);

impl Given {
    /// Reads the files.
    pub(super) fn read(files: &[GivenFile]) -> Result<Self, Failure> {
        let mut all = BTreeMap::new();
        for GivenFile { plugin, file } in files {
            if all
                .insert(plugin.clone(), PluginConfig::load(file)?)
                .is_some()
            {
                let text = format!("plugin `{plugin}` is given two files with `--config`");
                return Err(Failure::new(ExitCode::Usage, text));
            }
        }
        Ok(Self(all))
    }

    /// What the plugin of this name is given.
    pub(super) fn take(&mut self, plugin: &str) -> PluginConfig {
        self.0.remove(plugin).unwrap_or_default()
    }

    /// Whether all of it was taken.
    pub(super) fn done(self) -> Result<(), Failure> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(plugin) => {
                let text = format!("`--config` names plugin `{plugin}`, which is not served");
                Err(Failure::new(ExitCode::Plugin, text))
            }
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::of(ExitCode::Plugin, &error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_and_a_file_are_told_apart_at_the_first_sign() {
        let given: GivenFile = "weather=a=b.yaml".parse().unwrap();
        assert_eq!(
            (given.plugin.as_str(), given.file),
            ("weather", "a=b.yaml".into())
        );
        for wrong in ["weather", "=a", "weather=", ""] {
            assert!(wrong.parse::<GivenFile>().is_err(), "{wrong}");
        }
    }
}
