//! Hosts, and what may be spoken to them.

mod address;
mod endpoint;
mod host;
mod http;
mod pattern;
mod port;

pub use address::AddressClass;
pub use endpoint::{AllowedEndpoint, Endpoint, Protocol, TlsEnd};
pub use host::Host;
pub use http::{Method, Methods, PathPattern, Paths};
pub use pattern::HostPattern;
pub use port::Port;
