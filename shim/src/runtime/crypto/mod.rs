//! Web Cryptography, for `js/crypto/`: the keys are bytes that a plugin's JavaScript keeps in private fields.
//!
//! Everything runs in the JavaScript thread, whose clock a call's limit of CPU time is measured by; nothing makes a
//! thread, and no system call is needed but `getrandom`. What could take long is bounded where it is done.

mod aes;
mod curves;
mod error;
mod hash;
mod random;
mod rsa_keys;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use deno_core::{Extension, extension, op2};
use rsa::rand_core::RngCore;

use curves::{Curve, Form};
use error::{CryptoError, NO_KEY};
use hash::Hash;

/// The ops, sorted.
pub(super) const OPS: &[&str] = &[
    "op_lazaret_crypto_aes",
    "op_lazaret_crypto_agree",
    "op_lazaret_crypto_base64url",
    "op_lazaret_crypto_from_base64url",
    "op_lazaret_crypto_generate",
    "op_lazaret_crypto_hkdf",
    "op_lazaret_crypto_hmac",
    "op_lazaret_crypto_hmac_verify",
    "op_lazaret_crypto_oaep",
    "op_lazaret_crypto_pbkdf2",
    "op_lazaret_crypto_public",
    "op_lazaret_crypto_read",
    "op_lazaret_crypto_rsa_join",
    "op_lazaret_crypto_rsa_part",
    "op_lazaret_crypto_sign",
    "op_lazaret_crypto_verify",
    "op_lazaret_crypto_write",
    "op_lazaret_digest",
    "op_lazaret_random",
];

extension!(
    lazaret_crypto,
    ops = [
        op_lazaret_crypto_aes,
        op_lazaret_crypto_agree,
        op_lazaret_crypto_base64url,
        op_lazaret_crypto_from_base64url,
        op_lazaret_crypto_generate,
        op_lazaret_crypto_hkdf,
        op_lazaret_crypto_hmac,
        op_lazaret_crypto_hmac_verify,
        op_lazaret_crypto_oaep,
        op_lazaret_crypto_pbkdf2,
        op_lazaret_crypto_public,
        op_lazaret_crypto_read,
        op_lazaret_crypto_rsa_join,
        op_lazaret_crypto_rsa_part,
        op_lazaret_crypto_sign,
        op_lazaret_crypto_verify,
        op_lazaret_crypto_write,
        op_lazaret_digest,
        op_lazaret_random,
    ]
);

/// The extension.
pub(super) fn extension() -> Extension {
    lazaret_crypto::init()
}

/// Fills the bytes by the kernel's generator.
#[op2(fast)]
fn op_lazaret_random(#[buffer] bytes: &mut [u8]) {
    random::Kernel.fill_bytes(bytes);
}

#[op2]
#[buffer]
fn op_lazaret_digest(#[string] hash: &str, #[buffer] bytes: &[u8]) -> Result<Vec<u8>, CryptoError> {
    Ok(Hash::of(hash)?.digest(bytes))
}

#[op2]
#[buffer]
fn op_lazaret_crypto_hmac(
    #[string] hash: &str,
    #[buffer] key: &[u8],
    #[buffer] data: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    Ok(hash::hmac(Hash::of(hash)?, key, data))
}

#[op2(fast)]
fn op_lazaret_crypto_hmac_verify(
    #[string] hash: &str,
    #[buffer] key: &[u8],
    #[buffer] signature: &[u8],
    #[buffer] data: &[u8],
) -> Result<bool, CryptoError> {
    Ok(hash::hmac_verify(Hash::of(hash)?, key, signature, data))
}

#[op2]
#[buffer]
fn op_lazaret_crypto_aes(
    #[string] mode: &str,
    encrypt: bool,
    #[buffer] key: &[u8],
    #[buffer] iv: &[u8],
    #[buffer] additional: &[u8],
    bits: u32,
    #[buffer] data: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let task = aes::Task {
        encrypt,
        key,
        iv,
        additional,
        bits,
        data,
    };
    aes::run(mode, &task)
}

#[op2]
#[buffer]
fn op_lazaret_crypto_hkdf(
    #[string] hash: &str,
    #[buffer] key: &[u8],
    #[buffer] salt: &[u8],
    #[buffer] info: &[u8],
    length: u32,
) -> Result<Vec<u8>, CryptoError> {
    hash::hkdf(Hash::of(hash)?, key, salt, info, length as usize)
}

#[op2]
#[buffer]
fn op_lazaret_crypto_pbkdf2(
    #[string] hash: &str,
    #[buffer] key: &[u8],
    #[buffer] salt: &[u8],
    iterations: u32,
    length: u32,
) -> Result<Vec<u8>, CryptoError> {
    hash::pbkdf2(Hash::of(hash)?, key, salt, iterations, length)
}

