//! Whether a plugin may do what it asks the broker for. Pure.

use lazaret_policy::{Host, Port, Protocol};

use super::class::Classes;
use super::refusal::{Refusal, shown};
use super::rules::{Endpoint, Observing, Rules};

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
}

/// What is allowed, and on which terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leave {
    /// The first bytes must be TLS, for this very host.
    pub tls: bool,
    /// Kinds of addresses the name may lead to.
    pub classes: Classes,
    /// No grant covers it, and it is let through to be told.
    pub observed: Option<Observing>,
}

impl Ask<'_> {
    /// The permission that it takes.
    pub(super) fn permission(&self) -> String {
        match self.how {
            How::Connect if self.port == Port::HTTPS => format!("network:read:{}", self.host),
            _ => format!("network:connect:{}:{}", self.host, self.port),
        }
    }
}

/// Decides.
///
/// # Errors
/// [`Refusal`]: nothing grants it, or what grants the host and the port grants something else.
pub fn decide(rules: &Rules, ask: &Ask<'_>) -> Result<Leave, Refusal> {
    let there = |endpoint: &&Endpoint| endpoint.port == ask.port && endpoint.host.matches(ask.host);
    let mut leave: Option<Leave> = None;
    let mut refused = None;
    for endpoint in rules.endpoints.iter().filter(there) {
        match of_endpoint(endpoint, ask) {
            // What several grant is granted, each by its own terms: the widest hold.
            Ok(tls) => {
                let so_far = leave.unwrap_or(Leave {
                    tls,
                    classes: Classes::default(),
                    observed: None,
                });
                leave = Some(Leave {
                    tls: tls && so_far.tls,
                    classes: so_far.classes.or(endpoint.classes),
                    observed: None,
                });
            }
            Err(reason) => refused = refused.or(Some(reason)),
        }
    }
    if let Some(leave) = leave {
        return Ok(leave);
    }
    let observed = rules
        .observed
        .iter()
        .find(|observed| observed.port == ask.port && observed.host.matches(ask.host));
    match (observed, refused) {
        (Some(observed), _) => Ok(Leave {
            tls: false,
            classes: Classes::PUBLIC,
            observed: Some(observed.how),
        }),
        (None, Some(reason)) => Err(Refusal::because(ask, reason)),
        (None, None) => Err(Refusal::not_granted(ask)),
    }
}

/// Whether TLS must be spoken, or why what is asked for is not what the endpoint grants.
fn of_endpoint(endpoint: &Endpoint, ask: &Ask<'_>) -> Result<bool, String> {
    match (endpoint.protocol, ask.how) {
        (Protocol::Tcp, _) => Ok(false),
        (Protocol::Https, How::Connect) => Ok(true),
        (Protocol::Https, How::Request { .. }) => {
            Err("the policy grants HTTPS there, not HTTP in the clear".to_owned())
        }
        (Protocol::Http, How::Connect) => {
            Err("the policy grants HTTP in the clear there, not a connection".to_owned())
        }
        (Protocol::Http, How::Request { method, path }) => {
            if let Some(methods) = &endpoint.methods
                && !methods.iter().any(|granted| granted == method)
            {
                let (granted, method) = (methods.join(", "), shown(method));
                return Err(format!("the policy grants {granted} there, not `{method}`"));
            }
            if let Some(paths) = &endpoint.paths {
                let told = shown(path);
                if is_ambiguous(path) {
                    return Err(format!(
                        "the path `{told}` can be read in more than one way"
                    ));
                }
                if !paths.iter().any(|granted| granted.matches(path)) {
                    return Err(format!("the policy grants no path that covers `{told}`"));
                }
            }
            Ok(false)
        }
    }
}

/// Whether two servers could take the path for two places: dots that climb, separators in
/// disguise, an escape within an escape, an empty part.
fn is_ambiguous(path: &str) -> bool {
    let escaped = |wanted: &str| {
        path.match_indices('%').any(|(at, _)| {
            let digits = path.get(at + 1..at + 3);
            digits.is_none_or(|digits| digits.eq_ignore_ascii_case(wanted))
        })
    };
    let climbs = |part: &str| {
        let name = part.split(';').next().unwrap_or_default();
        matches!(name, "." | "..")
    };
    let mut parts = path.split('/').skip(1).peekable();
    let mut empty = false;
    while let Some(part) = parts.next() {
        empty |= part.is_empty() && parts.peek().is_some();
    }
    !path.starts_with('/')
        || empty
        || path.split('/').any(climbs)
        || !path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        || ["00", "25", "2e", "2f", "5c"].into_iter().any(escaped)
}

#[cfg(test)]
mod tests;
