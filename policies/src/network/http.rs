use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::problem::{Invalid, quoted};
use crate::word::{Words, words};

words! {
    /// A method of HTTP (RFC 9110, section 9; RFC 5789).
    Method, "method of HTTP" {
        /// `GET`
        Get = "GET",
        /// `HEAD`
        Head = "HEAD",
        /// `POST`
        Post = "POST",
        /// `PUT`
        Put = "PUT",
        /// `PATCH`
        Patch = "PATCH",
        /// `DELETE`
        Delete = "DELETE",
        /// `OPTIONS`
        Options = "OPTIONS",
    }
}

/// Which methods: those named, or any where none is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Methods(pub(crate) Option<Words<Method>>);

impl Methods {
    /// Whether a request may have this method, as it stands in the request.
    #[must_use]
    pub fn allow(&self, method: &str) -> bool {
        let named = |words: &Words<Method>| words.iter().any(|word| word.as_str() == method);
        self.0.as_ref().is_none_or(named)
    }

    /// The methods that are allowed, unless every one is.
    pub fn named(&self) -> Option<impl Iterator<Item = &Method>> {
        self.0.as_ref().map(Words::iter)
    }

    /// Whether every method is allowed.
    #[must_use]
    pub fn any(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn cover(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(mine), Some(theirs)) => theirs.0.is_subset(&mine.0),
        }
    }

    /// What both allow, if anything.
    pub(crate) fn narrowed(&self, other: &Self) -> Option<Self> {
        let both = match (&self.0, &other.0) {
            (None, only) | (only, None) => only.clone(),
            (Some(mine), Some(theirs)) => {
                let both = Words(&mine.0 & &theirs.0);
                if both.is_empty() {
                    return None;
                }
                Some(both)
            }
        };
        Some(Self(both))
    }
}

/// Which paths: those named, or any where none is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Paths(pub(crate) Option<Words<PathPattern>>);

impl Paths {
    /// Whether a request may have this path, as it stands in the request, without its query.
    ///
    /// Where paths are named, none matches that a server may read as another: with dot segments, empty segments,
    /// backslashes, or dots, slashes and percent signs in their `%` form.
    #[must_use]
    pub fn allow(&self, path: &str) -> bool {
        match &self.0 {
            None => true,
            Some(patterns) => {
                is_plain(path) && patterns.iter().any(|pattern| pattern.matches(path))
            }
        }
    }

    /// The patterns of the paths that are allowed, unless every one is.
    pub fn named(&self) -> Option<impl Iterator<Item = &PathPattern>> {
        self.0.as_ref().map(Words::iter)
    }

    /// Whether every path is allowed.
    #[must_use]
    pub fn any(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn cover(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(mine), Some(theirs)) => theirs
                .iter()
                .all(|their| mine.iter().any(|my| my.covers(their))),
        }
    }

    /// What both allow, if anything: of two patterns that share paths one holds the other.
    pub(crate) fn narrowed(&self, other: &Self) -> Option<Self> {
        let both = match (&self.0, &other.0) {
            (None, only) | (only, None) => only.clone(),
            (Some(mine), Some(theirs)) => {
                let held = |inner: &Words<PathPattern>, outer: &Words<PathPattern>| {
                    let inside = |path: &&PathPattern| outer.iter().any(|one| one.covers(path));
                    inner
                        .iter()
                        .filter(inside)
                        .cloned()
                        .collect::<BTreeSet<_>>()
                };
                let both = Words(&held(mine, theirs) | &held(theirs, mine));
                if both.is_empty() {
                    return None;
                }
                Some(both)
            }
        };
        Some(Self(both))
    }
}

/// One path, or every path that begins alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathPattern {
    start: String,
    /// Anything may follow.
    open: bool,
}

impl PathPattern {
    const LONGEST: usize = 1024;

    fn matches(&self, path: &str) -> bool {
        match self.open {
            true => path.starts_with(&self.start),
            false => path == self.start,
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match self.open {
            true => other.start.starts_with(&self.start),
            false => self == other,
        }
    }
}

/// Whether every server reads the path as it stands.
fn is_plain(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let hidden = ["%2e", "%2f", "%5c", "%25", "%00"];
    path.starts_with('/')
        && path.bytes().all(|byte| byte.is_ascii_graphic())
        && !path.contains(['\\', '?', '#', '*'])
        && !path.contains("//")
        // Some servers take what follows a semicolon for parameters of the segment.
        && !path.split(['/', ';']).any(|part| part == "." || part == "..")
        && !hidden.iter().any(|sequence| lower.contains(sequence))
}

impl FromStr for PathPattern {
    type Err = Invalid;

