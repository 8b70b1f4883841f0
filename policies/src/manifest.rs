use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use semver::Version;

use crate::check::Checker;
use crate::document::PolicyDocument;
use crate::fields::Written;
use crate::load::text_of;
use crate::name::name;
use crate::origin::{Granted, Source};
use crate::policy::LoadError;
use crate::problem::{Invalid, PolicyProblems, Problem, quoted};
use crate::yaml;

/// Longest version, in bytes.
const LONGEST_VERSION: usize = 64;

/// Longest path of an entry module, in bytes.
const LONGEST_ENTRY: usize = 256;

name!(
    /// The name of an author or a package.
    ManifestName, "name of an author or a package", 64,
    |byte| byte.is_ascii_alphanumeric(),
    |byte| byte.is_ascii_alphanumeric() || byte == b'-',
    "use letters, digits and `-`, at most 64, a letter or digit first"
);

/// What a plugin says of itself in its `plugin.yaml`. It is the word of whoever wrote the plugin: nothing in it gives the
/// plugin anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginManifest {
    author: Option<ManifestName>,
    package: Option<ManifestName>,
    version: Option<Version>,
    entry: Option<EntryPath>,
    permissions: Option<Vec<Granted>>,
}

impl PluginManifest {
    /// Reads a `plugin.yaml`, at most 1 MiB of it. A symbolic link is not followed.
    ///
    /// # Errors
    /// The file cannot be read, is too large, is not UTF-8 or has problems.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let text = text_of(path, libc::O_NOFOLLOW)?;
        Ok(Self::parse(&path.to_string_lossy(), &text)?)
    }

    /// Reads the text of one; `name` stands for the file in problems and origins.
    ///
    /// # Errors
    /// Every problem of the text at once.
    pub fn parse(name: &str, text: &str) -> Result<Self, PolicyProblems> {
        let mut problems = Vec::new();
        let read = Self::read(&Source::File(name.into()), text, &mut problems);
        match read {
            Some(manifest) if problems.is_empty() => Ok(manifest),
            _ => Err(PolicyProblems::new(name, problems)),
        }
    }

    fn read(source: &Source, text: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        let root = match yaml::read(text, problems) {
            Ok(root) => root,
            Err(problem) => {
                // Where the text is no YAML there is nothing more to say about it than the place.
                *problems = vec![problem];
                return None;
            }
        };
        let document = PolicyDocument::manifest(&root, problems);
        let mut checker = Checker {
            source,
            problems,
            seen: HashMap::new(),
        };
        let permissions = checker.permissions(document.items("permissions"));
        Some(Self {
            author: value(&document, "author", checker.problems),
            package: value(&document, "package", checker.problems),
            version: value(&document, "version", checker.problems).map(|CappedVersion(one)| one),
            entry: value(&document, "entry", checker.problems),
            permissions: document.has("permissions").then_some(permissions),
        })
    }

    /// Who wrote it.
    #[must_use]
    pub fn author(&self) -> Option<&ManifestName> {
        self.author.as_ref()
    }

    /// What it is called where it is published.
    #[must_use]
    pub fn package(&self) -> Option<&ManifestName> {
        self.package.as_ref()
    }

    /// Its version, as <https://semver.org> has them.
    #[must_use]
    pub fn version(&self) -> Option<&Version> {
        self.version.as_ref()
    }

    /// The module it begins with.
    #[must_use]
    pub fn entry(&self) -> Option<&EntryPath> {
        self.entry.as_ref()
    }

    /// All it asks for, in the order of the file; `None` where it does not say, which takes nothing away from it.
    #[must_use]
    pub fn permissions(&self) -> Option<&[Granted]> {
        self.permissions.as_deref()
    }
}

/// One value, or its problem on the list.
fn value<T: FromStr<Err = Invalid>>(
    document: &PolicyDocument,
    path: &str,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    let Written { text, place, .. } = document.one(path)?;
    text.parse()
        .map_err(|invalid: Invalid| problems.push(invalid.of(path).at(*place)))
        .ok()
}

/// A path of a module within its plugin's directory, such as `src/main.mjs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryPath(String);

