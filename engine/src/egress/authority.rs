//! A certificate authority for one plugin and one of its lives: it vouches for the broker where
//! that ends TLS, towards that plugin alone.
//!
//! Its key never leaves this process's memory. It can vouch for the hosts that the policy had the
//! broker end TLS for when the plugin started, and for no other: its certificate says so itself
//! (RFC 5280, section 4.2.1.10).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lazaret_policy::{Host, HostPattern};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints,
    SerialNumber,
};
use time::OffsetDateTime;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::NoServerSessionStorage;
use tokio_rustls::rustls::{self, ServerConfig};

/// What is spoken within TLS, on both sides of the broker.
pub(super) const HTTP: &[u8] = b"http/1.1";

/// How long before it is made a certificate begins, and how long after it ends: clocks are set.
const SLACK: Duration = Duration::from_secs(24 * 60 * 60);

/// How far from the time it was made a certificate is shown.
const SHOWN: Duration = Duration::from_secs(12 * 60 * 60);

/// How many hosts' certificates are kept: a wildcard has as many hosts as the plugin likes.
const KEPT: usize = 64;

/// Why there is no authority, or no certificate of it.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A key or a certificate cannot be made.
    #[error("failed to make a certificate for a plugin")]
    Certificate(#[from] rcgen::Error),
    /// What was made cannot be used.
    #[error("failed to use a certificate made for a plugin")]
    Tls(#[from] rustls::Error),
    /// The policy did not name the host when the plugin started.
    #[error("TLS to this host is ended by the broker only once the plugin is started anew")]
    Beyond,
}

/// The authority of one plugin.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// The key of every certificate below.
    key: KeyPair,
    /// Whom it may vouch for, with every name below each.
    hosts: Vec<Host>,
    made: Mutex<Made>,
}

#[derive(Default)]
struct Made {
    number: u64,
    by_host: BTreeMap<Host, (SystemTime, Arc<ServerConfig>)>,
}

impl Authority {
    /// An authority for these hosts.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn new<'a>(
        hosts: impl IntoIterator<Item = &'a HostPattern>,
    ) -> Result<Self, AuthorityError> {
        let mut bases: Vec<Host> = hosts.into_iter().map(|host| host.base().clone()).collect();
        bases.sort();
        bases.dedup();
        let permitted = bases.iter();
        let permitted = permitted.map(|host| GeneralSubtree::DnsName(host.to_string()));
        let mut params = named("Lazaret, for one plugin");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: permitted.collect(),
            excluded_subtrees: Vec::new(),
        });
        // Nobody looks at how long who is trusted lasts (RFC 5280, section 6.1.1): it is the plugin's
        // settings that end, and the key with them.
        Ok(Self {
            issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)?,
            key: KeyPair::generate()?,
            hosts: bases,
            made: Mutex::default(),
        })
    }

    /// Its certificate, which is no secret, as PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> String {
        self.issuer.pem()
    }

    /// Whether it can vouch for all that the pattern means.
    #[must_use]
    pub fn covers(&self, hosts: &HostPattern) -> bool {
        let mut own = self.hosts.iter().cloned().map(HostPattern::Domain);
        own.any(|own| own.covers(hosts))
    }

    /// How TLS is ended for a host now.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub(super) fn ends(&self, host: &Host) -> Result<Arc<ServerConfig>, AuthorityError> {
        if !self.covers(&HostPattern::Exact(host.clone())) {
            return Err(AuthorityError::Beyond);
        }
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let now = SystemTime::now();
        if let Some((when, config)) = made.by_host.get(host)
            && is_near(*when, now)
        {
            return Ok(Arc::clone(config));
        }
        made.number += 1;
        let config = Arc::new(self.make(host, made.number, now)?);
        if made.by_host.len() >= KEPT {
            // Whoever names ever new hosts has them all made anew.
            made.by_host.clear();
        }
        let entry = (now, Arc::clone(&config));
        made.by_host.insert(host.clone(), entry);
        Ok(config)
    }

    fn make(
        &self,
        host: &Host,
        number: u64,
        now: SystemTime,
    ) -> Result<ServerConfig, AuthorityError> {
        let mut params = named("Lazaret, in a server's place");
        params.subject_alt_names = CertificateParams::new([host.to_string()])?.subject_alt_names;
        params.not_before = date(now - SLACK);
        params.not_after = date(now + SLACK);
        params.serial_number = Some(SerialNumber::from(number));
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&self.key, &self.issuer)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        config.alpn_protocols = vec![HTTP.to_vec()];
        // Each connection begins anew: nothing is kept for a plugin that does not come back.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = out.debug_struct("Authority");
        out.field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// Whether the clock has not gone far since, either way.
fn is_near(when: SystemTime, now: SystemTime) -> bool {
    let apart = now
        .duration_since(when)
        .or_else(|_| when.duration_since(now));
    apart.is_ok_and(|apart| apart < SHOWN)
}

fn date(when: SystemTime) -> OffsetDateTime {
    let since = when.duration_since(UNIX_EPOCH).unwrap_or_default();
    OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(since.as_secs().cast_signed())
}

#[cfg(test)]
mod tests;