/// A new private key, as it is kept.
#[op2]
#[buffer]
fn op_lazaret_crypto_generate(#[string] kind: &str, bits: u32) -> Result<Vec<u8>, CryptoError> {
    match kind {
        "RSA" => rsa_keys::generate(bits),
        _ => Ok((Curve::of(kind)?.generate)()),
    }
}

/// The public key of a private one.
#[op2]
#[buffer]
fn op_lazaret_crypto_public(
    #[string] kind: &str,
    #[buffer] private: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    match kind {
        "RSA" => rsa_keys::public(private),
        _ => (Curve::of(kind)?.public)(private),
    }
}

/// A key that comes in some format, as it is kept.
#[op2]
#[buffer]
fn op_lazaret_crypto_read(
    #[string] kind: &str,
    #[string] format: &str,
    #[buffer] bytes: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let form = Form::of(format)?;
    match kind {
        "RSA" => rsa_keys::read(form, bytes),
        _ => (Curve::of(kind)?.read)(form, bytes),
    }
}

/// A key that is kept, in some format.
#[op2]
#[buffer]
fn op_lazaret_crypto_write(
    #[string] kind: &str,
    #[string] format: &str,
    #[buffer] key: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let form = Form::of(format)?;
    match kind {
        "RSA" => rsa_keys::write(form, key),
        _ => (Curve::of(kind)?.write)(form, key),
    }
}

#[op2]
#[buffer]
fn op_lazaret_crypto_rsa_part(
    private: bool,
    index: u32,
    #[buffer] key: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    rsa_keys::part(private, index, key)
}

/// Without `d` the key is a public one.
#[op2]
#[buffer]
fn op_lazaret_crypto_rsa_join(
    #[buffer] n: &[u8],
    #[buffer] e: &[u8],
    #[buffer] d: &[u8],
    #[buffer] p: &[u8],
    #[buffer] q: &[u8],
    #[buffer] dp: &[u8],
    #[buffer] dq: &[u8],
    #[buffer] qi: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    match d.is_empty() {
        true => rsa_keys::join(&[n, e]),
        false => rsa_keys::join(&[n, e, d, p, q, dp, dq, qi]),
    }
}

#[op2]
#[buffer]
fn op_lazaret_crypto_sign(
    #[string] algorithm: &str,
    #[string] kind: &str,
    #[string] hash: &str,
    #[buffer] key: &[u8],
    #[buffer] data: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    match algorithm {
        "ECDSA" => (Curve::of(kind)?.sign)(key, &Hash::of(hash)?.digest(data)),
        "Ed25519" => (Curve::of(algorithm)?.sign)(key, data),
        _ => rsa_keys::sign(algorithm == "RSA-PSS", Hash::of(hash)?, key, data),
    }
}

#[op2(fast)]
fn op_lazaret_crypto_verify(
    #[string] algorithm: &str,
    #[string] kind: &str,
    #[string] hash: &str,
    #[buffer] key: &[u8],
    #[buffer] signature: &[u8],
    #[buffer] data: &[u8],
) -> Result<bool, CryptoError> {
    match algorithm {
        "ECDSA" => (Curve::of(kind)?.verify)(key, signature, &Hash::of(hash)?.digest(data)),
        "Ed25519" => (Curve::of(algorithm)?.verify)(key, signature, data),
        _ => rsa_keys::verify(
            algorithm == "RSA-PSS",
            Hash::of(hash)?,
            key,
            signature,
            data,
        ),
    }
}

/// What a private and another's public key have in common.
#[op2]
#[buffer]
fn op_lazaret_crypto_agree(
    #[string] kind: &str,
    #[buffer] private: &[u8],
    #[buffer] public: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    (Curve::of(kind)?.agree)(private, public)
}

#[op2]
#[buffer]
fn op_lazaret_crypto_oaep(
    encrypt: bool,
    #[string] hash: &str,
    #[buffer] key: &[u8],
    #[buffer] label: &[u8],
    #[buffer] data: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    rsa_keys::oaep(encrypt, Hash::of(hash)?, key, label, data)
}

#[op2]
#[string]
fn op_lazaret_crypto_base64url(#[buffer] bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[op2]
#[buffer]
fn op_lazaret_crypto_from_base64url(#[string] text: &str) -> Result<Vec<u8>, CryptoError> {
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| NO_KEY)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_list_of_ops_is_sorted() {
        assert!(super::OPS.is_sorted());
    }
}
