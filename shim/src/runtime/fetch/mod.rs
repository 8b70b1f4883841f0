//! `fetch`: requests of plugins, through the engine's egress broker.
//!
//! Deno's own JavaScript makes requests and responses, follows redirects (each hop comes here
//! anew) and listens to signals. Here is what it calls: the policy's methods and paths of HTTPS,
//! which no one outside of this process can see; TLS; and the bytes.

mod body;
mod broker;
pub(super) mod data;
mod decode;
mod kept;
mod ops;
mod rules;
mod tls;
mod upgrade;

pub(super) use broker::{Failure, within_patience};
pub(super) use ops::{Cancel, DENIED, OPS, Way, extension, fields};
pub(super) use upgrade::Passage;

use std::io::Read;
use std::path::PathBuf;

use lazaret_protocol::{EGRESS_SOCKET_PATH, HttpsEndpoint, ShimSettings};

/// Where the root file system has the certificates of the authorities to trust.
const AUTHORITIES_PATH: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The most that is read of them, in bytes.
const MAX_AUTHORITIES_BYTES: u64 = 4 * 1024 * 1024;

/// The way out of a container.
#[derive(Clone, Debug)]
pub struct Egress {
    /// The broker's socket.
    pub socket: PathBuf,
    /// Certificates of the authorities to trust, as PEM.
    pub authorities: Vec<u8>,
    /// What may be asked of which host by HTTPS, where the policy says more than that it may be
    /// reached.
    pub rules: Vec<HttpsEndpoint>,
    /// How many connections the policy lets the plugin have at a time.
    pub connections: usize,
}

impl Egress {
    /// The way out of this container. Nobody is trusted but those whose certificates are there, and the authority by
    /// which the broker ends TLS.
    pub(super) fn of(settings: &ShimSettings, authority: Option<&str>) -> Self {
        let mut authorities = Vec::new();
        let read = fs_err::File::open(AUTHORITIES_PATH).and_then(|file| {
            file.take(MAX_AUTHORITIES_BYTES)
                .read_to_end(&mut authorities)
        });
        if read.is_err() {
            authorities.clear();
        }
        if let Some(authority) = authority {
            authorities.push(b'\n');
            authorities.extend(authority.as_bytes());
        }
        Self {
            socket: PathBuf::from(EGRESS_SOCKET_PATH),
            authorities,
            rules: settings.https.clone(),
            connections: settings.connections as usize,
        }
    }
}
