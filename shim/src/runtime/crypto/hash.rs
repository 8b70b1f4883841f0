//! What is made of hashes: digests, HMAC (RFC 2104), HKDF (RFC 5869), PBKDF2 (RFC 8018).

use std::num::NonZeroU32;

use ring::{digest, hkdf, hmac, pbkdf2};

use super::error::{Bytes, CryptoError, NO_HASH};

/// How often a derivation may call its hash, over all blocks of the result: a few seconds at most, since
/// nothing can interrupt it.
const MAX_ROUNDS: u64 = 4_000_000;

/// The least that a hash takes at once, in bytes.
const PIECE_BYTES: u64 = 64;

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

/// Whether a derivation is not too much, which for each block of the result calls its hash so often, and for these
/// bytes besides.
fn bounded(
    hash: Hash,
    length: usize,
    rounds: u32,
    bytes: &[u8],
    otherwise: &'static str,
) -> Result<(), CryptoError> {
    let blocks = length.div_ceil(hash.bytes()) as u64;
    let each = u64::from(rounds) + bytes.len() as u64 / PIECE_BYTES;
    match blocks.saturating_mul(each) <= MAX_ROUNDS {
        true => Ok(()),
        false => Err(CryptoError::Operation(otherwise)),
    }
}

pub(super) fn hkdf(hash: Hash, key: &[u8], salt: &[u8], info: &[u8], length: usize) -> Bytes {
    const TOO_LONG: CryptoError =
        CryptoError::Operation("HKDF gives at most 255 times what its hash has");
    if length > 255 * hash.bytes() {
        return Err(TOO_LONG);
    }
    let otherwise = "the `info` of HKDF is too long for so long a result";
    bounded(hash, length, 1, info, otherwise)?;
    let mut bytes = vec![0; length];
    hkdf::Salt::new(hash.hkdf(), salt)
        .extract(key)
        .expand(&[info], Length(length))
        .and_then(|expanded| expanded.fill(&mut bytes))
        .map_err(|_| TOO_LONG)?;
    Ok(bytes)
}

pub(super) fn pbkdf2(hash: Hash, key: &[u8], salt: &[u8], iterations: u32, length: u32) -> Bytes {
    let rounds =
        NonZeroU32::new(iterations).ok_or(CryptoError::Operation("no iterations of PBKDF2"))?;
    let otherwise = "PBKDF2 has at most 4,000,000 iterations, over all blocks of the result; 64 bytes of salt count as one";
    bounded(hash, length as usize, iterations, salt, otherwise)?;
    let mut bytes = vec![0; length as usize];
    pbkdf2::derive(hash.pbkdf2(), rounds, salt, key, &mut bytes);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn salt_and_info_count_for_each_block_of_the_result() {
        let long = vec![0; 2 << 20];
        let derived = |salt: &[u8], length| pbkdf2(Hash::Sha1, b"x", salt, 1, length);
        assert!(derived(&long, 1_000_000).is_err());
        assert!(derived(&long, 20).is_ok() && derived(&[0; 16], 10_000).is_ok());
        let expanded = |info: &[u8], length| hkdf(Hash::Sha512, b"x", b"y", info, length);
        assert!(expanded(&long, 255 * 64).is_err());
        assert!(expanded(&long, 32).is_ok() && expanded(&[0; 1024], 255 * 64).is_ok());
    }
}