impl EntryPath {
    /// The path, without anything that leads out of the directory.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EntryPath {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let shown = quoted(text);
        let refuse = |why: &str, hint: &str| {
            let message = format!("{shown} is no path of an entry module: {why}");
            Err(Invalid::new(message).hint(hint))
        };
        let within = "give the path from the plugin's directory, such as `src/main.js`";
        // Only what means the same as a path, in a URL and on a terminal.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.@+-/".contains(&byte);
        let mut parts = text.split('/');
        if text.len() > LONGEST_ENTRY {
            refuse("it is longer than 256 bytes", "use a shorter path")
        } else if text.starts_with('/') {
            refuse("it is absolute", within)
        } else if !text.bytes().all(plain) {
            let hint =
                "use letters, digits, `_`, `.`, `@`, `+` and `-`, with `/` between directories";
            refuse("it has other characters than there may be", hint)
        } else if parts.clone().any(|part| part == "..") {
            refuse("`..` leads out of directories", within)
        } else if parts.any(|part| part.is_empty() || part.starts_with('.')) {
            refuse("a part of it is empty or begins with a dot", within)
        } else if !(text.ends_with(".js") || text.ends_with(".mjs")) {
            let hint = "name a JavaScript module";
            refuse("it does not end in `.js` or `.mjs`", hint)
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl fmt::Display for EntryPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.0)
    }
}

/// A version that is no longer than it need be.
struct CappedVersion(Version);

impl FromStr for CappedVersion {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let hint = "write three numbers, such as `1.2.0`";
        let shown = quoted(text);
        if text.len() > LONGEST_VERSION {
            let message = format!("{shown} is longer than {LONGEST_VERSION} bytes");
            return Err(Invalid::new(message).hint(hint));
        }
        let version = Version::parse(text);
        version
            .map(Self)
            .map_err(|error| Invalid::new(format!("{shown} is no version: {error}")).hint(hint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<PluginManifest, PolicyProblems> {
        let text = format!("apiVersion: lazaret/v1\nkind: Plugin\n{body}");
        PluginManifest::parse("plugin.yaml", &text)
    }

    #[test]
    fn what_a_plugin_says_is_read_with_its_places() {
        let manifest = parse(
            "author: ada\npackage: weather-now\nversion: 1.2.0-rc.1\nentry: src/main.mjs\n\
             permissions:\n  - env:read:TZ\n  - { permission: file:read:/srv, reason: the tables }\n",
        )
        .unwrap();
        assert_eq!(manifest.author().unwrap().as_str(), "ada");
        assert_eq!(manifest.package().unwrap().as_str(), "weather-now");
        assert_eq!(manifest.version().unwrap().to_string(), "1.2.0-rc.1");
        assert_eq!(manifest.entry().unwrap().as_str(), "src/main.mjs");
        let asked = manifest.permissions().unwrap();
        assert_eq!(asked[0].origin.to_string(), "plugin.yaml:8:5");
        assert_eq!(asked[1].permission.to_string(), "file:read:/srv");
        assert_eq!(asked[1].reason.as_deref(), Some("the tables"));
    }

    #[test]
    fn to_ask_for_nothing_is_not_to_say_nothing() {
        assert_eq!(parse("").unwrap().permissions(), None);
        assert_eq!(
            parse("permissions: []").unwrap().permissions(),
            Some(&[][..])
        );
        assert!(parse("permissions:").is_err(), "neither of the two");
    }

    #[test]
    fn an_entry_stays_within_the_directory() {
        for entry in ["main.js", "a/b/c.mjs", "a..b.js"] {
            assert_eq!(entry.parse::<EntryPath>().unwrap().as_str(), entry);
        }
        for entry in [
            "",
            ".js",
            "/main.js",
            "../main.js",
            "a/../../b.js",
            "./main.js",
            "a//b.js",
            "a/.js",
            ".git/b.js",
            "main.ts",
            "a\\b.js",
            "a b.js",
            "a%2e.js",
            "a\0.js",
            "é.js",
        ] {
            assert!(entry.parse::<EntryPath>().is_err(), "{entry:?}");
        }
        let longest = format!("{}.js", "a".repeat(LONGEST_ENTRY - 3));
        assert!(longest.parse::<EntryPath>().is_ok());
        assert!(format!("a{longest}").parse::<EntryPath>().is_err());
    }

    #[test]
    fn only_a_regular_file_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs_err::write(path("real"), "apiVersion: lazaret/v1\nkind: Plugin\n").unwrap();
        assert!(PluginManifest::load(&path("real")).is_ok());
        std::os::unix::fs::symlink(path("real"), path("link")).unwrap();
        fs_err::write(path("large"), vec![b'#'; yaml::MAX_BYTES + 1]).unwrap();
        let refused = [
            path("link"),
            path("large"),
            directory.path().to_owned(),
            "/dev/zero".into(),
        ];
        for path in refused {
            assert!(PluginManifest::load(&path).is_err(), "{}", path.display());
        }
    }
}
