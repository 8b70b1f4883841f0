//! A stream at the client's end.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::task::AbortHandle;

use super::client::ClientError;
use super::messages::CallResult;
use super::stream::Line;

/// The longest line: the largest result there may be, as base64 or with all of it escaped.
const MAX_LINE_BYTES: usize = 2 * lazaret_protocol::MAX_FRAME_BYTES;

/// Items of a call, as they come. Dropped, the call is given up.
#[derive(Debug)]
pub struct CallItems {
    body: Incoming,
    connection: AbortHandle,
    /// What was read and not taken.
    buffer: Vec<u8>,
    over: bool,
}

impl CallItems {
    pub(super) fn new(body: Incoming, connection: AbortHandle) -> Self {
        Self {
            body,
            connection,
            buffer: Vec::new(),
            over: false,
        }
    }

    /// The next item; `None` after the last.
    ///
    /// # Errors
    /// [`ClientError`]; nothing comes after it.
    pub async fn next(&mut self) -> Result<Option<CallResult>, ClientError> {
        if self.over {
            return Ok(None);
        }
        let line = self.line().await.inspect_err(|_| self.over = true)?;
        let odd = |error: &dyn std::fmt::Display| ClientError::Odd(error.to_string());
        let line: Line = serde_json::from_slice(&line).map_err(|error| odd(&error))?;
        match line {
            Line::Item(item) => {
                let text = Box::<str>::from(item).into_string();
                Ok(Some(CallResult::Json(text)))
            }
            Line::Bytes(text) => {
                let bytes = STANDARD.decode(text).map_err(|error| odd(&error))?;
                Ok(Some(CallResult::Bytes(bytes)))
            }
            Line::End {} => {
                self.over = true;
                Ok(None)
            }
            Line::Error(refusal) => {
                self.over = true;
                Err(ClientError::Refused(refusal))
            }
        }
    }

    /// The next line; an answer that ends without one that says so was cut.
    async fn line(&mut self) -> Result<Vec<u8>, ClientError> {
        let mut seen = 0;
        loop {
            let end = self.buffer[seen..].iter().position(|byte| *byte == b'\n');
            if let Some(end) = end {
                let rest = self.buffer.split_off(seen + end + 1);
                return Ok(std::mem::replace(&mut self.buffer, rest));
            }
            seen = self.buffer.len();
            if seen > MAX_LINE_BYTES {
                return Err(ClientError::Odd("an item is too large".to_owned()));
            }
            let frame = self.body.frame().await;
            match frame.transpose().map_err(ClientError::Broken)? {
                Some(frame) => self
                    .buffer
                    .extend_from_slice(&frame.into_data().unwrap_or_default()),
                None => return Err(ClientError::Odd("it ends without an end".to_owned())),
            }
        }
    }
}

impl Drop for CallItems {
    fn drop(&mut self) {
        self.connection.abort();
    }
}