    /// # Errors
    /// Anything but a plain path from `/` on, with at most one `*` as its end.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = |what: &str, hint: &str| {
            Err(Invalid::new(format!("path {} {what}", quoted(text))).hint(hint))
        };
        let (start, open) = match text.strip_suffix('*') {
            Some(start) => (start, true),
            None => (text, false),
        };
        if !start.starts_with('/') {
            return refuse("does not begin with `/`", "write it as in `/v1/*`");
        }
        if start.contains('*') {
            return refuse(
                "has a `*` before its end",
                "write the path, or its beginning and `*`",
            );
        }
        if start.contains(['?', '#']) {
            return refuse(
                "has more than a path",
                "leave the query and the fragment out",
            );
        }
        if text.len() > Self::LONGEST {
            return refuse(
                "is longer than 1024 bytes",
                "write a shorter beginning and `*`",
            );
        }
        if !is_plain(start) {
            return refuse(
                "could be read as another path",
                "write it the way it resolves, with spaces and letters beyond ASCII in their `%` form",
            );
        }
        let start = start.to_owned();
        Ok(Self { start, open })
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", self.start, if self.open { "*" } else { "" })
    }
}

impl Serialize for PathPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(texts: &[&str]) -> Paths {
        let patterns = texts.iter().map(|text| text.parse().expect(text));
        Paths(Some(Words(patterns.collect())))
    }

    #[test]
    fn a_path_matches_as_it_stands_or_by_its_beginning() {
        let paths = paths(&["/v1/*", "/health", "/a%20b"]);
        for path in ["/v1/", "/v1/items/3", "/health", "/a%20b", "/v1/a..b"] {
            assert!(paths.allow(path), "{path}");
        }
        for path in [
            "/v1",
            "/v10",
            "/health/",
            "/healthy",
            "/v1/../admin",
            "/v1/./x",
            "/v1/%2e%2e/admin",
            "/v1/..%2Fadmin",
            "/v1/..;x=1/admin",
            "/v1/a%5c..",
            "/v1/%252e",
            "/v1//admin",
            "/v1/\\admin",
            "/v1/?x",
            "/v1/ü",
            "v1/",
            "",
        ] {
            assert!(!paths.allow(path), "{path}");
        }
        assert!(Paths(None).allow("/v1/../admin"));
    }

    #[test]
    fn patterns_that_say_more_or_less_than_a_path_are_refused() {
        for text in [
            "",
            "*",
            "v1",
            "/a*b",
            "/**",
            "/a?b=*",
            "/a#b",
            "/a/../b",
            "/a//b",
            "/a b",
            "/ü",
            "/%2e%2e/x",
            "/a\\b",
        ] {
            assert!(text.parse::<PathPattern>().is_err(), "{text}");
        }
        assert!(
            format!("/{}", "a".repeat(1024))
                .parse::<PathPattern>()
                .is_err()
        );
    }

    #[test]
    fn what_two_lists_share_is_in_both() {
        let narrow = paths(&["/v1/*", "/a"]).narrowed(&paths(&["/v1/items/*", "/a", "/b"]));
        assert_eq!(narrow, Some(paths(&["/v1/items/*", "/a"])));
        assert_eq!(paths(&["/a"]).narrowed(&paths(&["/b"])), None);
        assert_eq!(paths(&["/a"]).narrowed(&Paths(None)), Some(paths(&["/a"])));
        assert!(paths(&["/*"]).cover(&paths(&["/a", "/b/*"])));
        assert!(!paths(&["/*"]).cover(&Paths(None)), "dot segments are more");
        let get = Methods(Some(Words(BTreeSet::from([Method::Get]))));
        let post = Methods(Some(Words(BTreeSet::from([Method::Post]))));
        assert_eq!(get.narrowed(&post), None);
        assert!(Methods(None).cover(&get) && !get.cover(&Methods(None)));
        assert!(get.allow("GET") && !get.allow("get") && !get.allow("POST"));
    }
}
