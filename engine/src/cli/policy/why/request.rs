//! Whether a request of HTTP goes through.

use std::fmt;
use std::str::FromStr;

use hyper::Uri;
use lazaret_policy::{AllowedEndpoint, Endpoint, Host, Permission, Port, Protocol};

use super::super::Chosen;
use super::{Answer, Verdict, decided};

/// A method and a URL.
#[derive(Clone, Debug)]
pub(super) struct Request {
    text: String,
    method: String,
    tls: bool,
    host: Host,
    port: Port,
    path: String,
}

impl FromStr for Request {
    type Err = String;

    /// Reads `METHOD:URL`.
    fn from_str(text: &str) -> Result<Self, String> {
        let such_as = "write it as `network:GET:https://host.example/path`";
        let refuse = |why: String| format!("{why}\n  hint: {such_as}");
        let (method, url) = text.split_once(':').unwrap_or(("", text));
        if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(refuse("a request begins with its method".to_owned()));
        }
        let uri: Uri = url
            .parse()
            .map_err(|error| refuse(format!("this is no URL: {error}")))?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(refuse("a URL begins with `http` or `https`".to_owned())),
        };
        let named = uri.host().unwrap_or_default().to_ascii_lowercase();
        let host = named
            .parse::<Host>()
            .map_err(|invalid| refuse(invalid.to_string()))?;
        let port = match (uri.port(), tls) {
            (Some(port), _) => port.as_str().to_owned(),
            (None, true) => "443".to_owned(),
            (None, false) => "80".to_owned(),
        };
        if uri
            .authority()
            .is_some_and(|whole| whole.as_str().contains('@'))
        {
            return Err(refuse("a URL here names no user".to_owned()));
        }
        Ok(Self {
            text: format!("network:{text}"),
            method: method.to_owned(),
            tls,
            host,
            port: port
                .parse()
                .map_err(|invalid: lazaret_policy::Invalid| refuse(invalid.to_string()))?,
            path: uri.path().to_owned(),
        })
    }
}

impl Request {
    /// What it takes of the policy, as the nearest permission.
    fn permission(&self) -> Permission {
        let host = self.host.clone().into();
        match self.tls && self.port == Port::HTTPS {
            true => Permission::NetworkRead(host),
            false => Permission::NetworkConnect(host, self.port),
        }
    }

    /// Why an endpoint does not let it through; `Ok` where it does.
    fn passes(&self, endpoint: &Endpoint) -> Result<(), Why> {
        let speaks = match endpoint.protocol {
            Protocol::Tcp => true,
            Protocol::Https => self.tls,
            Protocol::Http => !self.tls,
        };
        if endpoint.port != self.port || !endpoint.host.matches(&self.host) {
            Err(Why::Elsewhere)
        } else if !speaks {
            Err(Why::Protocol(endpoint.protocol))
        } else if !endpoint.methods.allow(&self.method) {
            Err(Why::Method)
        } else if !endpoint.paths.allow(&self.path) {
            Err(Why::Path)
        } else {
            Ok(())
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    Elsewhere,
    Protocol(Protocol),
    Method,
    Path,
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elsewhere => out.write_str("is for another host or port"),
            Self::Protocol(protocol) => write!(out, "is for protocol `{protocol}`"),
            Self::Method => out.write_str("does not have this method"),
            Self::Path => out.write_str("does not have this path"),
        }
    }
}

/// What is to be said of a request.
pub(super) fn answer(chosen: &Chosen, request: &Request) -> Answer {
    let policy = &chosen.policy;
    let takes = request.permission();
    let told = |verdict, allowed: Option<&AllowedEndpoint>| {
        let granted = allowed.map(|allowed| &allowed.granted);
        decided(chosen, request.text.clone(), verdict, granted, &takes)
    };
    let (granted, observed) = (policy.reachable(), policy.observed_endpoints());
    let passing = |endpoints: &'_ [AllowedEndpoint]| {
        let passes = |one: &&AllowedEndpoint| request.passes(&one.endpoint).is_ok();
        endpoints.iter().find(passes).cloned()
    };
    if let Some(allowed) = passing(&granted) {
        let mut answer = told(Verdict::Allowed, Some(&allowed));
        answer.because = held_where(&allowed.endpoint);
        answer
    } else if let Some(allowed) = passing(&observed) {
        let mut answer = told(Verdict::Observed, Some(&allowed));
        answer.mode = Some(policy.network().mode.value);
        answer
    } else {
        let mut answer = told(Verdict::Denied, None);
        // The nearest one says most.
        let near = granted
            .iter()
            .find_map(|one| match request.passes(&one.endpoint) {
                Ok(()) | Err(Why::Elsewhere) => None,
                Err(why) => Some((one, why)),
            });
        answer.because = near.map(|(one, why)| {
            let origin = &one.granted.origin;
            let held = held_where(&one.endpoint).map(|held| format!("; {held}"));
            let held = held.unwrap_or_default();
            format!("what grants the host and port {why} ({origin}){held}")
        });
        answer
    }
}

