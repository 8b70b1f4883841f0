//! Streams over the control socket: a line of JSON for each item, and one for the end
//! (`application/x-ndjson`).

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::body::{Body, Bytes, Frame};
use lazaret_protocol::Payload;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::messages::Refusal;
use super::told::no_json;
use crate::service::Stream;

/// The type of such an answer.
pub(super) const LINES: &str = "application/x-ndjson";

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    /// An item.
    Item(Box<RawValue>),
    /// An item of bytes, as base64 (RFC 4648, section 4).
    Bytes(String),
    /// There are no more.
    End {},
    /// Why there are no more.
    Error(Refusal),
}

/// An answer that is made while the plugin gives items: never more of them than are read. A call
/// that fails before its first item is refused like any other.
pub(super) async fn answer(
    mut stream: Stream,
    plugin: String,
    function: String,
) -> Result<Response, Refusal> {
    let refused = |error| Refusal::of_call(&plugin, &function, &error);
    let mut next = stream.next().await.transpose().map_err(refused)?;
    let (lines, body) = mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            let (line, over) = match next {
                Some(item) => line(&plugin, item),
                None => (Line::End {}, true),
            };
            // A line that cannot be written ends the answer without an end.
            let Ok(mut text) = serde_json::to_vec(&line) else {
                return;
            };
            text.push(b'\n');
            if lines.send(Bytes::from(text)).await.is_err() || over {
                return;
            }
            let item = tokio::select! {
                // Who goes away gives the call up.
                () = lines.closed() => return,
                item = stream.next() => item,
            };
            next = match item.transpose() {
                Ok(next) => next,
                Err(error) => {
                    let refusal = Refusal::of_call(&plugin, &function, &error);
                    let text = serde_json::to_string(&Line::Error(refusal)).unwrap_or_default();
                    drop(lines.send(Bytes::from(text + "\n")).await);
                    return;
                }
            };
        }
    });
    let body = axum::body::Body::new(Lines(body));
    Ok(([(CONTENT_TYPE, LINES)], body).into_response())
}

/// An item as a line, and whether it is the last.
fn line(plugin: &str, item: Payload) -> (Line, bool) {
    match item {
        // Line ends may stand between the parts of JSON, and nowhere in them.
        Payload::Json(text) => match RawValue::from_string(text.replace(['\n', '\r'], " ")) {
            Ok(item) => (Line::Item(item), false),
            Err(_) => (Line::Error(no_json(plugin, "an item").into()), true),
        },
        Payload::Bytes(bytes) => (Line::Bytes(STANDARD.encode(bytes)), false),
    }
}

struct Lines(mpsc::Receiver<Bytes>);

impl Body for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let line = self.0.poll_recv(context);
        line.map(|line| line.map(|line| Ok(Frame::data(line))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_one_line_whatever_is_in_it() {
        let text = |item| serde_json::to_string(&line("p", item).0).unwrap();
        let item = Payload::Json("[1,\n\r\n \"a\\n\"]".into());
        assert_eq!(text(item), r#"{"item":[1,    "a\n"]}"#);
        let bytes = Payload::Bytes(vec![0, 10, 255]);
        assert_eq!(text(bytes), r#"{"bytes":"AAr/"}"#);
        let (refused, over) = line("p", Payload::Json("[1]\n{\"end\":{}}".into()));
        assert!(over && matches!(refused, Line::Error(_)), "{refused:?}");
        assert_eq!(
            serde_json::to_string(&Line::End {}).unwrap(),
            r#"{"end":{}}"#
        );
    }
}
