//! The shim as its engine sees it, over a socket pair.

mod acts;
mod calls;
#[cfg(feature = "quickjs")]
mod compiled;
mod crypto;
mod fetch;
mod files;
mod filtered;
mod harness;
mod intl;
mod limits;
mod listening;
mod modules;
mod packages;
mod parts;
mod read_again;
mod search;
mod secrets;
mod sockets;
mod spoilt;
mod state;
mod streams;
mod surface;
mod typescript;
mod web;
mod web_hostile;
mod websocket;
mod window;
