//! The first bytes of TLS: whom the plugin says it wants to speak to (RFC 8446, RFC 6066).
//!
//! What is read here decides nothing but whether the name is the granted one. A hello that hides
//! its name (encrypted client hello) is refused: nobody could tell where it leads.

/// The longest hello that is taken, in bytes of its records.
pub const MAX_HELLO_BYTES: usize = 32 * 1024;

/// The longest record (RFC 8446, section 5.1).
const MAX_RECORD_BYTES: usize = 1 << 14;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;

/// How far the bytes go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hello {
    /// Right so far, and not all of it.
    Partial,
    /// The name it asks for, in lower case.
    Named(String),
}

/// Why it is no hello to a granted host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HelloError {
    /// Something else than TLS, or broken.
    #[error("the first bytes are no TLS client hello")]
    NotTls,
    /// It asks for no name.
    #[error("the TLS client hello names no server")]
    NoName,
    /// Its name is hidden.
    #[error("the TLS client hello hides its server name (encrypted client hello)")]
    Hidden,
    /// More than [`MAX_HELLO_BYTES`].
    #[error("the TLS client hello is longer than {MAX_HELLO_BYTES} bytes")]
    TooLong,
}

/// Reads all the first bytes of a connection at once.
///
/// # Errors
/// [`HelloError`], as soon as it is certain.
pub fn read(bytes: &[u8]) -> Result<Hello, HelloError> {
    Reader::default().read(bytes)
}

/// Reads the first bytes of a connection as they come, each record once.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// What was in the records that are whole.
    message: Vec<u8>,
    /// Where the first one begins that is not.
    at: usize,
}

impl Reader {
    /// Reads on; `bytes` are all there are so far.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<Hello, HelloError> {
        if !self.handshake(bytes)? {
            return if bytes.len() >= MAX_HELLO_BYTES {
                Err(HelloError::TooLong)
            } else {
                Ok(Hello::Partial)
            };
        }
        let mut message = Fields(&self.message);
        let extensions = (|| {
            message.take(1)?;
            let mut body = message.vector(3)?;
            body.take(2 + 32)?;
            body.vector(1).filter(|session| session.0.len() <= 32)?;
            body.vector(2)?;
            body.vector(1)?;
            let extensions = body.vector(2)?;
            body.0.is_empty().then_some(extensions)
        })();
        server_name(extensions.ok_or(HelloError::NotTls)?)
    }

    /// Whether the first handshake message, which may be in pieces, is whole.
    fn handshake(&mut self, bytes: &[u8]) -> Result<bool, HelloError> {
        loop {
            let rest = bytes.get(self.at..).unwrap_or_default();
            // What is there must be right, be it the start of a record only.
            let mut record = Fields(rest);
            let right = rest.first().is_none_or(|kind| *kind == HANDSHAKE)
                && rest.get(1).is_none_or(|major| *major == 3);
            if !right {
                return Err(HelloError::NotTls);
            }
            let Some(length) = record.take(3).and_then(|_| record.number(2)) else {
                return Ok(false);
            };
            if length == 0 || length > MAX_RECORD_BYTES {
                return Err(HelloError::NotTls);
            }
            let whole = record.0.len() >= length;
            let piece = &record.0[..length.min(record.0.len())];
            let ends = self.ends_with(piece)?;
            if !whole {
                return Ok(false);
            }
            self.message.extend_from_slice(piece);
            self.at += rest.len() - record.0.len() + length;
            if ends {
                return Ok(true);
            }
        }
    }

    /// Whether the message ends where the piece does that comes next.
    fn ends_with(&self, piece: &[u8]) -> Result<bool, HelloError> {
        let start: Vec<u8> = self.message.iter().chain(piece).copied().take(4).collect();
        if start.first().is_some_and(|kind| *kind != CLIENT_HELLO) {
            return Err(HelloError::NotTls);
        }
        let mut fields = Fields(&start);
        let Some(length) = fields.take(1).and_then(|_| fields.number(3)) else {
            return Ok(false);
        };
        if length > MAX_HELLO_BYTES {
            return Err(HelloError::TooLong);
        }
        let there = self.message.len() + piece.len() - start.len();
        if there > length {
            // Nothing may follow a hello before it was answered.
            return Err(HelloError::NotTls);
        }
        Ok(there == length)
    }
}

fn server_name(mut extensions: Fields<'_>) -> Result<Hello, HelloError> {
    let mut name = None;
    let mut hidden = false;
    while !extensions.0.is_empty() {
        let read = (|| Some((extensions.number(2)?, extensions.vector(2)?)))();
        let (kind, content) = read.ok_or(HelloError::NotTls)?;
        match u16::try_from(kind) {
            // Twice would be once for each of two readers.
            Ok(SERVER_NAME) if name.is_some() => return Err(HelloError::NotTls),
            Ok(SERVER_NAME) => name = Some(host_name(content).ok_or(HelloError::NotTls)?),
            Ok(ENCRYPTED_CLIENT_HELLO) => hidden = true,
            _ => {}
        }
    }
    if hidden {
        return Err(HelloError::Hidden);
    }
    name.map(Hello::Named).ok_or(HelloError::NoName)
}

/// The one name of the one kind there is.
fn host_name(mut content: Fields<'_>) -> Option<String> {
    let mut list = content.vector(2)?;
    let kind = list.number(1)?;
    let name = list.vector(2)?;
    let alone = list.0.is_empty() && content.0.is_empty() && kind == usize::from(HOST_NAME);
    let text = std::str::from_utf8(name.0).ok().filter(|_| alone)?;
    (text.is_ascii() && !text.is_empty()).then(|| text.to_ascii_lowercase())
}

/// Bytes that are read from their start.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of so many bytes, three at most, the greatest first.
    fn number(&mut self, bytes: usize) -> Option<usize> {
        let taken = self.take(bytes)?;
        Some(
            taken
                .iter()
                .fold(0, |number, byte| number << 8 | usize::from(*byte)),
        )
    }

    /// What comes after its own length of so many bytes.
    fn vector(&mut self, bytes: usize) -> Option<Fields<'a>> {
        let length = self.number(bytes)?;
        self.take(length).map(Fields)
    }
}

#[cfg(test)]
mod tests;
