//! Why a cryptographic operation has no result.

/// Each is a `DOMException` of that name in JavaScript, see `js/web.js`.
#[derive(Debug, PartialEq, Eq, thiserror::Error, deno_error::JsError)]
pub(super) enum CryptoError {
    /// The bytes are no key of this kind and form.
    #[class("DOMExceptionDataError")]
    #[error("{0}")]
    Data(&'static str),
    /// The operation failed: what it says is all that may be known.
    #[class("DOMExceptionOperationError")]
    #[error("{0}")]
    Operation(&'static str),
    /// There is no such thing here.
    #[class("DOMExceptionNotSupportedError")]
    #[error("{0}")]
    NotSupported(&'static str),
}

/// What most operations answer with.
pub(super) type Bytes = Result<Vec<u8>, CryptoError>;

pub(super) const NO_KEY: CryptoError = CryptoError::Data("no valid key of this kind and format");
pub(super) const NO_KIND: CryptoError = CryptoError::NotSupported("unknown kind of key");
pub(super) const NO_HASH: CryptoError =
    CryptoError::NotSupported("this hash cannot be used for that");
