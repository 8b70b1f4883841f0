use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::problem::{Invalid, quoted};

/// Trees no plugin is ever given: the kernel's own views, the devices, and the engine's sockets.
const NEVER_GRANTED: [&str; 4] = ["/proc", "/sys", "/dev", "/run/lazaret"];

/// Longest path and longest name in it that Linux takes: `PATH_MAX` less its end byte, and `NAME_MAX`.
const LONGEST_PATH: usize = 4095;
const LONGEST_NAME: usize = 255;

/// A path a file permission may name: absolute, every component plain, outside and not above the trees that are
/// never granted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantPath(String);

impl GrantPath {
    /// The path as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `other` is this path or lies under it, component by component: `/data` holds `/data/in`, not `/database`.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        Path::new(&other.0).starts_with(&self.0)
    }
}

impl FromStr for GrantPath {
    type Err = Invalid;

    /// # Errors
    /// Paths that are relative, not in their plainest form, too long, or of the trees that are never granted.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let shown = quoted(text);
        let refuse =
            |what: String, hint: &str| Err(Invalid::new(format!("path {shown} {what}")).hint(hint));
        if !text.starts_with('/') {
            return refuse("is not absolute".to_owned(), "begin the path with `/`");
        }
        if text == "/" {
            return refuse(
                "is the whole file system".to_owned(),
                "name the directory or file that is needed",
            );
        }
        if text.chars().any(char::is_control) {
            return refuse(
                "has control characters".to_owned(),
                "use a path without them",
            );
        }
        if text.contains('*') {
            return refuse(
                "has a wildcard".to_owned(),
                "name the directory: it grants everything under it",
            );
        }
        if text.len() > LONGEST_PATH {
            let what = format!(
                "is {} bytes long, above the most allowed {LONGEST_PATH}",
                text.len()
            );
            return refuse(what, "use a shorter path");
        }
        for component in text[1..].split('/') {
            match component {
                "" => {
                    return refuse(
                        "has an empty component".to_owned(),
                        "use single slashes and none at the end",
                    );
                }
                "." | ".." => {
                    return refuse(
                        format!("has a `{component}` component"),
                        "write the path the way it resolves",
                    );
                }
                long if long.len() > LONGEST_NAME => {
                    let what = format!(
                        "has a name of {} bytes, above the most allowed {LONGEST_NAME}",
                        long.len()
                    );
                    return refuse(what, "use a shorter name");
                }
                _ => {}
            }
        }
        let path = Path::new(text);
        for never in NEVER_GRANTED {
            if path.starts_with(never) || Path::new(never).starts_with(path) {
                return refuse(
                    format!("reaches `{never}`, which is never granted"),
                    "name a path outside it",
                );
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for GrantPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.0)
    }
}

impl Serialize for GrantPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_absolute_paths_are_taken() {
        for text in [
            "/srv/data",
            "/etc/shadow",
            "/data/a b/ü:1",
            "/process",
            "/run/lazarets",
            "/...",
        ] {
            assert_eq!(
                text.parse::<GrantPath>().map(|path| path.to_string()),
                Ok(text.to_owned())
            );
        }
    }

    #[test]
    fn what_could_reach_further_than_it_reads_is_refused() {
        let deep = "/ab".repeat(2000);
        let cases = [
            ("", "is not absolute"),
            ("srv/data", "is not absolute"),
            ("/", "is the whole file system"),
            ("//", "has an empty component"),
            ("/srv//data", "has an empty component"),
            ("/srv/", "has an empty component"),
            ("/srv/../etc", "has a `..` component"),
            ("/srv/./x", "has a `.` component"),
            ("/srv/*", "has a wildcard"),
            ("/srv/a\0b", "has control characters"),
            ("/srv/a\nb", "has control characters"),
            ("/proc", "reaches `/proc`"),
            ("/proc/1/environ", "reaches `/proc`"),
            ("/sys/fs", "reaches `/sys`"),
            ("/dev/null", "reaches `/dev`"),
            ("/run/lazaret/x", "reaches `/run/lazaret`"),
            ("/run", "reaches `/run/lazaret`"),
            (&deep, "is 6000 bytes long, above the most allowed 4095"),
        ];
        for (text, reason) in cases {
            let error = text.parse::<GrantPath>().expect_err(text);
            assert!(error.to_string().contains(reason), "{text}: {error}");
        }
        let name = format!("/{}", "a".repeat(256));
        assert!(name.parse::<GrantPath>().is_err());
    }
}
