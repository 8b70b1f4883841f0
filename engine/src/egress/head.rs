//! The head of a `CONNECT` request (RFC 9110, section 9.3.6; RFC 9112), strictly: what two readers
//! could take for two things is refused.

use lazaret_policy::{Host, Port};

use super::refusal::Refusal;
use super::target;

/// The longest head, in bytes.
pub const MAX_HEAD_BYTES: usize = 16 * 1024;

/// The most header fields.
pub const MAX_FIELDS: usize = 100;

/// What a request starts with that asks for a connection.
pub(super) const CONNECT: &[u8] = b"CONNECT ";

/// What it ends with.
const END: &[u8] = b"\r\n\r\n";

/// A head that is whole.
#[derive(Debug, PartialEq, Eq)]
pub struct Connect {
    /// Whom it asks for.
    pub host: Host,
    /// On which port.
    pub port: Port,
    /// How many bytes it is long; what comes after them goes through the connection.
    pub length: usize,
}

/// Whether there is something to be read of a head, whole or too long; it had no end in its first
/// `seen` bytes.
pub(super) fn may_end(bytes: &[u8], seen: usize) -> bool {
    let new = bytes.get(seen.saturating_sub(END.len() - 1)..);
    let ends = |new: &[u8]| new.windows(END.len()).any(|window| window == END);
    bytes.len() >= MAX_HEAD_BYTES || new.is_some_and(ends)
}

/// Reads a head; `None` where some of it is missing.
///
/// # Errors
/// [`Refusal`] as soon as it is certain.
pub fn read(bytes: &[u8]) -> Result<Option<Connect>, Refusal> {
    let end = bytes.windows(END.len()).position(|window| window == END);
    let Some(length) = end
        .map(|end| end + END.len())
        .filter(|end| *end <= MAX_HEAD_BYTES)
    else {
        return if end.is_some() || bytes.len() >= MAX_HEAD_BYTES {
            let reason = format!("the request's head is longer than {MAX_HEAD_BYTES} bytes");
            Err(Refusal::malformed(reason))
        } else {
            Ok(None)
        };
    };
    let bytes = &bytes[..length];
    let lines = bytes.iter().enumerate().all(|(at, byte)| match byte {
        b'\r' => bytes.get(at + 1) == Some(&b'\n'),
        b'\n' => at > 0 && bytes[at - 1] == b'\r',
        _ => true,
    });
    if !lines {
        return Err(Refusal::malformed("the request's lines are broken"));
    }
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(parsed)) if parsed == length => {}
        Ok(_) => return Err(Refusal::malformed("the request's head is broken")),
        Err(error) => {
            return Err(Refusal::malformed(format!(
                "the request's head is broken: {error}"
            )));
        }
    }
    let (Some("CONNECT"), Some(asked), Some(1)) = (request.method, request.path, request.version)
    else {
        return Err(Refusal::malformed(
            "the request is no `CONNECT` of HTTP/1.1",
        ));
    };
    let (host, port) = target::read(asked, None)?;
    let mut named = false;
    for field in request.headers.iter() {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        if is("content-length") || is("transfer-encoding") {
            return Err(Refusal::nowhere(asked, "a `CONNECT` has no body"));
        }
        if is("host") {
            let text = std::str::from_utf8(field.value).unwrap_or_default();
            let same =
                target::read(text, Some(port)).is_ok_and(|other| other == (host.clone(), port));
            if named || !same {
                return Err(Refusal::nowhere(
                    asked,
                    "the request names more than one host",
                ));
            }
            named = true;
        }
    }
    Ok(Some(Connect { host, port, length }))
}

#[cfg(test)]
mod tests;
