//! TLS with servers, where the broker has ended the plugin's: whom it trusts.

use std::fmt;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use lazaret_policy::Host;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, RootCertStore};

use super::authority::HTTP;

/// The most that is read of the authorities' certificates, in bytes.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Why nobody can be trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file with the authorities' certificates cannot be read.
    #[error("failed to read the certificate authorities to trust")]
    Read(#[from] std::io::Error),
    /// It is longer than anybody's.
    #[error("the certificate authorities to trust take more than {MAX_BYTES} bytes")]
    TooLong,
    /// It is no PEM.
    #[error("failed to read the certificate authorities to trust as PEM")]
    Pem(#[from] pem::Error),
    /// One of them is no certificate, or TLS does not start.
    #[error("failed to trust a certificate authority")]
    Tls(#[from] rustls::Error),
    /// There is none.
    #[error("there are no certificate authorities to trust")]
    Nobody,
}

/// Whom the broker trusts to say who a server is.
pub(super) struct Trust(TlsConnector);

impl fmt::Debug for Trust {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Trust").finish_non_exhaustive()
    }
}

impl Trust {
    /// Trusts those in a file, as PEM.
    pub(super) fn read(path: &Path) -> Result<Self, TrustError> {
        let mut text = Vec::new();
        let file = fs_err::File::open(path)?;
        file.take(MAX_BYTES + 1).read_to_end(&mut text)?;
        if text.len() as u64 > MAX_BYTES {
            return Err(TrustError::TooLong);
        }
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&text) {
            roots.add(certificate?)?;
        }
        if roots.is_empty() {
            return Err(TrustError::Nobody);
        }
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![HTTP.to_vec()];
        // Who was verified for one request is verified for the next.
        config.resumption = Resumption::disabled();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// TLS with a host, which has to be that host. In an error is why there is none, in words of
    /// our own: a certificate says what its owner likes.
    pub(super) async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        host: &Host,
        stream: S,
    ) -> Result<TlsStream<S>, &'static str> {
        let name = ServerName::try_from(host.to_string());
        let name = name.map_err(|_| "the host's name is none for TLS")?;
        let stream = self.0.connect(name, stream).await;
        stream.map_err(|error| {
            let inner = error.get_ref();
            why(inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()))
        })
    }
}

fn why(error: Option<&rustls::Error>) -> &'static str {
    use CertificateError as Bad;
    match error {
        None => "the server ended the connection before TLS was agreed on",
        Some(rustls::Error::InvalidCertificate(bad)) => match bad {
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                "the server's certificate is for another name"
            }
            Bad::Expired | Bad::ExpiredContext { .. } => "the server's certificate has expired",
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                "the server's certificate is not valid yet"
            }
            Bad::UnknownIssuer => "the server's certificate is of no authority that is trusted",
            _ => "the server's certificate is not valid",
        },
        Some(_) => "no TLS could be agreed on with the server",
    }
}
