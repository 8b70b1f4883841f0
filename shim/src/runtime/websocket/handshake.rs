//! The request that asks for a WebSocket, and whether the answer agrees to it (RFC 6455, section 4).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use deno_core::url::Url;
use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::upgrade::Upgraded;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use ring::rand::{SecureRandom, SystemRandom};

use super::super::fetch::{Failure, Passage};

/// What a server puts behind a key to show that it understood (RFC 6455, section 1.3).
const UNDERSTOOD: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Asks for a WebSocket that speaks one of `protocols`, or none where there are none. Gives the
/// stream, and the protocol.
pub(super) async fn open(
    passage: &Passage,
    url: &Url,
    protocols: &str,
    mut fields: HeaderMap,
) -> Result<(TokioIo<Upgraded>, String), Failure> {
    let key = key()?;
    let value = |text: &str| {
        HeaderValue::from_str(text).map_err(|error| Failure::told("no header field", &error))
    };
    fields.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    fields.insert(UPGRADE, HeaderValue::from_static("websocket"));
    fields.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    fields.insert(SEC_WEBSOCKET_KEY, value(&key)?);
    fields.remove(SEC_WEBSOCKET_EXTENSIONS);
    fields.remove(SEC_WEBSOCKET_PROTOCOL);
    if !protocols.is_empty() {
        fields.insert(SEC_WEBSOCKET_PROTOCOL, value(protocols)?);
    }
    let mut answer = passage.ask(url, fields).await?;
    let protocol = agreed(&answer, &key, protocols).map_err(Failure::Failed)?;
    let stream = hyper::upgrade::on(&mut answer).await;
    let stream = stream.map_err(|error| Failure::told("the connection broke", &error))?;
    Ok((TokioIo::new(stream), protocol))
}

/// One that no server can have an answer ready for.
fn key() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Failure::Failed("there are no random bytes".to_owned()))?;
    Ok(STANDARD.encode(bytes))
}

/// What a server answers to a key.
fn accept(key: &str) -> String {
    let mut digest = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    digest.update(key.as_bytes());
    digest.update(UNDERSTOOD);
    STANDARD.encode(digest.finish())
}

/// The protocol that an answer agrees to, empty where none was asked for, or what is wrong with it.
fn agreed<B>(answer: &Response<B>, key: &str, protocols: &str) -> Result<String, String> {
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(format!("the server answered `{}`", answer.status()));
    }
    let fields = answer.headers();
    let is = |text: &str, word: &str| text.trim().eq_ignore_ascii_case(word);
    let named = fields.get_all(CONNECTION).iter();
    let mut named = named
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    if !named.any(|name| is(name, "upgrade"))
        || !only(fields, UPGRADE).is_some_and(|to| is(to, "websocket"))
    {
        return Err("the server changed to something else than a WebSocket".to_owned());
    }
    if only(fields, SEC_WEBSOCKET_ACCEPT) != Some(&accept(key)) {
        return Err("the server did not understand what it was asked for".to_owned());
    }
    if fields.contains_key(SEC_WEBSOCKET_EXTENSIONS) {
        return Err("the server speaks an extension that it was not asked for".to_owned());
    }
    let mut asked = protocols
        .split(", ")
        .filter(|protocol| !protocol.is_empty());
    match only(fields, SEC_WEBSOCKET_PROTOCOL) {
        Some(protocol) if asked.any(|one| one == protocol) => Ok(protocol.to_owned()),
        None if protocols.is_empty() && !fields.contains_key(SEC_WEBSOCKET_PROTOCOL) => {
            Ok(String::new())
        }
        _ => Err("the server chose none of the protocols that it was asked for".to_owned()),
    }
}

/// A value that is there once.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    first.to_str().ok().filter(|_| values.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    #[test]
    fn an_answer_agrees_to_what_was_asked_for_or_is_refused() {
        let good = [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-accept", ACCEPT),
        ];
        let answer = |status: u16, fields: &[(&'static str, &'static str)]| {
            let mut answer = Response::new(());
            *answer.status_mut() = StatusCode::from_u16(status).unwrap();
            for (name, value) in fields {
                let value = HeaderValue::from_static(value);
                answer.headers_mut().append(*name, value);
            }
            answer
        };
        let with = |more: (&'static str, &'static str)| [&good[..], &[more]].concat();
        let spoken = |protocol| with(("sec-websocket-protocol", protocol));
        let told = |answer: &Response<()>, asked| agreed(answer, KEY, asked);
        assert_eq!(told(&answer(101, &good), "").as_deref(), Ok(""));
        assert_eq!(told(&answer(101, &spoken("b")), "a, b").as_deref(), Ok("b"));
        for (broken, asked) in [
            (answer(200, &good), ""),
            (answer(101, &good[1..]), ""),
            (answer(101, &good[..2]), ""),
            (answer(101, &with(("upgrade", "h2c"))), ""),
            (answer(101, &with(("sec-websocket-accept", KEY))), ""),
            (answer(101, &with(("sec-websocket-extensions", "x"))), ""),
            (answer(101, &spoken("a")), ""),
            (answer(101, &spoken("a, b")), "a, b"),
            (answer(101, &spoken("A")), "a"),
            (answer(101, &good), "a"),
        ] {
            assert!(told(&broken, asked).is_err(), "{broken:?} {asked}");
        }
    }
}
