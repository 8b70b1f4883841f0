//! Methods and paths of HTTPS: the broker sees neither.

use deno_core::url::Url;
use lazaret_protocol::HttpsEndpoint;

fn is_about(rule: &HttpsEndpoint, host: &str, port: u16) -> bool {
    let below = |domain: &str| {
        let rest = host.strip_suffix(domain);
        rest.is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
    };
    let named = match (rule.host.strip_prefix("*."), rule.host.strip_prefix('.')) {
        (Some(domain), _) => below(domain),
        (None, Some(domain)) => host == domain || below(domain),
        (None, None) => host == rule.host,
    };
    named && rule.port == port
}

fn allows(rule: &HttpsEndpoint, method: &str, path: &str) -> bool {
    let fits = |pattern: &String| match pattern.strip_suffix('*') {
        Some(start) => path.starts_with(start),
        None => path == pattern,
    };
    let methods = rule.methods.as_ref();
    // Where the two ends could read a path differently, only a rule without paths covers it.
    let paths = rule.paths.as_ref();
    methods.is_none_or(|all| all.iter().any(|one| one == method))
        && paths.is_none_or(|all| is_plain(path) && all.iter().any(fits))
}

/// Whether a request by HTTPS is within what the rules say of its host. A host of which they say
/// nothing is left to the broker.
pub(super) fn allow(rules: &[HttpsEndpoint], method: &str, url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    let mut about = rules
        .iter()
        .filter(|rule| is_about(rule, host, port))
        .peekable();
    if about.peek().is_none() {
        return true;
    }
    let path = url.path();
    about.any(|rule| allows(rule, method, path))
}

/// Whether the rules leave it open what is said to a host: none is about it, or one names neither
/// methods nor paths.
pub(super) fn leave(rules: &[HttpsEndpoint], host: &str, port: u16) -> bool {
    let mut about = rules
        .iter()
        .filter(|rule| is_about(rule, host, port))
        .peekable();
    about.peek().is_none() || about.any(|rule| rule.methods.is_none() && rule.paths.is_none())
}

/// No server reads the path as another one: it has no dot segments, empty segments, backslashes, or
/// dots, slashes and percent signs in their `%` form. As the engine has it for plain HTTP.
fn is_plain(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let hidden = ["%2e", "%2f", "%5c", "%25", "%00", "\\", "//"];
    // Some servers take what follows a semicolon for parameters of the segment.
    let mut segments = path.split(['/', ';']);
    !segments.any(|part| part == "." || part == "..")
        && !hidden.iter().any(|part| lower.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(host: &str, methods: Option<&[&str]>, paths: Option<&[&str]>) -> HttpsEndpoint {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        HttpsEndpoint {
            host: host.to_owned(),
            port: 443,
            methods: methods.map(owned),
            paths: paths.map(owned),
        }
    }

    fn allowed(rules: &[HttpsEndpoint], method: &str, url: &str) -> bool {
        allow(rules, method, &Url::parse(url).expect("a URL"))
    }

    #[test]
    fn methods_and_paths_are_held() {
        let rules = [rule(
            "a.example",
            Some(&["GET"]),
            Some(&["/v1/*", "/status"]),
        )];
        for (method, url, expected) in [
            ("GET", "https://a.example/v1/x?y", true),
            ("GET", "https://a.example/status", true),
            ("GET", "https://a.example/status/x", false),
            ("POST", "https://a.example/v1/x", false),
            ("GET", "https://a.example/v1/../secret", false),
            ("GET", "https://a.example/v1/%2e%2e/secret", false),
            ("GET", "https://a.example/v1/..%2fsecret", false),
            ("GET", "https://a.example/v1/..;/secret", false),
            ("GET", "https://a.example/v1//x", false),
            ("GET", "https://a.example:8443/any", true),
            ("GET", "https://b.example/any", true),
        ] {
            assert_eq!(allowed(&rules, method, url), expected, "{method} {url}");
        }
    }

    #[test]
    fn the_widest_rule_of_a_host_decides() {
        let rules = [
            rule("a.example", Some(&["GET"]), None),
            rule("*.example", None, Some(&["/open/*"])),
        ];
        assert!(allowed(&rules, "GET", "https://a.example/x"));
        assert!(allowed(&rules, "POST", "https://a.example/open/x"));
        assert!(!allowed(&rules, "POST", "https://a.example/x"));
        assert!(!allowed(&rules, "GET", "https://b.example/x"));
    }

    #[test]
    fn bytes_go_where_no_rule_names_methods_or_paths_or_one_names_none() {
        let paths = rule("a.example", None, Some(&["/open/*"]));
        let methods = rule("*.example", Some(&["GET"]), None);
        let rules = [paths.clone(), methods];
        for (host, port, expected) in [
            ("a.example", 443, false),
            ("b.example", 443, false),
            ("a.example", 8443, true),
            ("example.com", 443, true),
        ] {
            assert_eq!(leave(&rules, host, port), expected, "{host}:{port}");
        }
        assert!(leave(
            &[paths, rule("a.example", None, None)],
            "a.example",
            443
        ));
    }

    #[test]
    fn wildcards_stand_for_what_is_written() {
        for (pattern, host, expected) in [
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "aexample.com", false),
            (".example.com", "example.com", true),
            (".example.com", "a.example.com", true),
            (".example.com", "aexample.com", false),
            ("example.com", "a.example.com", false),
        ] {
            assert_eq!(
                is_about(&rule(pattern, None, None), host, 443),
                expected,
                "{pattern} {host}"
            );
        }
    }
}
