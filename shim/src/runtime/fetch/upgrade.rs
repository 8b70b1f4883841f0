//! A request that asks a host to go on with something else than HTTP: by a connection of its own,
//! which is the plugin's from the answer on.

use std::rc::Rc;

use deno_core::OpState;
use deno_core::url::{Position, Url};
use deno_error::JsErrorBox;
use hyper::Response;
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderMap};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use super::body;
use super::broker::{
    Body, Dial, Failure, builder, host_field, of_hyper, refused, uri, within_patience,
};
use super::ops::{Way, granted};

/// What it takes to send one: it is granted, and counted among the connections in use.
pub(in crate::runtime) struct Passage {
    dial: Dial,
    connector: Option<TlsConnector>,
    /// Counts the connection as long as this is held.
    pub(in crate::runtime) open: Rc<()>,
}

impl Passage {
    /// That of a request with the method `GET`.
    pub(in crate::runtime) fn of(state: &mut OpState, url: &Url) -> Result<Self, JsErrorBox> {
        granted(state, "GET", url)?;
        let way = state.borrow_mut::<Way>();
        let secure = url.scheme() == "https";
        Ok(Self {
            dial: way.dial(),
            open: way.begin()?,
            connector: secure.then(|| way.connector()).transpose()?,
        })
    }

    /// Sends one with these fields; the stream is to be had of the answer.
    pub(in crate::runtime) async fn ask(
        &self,
        url: &Url,
        fields: HeaderMap,
    ) -> Result<Response<Incoming>, Failure> {
        within_patience("no answer", self.exchange(url, fields)).await
    }

    async fn exchange(&self, url: &Url, fields: HeaderMap) -> Result<Response<Incoming>, Failure> {
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or_default();
        let mut request = hyper::Request::new(body::empty());
        *request.headers_mut() = fields;
        request.headers_mut().insert(HOST, host_field(url)?);
        match &self.connector {
            None => {
                *request.uri_mut() = uri(&url[..Position::AfterQuery])?;
                refused(speak(self.dial.broker().await?, request).await?)
            }
            Some(connector) => {
                *request.uri_mut() = uri(&url[Position::BeforePath..Position::AfterQuery])?;
                let tunnel = self.dial.host(host, port).await?;
                let brokered = tunnel.brokered;
                let answer = speak(tunnel.tls(connector, host).await?, request).await?;
                // Within TLS it is the host that answers, unless the broker ends that.
                if brokered {
                    refused(answer)
                } else {
                    Ok(answer)
                }
            }
        }
    }
}

async fn speak<S>(stream: S, request: hyper::Request<Body>) -> Result<Response<Incoming>, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = builder()
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| of_hyper(&error))?;
    // Ends with the answer, or when the stream has been handed out.
    tokio::spawn(connection.with_upgrades());
    let answer = sender.send_request(request).await;
    answer.map_err(|error| of_hyper(&error))
}
