use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::host::Host;
use crate::problem::{Invalid, quoted};

/// One host, or every host below a domain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostPattern {
    /// `api.example.com`: this name.
    Exact(Host),
    /// `*.example.com`: every name below, not the name itself.
    Below(Host),
    /// `.example.com`: the name and every name below.
    Domain(Host),
}

impl HostPattern {
    /// Whether the name of a host is meant.
    #[must_use]
    pub fn matches(&self, host: &Host) -> bool {
        match self {
            Self::Exact(name) => name == host,
            Self::Below(domain) => lies_below(host, domain),
            Self::Domain(domain) => host == domain || lies_below(host, domain),
        }
    }

    /// Whether every host that `other` means is meant.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Exact(host)) => self.matches(host),
            (Self::Exact(_), _) => false,
            (Self::Below(domain), Self::Domain(other)) => lies_below(other, domain),
            (Self::Below(domain) | Self::Domain(domain), _) => {
                other.base() == domain || lies_below(other.base(), domain)
            }
        }
    }

    /// The host, or the domain it is about.
    #[must_use]
    pub fn base(&self) -> &Host {
        match self {
            Self::Exact(host) | Self::Below(host) | Self::Domain(host) => host,
        }
    }

    /// Whether more than one host is meant.
    #[must_use]
    pub const fn is_wildcard(&self) -> bool {
        !matches!(self, Self::Exact(_))
    }
}

fn lies_below(host: &Host, domain: &Host) -> bool {
    let rest = host.as_str().strip_suffix(domain.as_str());
    rest.is_some_and(|rest| rest.ends_with('.'))
}

impl From<Host> for HostPattern {
    fn from(host: Host) -> Self {
        Self::Exact(host)
    }
}

impl FromStr for HostPattern {
    type Err = Invalid;

    /// # Errors
    /// What is no name after `*.` or `.`, and domains below which names belong to many owners.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text == "*" {
            let message = "host `*` is every host there is";
            return Err(Invalid::new(message).hint("name the hosts, or `*.example.com`"));
        }
        let (domain, pattern): (&str, fn(Host) -> Self) =
            match (text.strip_prefix("*."), text.strip_prefix('.')) {
                (Some(domain), _) => (domain, Self::Below),
                (None, Some(domain)) => (domain, Self::Domain),
                (None, None) => return text.parse().map(Self::Exact),
            };
        let host: Host = domain.parse()?;
        if is_shared(&host) {
            let message = format!(
                "host {} reaches too far: names below `{host}` belong to many owners",
                quoted(text)
            );
            let hint = "name the hosts, or a domain one owner holds, such as `*.example.com`";
            return Err(Invalid::new(message).hint(hint));
        }
        Ok(pattern(host))
    }
}

/// Whether anybody can have a name below the domain: it is a public suffix (<https://publicsuffix.org>), or all names
/// right below it are. A single label that is on no list counts as one.
fn is_shared(domain: &Host) -> bool {
    let is_suffix = |name: &str| psl::suffix_str(name).is_some_and(|suffix| suffix == name);
    // No name of a list begins with this one, so that only a rule for all names says so.
    is_suffix(domain.as_str()) || is_suffix(&format!("lazaret-none.{domain}"))
}

impl fmt::Display for HostPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => host.fmt(out),
            Self::Below(domain) => out.pad(&format!("*.{domain}")),
            Self::Domain(domain) => out.pad(&format!(".{domain}")),
        }
    }
}

impl Serialize for HostPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> HostPattern {
        text.parse().expect(text)
    }

    #[test]
    fn a_pattern_covers_what_it_says_and_no_more() {
        let below = ["*.example.com", ".example.com"];
        for one in below {
            for covered in [
                "a.example.com",
                "a.b.example.com",
                "*.a.example.com",
                ".a.example.com",
                "*.example.com",
            ] {
                assert!(pattern(one).covers(&pattern(covered)), "{one} {covered}");
            }
            for other in [
                "example.org",
                "notexample.com",
                "*.notexample.com",
                "aexample.com",
                "*.example.org",
            ] {
                assert!(!pattern(one).covers(&pattern(other)), "{one} {other}");
            }
        }
        for apex in ["example.com", ".example.com"] {
            assert!(pattern(".example.com").covers(&pattern(apex)));
            assert!(!pattern("*.example.com").covers(&pattern(apex)));
        }
        assert!(!pattern("a.example.com").covers(&pattern("*.example.com")));
        assert!(pattern("a.example.com").covers(&pattern("a.example.com")));
    }

    #[test]
    fn what_belongs_to_many_owners_is_refused_behind_a_wildcard() {
        for text in [
            "*",
            "*.",
            ".",
            "*.com",
            ".com",
            "*.co.uk",
            "*.github.io",
            "*.internal",
            "*.*.example.com",
            "a.*.com",
            "a*.example.com",
            "*.ck",
            "*.compute.amazonaws.com",
            "*.10.0.0.1",
            ".1",
            "*.example.com.",
            "**.example.com",
        ] {
            assert!(text.parse::<HostPattern>().is_err(), "{text}");
        }
        for text in [
            "*.example.com",
            ".example.co.uk",
            "*.someone.github.io",
            "*.db.internal",
            "com",
            "localhost",
        ] {
            assert_eq!(pattern(text).to_string(), text);
        }
    }
}
