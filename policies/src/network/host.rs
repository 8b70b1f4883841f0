use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::problem::{Invalid, quoted};

/// Longest name and longest label of a name: RFC 1035, section 2.3.4.
const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;

/// A DNS name in lower case, without a trailing dot; never an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(String);

impl Host {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Host {
    type Err = Invalid;

    /// # Errors
    /// Everything but a plain lower-case name: wildcards, schemes, ports, paths, addresses, each with its reason.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let shown = quoted(text);
        let refuse =
            |what: &str, hint: String| Err(Invalid::new(format!("host {shown} {what}")).hint(hint));
        let name_only = || "write the name only, such as `api.example.com`".to_owned();
        if text.is_empty() {
            return refuse("is empty", name_only());
        }
        if text.contains("://") {
            return refuse("has a scheme", name_only());
        }
        if text.contains('*') {
            return refuse(
                "has a wildcard at another place than its beginning",
                "write `*.example.com` for every name below a domain".to_owned(),
            );
        }
        if text.contains(['/', '?', '#', '@', '\\']) {
            return refuse("has more than a name", name_only());
        }
        if text.contains(['[', ']'])
            || text.bytes().filter(|byte| *byte == b':').count() > 1
            || ends_in_a_number(text)
        {
            return refuse(
                "is an address, and a policy names hosts",
                "use the host's DNS name".to_owned(),
            );
        }
        if let Some((_, port)) = text.split_once(':') {
            let hint = format!(
                "write the port apart from the host: `port: {port}`, or `network:connect:HOST:{port}`"
            );
            return if port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit()) {
                refuse("has a port", hint)
            } else {
                refuse("has more than a name", name_only())
            };
        }
        if !text.is_ascii() {
            return refuse(
                "has letters beyond ASCII",
                "write the name in its `xn--` form".to_owned(),
            );
        }
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return refuse(
                "has capital letters",
                format!("write {}", quoted(&text.to_ascii_lowercase())),
            );
        }
        if text.ends_with('.') {
            return refuse("ends with a dot", "take the last dot away".to_owned());
        }
        if text.len() > LONGEST_NAME {
            return refuse(
                &format!(
                    "is {} characters long, above the most allowed {LONGEST_NAME}",
                    text.len()
                ),
                name_only(),
            );
        }
        if !text.split('.').all(is_label) {
            let hint = "use letters, digits and hyphens between dots, at most 63 in a part, no hyphen at its ends";
            return refuse("is no DNS name", hint.to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

fn is_label(label: &str) -> bool {
    let inner = label
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    inner
        && (1..=LONGEST_LABEL).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Whether programs would read the name as an IPv4 address: `1.2.3.4`, but `127.1` and `0x7f.1` as well
/// (the "ends in a number" rule of the URL standard).
fn ends_in_a_number(text: &str) -> bool {
    let last = text
        .trim_end_matches('.')
        .rsplit('.')
        .next()
        .unwrap_or_default();
    let hexadecimal = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    let digits = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    digits || hexadecimal.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

impl fmt::Display for Host {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.0)
    }
}

impl Serialize for Host {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_are_hosts() {
        for name in [
            "api.example.com",
            "localhost",
            "xn--bcher-kva.example",
            "3com.com",
            "a-b.c1",
            "db.internal",
        ] {
            assert_eq!(
                name.parse::<Host>().map(|host| host.to_string()),
                Ok(name.to_owned())
            );
        }
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        let long = format!("{}.com", "abcdefgh.".repeat(40));
        let label = format!("{}.com", "a".repeat(64));
        let cases = [
            ("", "is empty"),
            ("https://example.com", "has a scheme"),
            ("*.example.com", "has a wildcard"),
            ("*", "has a wildcard"),
            ("example.com/path", "has more than a name"),
            ("user@example.com", "has more than a name"),
            ("example.com:443", "has a port"),
            ("example.com:https", "has more than a name"),
            ("127.0.0.1", "is an address"),
            ("127.1", "is an address"),
            ("0x7f.1", "is an address"),
            ("a.0x7f", "is an address"),
            ("2130706433", "is an address"),
            ("1.2.3.4.", "is an address"),
            ("::1", "is an address"),
            ("[::1]", "is an address"),
            ("Example.com", "has capital letters"),
            ("bücher.example", "has letters beyond ASCII"),
            ("example.com.", "ends with a dot"),
            ("a..b", "is no DNS name"),
            (".a", "is no DNS name"),
            ("-a.com", "is no DNS name"),
            ("a_b.com", "is no DNS name"),
            ("a b.com", "is no DNS name"),
            (&label, "is no DNS name"),
            (&long, "characters long, above the most allowed 253"),
        ];
        for (text, reason) in cases {
            let error = text.parse::<Host>().expect_err(text);
            assert!(error.to_string().contains(reason), "{text}: {error}");
            assert!(error.advice().is_some(), "{text} has a hint");
        }
    }
}
