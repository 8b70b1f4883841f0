//! Bodies, a piece at a time: the next one is read when the one before has gone.

use std::borrow::Cow;
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use deno_core::{
    AsyncRefCell, AsyncResult, BufView, CancelHandle, CancelTryFuture, RcRef, Resource,
};
use deno_error::JsErrorBox;
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::broker::Body;
use super::decode::Decoder;
use super::kept::Lent;

/// How much of a request's body is read at once, in bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// A body without bytes.
pub(super) fn empty() -> Body {
    full(Bytes::new())
}

/// A body of bytes that are all there.
pub(super) fn full(bytes: Bytes) -> Body {
    http_body_util::Full::new(bytes)
        .map_err(|never| match never {})
        .boxed()
}

/// A body that JavaScript gives piece by piece.
pub(super) fn streamed(from: Rc<dyn Resource>) -> Body {
    let (to, pieces) = channel(1);
    deno_core::unsync::spawn(pump(from, to));
    Pieces(pieces).boxed()
}

/// Ends with the resource, with an error of it, or when nobody wants more.
async fn pump(from: Rc<dyn Resource>, to: Sender<Result<Bytes, JsErrorBox>>) {
    loop {
        let piece = from.clone().read(PIECE_BYTES).await;
        let last = !matches!(&piece, Ok(piece) if !piece.is_empty());
        let piece = piece.map(|piece| Bytes::copy_from_slice(&piece));
        let end = matches!(&piece, Ok(piece) if piece.is_empty());
        if end || to.send(piece).await.is_err() || last {
            break;
        }
    }
    from.close();
}

struct Pieces(Receiver<Result<Bytes, JsErrorBox>>);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = JsErrorBox;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, JsErrorBox>>> {
        let piece = std::task::ready!(self.0.poll_recv(context));
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }
}

/// The body of an answer, for JavaScript to read.
pub(super) struct Answer {
    body: AsyncRefCell<Read>,
    left: RefCell<Bytes>,
    length: Option<u64>,
    cancel: CancelHandle,
    _open: Rc<()>,
}

impl Answer {
    /// `open` counts the request as under way until this is gone.
    pub(super) fn new(body: Incoming, decoder: Option<Decoder>, lent: Lent, open: Rc<()>) -> Self {
        let length = hyper::body::Body::size_hint(&body).exact();
        let mut read = Read {
            body,
            decoder,
            lent: Some(lent),
        };
        if hyper::body::Body::is_end_stream(&read.body) {
            read.give_back();
        }
        Self {
            length: length.filter(|_| read.decoder.is_none()),
            body: AsyncRefCell::new(read),
            left: RefCell::default(),
            cancel: CancelHandle::default(),
            _open: open,
        }
    }

    /// The next bytes; none at the end.
    async fn next(self: Rc<Self>, limit: usize) -> Result<Bytes, JsErrorBox> {
        let mut body = RcRef::map(&self, |answer| &answer.body).borrow_mut().await;
        loop {
            let mut left = self.left.take();
            if left.has_remaining() {
                let piece = left.split_to(limit.min(left.len()));
                self.left.replace(left);
                return Ok(piece);
            }
            let data = body.next(limit).await?;
            if data.is_empty() {
                return Ok(data);
            }
            self.left.replace(data);
        }
    }
}

/// A body as it comes, and what unpacks it.
struct Read {
    body: Incoming,
    decoder: Option<Decoder>,
    /// The connection, until all of the body has come.
    lent: Option<Lent>,
}

impl Read {
    fn give_back(&mut self) {
        if let Some(lent) = self.lent.take() {
            lent.give_back();
        }
    }

    /// The next bytes; none at the end. Of what is packed, so many at the most.
    async fn next(&mut self, limit: usize) -> Result<Bytes, JsErrorBox> {
        loop {
            let broken = |error| JsErrorBox::type_error(format!("the answer is broken: {error}"));
            let unpacked = self.decoder.as_mut().map(|decoder| decoder.next(limit));
            if let Some(piece) = unpacked.transpose().map_err(broken)?.flatten() {
                return Ok(piece);
            }
            let data = self.data().await?;
            match &mut self.decoder {
                Some(decoder) => decoder.give(data),
                None => return Ok(data.unwrap_or_default()),
            }
        }
    }

    /// The next bytes as they came, some of them; `None` is the end.
    async fn data(&mut self) -> Result<Option<Bytes>, JsErrorBox> {
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|error| JsErrorBox::type_error(error.to_string()))?;
            if hyper::body::Body::is_end_stream(&self.body) {
                self.give_back();
            }
            // Trailers have no place in `fetch`.
            if let Ok(data) = frame.into_data()
                && !data.is_empty()
            {
                return Ok(Some(data));
            }
        }
        self.give_back();
        Ok(None)
    }
}

impl Resource for Answer {
    fn name(&self) -> Cow<'_, str> {
        "answer".into()
    }

    fn read(self: Rc<Self>, limit: usize) -> AsyncResult<BufView> {
        Box::pin(async move {
            let cancel = RcRef::map(self.clone(), |answer| &answer.cancel);
            let piece = self.next(limit).try_or_cancel(cancel).await?;
            Ok(BufView::from(piece))
        })
    }

    fn size_hint(&self) -> (u64, Option<u64>) {
        (self.length.unwrap_or(0), self.length)
    }

    fn close(self: Rc<Self>) {
        self.cancel.cancel();
    }
}
