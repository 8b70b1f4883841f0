//! An open WebSocket. Messages are read when JavaScript asks for the next one, so that a server that
//! says more than is listened to waits; what is sent is queued, to a bound, and written in order.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::time::Duration;

use bytes::Bytes;
use deno_core::futures::stream::{SplitSink, SplitStream};
use deno_core::futures::{SinkExt, StreamExt};
use deno_core::{AsyncRefCell, CancelFuture, CancelHandle, RcRef, Resource};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::counted::Counted;

/// The most bytes of a message, however many fragments it comes in, and of those that wait to be
/// sent.
pub(super) const MOST_BYTES: usize = 16 * 1024 * 1024;

/// The most messages that wait to be sent.
const MOST_MESSAGES: usize = 16 * 1024;

/// How much is read at once, and how much is put together before it is written, in bytes.
const BUFFER_BYTES: usize = 16 * 1024;

/// Room for answers to a server's pings, beside a message.
const PONG_BYTES: usize = 64 * 1024;

/// How long a server may take to agree that it is over, and before that to take more of what waits to be sent.
const AGREEING: Duration = Duration::from_secs(5);

/// How long what is queued may take to go when it is over.
const LEAVING: Duration = Duration::from_secs(2);

/// Codes below it are none that end a connection (RFC 6455, section 7.4.2), and stand for something
/// else in `01_websocket.js`.
const LEAST_CODE: u16 = 1000;

type Connection = WebSocketStream<Counted<TokioIo<Upgraded>>>;

/// What comes next, as `01_websocket.js` numbers it: higher ones are the code of a close.
const TEXT: u16 = 0;
const BINARY: u16 = 1;
pub(super) const ERROR: u16 = 3;
const CLOSED: u16 = 1005;

/// A WebSocket, until JavaScript closes it.
pub(super) struct Socket {
    reads: AsyncRefCell<SplitStream<Connection>>,
    queue: mpsc::Sender<Out>,
    shared: Rc<Shared>,
    /// What came last, until it is fetched.
    came: RefCell<Came>,
}

#[derive(Default)]
enum Came {
    #[default]
    Nothing,
    Text(Utf8Bytes),
    Binary(Bytes),
    Reason(String),
}

/// What the socket and its writer have in common.
struct Shared {
    /// Bytes that wait to be sent.
    waiting: Cell<usize>,
    /// How many bytes have been sent.
    taken: Rc<Cell<u64>>,
    /// Why it is over, where that is not what the server says.
    failure: RefCell<Option<String>>,
    /// Reads no more.
    unread: Rc<CancelHandle>,
    /// JavaScript has closed it.
    left: Notify,
    /// Counts it among what is under way.
    _open: Rc<()>,
}

enum Out {
    Message(Message),
    Close(Option<CloseFrame>, oneshot::Sender<()>),
}

impl Socket {
    /// Speaks on a connection; `open` counts it as under way until it is gone.
    pub(super) async fn new(stream: TokioIo<Upgraded>, open: Rc<()>) -> Self {
        let config = WebSocketConfig::default()
            .max_message_size(Some(MOST_BYTES))
            .max_frame_size(Some(MOST_BYTES))
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(BUFFER_BYTES)
            .max_write_buffer_size(BUFFER_BYTES + MOST_BYTES + PONG_BYTES);
        let taken = Rc::<Cell<u64>>::default();
        let stream = Counted::new(stream, taken.clone());
        let connection = WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await;
        let (sink, reads) = connection.split();
        let (queue, queued) = mpsc::channel(MOST_MESSAGES);
        let shared = Rc::new(Shared {
            waiting: Cell::new(0),
            taken,
            failure: RefCell::default(),
            unread: CancelHandle::new_rc(),
            left: Notify::new(),
            _open: open,
        });
        deno_core::unsync::spawn(write(sink, queued, shared.clone()));
        Self {
            reads: AsyncRefCell::new(reads),
            queue,
            shared,
            came: RefCell::default(),
        }
    }

    /// How many bytes wait to be sent.
    pub(super) fn waiting(&self) -> usize {
        self.shared.waiting.get()
    }

    /// Sends a message when those before have gone. More than may wait ends the connection.
    pub(super) fn send(&self, message: Message) {
        let waiting = self.waiting().saturating_add(message.len());
        if waiting > MOST_BYTES {
            self.shared.fail(format!(
                "more than {MOST_BYTES} bytes would wait to be sent"
            ));
            return;
        }
        match self.queue.try_send(Out::Message(message)) {
            Ok(()) => self.shared.waiting.set(waiting),
            Err(mpsc::error::TrySendError::Full(_)) => self.shared.fail(format!(
                "more than {MOST_MESSAGES} messages would wait to be sent"
            )),
            // The connection is over: who reads hears of it.
            Err(mpsc::error::TrySendError::Closed(_)) => {}
        }
    }

    /// Says that it is to end, behind what waits to be sent, and waits a moment for that to go. The
    /// server has a while to agree.
    pub(super) async fn end(&self, frame: Option<CloseFrame>) {
        let queue = self.queue.clone();
        let shared = Rc::downgrade(&self.shared);
        let leaving = async move {
            let (gone, going) = oneshot::channel();
            // Without a writer there is nobody to tell.
            if queue.send(Out::Close(frame, gone)).await.is_ok() {
                going.await.ok();
            }
        };
        let leaving = deno_core::unsync::spawn(leave(shared, leaving));
        timeout(LEAVING, leaving).await.ok();
    }

