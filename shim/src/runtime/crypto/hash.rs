//! What is made of hashes: digests, HMAC (RFC 2104), HKDF (RFC 5869), PBKDF2 (RFC 8018).

use std::num::NonZeroU32;

use ring::{digest, hkdf, hmac, pbkdf2};

use super::error::{Bytes, CryptoError, NO_HASH};

/// How often PBKDF2 may call its hash, over all blocks of the result: a few seconds at most, since
/// nothing can interrupt it.
const MAX_ROUNDS: u64 = 4_000_000;

/// The hashes of Web Cryptography.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    pub(super) fn of(name: &str) -> Result<Self, CryptoError> {
        Ok(match name {
            "SHA-1" => Self::Sha1,
            "SHA-256" => Self::Sha256,
            "SHA-384" => Self::Sha384,
            "SHA-512" => Self::Sha512,
            _ => return Err(NO_HASH),
        })
    }

    pub(super) fn digest(self, data: &[u8]) -> Vec<u8> {
        digest::digest(self.hmac().digest_algorithm(), data)
            .as_ref()
            .to_vec()
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }

    fn hkdf(self) -> hkdf::Algorithm {
        match self {
            Self::Sha1 => hkdf::HKDF_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hkdf::HKDF_SHA256,
            Self::Sha384 => hkdf::HKDF_SHA384,
            Self::Sha512 => hkdf::HKDF_SHA512,
        }
    }

    fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha384 => pbkdf2::PBKDF2_HMAC_SHA384,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }

    fn bytes(self) -> usize {
        self.hmac().digest_algorithm().output_len()
    }
}

pub(super) fn hmac(hash: Hash, key: &[u8], data: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hash.hmac(), key);
    hmac::sign(&key, data).as_ref().to_vec()
}

pub(super) fn hmac_verify(hash: Hash, key: &[u8], signature: &[u8], data: &[u8]) -> bool {
    let key = hmac::Key::new(hash.hmac(), key);
    hmac::verify(&key, data, signature).is_ok()
}

/// So many bytes are asked for.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

pub(super) fn hkdf(hash: Hash, key: &[u8], salt: &[u8], info: &[u8], length: usize) -> Bytes {
    let too_long = |_| CryptoError::Operation("HKDF gives at most 255 times what its hash has");
    if length > 255 * hash.bytes() {
        return Err(too_long(ring::error::Unspecified));
    }
    let mut bytes = vec![0; length];
    hkdf::Salt::new(hash.hkdf(), salt)
        .extract(key)
        .expand(&[info], Length(length))
        .and_then(|expanded| expanded.fill(&mut bytes))
        .map_err(too_long)?;
    Ok(bytes)
}

pub(super) fn pbkdf2(hash: Hash, key: &[u8], salt: &[u8], iterations: u32, length: u32) -> Bytes {
    let iterations =
        NonZeroU32::new(iterations).ok_or(CryptoError::Operation("no iterations of PBKDF2"))?;
    let blocks = u64::from(length).div_ceil(hash.bytes() as u64);
    if u64::from(iterations.get()).saturating_mul(blocks) > MAX_ROUNDS {
        return Err(CryptoError::Operation(
            "PBKDF2 has at most 4,000,000 iterations, over all blocks of the result",
        ));
    }
    let mut bytes = vec![0; length as usize];
    pbkdf2::derive(hash.pbkdf2(), iterations, salt, key, &mut bytes);
    Ok(bytes)
}
