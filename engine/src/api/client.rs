//! The other end of the control socket.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::http::response::Parts;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::task::AbortHandle;

use super::answer::CallItems;
use super::messages::{
    CallRequest, CallResult, ChangeReport, ChangeRequest, PluginReport, Refusal, RevisionReport,
    RollbackRequest,
};
use super::stream::LINES;
use crate::metrics::MetricsReport;

/// The most bytes of an answer: the list of revisions, each with its text, is the longest.
const MAX_ANSWER_BYTES: usize = 512 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody serves there.
    #[error("no `lazaret serve` answers at `{}`\n  hint: start one with `lazaret serve PLUGIN...`, or name its socket with `--socket`", .0.display())]
    NoServer(PathBuf),
    /// The socket is somebody else's.
    #[error("you may not use `{}`\n  hint: ask as the user who runs `lazaret serve`, or as root", .0.display())]
    NoRight(PathBuf),
    /// Who serves there is neither root nor the user who asks.
    #[error("user {uid} serves at `{}`, who is neither you nor root: nothing was sent", path.display())]
    Foreign {
        /// The socket.
        path: PathBuf,
        /// Who.
        uid: u32,
    },
    /// The connection failed.
    #[error("failed to reach `lazaret serve`")]
    Io(#[source] std::io::Error),
    /// It went away, or does not speak HTTP.
    #[error("`lazaret serve` went away before it answered")]
    Broken(#[source] hyper::Error),
    /// The answer is not one this version knows.
    #[error("the answer of `lazaret serve` is not understood: {0}")]
    Odd(String),
    /// It says no.
    #[error("{}", .0.message)]
    Refused(Refusal),
}

/// Asks an engine that serves.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// Of the engine that serves at this socket. Each request is a connection of its own.
    pub fn new(socket: &Path) -> Self {
        Self {
            socket: socket.to_owned(),
        }
    }

    /// Every plugin.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn list(&self) -> Result<Vec<PluginReport>, ClientError> {
        self.get("/v1/plugins").await
    }

    /// Calls a function. Given up (its future is dropped), the call is given up as well.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn call(&self, plugin: &str, call: &CallRequest) -> Result<CallResult, ClientError> {
        let (json, bytes) = self
            .ask(Method::POST, &path(plugin, "/call"), Some(call))
            .await?;
        if !json {
            return Ok(CallResult::Bytes(bytes.into()));
        }
        let text = String::from_utf8(bytes.into());
        text.map(CallResult::Json)
            .map_err(|error| ClientError::Odd(error.to_string()))
    }

    /// Calls a function whose result comes in items. Given up, or the items dropped, the call is
    /// given up as well.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn call_stream(
        &self,
        plugin: &str,
        call: &CallRequest,
    ) -> Result<CallItems, ClientError> {
        let path = path(plugin, "/call");
        let (head, body, connection) = self.send(Method::POST, &path, Some(call)).await?;
        let kind = head.headers.get(CONTENT_TYPE);
        if head.status == StatusCode::OK && kind.is_some_and(|kind| kind == LINES) {
            return Ok(CallItems::new(body, connection.keep()));
        }
        let body = whole(body).await?;
        Err(refusal(&head, &body))
    }

    /// Stops a plugin.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn stop(&self, plugin: &str) -> Result<PluginReport, ClientError> {
        self.post(plugin, "/stop", &()).await
    }

    /// Applies a policy.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn apply(
        &self,
        plugin: &str,
        change: &ChangeRequest,
    ) -> Result<ChangeReport, ClientError> {
        self.post(plugin, "/policy", change).await
    }

    /// Goes back to a policy that held.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn rollback(
        &self,
        plugin: &str,
        back: &RollbackRequest,
    ) -> Result<ChangeReport, ClientError> {
        self.post(plugin, "/rollback", back).await
    }

    /// The policies that held.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn revisions(&self, plugin: &str) -> Result<Vec<RevisionReport>, ClientError> {
        self.get(&path(plugin, "/revisions")).await
    }

    /// What a plugin measured.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn metrics(&self, plugin: &str) -> Result<MetricsReport, ClientError> {
        self.get(&path(plugin, "/metrics")).await
    }

    async fn get<R: DeserializeOwned>(&self, path: &str) -> Result<R, ClientError> {
        let (_, bytes) = self.ask(Method::GET, path, None::<&()>).await?;
        serde_json::from_slice(&bytes).map_err(|error| ClientError::Odd(error.to_string()))
    }

    async fn post<R: DeserializeOwned>(
        &self,
        plugin: &str,
        verb: &str,
        body: &impl Serialize,
    ) -> Result<R, ClientError> {
        let (_, bytes) = self
            .ask(Method::POST, &path(plugin, verb), Some(body))
            .await?;
        serde_json::from_slice(&bytes).map_err(|error| ClientError::Odd(error.to_string()))
    }

    /// Whether the answer is JSON, and its body.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<(bool, Bytes), ClientError> {
        let (head, body, _connection) = self.send(method, path, body).await?;
        let kind = head.headers.get(CONTENT_TYPE);
        let json = kind.is_some_and(|kind| kind == "application/json");
        let body = whole(body).await?;
        match head.status {
            StatusCode::OK => Ok((json, body)),
            _ => Err(refusal(&head, &body)),
        }
    }

    /// Asks, and waits for the head of the answer.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<(Parts, Incoming, Connection), ClientError> {
        let body = match body {
            Some(body) => serde_json::to_vec(body).map_err(|error| odd(&error))?,
            None => Vec::new(),
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "lazaret")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| odd(&error))?;
        let stream = TokioIo::new(self.connect().await?);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream)
            .await
            .map_err(ClientError::Broken)?;
        // What goes wrong with it is told where the answer is read.
        let driven = tokio::spawn(async move { drop(connection.await) });
        let connection = Connection(Some(driven.abort_handle()));
        let answer = sender.send_request(request).await;
        let (head, body) = answer.map_err(ClientError::Broken)?.into_parts();
        Ok((head, body, connection))
    }

    async fn connect(&self) -> Result<UnixStream, ClientError> {
        let stream = UnixStream::connect(&self.socket).await;
        let stream = stream.map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
                ClientError::NoServer(self.socket.clone())
            }
            ErrorKind::PermissionDenied => ClientError::NoRight(self.socket.clone()),
            _ => ClientError::Io(error),
        })?;
        // Arguments and policies are for nobody else.
        let uid = stream.peer_cred().map_err(ClientError::Io)?.uid();
        if uid != 0 && uid != rustix::process::geteuid().as_raw() {
            let path = self.socket.clone();
            return Err(ClientError::Foreign { path, uid });
        }
        Ok(stream)
    }
}

