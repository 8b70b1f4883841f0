//! RSA (RFC 8017). A key is kept as DER of PKCS #1. Signatures are ring's; what it does not have, making keys
//! and OAEP, is the `rsa` crate's, with blinding: see `docs/decisions/016-crypto.md`.

use ring::signature::{self, RsaKeyPair, UnparsedPublicKey};
use rsa::pkcs1::der::asn1::UintRef;
use rsa::pkcs1::der::{Decode, Encode};
use rsa::pkcs1::{ALGORITHM_ID, DecodeRsaPrivateKey, DecodeRsaPublicKey, EncodeRsaPrivateKey};
use rsa::pkcs1::{RsaPrivateKey, RsaPublicKey};
use rsa::pkcs8::PrivateKeyInfo;
use rsa::pkcs8::der::asn1::BitStringRef;
use rsa::pkcs8::spki::SubjectPublicKeyInfoRef;
use rsa::{BigUint, Oaep};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

use super::curves::Form;
use super::error::{Bytes, CryptoError, NO_HASH, NO_KEY};
use super::hash::Hash;
use super::random::Kernel;

/// Bits of the modulus of a new key: ring signs with primes of a multiple of 512 bits alone, and no more can be
/// made in seconds.
const BITS: [u32; 3] = [2048, 3072, 4096];
/// Bits of the modulus of a public key: what ring verifies with.
const PUBLIC_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// The largest DER that is looked at: a private key of 4096 bits has some 2,400 bytes.
const MAX_DER: usize = 4096;
/// The only public exponent that keys are made with.
const EXPONENT: u32 = 65537;

/// A new private key.
pub(super) fn generate(bits: u32) -> Bytes {
    if !BITS.contains(&bits) {
        return Err(CryptoError::Operation(
            "new keys of RSA have 2048, 3072 or 4096 bits",
        ));
    }
    let exponent = BigUint::from(EXPONENT);
    let key = rsa::RsaPrivateKey::new_with_exp(&mut Kernel, bits as usize, &exponent)
        .map_err(|_| CryptoError::Operation("no key was found"))?;
    let der = key.to_pkcs1_der().map_err(|_| NO_KEY)?;
    checked_private(der.as_bytes())
}

/// The public key that belongs to a private one.
pub(super) fn public(private: &[u8]) -> Bytes {
    let key = RsaPrivateKey::from_der(private).map_err(|_| NO_KEY)?;
    key.public_key().to_der().map_err(|_| NO_KEY)
}

/// A key of a certain form, as it is kept.
pub(super) fn read(form: Form, bytes: &[u8]) -> Bytes {
    if bytes.len() > MAX_DER {
        return Err(NO_KEY);
    }
    match form {
        Form::Pkcs8 => {
            let info = PrivateKeyInfo::try_from(bytes).map_err(|_| NO_KEY)?;
            info.algorithm
                .assert_algorithm_oid(ALGORITHM_ID.oid)
                .map_err(|_| NO_KEY)?;
            checked_private(info.private_key)
        }
        Form::Spki => {
            let info = SubjectPublicKeyInfoRef::try_from(bytes).map_err(|_| NO_KEY)?;
            info.algorithm
                .assert_algorithm_oid(ALGORITHM_ID.oid)
                .map_err(|_| NO_KEY)?;
            checked_public(info.subject_public_key.as_bytes().ok_or(NO_KEY)?)
        }
        Form::Scalar | Form::Point => Err(NO_KEY),
    }
}

/// A key that is kept, in a certain form.
pub(super) fn write(form: Form, key: &[u8]) -> Bytes {
    match form {
        Form::Pkcs8 => PrivateKeyInfo::new(ALGORITHM_ID, key).to_der(),
        Form::Spki => BitStringRef::from_bytes(key).and_then(|subject_public_key| {
            let algorithm = ALGORITHM_ID;
            SubjectPublicKeyInfoRef {
                algorithm,
                subject_public_key,
            }
            .to_der()
        }),
        Form::Scalar | Form::Point => return Err(NO_KEY),
    }
    .map_err(|_| NO_KEY)
}

/// ring holds most parts against each other, the exponents of the primes when it signs, and never `d`, which the
/// `rsa` crate does. That one sees no key that did not pass ring.
fn checked_private(der: &[u8]) -> Bytes {
    sign(false, Hash::Sha256, der, &[]).map_err(|_| NO_KEY)?;
    rsa::RsaPrivateKey::from_pkcs1_der(der).map_err(|_| NO_KEY)?;
    Ok(der.to_vec())
}

fn checked_public(der: &[u8]) -> Bytes {
    let key = RsaPublicKey::from_der(der).map_err(|_| NO_KEY)?;
    let (modulus, exponent) = (key.modulus.as_bytes(), key.public_exponent.as_bytes());
    // As ring has it: both odd, the exponent at least 3, and of at most 33 bits.
    let odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    let fits = PUBLIC_BITS.contains(&bits(modulus)) && (2..=33).contains(&bits(exponent));
    match fits && odd(modulus) && odd(exponent) {
        true => Ok(der.to_vec()),
        false => Err(NO_KEY),
    }
}

/// How many bits a number has.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    match &number[zeros..] {
        [] => 0,
        [first, rest @ ..] => 8 * rest.len() + (8 - first.leading_zeros() as usize),
    }
}

