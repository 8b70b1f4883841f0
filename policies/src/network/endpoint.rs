use serde::Serialize;

use super::address::AddressClass;
use super::http::{Methods, Paths};
use super::pattern::HostPattern;
use super::port::Port;
use crate::origin::Granted;
use crate::permission::Permission;
use crate::word::{Words, words};

words! {
    /// What is spoken to an endpoint.
    Protocol, "protocol" {
        /// HTTP over TLS; what an endpoint without `protocol` means.
        Https = "https",
        /// HTTP in the clear.
        Http = "http",
        /// Any bytes.
        Tcp = "tcp",
    }
}

words! {
    /// Who ends the TLS of an endpoint that speaks `https`: the one who sees the requests in it. The broker is the
    /// narrower one, as it lets nothing through that it does not understand.
    TlsEnd, "end of TLS" {
        /// The plugin's own process; what an endpoint without `tls` means.
        Plugin = "plugin",
        /// The engine's egress broker, with an authority made for the plugin, and anew towards the server.
        Broker = "broker",
    }
}

/// One entry of `network.endpoints`, or what a permission for the network amounts to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Endpoint {
    /// Whom it reaches.
    pub host: HostPattern,
    /// On which port.
    pub port: Port,
    /// Speaking what.
    pub protocol: Protocol,
    /// Who ends its TLS, where there is some.
    pub tls: TlsEnd,
    /// With which methods of HTTP.
    pub methods: Methods,
    /// For which paths of HTTP.
    pub paths: Paths,
    /// At which addresses.
    pub addresses: Words<AddressClass>,
}

impl Endpoint {
    /// What a permission for the network amounts to; `None` for another one.
    #[must_use]
    pub fn of(permission: &Permission) -> Option<Self> {
        let (host, port, protocol) = match permission {
            Permission::NetworkRead(host) => (host, Port::HTTPS, Protocol::Https),
            Permission::NetworkConnect(host, port) => (host, *port, Protocol::Tcp),
            _ => return None,
        };
        Some(Self {
            host: host.clone(),
            port,
            protocol,
            tls: TlsEnd::Plugin,
            methods: Methods(None),
            paths: Paths(None),
            addresses: Words::usual(),
        })
    }

    /// Whether an act may be done here: HTTPS can be spoken, or a connection opened.
    #[must_use]
    pub fn permits(&self, act: &Permission) -> bool {
        match act {
            Permission::NetworkRead(host) => {
                self.protocol != Protocol::Http
                    && self.port == Port::HTTPS
                    && self.host.covers(host)
            }
            // To fetch over HTTPS is an act of its own; to connect is to say anything.
            Permission::NetworkConnect(host, port) => {
                self.port == *port
                    && self.host.covers(host)
                    && !(self.protocol == Protocol::Https && self.port == Port::HTTPS)
            }
            _ => false,
        }
    }

    /// Whether everything that `other` allows is allowed here.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.host.covers(&other.host)
            && self.port == other.port
            && (self.protocol == Protocol::Tcp || self.protocol == other.protocol)
            && self.tls <= other.tls
            && self.methods.cover(&other.methods)
            && self.paths.cover(&other.paths)
            && other.addresses.0.is_subset(&self.addresses.0)
    }

    /// What both allow, if anything.
    #[must_use]
    pub fn narrowed(&self, other: &Self) -> Option<Self> {
        let host = match self.host.covers(&other.host) {
            true => &other.host,
            false if other.host.covers(&self.host) => &self.host,
            false => return None,
        };
        let protocol = match (self.protocol, other.protocol) {
            (Protocol::Tcp, protocol) | (protocol, Protocol::Tcp) => protocol,
            (mine, theirs) if mine == theirs => mine,
            _ => return None,
        };
        let addresses = Words(&self.addresses.0 & &other.addresses.0);
        if self.port != other.port || addresses.is_empty() {
            return None;
        }
        Some(Self {
            host: host.clone(),
            port: self.port,
            protocol,
            tls: self.tls.max(other.tls),
            methods: self.methods.narrowed(&other.methods)?,
            paths: self.paths.narrowed(&other.paths)?,
            addresses,
        })
    }

    /// Whether the broker sees the requests that are made here: it can hold them to methods and paths, and put secrets
    /// into them.
    #[must_use]
    pub fn is_seen(&self) -> bool {
        self.protocol == Protocol::Http || self.tls == TlsEnd::Broker
    }

    /// What may be spoken, in words: `https, methods GET, paths /v1/*`.
    pub(crate) fn spoken(&self) -> String {
        let mut text = self.protocol.to_string();
        if self.tls != TlsEnd::Plugin {
            text.push_str(&format!(", tls {}", self.tls));
        }
        if let Some(methods) = &self.methods.0 {
            text.push_str(&format!(", methods {methods}"));
        }
        if let Some(paths) = &self.paths.0 {
            text.push_str(&format!(", paths {paths}"));
        }
        if self.addresses != Words::usual() {
            text.push_str(&format!(", addresses {}", self.addresses));
        }
        text
    }
}

/// An endpoint together with the permission it amounts to, `network:connect:HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AllowedEndpoint {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Its permission, reason and origin.
    pub granted: Granted,
}