/// What is to be known where an endpoint names methods or paths of requests that are encrypted.
fn held_where(endpoint: &Endpoint) -> Option<String> {
    let all = endpoint.methods.any() && endpoint.paths.any();
    (!all && endpoint.protocol == Protocol::Https && !endpoint.is_seen()).then(|| {
        "methods and paths within TLS are held by the shim alone, hosts and ports by the egress broker"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use lazaret_policy::{EffectivePolicy, SecurityLevel, SecurityPolicy};

    use super::*;
    use crate::egress::Rules;
    use crate::egress::decide::{Ask, How, decide};

    const BODY: &str = "network:\n  endpoints:\n    \
        - { host: api.example.com, port: 443, methods: [GET], paths: [/v1/*] }\n    \
        - { host: plain.example.com, port: 80, protocol: http, methods: [GET], paths: [/a] }\n    \
        - { host: raw.example.com, port: 8080, protocol: tcp }\n    \
        - { host: ended.example.com, port: 443, tls: broker, methods: [GET], paths: [/a] }\n";

    fn chosen(body: &str) -> Chosen {
        let text = format!("apiVersion: lazaret/v1\nkind: SecurityPolicy\n{body}");
        let policy = SecurityPolicy::parse("p", &text).unwrap();
        Chosen {
            policy: EffectivePolicy::of(SecurityLevel::Standard).layer(&policy),
            cuts: Vec::new(),
        }
    }

    fn asked(text: &str) -> Answer {
        answer(&chosen(BODY), &text.parse().unwrap())
    }

    #[test]
    fn an_endpoint_lets_through_what_it_has_and_says_what_it_has_not() {
        for (text, because) in [
            ("GET:https://api.example.com/v1/x?q=1", None),
            ("POST:https://api.example.com/v1/x", Some("method")),
            ("GET:https://api.example.com/v2", Some("path")),
            ("GET:https://api.example.com:8443/v1/x", None),
            ("GET:http://plain.example.com/a", None),
            (
                "GET:https://plain.example.com:80/a",
                Some("protocol `http`"),
            ),
            ("DELETE:https://raw.example.com:8080/", None),
            ("GET:https://other.example.com/", None),
        ] {
            let answer = asked(text);
            let elsewhere = text.contains("8443") || text.contains("other");
            let denied = because.is_some() || elsewhere;
            assert_eq!(
                answer.verdict == Verdict::Denied,
                denied,
                "{text}: {answer:?}"
            );
            if let Some(part) = because {
                assert!(answer.because.unwrap().contains(part), "{text}");
            }
        }
    }

    #[test]
    fn the_broker_decides_the_same_of_what_it_can_see() {
        let chosen = chosen(BODY);
        let rules = Rules::of(&chosen.policy);
        for host in [
            "api.example.com",
            "plain.example.com",
            "raw.example.com",
            "x.example.com",
        ] {
            for port in ["80", "443", "8080"] {
                for method in ["GET", "POST"] {
                    for path in ["/a", "/v1/x"] {
                        let url = format!("{method}:http://{host}:{port}{path}");
                        let request: Request = url.parse().unwrap();
                        let ask = Ask {
                            host: &request.host,
                            port: request.port,
                            how: How::Request { method, path },
                        };
                        let mine = answer(&chosen, &request).verdict == Verdict::Allowed;
                        assert_eq!(mine, decide(&rules, &ask).is_ok(), "{url}");
                    }
                }
            }
        }
    }

    #[test]
    fn where_the_broker_ends_tls_it_decides_the_same_and_the_shim_is_not_named() {
        let chosen = chosen(BODY);
        let rules = Rules::of(&chosen.policy);
        for (method, path) in [("GET", "/a"), ("POST", "/a"), ("GET", "/v1/x")] {
            let url = format!("{method}:https://ended.example.com{path}");
            let request: Request = url.parse().unwrap();
            let ask = Ask {
                host: &request.host,
                port: request.port,
                how: How::Ended { method, path },
            };
            let mine = answer(&chosen, &request);
            let allowed = mine.verdict == Verdict::Allowed;
            assert_eq!(allowed, decide(&rules, &ask).is_ok(), "{url}");
            assert!(!mine.because.unwrap_or_default().contains("shim"), "{url}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for text in [
            "https://a.example.com/",
            "get:https://a.example.com/",
            "GET:ftp://a.example.com/",
            "GET:https://user@a.example.com/",
            "GET:https://127.0.0.1/",
            "GET:https://[::1]/",
            "GET:https://a.example.com:0/",
            "GET:https:///x",
        ] {
            assert!(text.parse::<Request>().is_err(), "{text}");
        }
    }
}
