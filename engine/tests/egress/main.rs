//! The egress broker with real parts: its socket, servers on the loopback, a name server that lies.

#![expect(
    clippy::unwrap_used,
    reason = "all of it is tests, which end where something is not there"
)]

mod dns;
mod ended;
mod held;
mod hostile;
mod http;
mod learned;
mod limits;
mod live;
mod many;
mod names;
mod own;
mod plugin;
mod secrets;
mod server;
mod taken;
mod tls;
mod tunnel;
mod upgrade;
