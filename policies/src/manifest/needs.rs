use std::fmt;
use std::str::FromStr;

use semver::VersionReq;

use super::ManifestName;
use crate::document::PolicyDocument;
use crate::problem::{Invalid, Problem, quoted};

/// Most other plugins that one needs.
pub(crate) const MOST_DEPENDENCIES: usize = 64;

/// Most names that a plugin imports by.
pub(crate) const MOST_IMPORTS: usize = 256;

/// Longest requirement of a version, in bytes.
const LONGEST_REQUIREMENT: usize = 128;

/// Longest name to import by, and longest path that it stands for, in bytes.
const LONGEST_IMPORT: usize = 256;

/// Another plugin that a plugin needs, and which versions of it will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// Who wrote it.
    pub author: ManifestName,
    /// What it is called where it is published.
    pub package: ManifestName,
    /// The versions, as <https://doc.rust-lang.org/cargo/reference/specifying-dependencies.html> has them.
    pub requirement: VersionReq,
}

impl fmt::Display for Dependency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{} {}", self.author, self.package, self.requirement)
    }
}

pub(super) fn dependencies(
    document: &PolicyDocument,
    problems: &mut Vec<Problem>,
) -> Vec<Dependency> {
    let mut dependencies = Vec::new();
    for (name, requirement) in document.names("dependencies") {
        let read = plugin(&name.text).map_err(|invalid| (invalid, name.place));
        let read = read.and_then(|(author, package)| {
            let requirement =
                versions(&requirement.text).map_err(|invalid| (invalid, requirement.place))?;
            Ok(Dependency {
                author,
                package,
                requirement,
            })
        });
        match read {
            Ok(dependency) => dependencies.push(dependency),
            Err((invalid, place)) => problems.push(invalid.of("dependencies").at(place)),
        }
    }
    dependencies
}

fn plugin(text: &str) -> Result<(ManifestName, ManifestName), Invalid> {
    let named = text
        .split_once('/')
        .and_then(|(author, package)| Some((author.parse().ok()?, package.parse().ok()?)));
    named.ok_or_else(|| {
        let message = format!("{} is no plugin by author and package", quoted(text));
        Invalid::new(message).hint("write `AUTHOR/PACKAGE`, each of letters, digits and `-`")
    })
}

fn versions(text: &str) -> Result<VersionReq, Invalid> {
    let hint = "write a requirement, such as `^1.2` or `>=1.2, <3`";
    let shown = quoted(text);
    if text.len() > LONGEST_REQUIREMENT {
        let message = format!("{shown} is longer than {LONGEST_REQUIREMENT} bytes");
        return Err(Invalid::new(message).hint(hint));
    }
    VersionReq::parse(text).map_err(|error| {
        Invalid::new(format!("{shown} is no requirement of a version: {error}")).hint(hint)
    })
}

/// A name that modules of a plugin import by, and what of the plugin it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    name: String,
    path: String,
}

impl Import {
    /// The name, or with `/` last the beginning of names.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The path from the plugin's directory, `./` first, with `/` last exactly where the name has it.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

pub(super) fn imports(document: &PolicyDocument, problems: &mut Vec<Problem>) -> Vec<Import> {
    let mut imports = Vec::new();
    for (name, path) in document.names("imports") {
        let read = import_name(&name.text).map_err(|invalid| (invalid, name.place));
        let read = read.and_then(|()| {
            let whole = name.text.ends_with('/');
            let ImportPath(path) =
                import_path(&path.text, whole).map_err(|invalid| (invalid, path.place))?;
            Ok(Import {
                name: name.text.clone(),
                path,
            })
        });
        match read {
            Ok(import) => imports.push(import),
            Err((invalid, place)) => problems.push(invalid.of("imports").at(place)),
        }
    }
    imports
}

fn import_name(text: &str) -> Result<(), Invalid> {
    let shown = quoted(text);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.@+-/#~$".contains(&byte);
    let why = if text.is_empty() || text.len() > LONGEST_IMPORT {
        "it is empty or longer than 256 bytes"
    } else if text.starts_with(['.', '/']) {
        "it looks like a path, which stands for itself"
    } else if !text.bytes().all(plain) {
        "it has other characters than a package's name"
    } else {
        return Ok(());
    };
    let message = format!("{shown} is no name to import by: {why}");
    Err(Invalid::new(message).hint(
        "use a bare name, such as `lodash` or `@scope/name`, or one with `/` last for all below it",
    ))
}

struct ImportPath(String);

impl FromStr for ImportPath {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(within) = text.strip_prefix("./") else {
            return Err("it does not begin with `./`");
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.@+-/".contains(&byte);
        let parts = within.strip_suffix('/').unwrap_or(within).split('/');
        if text.len() > LONGEST_IMPORT {
            Err("it is longer than 256 bytes")
        } else if !within.bytes().all(plain) {
            Err("it has other characters than there may be")
        } else if parts.clone().any(|part| part == "..") {
            Err("`..` leads out of directories")
        } else if !within.is_empty()
            && parts
                .clone()
                .any(|part| part.is_empty() || part.starts_with('.'))
        {
            Err("a part of it is empty or begins with a dot")
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

fn import_path(text: &str, whole: bool) -> Result<ImportPath, Invalid> {
    let path = text
        .parse::<ImportPath>()
        .and_then(|path| match (whole, path.0.ends_with('/')) {
            (true, false) => Err("the name ends in `/` and this does not"),
            (false, true) => Err("this ends in `/` and the name does not"),
            _ => Ok(path),
        });
    path.map_err(|why| {
        let message = format!("{} is no path of a module: {why}", quoted(text));
        Invalid::new(message)
            .hint("give the path from the plugin's directory, such as `./lib/lodash.js`")
    })
}