/// A part of a key: n, e, d, p, q, dp, dq, qi.
pub(super) fn part(private: bool, index: u32, key: &[u8]) -> Bytes {
    let parts = if private {
        let key = RsaPrivateKey::from_der(key).map_err(|_| NO_KEY)?;
        vec![
            key.modulus,
            key.public_exponent,
            key.private_exponent,
            key.prime1,
            key.prime2,
            key.exponent1,
            key.exponent2,
            key.coefficient,
        ]
    } else {
        let key = RsaPublicKey::from_der(key).map_err(|_| NO_KEY)?;
        vec![key.modulus, key.public_exponent]
    };
    let part = parts.get(index as usize).ok_or(NO_KEY)?;
    Ok(part.as_bytes().to_vec())
}

/// A key of its parts: all eight of a private one, two of a public one.
pub(super) fn join(parts: &[&[u8]]) -> Bytes {
    if parts.iter().map(|part| part.len()).sum::<usize>() > MAX_DER {
        return Err(NO_KEY);
    }
    let numbers = parts.iter().map(|part| UintRef::new(part));
    let numbers: Vec<_> = numbers.collect::<Result<_, _>>().map_err(|_| NO_KEY)?;
    match numbers[..] {
        [modulus, public_exponent] => {
            let key = RsaPublicKey {
                modulus,
                public_exponent,
            };
            checked_public(&key.to_der().map_err(|_| NO_KEY)?)
        }
        [
            modulus,
            public_exponent,
            private_exponent,
            prime1,
            prime2,
            exponent1,
            exponent2,
            coefficient,
        ] => {
            let key = RsaPrivateKey {
                modulus,
                public_exponent,
                private_exponent,
                prime1,
                prime2,
                exponent1,
                exponent2,
                coefficient,
                other_prime_infos: None,
            };
            checked_private(&key.to_der().map_err(|_| NO_KEY)?)
        }
        _ => Err(NO_KEY),
    }
}

pub(super) fn sign(probabilistic: bool, hash: Hash, key: &[u8], data: &[u8]) -> Bytes {
    let padding: &dyn signature::RsaEncoding = match (probabilistic, hash) {
        (false, Hash::Sha256) => &signature::RSA_PKCS1_SHA256,
        (false, Hash::Sha384) => &signature::RSA_PKCS1_SHA384,
        (false, Hash::Sha512) => &signature::RSA_PKCS1_SHA512,
        (true, Hash::Sha256) => &signature::RSA_PSS_SHA256,
        (true, Hash::Sha384) => &signature::RSA_PSS_SHA384,
        (true, Hash::Sha512) => &signature::RSA_PSS_SHA512,
        (_, Hash::Sha1) => return Err(NO_HASH),
    };
    let key = RsaKeyPair::from_der(key).map_err(|_| NO_KEY)?;
    let mut signed = vec![0; key.public().modulus_len()];
    key.sign(padding, &ring::rand::SystemRandom::new(), data, &mut signed)
        .map_err(|_| CryptoError::Operation("the data could not be signed"))?;
    Ok(signed)
}

pub(super) fn verify(
    probabilistic: bool,
    hash: Hash,
    key: &[u8],
    signed: &[u8],
    data: &[u8],
) -> Result<bool, CryptoError> {
    let parameters = match (probabilistic, hash) {
        (false, Hash::Sha1) => &signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        (false, Hash::Sha256) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (false, Hash::Sha384) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (false, Hash::Sha512) => &signature::RSA_PKCS1_2048_8192_SHA512,
        (true, Hash::Sha256) => &signature::RSA_PSS_2048_8192_SHA256,
        (true, Hash::Sha384) => &signature::RSA_PSS_2048_8192_SHA384,
        (true, Hash::Sha512) => &signature::RSA_PSS_2048_8192_SHA512,
        (true, Hash::Sha1) => return Err(NO_HASH),
    };
    let key = UnparsedPublicKey::new(parameters, key);
    Ok(key.verify(data, signed).is_ok())
}

/// Encrypts with a public key, or decrypts with a private one.
pub(super) fn oaep(encrypt: bool, hash: Hash, key: &[u8], label: &[u8], data: &[u8]) -> Bytes {
    let mut padding = match hash {
        Hash::Sha1 => Oaep::new::<Sha1>(),
        Hash::Sha256 => Oaep::new::<Sha256>(),
        Hash::Sha384 => Oaep::new::<Sha384>(),
        Hash::Sha512 => Oaep::new::<Sha512>(),
    };
    if !label.is_empty() {
        // The crate takes a text.
        let label = std::str::from_utf8(label);
        let label = label.map_err(|_| CryptoError::NotSupported("the label is no UTF-8"))?;
        padding.label = Some(label.to_owned());
    }
    if encrypt {
        let key = rsa::RsaPublicKey::from_pkcs1_der(key).map_err(|_| NO_KEY)?;
        key.encrypt(&mut Kernel, padding, data)
            .map_err(|_| CryptoError::Operation("too much data for this key"))
    } else {
        let key = rsa::RsaPrivateKey::from_pkcs1_der(key).map_err(|_| NO_KEY)?;
        key.decrypt_blinded(&mut Kernel, padding, data)
            .map_err(|_| CryptoError::Operation("the data could not be decrypted"))
    }
}
