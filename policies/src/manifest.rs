/// What it takes to hold a value against a schema.
mod cost;
/// The functions a plugin says it has.
mod function;
/// YAML values as JSON values.
mod json;
/// The keywords of schemas.
mod keyword;
/// Other plugins that a plugin needs, and names that its modules import by.
mod needs;
/// The JSON Schema of `plugin.yaml`.
mod published;
/// Schemas of parameters, results and configuration.
mod value_schema;

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
use crate::yaml::{self, Kind, Node};

pub use cost::{DepthCost, SchemaCost};
pub use function::{Example, FunctionName, PluginFunction};
pub(crate) use json::json;
pub use needs::{Dependency, Import};
pub(crate) use needs::{MOST_DEPENDENCIES, MOST_IMPORTS};
pub use published::{
    KeyOfManifest, MANIFEST_KEYS, manifest_schema, manifest_schema_text, schema_keywords,
};
pub use value_schema::ValueSchema;

use function::Description;
use value_schema::Used;

/// Longest version, in bytes.
const LONGEST_VERSION: usize = 64;

/// Longest path of an entry module, in bytes.
const LONGEST_ENTRY: usize = 256;

/// How the name of an entry module ends.
const ENTRY_ENDINGS: [&str; 4] = [".js", ".mjs", ".ts", ".mts"];

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
    description: Option<Description>,
    functions: Option<Vec<PluginFunction>>,
    permissions: Option<Vec<Granted>>,
    config: Option<ValueSchema>,
    dependencies: Vec<Dependency>,
    imports: Vec<Import>,
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
        let root = match yaml::read_deep(text, problems) {
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
        let functions = below(&root, "functions");
        let mut used = Used::default();
        Some(Self {
            functions: functions.map(|node| PluginFunction::all(node, &mut used, checker.problems)),
            config: below(&root, "config")
                .and_then(|node| ValueSchema::read(node, "config", &mut used, checker.problems)),
            dependencies: needs::dependencies(&document, checker.problems),
            imports: needs::imports(&document, checker.problems),
            description: value(&document, "description", checker.problems),
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

    /// What it is for.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_ref().map(Description::as_str)
    }

    /// The functions that may be called, in the order of the file; `None` where it does not say, which leaves all that it
    /// exports to be called.
    #[must_use]
    pub fn functions(&self) -> Option<&[PluginFunction]> {
        self.functions.as_deref()
    }

    /// What its configuration must be like.
    #[must_use]
    pub fn config(&self) -> Option<&ValueSchema> {
        self.config.as_ref()
    }

    /// Other plugins that it needs, in the order of the file.
    #[must_use]
    pub fn dependencies(&self) -> &[Dependency] {
        &self.dependencies
    }

    /// Names that its modules import by, in the order of the file.
    #[must_use]
    pub fn imports(&self) -> &[Import] {
        &self.imports
    }

    /// All it asks for, in the order of the file; `None` where it does not say, which takes nothing away from it.
    #[must_use]
    pub fn permissions(&self) -> Option<&[Granted]> {
        self.permissions.as_deref()
    }
}

/// What stands at a key of the file.
fn below<'root>(root: &'root Node, key: &str) -> Option<&'root Node> {
    let Kind::Map(entries) = &root.kind else {
        return None;
    };
    let found = entries.iter().find(|entry| entry.key == key);
    found.map(|entry| &entry.value)
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
        } else if !ENTRY_ENDINGS.iter().any(|end| text.ends_with(end)) {
            let hint = "name a module of JavaScript or TypeScript";
            refuse("it does not end in `.js`, `.mjs`, `.ts` or `.mts`", hint)
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
    fn functions_schemas_and_needs_are_read_in_their_order() {
        let manifest = parse(
            "description: tells the weather\nfunctions:\n  forecast:\n    description: of a city\n    parameters:\n      \
             type: object\n      properties: { city: { type: string } }\n    result: true\n    examples:\n      \
             - { parameters: { city: Kobe }, result: 31 }\n  default: {}\nconfig: { type: object }\ndependencies: { \
             ada/units: ^1.2 }\nimports: { lodash: ./lib/lodash.js, '@x/': ./x/ }\n",
        )
        .unwrap();
        let functions = manifest.functions().unwrap();
        let names: Vec<&str> = functions.iter().map(PluginFunction::name).collect();
        assert_eq!(names, ["forecast", "default"]);
        let parameters = functions[0].parameters().unwrap();
        assert_eq!(parameters.json()["properties"]["city"]["type"], "string");
        assert_eq!(parameters.place("/properties/city/type"), (9, 35));
        assert_eq!(parameters.place("/properties/city/none"), (9, 27));
        assert_eq!(functions[0].result().unwrap().json(), &true);
        assert_eq!(functions[0].examples()[0].result, Some(31.into()));
        assert_eq!(manifest.dependencies()[0].to_string(), "ada/units ^1.2");
        let imports = manifest.imports();
        assert_eq!((imports[1].name(), imports[1].path()), ("@x/", "./x/"));
        assert!(manifest.config().is_some());
        assert_eq!(parse("").unwrap().functions(), None);
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
        for entry in ["main.js", "a/b/c.mjs", "a..b.js", "main.ts", "main.mts"] {
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
            "main.tsx",
            "main.json",
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
