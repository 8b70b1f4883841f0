//! TLS that the broker ends: the plugin's ends here, each request within is decided as one in the
//! clear is, and goes on within TLS of the broker's own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hyper::Version;
use hyper::header::HOST;
use hyper::http::request::Parts;
use lazaret_policy::Port;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio_rustls::TlsAcceptor;

use super::authority::{Authority, AuthorityError};
use super::decide::Leave;
use super::metered::Prefixed;
use super::plugin::{Plugin, Purpose};
use super::refusal::Refusal;
use super::rules::Rules;
use super::trust::{Trust, TrustError};
use super::{http, target, tunnel};

/// The head that says that TLS ends here.
const ENDS_HERE: &str = lazaret_protocol::EGRESS_TLS_END;

/// Why the broker cannot end TLS for a plugin.
#[derive(Debug, thiserror::Error)]
pub enum EndingError {
    /// The plugin has nobody to trust.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The broker has nobody to trust.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// What it takes to end TLS for one plugin.
#[derive(Debug)]
pub struct Ending {
    authority: Authority,
    pub(super) trust: Trust,
}

impl Ending {
    /// For a plugin held to these rules; `None` where they leave all TLS to the plugin. Servers
    /// are to be vouched for by the authorities in the file, as PEM. Reads the file.
    ///
    /// # Errors
    /// [`EndingError`].
    pub fn of(rules: &Rules, authorities: &Path) -> Result<Option<Self>, EndingError> {
        let mut hosts = rules.ended().peekable();
        if hosts.peek().is_none() {
            return Ok(None);
        }
        Ok(Some(Self {
            authority: Authority::new(hosts)?,
            trust: Trust::read(authorities)?,
        }))
    }

    /// The certificate that the plugin has to trust, as PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> String {
        self.authority.certificate_pem()
    }

    /// Whether it does for these rules as well.
    #[must_use]
    pub fn covers(&self, rules: &Rules) -> bool {
        rules.ended().all(|hosts| self.authority.covers(hosts))
    }
}

/// Requests of one connection, to the one host and port that it was asked for.
pub(super) struct Within {
    purpose: Purpose,
    /// The connection was counted among those of a second, and none was made for it yet.
    counted: AtomicBool,
}

impl Within {
    /// What a request is for.
    ///
    /// # Errors
    /// [`Refusal`] of one that names another host, or none.
    pub(super) fn read(&self, head: &Parts) -> Result<Purpose, Refusal> {
        let refuse = |reason: &str| Err(Refusal::because(&self.purpose.ask(), reason));
        let path = head.uri.path();
        if head.uri.scheme().is_some() || head.uri.authority().is_some() || !path.starts_with('/') {
            return refuse("within TLS that the broker ends, a request's target is a path");
        }
        if head.version != Version::HTTP_11 {
            return refuse("the request is not HTTP/1.1");
        }
        let mut named = head.headers.get_all(HOST).iter();
        let (first, second) = (named.next(), named.next());
        let text = first.and_then(|value| value.to_str().ok());
        let same = target::read(text.unwrap_or_default(), Some(Port::HTTPS));
        let same =
            same.is_ok_and(|(host, port)| host == self.purpose.host && port == self.purpose.port);
        if !same || second.is_some() {
            return refuse("the request's `Host` is not the host that the connection is for");
        }
        Ok(Purpose {
            request: Some((head.method.to_string(), path.to_owned())),
            ended: true,
            ..self.purpose.clone()
        })
    }

    /// Whether a connection was counted that is not made yet.
    pub(super) fn take_counted(&self) -> bool {
        self.counted.swap(false, Ordering::Relaxed)
    }
}

/// Serves a connection that asked for a host whose TLS the broker ends. `bytes` came after that.
pub(super) async fn serve(
    plugin: &Plugin,
    mut stream: UnixStream,
    mut bytes: Vec<u8>,
    purpose: Purpose,
    leave: &Leave,
) {
    // To agree on TLS is work, as it is to make a certificate: there is no more of it than of connections.
    let turn = match plugin.waits_to_connect(&purpose).await {
        Ok(()) => plugin.decide_again(&purpose, leave, None),
        Err(refusal) => Err(refusal),
    };
    if let Err(refusal) = turn {
        return tunnel::refuse(plugin, &mut stream, Some(&purpose), refusal).await;
    }
    let ending = plugin.ending.as_ref().ok_or(AuthorityError::Beyond);
    let config = match ending.and_then(|ending| ending.authority.ends(&purpose.host)) {
        Ok(config) => config,
        Err(error) => {
            let refusal = Refusal::because(&purpose.ask(), error);
            return tunnel::refuse(plugin, &mut stream, Some(&purpose), refusal).await;
        }
    };
    let answer = format!("HTTP/1.1 200 OK\r\n{ENDS_HERE}: broker\r\n\r\n");
    if stream.write_all(answer.as_bytes()).await.is_err() {
        return;
    }
    let hello = tunnel::names(&mut stream, &mut bytes, &purpose);
    match plugin.soon(hello).await {
        Some(Ok(())) => {}
        Some(Err(tunnel::Ended::Refused(refusal))) => {
            return plugin.refuse(Some(&purpose), refusal).await;
        }
        Some(Err(tunnel::Ended::Quietly)) | None => return,
    }
    let moved = Arc::new(AtomicU64::new(0));
    let stream = Prefixed::new(bytes, stream, Arc::clone(&moved));
    let accepted = plugin.soon(TlsAcceptor::from(config).accept(stream)).await;
    let Some(Ok(stream)) = accepted else {
        return;
    };
    let within = Arc::new(Within {
        purpose: purpose.clone(),
        counted: AtomicBool::new(true),
    });
    tokio::select! {
        biased;
        () = plugin.ends_no_more(&purpose) => {}
        () = http::serve(plugin, stream, &moved, Some(within)) => {}
    }
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn read(method: &str, target: &str, hosts: &[&str]) -> Result<Purpose, Refusal> {
        let within = Within {
            purpose: Purpose {
                host: "h.example".parse().unwrap(),
                port: Port::HTTPS,
                request: None,
                ended: false,
            },
            counted: AtomicBool::new(false),
        };
        let mut request = Request::builder().method(method).uri(target);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        within.read(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn a_request_names_the_host_of_its_connection_and_a_path() {
        for (target, host, path) in [("/a?b", "h.example", "/a"), ("/", "H.example:443", "/")] {
            let purpose = read("GET", target, &[host]).unwrap();
            assert_eq!(purpose.request, Some(("GET".into(), path.into())));
            assert!(purpose.ended);
        }
    }

    #[test]
    fn a_request_for_another_host_or_none_is_refused() {
        for (method, target, hosts) in [
            ("GET", "/", &[][..]),
            ("GET", "/", &["g.example"]),
            ("GET", "/", &["h.example:444"]),
            ("GET", "/", &["h.example:80"]),
            ("GET", "/", &["x.h.example"]),
            ("GET", "/", &["h.example", "h.example"]),
            ("GET", "/", &["h.example", "g.example"]),
            ("GET", "/", &["u@h.example"]),
            ("GET", "https://h.example/", &["h.example"]),
            ("GET", "https://g.example/", &["h.example"]),
            ("CONNECT", "h.example:443", &["h.example"]),
            ("OPTIONS", "*", &["h.example"]),
        ] {
            let refused = read(method, target, hosts).unwrap_err();
            assert_eq!(refused.permission, "network:read:h.example");
        }
    }
}
