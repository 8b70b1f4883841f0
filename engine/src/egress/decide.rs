//! Whether a plugin may do what it asks the broker for. Pure.

use lazaret_policy::{Endpoint, Host, Mode, Port, Protocol};

use super::class::Classes;
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
    pub observed: Option<Mode>,
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
    let there = |endpoint: &Endpoint| endpoint.port == ask.port && endpoint.host.matches(ask.host);
    let mut leave: Option<Leave> = None;
    let mut refused = None;
    for endpoint in rules.endpoints.iter().filter(|endpoint| there(endpoint)) {
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
                    classes: so_far.classes.or(classes(endpoint)),
                    observed: None,
                });
            }
            Err(reason) => refused = refused.or(Some(reason)),
        }
    }
    if let Some(leave) = leave {
        return Ok(leave);
    }
    let observed = rules.observed.iter().find(|(endpoint, _)| there(endpoint));
    match (observed, refused) {
        (Some((_, mode)), _) => Ok(Leave {
            tls: false,
            classes: Classes::PUBLIC,
            observed: Some(*mode),
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
            if !endpoint.methods.allow(method) {
                let method = shown(method);
                return Err(format!("the policy does not grant method `{method}` there"));
            }
            if !endpoint.paths.allow(path) {
                let path = shown(path);
                return Err(format!("the policy does not grant the path `{path}` there"));
            }
            Ok(false)
        }
    }
}

#[cfg(test)]
mod tests;
