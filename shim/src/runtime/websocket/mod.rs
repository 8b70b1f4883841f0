//! `WebSocket`: Deno's own JavaScript, over ops of ours that go the one way out.
//!
//! The request for one is a `GET` like those of `fetch`: through the broker, by a tunnel and TLS where
//! the URL says `wss:`, and held to the same methods and paths. What comes after the server's
//! agreement is the protocol alone (RFC 6455), without extensions.

mod counted;
mod handshake;
mod ops;
mod refused;
mod socket;

use deno_core::Extension;
use deno_core::url::Url;
use deno_error::JsErrorBox;

pub(super) use ops::OPS;
pub(super) use refused::OPS as ASKING_OPS;

/// The ops: those that name what is missing, where there is no way out.
pub(super) fn extension(egress: bool) -> Extension {
    if egress {
        ops::extension()
    } else {
        refused::extension()
    }
}

/// Where a WebSocket's URL leads, as the URL of the request that asks for it.
fn target(url: &str) -> Result<Url, JsErrorBox> {
    let broken = |error: &dyn std::fmt::Display| JsErrorBox::type_error(error.to_string());
    let mut url = Url::parse(url).map_err(|error| broken(&error))?;
    let scheme = match url.scheme() {
        "wss" => "https",
        "ws" => "http",
        scheme => return Err(broken(&format!("scheme `{scheme}` is not supported"))),
    };
    url.set_scheme(scheme)
        .map_err(|()| broken(&"no URL for a request"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(broken(&"a URL with a name or password"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_websocket_is_asked_for_where_its_url_leads() {
        for (url, expected) in [
            ("ws://a.example/x?y", Some("http://a.example/x?y")),
            ("wss://a.example", Some("https://a.example/")),
            ("wss://a.example:443/", Some("https://a.example/")),
            ("wss://a.example:80/", Some("https://a.example:80/")),
            ("ws://a.example:443/", Some("http://a.example:443/")),
            ("https://a.example/", None),
            ("ws://u@a.example/", None),
            ("ws://:p@a.example/", None),
            ("nothing", None),
        ] {
            let target = target(url).ok();
            assert_eq!(target.as_ref().map(Url::as_str), expected, "{url}");
        }
    }

    #[test]
    fn the_lists_of_ops_are_sorted() {
        assert!(OPS.is_sorted() && ASKING_OPS.is_sorted());
    }
}