/// A connection that is driven beside; dropped, it is closed.
struct Connection(Option<AbortHandle>);

impl Connection {
    /// For whoever closes it.
    fn keep(mut self) -> AbortHandle {
        self.0.take().expect("taken once")
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(driven) = &self.0 {
            driven.abort();
        }
    }
}

async fn whole(body: Incoming) -> Result<Bytes, ClientError> {
    let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
    Ok(body.map_err(|error| odd(&error))?.to_bytes())
}

fn refusal(head: &Parts, body: &[u8]) -> ClientError {
    match serde_json::from_slice(body) {
        Ok(refusal) => ClientError::Refused(refusal),
        Err(_) => odd(&head.status),
    }
}

fn odd(error: &dyn std::fmt::Display) -> ClientError {
    ClientError::Odd(error.to_string())
}

/// A path with a plugin's name in it, whatever characters that has (RFC 3986, 2.1).
fn path(plugin: &str, verb: &str) -> String {
    let name: String = plugin
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    format!("/v1/plugins/{name}{verb}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_is_one_part_of_a_path() {
        assert_eq!(path("weather", "/call"), "/v1/plugins/weather/call");
        assert_eq!(path("../a b?", "/x"), "/v1/plugins/%2E%2E%2Fa%20b%3F/x");
    }
}
