//! The certificate authorities a plugin's `fetch` trusts: Mozilla's list as the crate
//! `webpki-root-certs` has it, never the host's.

use pem_rfc7468::LineEnding;
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

/// All authorities as PEM, sorted by their DER bytes, so that the crate's order does not matter.
pub(crate) fn bundle() -> String {
    let mut certificates: Vec<&[u8]> = TLS_SERVER_ROOT_CERTS
        .iter()
        .map(|certificate| &certificate[..])
        .collect();
    certificates.sort_unstable();
    certificates.dedup();
    certificates.into_iter().map(to_pem).collect()
}

fn to_pem(certificate: &[u8]) -> String {
    pem_rfc7468::encode_string("CERTIFICATE", LineEnding::LF, certificate)
        .expect("a label in plain letters and a certificate of a few kilobytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_certificate_of_the_crate_reads_back() {
        let text = bundle();
        let mut read: Vec<Vec<u8>> = text
            .split_inclusive("-----END CERTIFICATE-----\n")
            .map(|block| {
                let (label, der) = pem_rfc7468::decode_vec(block.as_bytes()).expect("PEM");
                assert_eq!(label, "CERTIFICATE");
                der
            })
            .collect();
        assert!(read.len() > 50, "only {} authorities", read.len());
        assert!(read.is_sorted());
        let mut expected: Vec<Vec<u8>> = TLS_SERVER_ROOT_CERTS.iter().map(|c| c.to_vec()).collect();
        expected.sort();
        expected.dedup();
        read.sort();
        assert_eq!(read, expected);
    }
}
