//! The control socket: HTTP with JSON over a unix socket, for whoever runs the engine and root.
//! The only place that knows axum.
//!
//! | method and path, below `/v1` | what |
//! |---|---|
//! | `GET /plugins` | every plugin with state and figures |
//! | `GET /plugins/{plugin}` | one of them |
//! | `POST /plugins/{plugin}/call` | call a function |
//! | `POST /plugins/{plugin}/stop` | stop it |
//! | `POST /plugins/{plugin}/policy` | apply a policy |
//! | `POST /plugins/{plugin}/rollback` | go back to a policy that held |
//! | `GET /plugins/{plugin}/revisions` | the policies that held |
//! | `GET /plugins/{plugin}/violations` | the last violations |
//! | `GET /plugins/{plugin}/metrics` | what it measured |
//!
//! And `GET /metrics`, for Prometheus: what all plugins measured.

mod answer;
mod client;
mod failure;
mod kind;
mod messages;
mod routes;
mod server;
mod socket;
mod stream;
mod told;

pub use answer::CallItems;
pub use client::{Client, ClientError};
pub use messages::{
    CallRequest, CallResult, ChangeLine, ChangeReport, ChangeRequest, Kind, PluginReport,
    PluginState, Refusal, RevisionReport, RollbackRequest,
};
pub use server::serve;
pub use socket::{ControlSocket, SocketError};

pub(crate) use told::{Told, chain, no_json, of_call, of_end, of_launch};

/// Where the socket is, where nobody names another place.
pub const DEFAULT_SOCKET: &str = "/run/lazaret/control/socket";

/// The most bytes of a request's body: the largest arguments there may be, with all of it escaped
/// as JSON at the most usual rate.
const MAX_BODY_BYTES: usize = 2 * lazaret_protocol::MAX_FRAME_BYTES;
