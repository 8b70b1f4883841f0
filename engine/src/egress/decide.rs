//! Whether a plugin may do what it asks the broker for. Pure.

use lazaret_policy::{Endpoint, Host, Mode, Port, Protocol, TlsEnd};

use super::class::{Class, Classes};
use super::refusal::{Refusal, shown};
use super::rules::{Rules, classes};

/// What a plugin asks for.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Whom it wants to reach.
    pub host: &'a Host,
    /// On which port.
    pub port: Port,
    /// What it wants to do there.
    pub how: How<'a>,
}

/// Methods that no request of the broker's has, whatever a policy says: a server answers the first two with the request as it got it, secrets
/// and all (RFC 9110, section 9.3.8), and the third would have it pass on bytes that nobody decides on.
const NEVER: [&str; 3] = ["TRACE", "TRACK", "CONNECT"];

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub enum How<'a> {
    /// Pass bytes on.
    Connect,
    /// One request of plain HTTP.
    Request {
        /// Its method.
        method: &'a str,
        /// Its path, without a query.
        path: &'a str,
    },
    /// One request within TLS that the broker ends.
    Ended {
        /// Its method.
        method: &'a str,
        /// Its path, without a query.
        path: &'a str,
    },
}

/// What a connection may carry. Where several terms hold for an address, the first one here does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terms {
    /// Requests within TLS that the broker ends.
    Ended,
    /// Requests in the clear, of an endpoint that is for them.
    Http,
    /// Any bytes.
    Any,
    /// TLS for this very host, which the plugin ends.
    Tls,
}

impl Terms {
    const ALL: [Self; 4] = [Self::Ended, Self::Http, Self::Any, Self::Tls];

    /// Whether the broker reads each request, of a kind that an endpoint names.
    #[must_use]
    pub const fn shows_requests(self) -> bool {
        matches!(self, Self::Ended | Self::Http)
    }

    /// Whether what goes to the server is TLS.
    #[must_use]
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Ended | Self::Tls)
    }

    /// Whether what was begun on these terms may go on under others.
    #[must_use]
    pub fn go_on_under(self, now: Self) -> bool {
        self == now || now == Self::Any || (self == Self::Any && now == Self::Http)
    }
}

/// What is allowed, and on which terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leave {
    /// Kinds of addresses the name may lead to, by the terms that hold there.
    classes: [Classes; Terms::ALL.len()],
    /// No grant covers it, and it is let through to be told.
    pub observed: Option<Mode>,
}

impl Leave {
    /// The terms at an address of the class; `None` where none may be reached.
    #[must_use]
    pub fn terms(&self, class: Class) -> Option<Terms> {
        let mut all = Terms::ALL.into_iter();
        all.find(|terms| self.classes[*terms as usize].has(class))
    }

    /// Whether the broker ends TLS there, wherever the name leads.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.classes[Terms::Ended as usize] != Classes::NONE
    }

    /// What several endpoints allow, each on its own terms: none lends its addresses to another.
    fn add(so_far: Option<Self>, terms: Terms, classes: Classes, observed: Option<Mode>) -> Self {
        let mut leave = so_far.unwrap_or(Self {
            classes: [Classes::NONE; Terms::ALL.len()],
            observed,
        });
        let there = &mut leave.classes[terms as usize];
        *there = there.or(classes);
        leave
    }
}

impl Ask<'_> {
    /// The permission that it takes.
    pub(super) fn permission(&self) -> String {
        match self.how {
            How::Connect | How::Ended { .. } if self.port == Port::HTTPS => {
                format!("network:read:{}", self.host)
            }
            _ => format!("network:connect:{}:{}", self.host, self.port),
        }
    }
}

/// Decides.
///
/// # Errors
/// [`Refusal`]: nothing grants it, or what grants the host and the port grants something else.
pub fn decide(rules: &Rules, ask: &Ask<'_>) -> Result<Leave, Refusal> {
    if let How::Request { method, .. } | How::Ended { method, .. } = ask.how
        && let Some(never) = (NEVER.iter()).find(|never| never.eq_ignore_ascii_case(method))
    {
        let reason = format!("no policy grants method `{never}`");
        return Err(Refusal::because(ask, reason));
    }
    let there = |endpoint: &Endpoint| endpoint.port == ask.port && endpoint.host.matches(ask.host);
    let mut leave: Option<Leave> = None;
    let mut refused = None;
    for endpoint in rules.endpoints.iter().filter(|endpoint| there(endpoint)) {
        match of_endpoint(endpoint, ask) {
            Ok(terms) => leave = Some(Leave::add(leave, terms, classes(endpoint), None)),
            Err(reason) => refused = refused.or(Some(reason)),
        }
    }
    let mut watched = None;
    // What is observed is let through on the terms it would have were it granted.
    for (endpoint, mode) in &rules.observed {
        if let (true, Ok(terms)) = (there(endpoint), of_endpoint(endpoint, ask)) {
            watched = Some(Leave::add(watched, terms, Classes::PUBLIC, Some(*mode)));
        }
    }
    match (leave.or(watched), refused) {
        (Some(leave), _) => Ok(leave),
        (None, Some(reason)) => Err(Refusal::because(ask, reason)),
        (None, None) => Err(Refusal::not_granted(ask)),
    }
}

/// Decides again, by other rules maybe, what has leave already and waited since.
///
/// # Errors
/// [`Refusal`] where there is none any more, or one on other terms: anywhere, or at an address of the class.
pub fn decide_again(
    rules: &Rules,
    ask: &Ask<'_>,
    before: &Leave,
    class: Option<Class>,
) -> Result<(), Refusal> {
    let now = decide(rules, ask)?;
    let same = now.observed == before.observed
        && class.is_none_or(|class| now.terms(class) == before.terms(class))
        && now.is_ended() == before.is_ended();
    let other = || Refusal::because(ask, "the policy has changed since this was asked for");
    same.then_some(()).ok_or_else(other)
}

/// The terms, or why what is asked for is not what the endpoint grants.
fn of_endpoint(endpoint: &Endpoint, ask: &Ask<'_>) -> Result<Terms, String> {
    let refuse = |reason: &str| Err(reason.to_owned());
    match (endpoint.protocol, ask.how) {
        (Protocol::Tcp, How::Connect | How::Request { .. }) => Ok(Terms::Any),
        (Protocol::Tcp, How::Ended { .. }) => {
            refuse("the policy grants a connection there, not requests that the broker reads")
        }
        (Protocol::Https, How::Connect) => Ok(match endpoint.tls {
            TlsEnd::Plugin => Terms::Tls,
            TlsEnd::Broker => Terms::Ended,
        }),
        (Protocol::Https, How::Request { .. }) => {
            refuse("the policy grants HTTPS there, not HTTP in the clear")
        }
        (Protocol::Https, How::Ended { method, path }) => {
            allows(endpoint, method, path).map(|()| Terms::Ended)
        }
        (Protocol::Http, How::Connect | How::Ended { .. }) => {
            refuse("the policy grants HTTP in the clear there, not a connection")
        }
        (Protocol::Http, How::Request { method, path }) => {
            allows(endpoint, method, path).map(|()| Terms::Http)
        }
    }
}

fn allows(endpoint: &Endpoint, method: &str, path: &str) -> Result<(), String> {
    if !endpoint.methods.allow(method) {
        let method = shown(method);
        return Err(format!("the policy does not grant method `{method}` there"));
    }
    if !endpoint.paths.allow(path) {
        let path = shown(path);
        return Err(format!("the policy does not grant the path `{path}` there"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
