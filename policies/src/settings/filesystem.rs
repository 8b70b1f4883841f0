use std::fmt;
use std::str::FromStr;

use crate::fields::Written;
use crate::problem::{Invalid, quoted};
use crate::range::size;
use crate::settings::section::section;
use crate::units::ByteSize;
use crate::word::Words;

section! {
    /// `filesystem.ignore` and `filesystem.sizes`.
    FileLimits, FileLimitOverrides {
        /// Names that do not exist for the plugin below any grant.
        ignore: Words<NamePattern> = "filesystem.ignore", many, Taking, Live, Words::read;
        /// Most bytes of one read.
        read: ByteSize = "filesystem.sizes.read", one, Most, Live, one_act;
        /// Most bytes of one write.
        write: ByteSize = "filesystem.sizes.write", one, Most, Live, one_act;
    }
}

fn one_act(written: &Written) -> Result<ByteSize, Invalid> {
    let range = ByteSize::from_kib(1)..=ByteSize::from_mib(8);
    size(written, range, "one message of the protocol carries it")
}

/// Longest name Linux takes: `NAME_MAX`.
const LONGEST: usize = 255;

/// The name of a file or directory, in which each `*` stands for any run of characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamePattern(String);

impl NamePattern {
    /// Whether it is the name of one component of a path.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = name.strip_prefix(first) else {
            return false;
        };
        let mut parts = parts.peekable();
        if parts.peek().is_none() {
            return rest.is_empty();
        }
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return rest.ends_with(part);
            }
            // The leftmost place leaves the most for what follows.
            match rest.find(part) {
                Some(index) => rest = &rest[index + part.len()..],
                None => return false,
            }
        }
        true
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NamePattern {
    type Err = Invalid;

    /// # Errors
    /// Anything but one component of a path, and what would hide everything.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = |what: &str, hint: &str| {
            Err(Invalid::new(format!("name {} {what}", quoted(text))).hint(hint))
        };
        if text.is_empty() || text == "." || text == ".." {
            return refuse(
                "is no name of a file",
                "write a name such as `.git` or `*.pem`",
            );
        }
        if text.contains('/') {
            return refuse(
                "has a slash, and only names are compared",
                "write one component of the path, such as `.git`",
            );
        }
        if text.bytes().all(|byte| byte == b'*') {
            return refuse("hides everything", "grant less instead");
        }
        if text.chars().any(char::is_control) {
            return refuse("has control characters", "use a name without them");
        }
        if text.len() > LONGEST {
            return refuse("is longer than any name", "use a shorter pattern");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        let cases = [
            (".git", ".git", true),
            (".git", ".gitignore", false),
            ("*.pem", "key.pem", true),
            ("*.pem", ".pem", true),
            ("*.pem", "key.pem.txt", false),
            ("id_*", "id_rsa", true),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXc", false),
            ("a*a", "a", false),
            ("*a*", "bab", true),
        ];
        for (pattern, name, expected) in cases {
            let pattern: NamePattern = pattern.parse().expect(pattern);
            assert_eq!(pattern.matches(name), expected, "{pattern} {name}");
        }
        for refused in ["", ".", "..", "a/b", "*", "**", "a\nb", &"a".repeat(256)] {
            assert!(refused.parse::<NamePattern>().is_err(), "{refused}");
        }
    }
}
