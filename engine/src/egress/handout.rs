//! A plugin's secrets in the head of a request that goes to one of their hosts, in place of what
//! stands for them.
//!
//! They go into the values of header fields, also within the base64 of `Authorization: Basic`, and
//! into the target. A request with what stands for a secret of this plugin that goes to any other
//! host is refused. What is in a body, in pieces, or written otherwise stays what it is: it is no
//! secret.

use std::sync::Arc;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use lazaret_policy::Host;

use crate::secrets::{Handout, MAX_VALUE_BYTES};

/// What everything begins with that stands for a secret.
const BEGINS: &str = "lazaret-secret-";

/// The most secrets in one request, one that is there twice counted twice. So a head is never
/// longer than what was read and so many of the longest values, and how long one is makes no
/// difference.
pub const MOST: usize = 8;

/// The longest target that [`hyper::Uri`] takes, in bytes. Two secrets find room in any.
const MAX_TARGET_BYTES: usize = u16::MAX as usize - 1;

/// Reads base64 with or without its end, and writes it with one (RFC 7617, section 2).
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a request does not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Withheld {
    /// The policy does not let this secret go to the host.
    #[error("the secret `{0}` may not go there")]
    NotThere(String),
    /// There are more than [`MOST`].
    #[error("the request asks for more than {MOST} secrets")]
    TooMany,
    /// It could be, with the longest values in it.
    #[error("the request's target is too long for the secrets in it")]
    TooLong,
    /// It would not be a field any more.
    #[error("the secret `{0}` does not fit into a header field")]
    NoField(String),
}

/// Puts secrets into a request to a host, and gives the names of those that were put. `to` is
/// `None` where no secret may go, whatever it says of itself.
///
/// # Errors
/// [`Withheld`]; it must not be sent then.
pub fn hand_out(
    secrets: &[Arc<Handout>],
    to: Option<&Host>,
    headers: &mut HeaderMap,
    target: &mut String,
) -> Result<Vec<String>, Withheld> {
    let mut hand = Hand {
        secrets,
        to,
        names: Vec::new(),
    };
    if secrets.is_empty() {
        return Ok(hand.names);
    }
    if let Some(filled) = hand.fill(target.as_bytes(), escape)? {
        // By the longest values, each byte escaped: how long these are is nobody's to know.
        if target.len() + hand.names.len() * MAX_VALUE_BYTES * 3 > MAX_TARGET_BYTES {
            return Err(Withheld::TooLong);
        }
        // It was text, and what was put in is ASCII.
        *target = String::from_utf8_lossy(&filled).into_owned();
    }
    for (name, value) in headers.iter_mut() {
        let mut filled = hand.fill(value.as_bytes(), verbatim)?;
        if filled.is_none() && name == AUTHORIZATION {
            filled = hand.basic(value.as_bytes())?;
        }
        if let Some(filled) = filled {
            let told = || Withheld::NoField(hand.names.last().cloned().unwrap_or_default());
            *value = HeaderValue::from_maybe_shared(filled).map_err(|_| told())?;
            value.set_sensitive(true);
        }
    }
    Ok(hand.names)
}

/// A path as a policy would name it: what stands for a secret is another one at each start.
pub(super) fn without_placeholders(path: String) -> String {
    match path.find(BEGINS) {
        Some(at) => format!("{}*", &path[..at]),
        None => path,
    }
}

struct Hand<'a> {
    secrets: &'a [Arc<Handout>],
    to: Option<&'a Host>,
    names: Vec<String>,
}

impl Hand<'_> {
    /// With the secrets in it; `None` where there is nothing to put in.
    fn fill(
        &mut self,
        text: &[u8],
        write: fn(&str, &mut Vec<u8>),
    ) -> Result<Option<Vec<u8>>, Withheld> {
        let mut filled = Vec::new();
        let mut rest = text;
        let before = self.names.len();
        while let Some(at) = rest
            .windows(BEGINS.len())
            .position(|part| part == BEGINS.as_bytes())
        {
            let (plain, here) = rest.split_at(at);
            let stands = |one: &&Arc<Handout>| here.starts_with(one.placeholder.as_bytes());
            filled.extend_from_slice(plain);
            match self.secrets.iter().find(stands) {
                Some(secret) => {
                    self.may(secret)?;
                    write(secret.value.reveal(), &mut filled);
                    rest = &here[secret.placeholder.len()..];
                }
                None => {
                    filled.extend_from_slice(BEGINS.as_bytes());
                    rest = &here[BEGINS.len()..];
                }
            }
        }
        filled.extend_from_slice(rest);
        Ok((self.names.len() > before).then_some(filled))
    }

    fn may(&mut self, secret: &Handout) -> Result<(), Withheld> {
        let name = secret.name.to_string();
        let goes = |to: &Host| secret.hosts.iter().any(|hosts| hosts.matches(to));
        if !self.to.is_some_and(goes) {
            return Err(Withheld::NotThere(name));
        }
        if self.names.len() == MOST {
            return Err(Withheld::TooMany);
        }
        self.names.push(name);
        Ok(())
    }

    /// A name and a password with the secrets in them (RFC 7617).
    fn basic(&mut self, value: &[u8]) -> Result<Option<Vec<u8>>, Withheld> {
        let space = value.iter().position(|byte| *byte == b' ');
        let (scheme, rest) = value.split_at(space.unwrap_or(value.len()));
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return Ok(None);
        }
        let Ok(plain) = BASE64.decode(rest.trim_ascii()) else {
            return Ok(None);
        };
        let filled = self.fill(&plain, verbatim)?;
        Ok(filled.map(|filled| format!("Basic {}", BASE64.encode(filled)).into_bytes()))
    }
}

fn verbatim(value: &str, filled: &mut Vec<u8>) {
    filled.extend_from_slice(value.as_bytes());
}

/// Within a target everything in the way of its parts is escaped (RFC 3986, section 2.3).
fn escape(value: &str, filled: &mut Vec<u8>) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            filled.push(byte);
        } else {
            filled.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
}

#[cfg(test)]
mod tests;
