//! Keys on elliptic curves: P-256, P-384 and P-521 (FIPS 186-5), Ed25519 (RFC 8032) and X25519
//! (RFC 7748). A private key is kept as its scalar or seed, a public one as a point: uncompressed
//! (SEC 1), or its 32 bytes.

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use rsa::rand_core::RngCore;
use x25519_dalek::{PublicKey, StaticSecret};

use super::error::{Bytes, CryptoError, NO_KEY, NO_KIND};
use super::random::Kernel;

/// The shared secret would be known to everyone.
const SMALL: CryptoError = CryptoError::Operation("the other public key is of small order");

/// Encodings of a key's forms around its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A private key as it is kept.
    Scalar,
    /// A public key as it is kept; a compressed point is read too.
    Point,
    /// A private key (RFC 5958).
    Pkcs8,
    /// A public key (RFC 5280).
    Spki,
}

impl Form {
    pub(super) fn of(name: &str) -> Result<Self, CryptoError> {
        Ok(match name {
            "scalar" => Self::Scalar,
            "raw" => Self::Point,
            "pkcs8" => Self::Pkcs8,
            "spki" => Self::Spki,
            _ => return Err(CryptoError::NotSupported("unknown format of a key")),
        })
    }
}

/// Whether a signature is one: public key, signature, digest or message.
type Verify = fn(&[u8], &[u8], &[u8]) -> Result<bool, CryptoError>;

/// What can be done on a curve.
pub(super) struct Curve {
    pub(super) generate: fn() -> Vec<u8>,
    pub(super) public: fn(&[u8]) -> Bytes,
    pub(super) read: fn(Form, &[u8]) -> Bytes,
    pub(super) write: fn(Form, &[u8]) -> Bytes,
    /// Of a digest, or, with Ed25519, of the message.
    pub(super) sign: fn(&[u8], &[u8]) -> Bytes,
    pub(super) verify: Verify,
    pub(super) agree: fn(&[u8], &[u8]) -> Bytes,
}

impl Curve {
    pub(super) fn of(name: &str) -> Result<&'static Self, CryptoError> {
        Ok(match name {
            "P-256" => &nist::P256,
            "P-384" => &nist::P384,
            "P-521" => &nist::P521,
            "Ed25519" => &ED,
            "X25519" => &X,
            _ => return Err(NO_KIND),
        })
    }
}

mod nist;

const ED: Curve = Curve {
    generate: seed,
    public: |seed| Ok(pair(seed)?.public_key().as_ref().to_vec()),
    read: |form, bytes| read(0x70, form, bytes),
    write: |form, bytes| write(0x70, form, bytes),
    sign: |seed, data| Ok(pair(seed)?.sign(data).as_ref().to_vec()),
    verify: |public, signature, data| {
        let key = UnparsedPublicKey::new(&ED25519, public);
        Ok(key.verify(data, signature).is_ok())
    },
    agree: |_, _| Err(NO_KIND),
};

const X: Curve = Curve {
    generate: seed,
    public: |seed| Ok(PublicKey::from(&secret(seed)?).as_bytes().to_vec()),
    read: |form, bytes| read(0x6e, form, bytes),
    write: |form, bytes| write(0x6e, form, bytes),
    sign: |_, _| Err(NO_KIND),
    verify: |_, _, _| Err(NO_KIND),
    agree: |private, public| {
        let shared = secret(private)?.diffie_hellman(&PublicKey::from(whole(public)?));
        match shared.was_contributory() {
            true => Ok(shared.as_bytes().to_vec()),
            false => Err(SMALL),
        }
    },
};

fn seed() -> Vec<u8> {
    let mut bytes = vec![0; 32];
    Kernel.fill_bytes(&mut bytes);
    bytes
}

fn whole(bytes: &[u8]) -> Result<[u8; 32], CryptoError> {
    bytes.try_into().map_err(|_| NO_KEY)
}

fn pair(seed: &[u8]) -> Result<Ed25519KeyPair, CryptoError> {
    Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| NO_KEY)
}

fn secret(bytes: &[u8]) -> Result<StaticSecret, CryptoError> {
    Ok(StaticSecret::from(whole(bytes)?))
}

/// What stands before the 32 bytes (RFC 8410); curves differ in the last byte of their name.
fn before(curve: u8, form: Form) -> Vec<u8> {
    match form {
        Form::Scalar | Form::Point => Vec::new(),
        Form::Pkcs8 => vec![
            0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, curve, 0x04, 0x22,
            0x04, 0x20,
        ],
        Form::Spki => vec![
            0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, curve, 0x03, 0x21, 0x00,
        ],
    }
}

fn read(curve: u8, form: Form, bytes: &[u8]) -> Bytes {
    let key = bytes.strip_prefix(before(curve, form).as_slice());
    Ok(whole(key.ok_or(NO_KEY)?)?.to_vec())
}

fn write(curve: u8, form: Form, bytes: &[u8]) -> Bytes {
    let mut all = before(curve, form);
    all.extend(whole(bytes)?);
    Ok(all)
}