    /// What comes next.
    pub(super) async fn next(self: Rc<Self>) -> u16 {
        let mut reads = RcRef::map(&self, |socket| &socket.reads).borrow_mut().await;
        loop {
            let failed = |why: &str| self.failed(why);
            match reads.next().or_cancel(&self.shared.unread).await {
                Ok(Some(Ok(message))) => match self.take(message) {
                    Some(kind) => return kind,
                    None => continue,
                },
                Ok(Some(Err(error))) => {
                    self.tell(&error);
                    return failed(&told(&error));
                }
                Ok(None) => return failed("the connection is over"),
                Err(_) => return failed("the connection was left"),
            }
        }
    }

    /// Keeps what is in a message. Pings are answered where they are read.
    fn take(&self, message: Message) -> Option<u16> {
        let (kind, came) = match message {
            Message::Text(text) => (TEXT, Came::Text(text)),
            Message::Binary(bytes) => (BINARY, Came::Binary(bytes)),
            Message::Close(None) => (CLOSED, Came::Nothing),
            Message::Close(Some(frame)) => {
                let code = u16::from(frame.code);
                if code < LEAST_CODE {
                    return Some(self.failed("the server ended it with a code that there is not"));
                }
                (code, Came::Reason(frame.reason.to_string()))
            }
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return None,
        };
        self.came.replace(came);
        Some(kind)
    }

    fn failed(&self, why: &str) -> u16 {
        let first = self.shared.failure.take();
        self.came
            .replace(Came::Reason(first.unwrap_or_else(|| why.to_owned())));
        ERROR
    }

    /// Lets the server know what it did wrong, if it still listens.
    fn tell(&self, error: &Error) {
        let code = match error {
            Error::Capacity(_) => CloseCode::Size,
            Error::Utf8(_) => CloseCode::Invalid,
            Error::Protocol(_) => CloseCode::Protocol,
            _ => return,
        };
        let reason = Utf8Bytes::from_static("");
        let (gone, _) = oneshot::channel();
        let frame = CloseFrame { code, reason };
        // Nobody waits for it.
        drop(self.queue.try_send(Out::Close(Some(frame), gone)));
    }

    /// The text that came last.
    pub(super) fn text(&self) -> Option<String> {
        match self.came.take() {
            Came::Text(text) => Some(text.to_string()),
            _ => None,
        }
    }

    /// The bytes that came last.
    pub(super) fn binary(&self) -> Option<Vec<u8>> {
        match self.came.take() {
            Came::Binary(bytes) => Some(bytes.into()),
            _ => None,
        }
    }

    /// Why it is over.
    pub(super) fn reason(&self) -> String {
        match self.came.take() {
            Came::Reason(reason) => reason,
            _ => String::new(),
        }
    }
}

impl Resource for Socket {
    fn name(&self) -> Cow<'_, str> {
        "webSocket".into()
    }

    fn close(self: Rc<Self>) {
        self.shared.unread.cancel();
        self.shared.left.notify_one();
    }
}

impl Shared {
    /// Ends it for this reason; the first one stays.
    fn fail(&self, why: String) {
        self.failure.borrow_mut().get_or_insert(why);
        self.unread.cancel();
    }
}

/// Leaves a server that does not take what waits to be sent, or, when all of it has gone, does not agree to an end.
async fn leave(shared: Weak<Shared>, leaving: impl Future<Output = ()>) {
    let taken = || shared.upgrade().map(|shared| shared.taken.get());
    let mut leaving = pin!(leaving);
    let mut before = taken();
    while timeout(AGREEING, &mut leaving).await.is_err() {
        let now = taken();
        if now == before {
            give_up(&shared, "take what was to be sent");
            return;
        }
        before = now;
    }
    deno_core::unsync::spawn(async move {
        sleep(AGREEING).await;
        give_up(&shared, "end the connection");
    });
}

fn give_up(shared: &Weak<Shared>, what: &str) {
    if let Some(shared) = shared.upgrade() {
        let seconds = AGREEING.as_secs();
        shared.fail(format!(
            "the server did not {what} within {seconds} seconds"
        ));
    }
}

/// Writes what is queued, until nobody queues any more.
async fn write(
    mut sink: SplitSink<Connection, Message>,
    mut queued: mpsc::Receiver<Out>,
    shared: Rc<Shared>,
) {
    let writing = async {
        while let Some(out) = queued.recv().await {
            match out {
                Out::Message(message) => {
                    let bytes = message.len();
                    if sink.send(message).await.is_err() {
                        break;
                    }
                    shared.waiting.set(shared.waiting.get() - bytes);
                }
                Out::Close(frame, gone) => {
                    // Refused where the server has ended it: then the answer to that is to go.
                    if sink.send(Message::Close(frame)).await.is_err() {
                        sink.flush().await.ok();
                    }
                    gone.send(()).ok();
                }
            }
        }
    };
    let left = async {
        shared.left.notified().await;
        sleep(LEAVING).await;
    };
    tokio::select! {
        () = writing => {}
        () = left => {}
    }
}

/// What is said of an error.
fn told(error: &Error) -> String {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => {
            format!("the server's message is longer than {MOST_BYTES} bytes")
        }
        Error::Io(error) => format!("the connection broke: {}", error.kind()),
        error => error.to_string(),
    }
}
