//! Random numbers and digests, for `js/crypto.js`.

use deno_core::{Extension, extension, op2};
use deno_error::JsErrorBox;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512, digest};
use ring::rand::{SecureRandom, SystemRandom};

/// The ops, sorted.
pub(super) const OPS: &[&str] = &["op_lazaret_digest", "op_lazaret_random"];

extension!(lazaret_crypto, ops = [op_lazaret_digest, op_lazaret_random]);

/// The extension.
pub(super) fn extension() -> Extension {
    lazaret_crypto::init()
}

/// Fills the bytes by the kernel's generator.
#[op2(fast)]
fn op_lazaret_random(#[buffer] bytes: &mut [u8]) -> Result<(), JsErrorBox> {
    SystemRandom::new()
        .fill(bytes)
        .map_err(|_| JsErrorBox::generic("the system has no random numbers"))
}

/// The digest; none for an algorithm that is not known.
#[op2]
#[buffer]
fn op_lazaret_digest(#[string] algorithm: &str, #[buffer] bytes: &[u8]) -> Option<Vec<u8>> {
    let algorithm = match algorithm {
        "SHA-1" => &SHA1_FOR_LEGACY_USE_ONLY,
        "SHA-256" => &SHA256,
        "SHA-384" => &SHA384,
        "SHA-512" => &SHA512,
        _ => return None,
    };
    Some(digest(algorithm, bytes).as_ref().to_vec())
}
