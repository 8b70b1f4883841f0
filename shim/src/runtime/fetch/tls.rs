//! TLS, ended in this process.

use std::sync::Arc;

use tokio::net::UnixStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::broker::Failure;

/// What is spoken within TLS.
pub(super) const HTTP: &[u8] = b"http/1.1";

/// Trusts the authorities of PEM texts; tells the server that these are spoken.
pub(super) fn connector(
    authorities: &[&[u8]],
    protocols: &[&[u8]],
) -> Result<TlsConnector, Failure> {
    let mut roots = RootCertStore::empty();
    let certificates = authorities
        .iter()
        .flat_map(|text| CertificateDer::pem_slice_iter(text));
    for certificate in certificates {
        let certificate = certificate
            .map_err(|error| Failure::told("the certificates to trust cannot be read", &error))?;
        roots
            .add(certificate)
            .map_err(|error| Failure::told("a certificate to trust is none", &error))?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::told("TLS does not start", &error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// TLS with `host` on an open connection.
pub(super) async fn handshake(
    connector: &TlsConnector,
    stream: UnixStream,
    host: &str,
) -> Result<TlsStream<UnixStream>, Failure> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| Failure::told("no name for TLS", &error))?;
    connector
        .connect(name, stream)
        .await
        .map_err(|error| Failure::told("TLS failed", &error))
}
