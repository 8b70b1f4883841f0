//! A request as it goes on: with the fields that are for the server, with the one host that was
//! decided on, and with the plugin's secrets in place of what stands for them.

use hyper::header::{CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, Uri};

use super::class::Class;
use super::decide::{Ask, How, Leave, decide_again};
use super::handout::hand_out;
use super::plugin::{Plugin, Purpose};
use super::refusal::Refusal;

/// Fields that are for the next one on the way alone (RFC 9110, section 7.6.1), and those that
/// are written anew.
const HOP_BY_HOP: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A request, written anew, with nothing put into it yet.
#[derive(Clone)]
pub(super) struct Anew(Request<()>);

/// A request with the secrets in it that it asks for.
pub(super) struct Filled {
    head: Request<()>,
    /// It has secrets in it.
    pub(super) has_secrets: bool,
}

impl Anew {
    /// Writes it.
    pub(super) fn of(purpose: &Purpose, head: Parts) -> Self {
        let default = if purpose.ended { 443 } else { 80 };
        let host = match purpose.port.number() {
            port if port == default => purpose.host.to_string(),
            port => format!("{}:{port}", purpose.host),
        };
        let mut headers = head.headers;
        remove_hop_by_hop(&mut headers);
        if let Ok(host) = HeaderValue::from_str(&host) {
            headers.insert(HOST, host);
        }
        let mut request = Request::new(());
        *request.method_mut() = head.method;
        *request.uri_mut() = head.uri;
        *request.headers_mut() = headers;
        Self(request)
    }

    /// With the secrets in it, by the rules of the moment, which must leave it what it had leave for `before`: anywhere,
    /// or at an address of the class.
    ///
    /// # Errors
    /// [`Refusal`] where they don't, and where a secret may not go there.
    pub(super) fn fill(
        self,
        plugin: &Plugin,
        purpose: &Purpose,
        before: &Leave,
        class: Option<Class>,
    ) -> Result<Filled, Refusal> {
        let refuse = |reason: String| Refusal::because(&purpose.ask(), reason);
        let rules = plugin.rules();
        decide_again(&rules, &purpose.ask(), before, class)?;
        let mut head = self.0;
        let target = head.uri().path_and_query();
        let mut target = target.map_or("/", |target| target.as_str()).to_owned();
        // What is only watched is not granted.
        let to = before.observed.is_none().then_some(&purpose.host);
        let names = hand_out(&rules.secrets, to, head.headers_mut(), &mut target);
        let names = names.map_err(|refused| refuse(refused.to_string()))?;
        let target = target.parse::<Uri>();
        // It was a target before, and what is put in is escaped and short enough.
        let target = target.map_err(|_| refuse("the request's target is none".to_owned()))?;
        if !names.is_empty() {
            let (method, path) = (head.method().as_str(), target.path());
            let how = match purpose.ended {
                true => How::Ended { method, path },
                false => How::Request { method, path },
            };
            let ask = Ask {
                how,
                ..purpose.ask()
            };
            // What is said of it must not show it.
            decide_again(&rules, &ask, before, class).map_err(|_| {
                let names = names.join("`, `");
                refuse(format!(
                    "the policy does not grant the path with `{names}` in it"
                ))
            })?;
        }
        *head.uri_mut() = target;
        Ok(Filled {
            head,
            has_secrets: !names.is_empty(),
        })
    }
}

impl Filled {
    /// With the body that comes after it.
    pub(super) fn with<B>(self, body: B) -> Request<B> {
        self.head.map(|()| body)
    }
}

pub(super) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_the_next_on_the_way_is_not_passed_on() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Mine"),
            ("x-mine", "1"),
            ("proxy-authorization", "secret"),
            ("te", "trailers"),
            ("expect", "100-continue"),
            ("upgrade", "websocket"),
            ("accept", "*/*"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        remove_hop_by_hop(&mut headers);
        let left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["accept"]);
    }
}
