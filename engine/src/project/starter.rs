//! A new plugin: a project that runs, and passes every check, as it is.

use std::io::Write;
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::OpenOptionsExt;
use lazaret_policy::{
    EffectivePolicy, ManifestName, PluginManifest, PolicyProblems, SecurityLevel, SecurityPolicy,
};

use super::types::declarations;

/// What a new plugin is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// JavaScript, with types in comments.
    #[default]
    JavaScript,
    /// TypeScript.
    TypeScript,
}

/// Why there is no new plugin.
#[derive(Debug, thiserror::Error)]
pub enum NewError {
    /// The directory's name is none for a plugin.
    #[error(
        "`{name}` is no name for a plugin\n  hint: use letters, digits and `-`, at most 64, a letter or digit first"
    )]
    Name {
        /// The name, escaped.
        name: String,
    },
    /// Something is there already.
    #[error("`{}` is there already, and nothing is overwritten\n  hint: name another directory", path.display())]
    There {
        /// What is there.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error("failed to write the plugin")]
    Write(#[from] std::io::Error),
    /// What is written here is not what is read elsewhere.
    #[error("a new plugin is none\n{0}")]
    Starter(#[from] PolicyProblems),
}

const README: &str = include_str!("starter/README.md");
const MANIFEST: &str = include_str!("starter/plugin.yaml");
const POLICY: &str = include_str!("starter/policy.yaml");
const JAVASCRIPT: &str = include_str!("starter/main.js");
const TYPESCRIPT: &str = include_str!("starter/main.ts");
const COMPILER: &str = include_str!("starter/tsconfig.json");

/// Makes a plugin in a directory, which is made too where it is not there. Nothing that is there is touched.
///
/// # Errors
/// [`NewError`]; where a file cannot be written, those before it stay.
pub fn create(directory: &Path, language: Language) -> Result<Vec<PathBuf>, NewError> {
    let named = std::path::absolute(directory)?;
    let name = named.file_name().unwrap_or_default().to_string_lossy();
    let package: ManifestName = name.parse().map_err(|_| NewError::Name {
        name: name.escape_debug().to_string(),
    })?;
    let files = files(package.as_str(), language)?;
    for (file, _) in &files {
        let path = directory.join(file);
        if path.symlink_metadata().is_ok() {
            return Err(NewError::There { path });
        }
    }
    fs_err::create_dir_all(directory)?;
    let mut written = Vec::new();
    for (file, text) in files {
        let path = directory.join(file);
        // Where something is there by now, it stays as it is.
        let mut options = fs_err::OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&path)?;
        file.write_all(text.as_bytes())?;
        written.push(path);
    }
    Ok(written)
}

fn files(package: &str, language: Language) -> Result<Vec<(&'static str, String)>, NewError> {
    let (entry, main) = match language {
        Language::JavaScript => ("main.js", JAVASCRIPT),
        Language::TypeScript => ("main.ts", TYPESCRIPT),
    };
    let filled = |text: &str| text.replace("PACKAGE", package).replace("ENTRY", entry);
    let manifest = filled(MANIFEST);
    let read = PluginManifest::parse("plugin.yaml", &manifest)?;
    let policy = SecurityPolicy::parse("policy.yaml", POLICY)?;
    let policy = EffectivePolicy::of(SecurityLevel::Standard).layer(&policy);
    Ok(vec![
        ("plugin.yaml", manifest),
        (entry, main.to_owned()),
        ("policy.yaml", POLICY.to_owned()),
        ("lazaret.d.ts", declarations(Some(&read), &policy)),
        ("tsconfig.json", COMPILER.to_owned()),
        ("README.md", filled(README)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::Plugin;
    use crate::schema::Contract;

    #[test]
    fn a_new_plugin_is_one_and_its_examples_fit() {
        for language in [Language::JavaScript, Language::TypeScript] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("new-one");
            create(&path, language).unwrap();
            let manifest = PluginManifest::load(&path.join("plugin.yaml")).unwrap();
            assert_eq!(manifest.package().unwrap().as_str(), "new-one");
            let contract = Contract::compile(&manifest).unwrap().unwrap();
            for function in manifest.functions().unwrap() {
                assert!(!function.examples().is_empty());
                for example in function.examples() {
                    let (given, result) = (example.parameters.as_ref(), example.result.as_ref());
                    contract.example(function.name(), given, result).unwrap();
                }
            }
            let formatted = lazaret_policy::format("policy.yaml", POLICY).unwrap();
            assert_eq!(formatted, POLICY);
            let plugin = Plugin::locate(&path).unwrap();
            assert!(plugin.policy_file().is_some());
        }
    }

    #[test]
    fn nothing_that_is_there_is_touched() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mine");
        fs_err::create_dir(&path).unwrap();
        std::os::unix::fs::symlink("nowhere", path.join("README.md")).unwrap();
        let there = create(&path, Language::JavaScript);
        assert!(matches!(there, Err(NewError::There { path }) if path.ends_with("mine/README.md")));
        assert_eq!(
            fs_err::read_dir(&path).unwrap().count(),
            1,
            "nothing was begun"
        );
        fs_err::remove_file(path.join("README.md")).unwrap();
        fs_err::write(path.join("notes.txt"), "mine").unwrap();
        create(&path, Language::JavaScript).unwrap();
        assert_eq!(
            fs_err::read_to_string(path.join("notes.txt")).unwrap(),
            "mine"
        );
        assert!(create(&directory.path().join("a b"), Language::JavaScript).is_err());
    }
}
