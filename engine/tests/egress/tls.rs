//! TLS: a certificate authority of our own, virtual hosts, and names that are not the granted one.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::ResolvesServerCertUsingSni;
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};

use crate::plugin::{Plugin, echoed, endpoints, ends, local};
use crate::server;

/// A certificate authority of our own.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(authority, key).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// What it certifies for these names; `change` is done to each certificate.
    pub(crate) fn hosts(
        &self,
        names: &[&str],
        change: impl Fn(&mut CertificateParams),
    ) -> Arc<ServerConfig> {
        let mut hosts = ResolvesServerCertUsingSni::new();
        let provider = tokio_rustls::rustls::crypto::ring::default_provider();
        for name in names {
            let (certificate, key) = self.certifies(name, &change);
            let key = provider.key_provider.load_private_key(key).unwrap();
            let certified = CertifiedKey::new(vec![certificate], key);
            hosts.add(name, certified).unwrap();
        }
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(hosts));
        Arc::new(config)
    }

    /// What it certifies for this name, shown to whoever asks for any.
    pub(crate) fn to_all(&self, name: &str) -> Arc<ServerConfig> {
        let (certificate, key) = self.certifies(name, |_| {});
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key);
        Arc::new(config.unwrap())
    }

    fn certifies(
        &self,
        name: &str,
        change: impl Fn(&mut CertificateParams),
    ) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let mut certificate = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut certificate);
        let certificate = certificate.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        (certificate.der().clone(), key)
    }
}

/// Who trusts the authority of this certificate, as PEM.
pub(crate) fn trusts(certificate: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    roots.add(certificate).unwrap();
    ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Serves TLS.
pub(crate) fn serve_tls(
    config: Arc<ServerConfig>,
    each: impl Fn(StreamOwned<ServerConnection, TcpStream>) + Clone + Send + 'static,
) -> SocketAddr {
    server::serve(move |stream| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        each(StreamOwned::new(connection, stream));
    })
}

/// A server of TLS that echoes, for these names, and who trusts its authority.
fn tls_echo(names: &[&str]) -> (SocketAddr, Arc<ClientConfig>) {
    let authority = Authority::new();
    let address = serve_tls(authority.hosts(names, |_| {}), |mut stream| {
        let mut bytes = [0; 1024];
        while let Ok(read) = stream.read(&mut bytes) {
            if read == 0 || stream.write_all(&bytes[..read]).is_err() {
                return;
            }
        }
    });
    (address, Arc::new(trusts(&authority.pem())))
}

/// TLS for this name over a connection that was asked for another, maybe.
pub(crate) fn over(
    stream: UnixStream,
    config: &Arc<ClientConfig>,
    name: &str,
) -> StreamOwned<ClientConnection, UnixStream> {
    let name = name.to_owned().try_into().unwrap();
    StreamOwned::new(
        ClientConnection::new(Arc::clone(config), name).unwrap(),
        stream,
    )
}

#[test]
fn tls_to_the_granted_host_goes_through_and_no_other_name_on_the_same_server_does() {
    let (server, trust) = tls_echo(&["a.example.com", "b.example.com"]);
    let list = [
        local("a.example.com", server, "protocol: https"),
        local("b.example.com", server, "protocol: https"),
    ];
    let mut plugin = Plugin::with(&endpoints(&list));
    for name in ["a.example.com", "b.example.com"] {
        let mut stream = over(plugin.connect(name, server), &trust, name);
        assert_eq!(echoed(&mut stream, name).trim(), name);
    }
    // Both are granted, each over a connection of its own.
    let mut stream = over(
        plugin.connect("a.example.com", server),
        &trust,
        "b.example.com",
    );
    assert!(stream.write_all(b"fronted").is_err() || stream.read(&mut [0]).is_err());
    let report = plugin.report();
    let told = report.refusal.to_string();
    assert_eq!(told, "the TLS client hello names `b.example.com`");
    assert!(report.refusal.permission.contains(":a.example.com"));
    let refused: u64 = plugin
        .handle()
        .counts()
        .iter()
        .map(|count| count.refused)
        .sum();
    assert_eq!(refused, 1);
}

#[test]
fn a_name_below_a_wildcard_is_the_one_that_was_asked_for() {
    let (server, trust) = tls_echo(&["x.example.com", "y.example.com"]);
    let list = [local("*.example.com", server, "protocol: https")];
    let mut plugin = Plugin::with(&endpoints(&list));
    let mut stream = over(
        plugin.connect("x.example.com", server),
        &trust,
        "x.example.com",
    );
    assert_eq!(echoed(&mut stream, "below"), "below\n");
    let mut front = over(
        plugin.connect("x.example.com", server),
        &trust,
        "y.example.com",
    );
    front.flush().ok();
    ends(front);
    assert!(
        plugin
            .report()
            .refusal
            .to_string()
            .contains("`y.example.com`")
    );
    assert!(
        plugin
            .refusal("example.com", server.port())
            .starts_with("network:connect:")
    );
}

#[test]
fn what_is_no_tls_does_not_go_to_a_host_of_https() {
    let (server, _) = tls_echo(&["a.example.com"]);
    let echo = server::echo();
    let list = [
        local("a.example.com", server, "protocol: https"),
        local("a.example.com", echo, "protocol: tcp"),
    ];
    let mut plugin = Plugin::with(&endpoints(&list));
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"SSH-2.0-x\r\n",
        &[0; 64],
        &[22, 3, 1, 0, 4, 2, 0, 0, 0],
    ] {
        let mut stream = plugin.connect("a.example.com", server);
        stream.write_all(bytes).unwrap();
        ends(stream);
        let told = plugin.report().refusal.to_string();
        assert_eq!(told, "the first bytes are no TLS client hello");
    }
    let mut stream = plugin.connect("a.example.com", echo);
    assert_eq!(echoed(&mut stream, "GET / HTTP/1.1"), "GET / HTTP/1.1\n");
}

#[test]
fn leave_to_speak_anything_to_public_addresses_is_none_to_speak_it_to_others() {
    let (server, trust) = tls_echo(&["a.example.com"]);
    let port = server.port();
    let list = [
        format!("{{ host: a.example.com, port: {port}, protocol: tcp }}"),
        local("*.example.com", server, "protocol: https"),
    ];
    let mut plugin = Plugin::with(&endpoints(&list));
    let mut stream = plugin.connect("a.example.com", server);
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    ends(stream);
    let told = plugin.report().refusal.to_string();
    assert_eq!(told, "the first bytes are no TLS client hello");
    let mut stream = over(
        plugin.connect("a.example.com", server),
        &trust,
        "a.example.com",
    );
    assert_eq!(echoed(&mut stream, "over TLS"), "over TLS\n");
}
