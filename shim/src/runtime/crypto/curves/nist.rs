//! The curves of FIPS 186-5: three crates of one shape.

use rsa::rand_core::RngCore;

use super::super::error::NO_KEY;
use super::super::random::Kernel;
use super::{Curve, Form};

macro_rules! curve {
    ($name:ident, $of:ident, $bytes:literal) => {
        pub(super) const $name: Curve = Curve {
            generate: || {
                // All but one in 2^32 are in the field already, of P-521 with the bits that it has.
                let mut bytes = vec![0; $bytes];
                loop {
                    Kernel.fill_bytes(&mut bytes);
                    if $bytes == 66 {
                        bytes[0] &= 1;
                    }
                    if $of::SecretKey::from_slice(&bytes).is_ok() {
                        return bytes;
                    }
                }
            },
            public: |scalar| {
                let secret = $of::SecretKey::from_slice(scalar).map_err(|_| NO_KEY)?;
                Ok(secret.public_key().to_sec1_bytes().into_vec())
            },
            read: |form, bytes| {
                use $of::pkcs8::{DecodePrivateKey, DecodePublicKey};
                let scalar = |key: $of::SecretKey| key.to_bytes().to_vec();
                let point = |key: $of::PublicKey| key.to_sec1_bytes().into_vec();
                match form {
                    Form::Scalar if bytes.len() != $bytes => None,
                    Form::Scalar => $of::SecretKey::from_slice(bytes).ok().map(scalar),
                    Form::Pkcs8 => $of::SecretKey::from_pkcs8_der(bytes).ok().map(scalar),
                    Form::Point => $of::PublicKey::from_sec1_bytes(bytes).ok().map(point),
                    Form::Spki => $of::PublicKey::from_public_key_der(bytes).ok().map(point),
                }
                .ok_or(NO_KEY)
            },
            write: |form, key| {
                use $of::pkcs8::{EncodePrivateKey, EncodePublicKey};
                match form {
                    Form::Scalar | Form::Point => Some(key.to_vec()),
                    Form::Pkcs8 => $of::SecretKey::from_slice(key)
                        .ok()
                        .and_then(|key| Some(key.to_pkcs8_der().ok()?.as_bytes().to_vec())),
                    Form::Spki => $of::PublicKey::from_sec1_bytes(key)
                        .ok()
                        .and_then(|key| Some(key.to_public_key_der().ok()?.as_bytes().to_vec())),
                }
                .ok_or(NO_KEY)
            },
            sign: |scalar, digest| {
                use $of::ecdsa::signature::hazmat::PrehashSigner;
                let key = $of::ecdsa::SigningKey::from_slice(scalar).map_err(|_| NO_KEY)?;
                let signature: $of::ecdsa::Signature = key
                    .sign_prehash(&padded(digest, $bytes))
                    .map_err(|_| NO_KEY)?;
                Ok(signature.to_bytes().to_vec())
            },
            verify: |point, signature, digest| {
                use $of::ecdsa::signature::hazmat::PrehashVerifier;
                let key = $of::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| NO_KEY)?;
                let Ok(signature) = $of::ecdsa::Signature::from_slice(signature) else {
                    return Ok(false);
                };
                let digest = padded(digest, $bytes);
                Ok(key.verify_prehash(&digest, &signature).is_ok())
            },
            agree: |scalar, point| {
                let secret = $of::SecretKey::from_slice(scalar).map_err(|_| NO_KEY)?;
                let public = $of::PublicKey::from_sec1_bytes(point).map_err(|_| NO_KEY)?;
                let shared =
                    $of::ecdh::diffie_hellman(secret.to_nonzero_scalar(), public.as_affine());
                Ok(shared.raw_secret_bytes().to_vec())
            },
        };
    };
}

curve!(P256, p256, 32);
curve!(P384, p384, 48);
curve!(P521, p521, 66);

/// A digest is a number: zeros before it change nothing. The crates want half a field at least.
fn padded(digest: &[u8], field: usize) -> Vec<u8> {
    let mut bytes = vec![0; field.div_ceil(2).saturating_sub(digest.len())];
    bytes.extend(digest);
    bytes
}
