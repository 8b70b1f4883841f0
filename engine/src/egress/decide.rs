//! Whether a plugin may do what it asks the broker for. Pure.

use lazaret_policy::{Endpoint, Host, Mode, Port, Protocol};

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
    /// Kinds of addresses the name may lead to, whatever is spoken there.
    pub open: Classes,
    /// Kinds of addresses it may lead to where the first bytes are TLS, for this very host.
    pub tls: Classes,
    /// No grant covers it, and it is let through to be told.
    pub observed: Option<Mode>,
}

impl Leave {
    /// Whether TLS must be spoken to an address of the class; `None` where none may be reached.
    #[must_use]
    pub const fn needs_tls(&self, class: Class) -> Option<bool> {
        if self.open.has(class) {
            Some(false)
        } else if self.tls.has(class) {
            Some(true)
        } else {
            None
        }
    }

    /// What several endpoints allow, each on its own terms: none lends its addresses to another.
    fn add(so_far: Option<Self>, tls: bool, classes: Classes, observed: Option<Mode>) -> Self {
        let mut leave = so_far.unwrap_or(Self {
            open: Classes::NONE,
            tls: Classes::NONE,
            observed,
        });
        let kind = if tls { &mut leave.tls } else { &mut leave.open };
        *kind = kind.or(classes);
        leave
    }
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
            Ok(tls) => leave = Some(Leave::add(leave, tls, classes(endpoint), None)),
            Err(reason) => refused = refused.or(Some(reason)),
        }
    }
    let mut watched = None;
    // What is observed is let through on the terms it would have were it granted.
    for (endpoint, mode) in &rules.observed {
        if let (true, Ok(tls)) = (there(endpoint), of_endpoint(endpoint, ask)) {
            watched = Some(Leave::add(watched, tls, Classes::PUBLIC, Some(*mode)));
        }
    }
    match (leave.or(watched), refused) {
        (Some(leave), _) => Ok(leave),
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
