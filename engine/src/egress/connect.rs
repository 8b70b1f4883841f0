//! From a granted name to a connection: each address is judged, and the one that was judged is the
//! one that is connected to.

use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::account::Slot;
use super::class::Class;
use super::counters::add;
use super::decide::{Leave, Terms};
use super::descriptors::{ONWARD, Share};
use super::own::class_here;
use super::plugin::{Plugin, Purpose};
use super::refusal::Refusal;

/// A connection to a granted host.
pub(super) struct Upstream {
    pub(super) stream: TcpStream,
    /// Of the address it is connected to.
    pub(super) class: Class,
    /// What it may carry.
    pub(super) terms: Terms,
    /// Its place, as long as it is open.
    pub(super) place: (Slot, Share),
}

/// Why there is none.
pub(super) enum Failure {
    /// The policy does not allow it.
    Refused(Refusal),
    /// The network does not, for this reason.
    Unreachable(String),
    /// All plugins together have too many connections for one more of this one.
    Busy,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What is said of [`Failure::Busy`].
pub(super) const BUSY: &str = "the plugins of this engine have too many connections open";

/// What is said where nobody can be told from this host.
const UNKNOWN: &str = "the kernel does not say whether the address is this host's own";

/// Resolves and connects, as far as there is leave, and still is by then. `counted` says that this one was counted
/// among the connections of a second before.
pub(super) async fn connect(
    plugin: &Plugin,
    purpose: &Purpose,
    leave: &Leave,
    counted: bool,
) -> Result<Upstream, Failure> {
    let Some(slot) = plugin.account.opens().await else {
        let most = plugin.account.limits().connections;
        let reason = format!("`network.limits.connections` of {most} at a time are open");
        return Err(Refusal::because(&purpose.ask(), reason).into());
    };
    let share = plugin.descriptors.take(ONWARD).ok_or(Failure::Busy)?;
    // Whoever opens them faster than may be waits, however many it asked for in one connection.
    if !counted {
        plugin.waits_to_connect(purpose).await?;
    }
    let unreachable = |what: &str| Failure::Unreachable(what.to_owned());
    let found = timeout(
        plugin.deadlines.resolve,
        plugin.resolver.addresses(&purpose.host),
    )
    .await;
    let found = match found {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(error)) => return Err(unreachable(&error.to_string())),
        Err(_) => return Err(unreachable("the name was not resolved in time")),
    };
    let found: Vec<_> = found
        .into_iter()
        .map(|address| Ok((address, class_here(address)?)))
        .collect::<std::io::Result<_>>()
        .map_err(|error| unreachable(&format!("{UNKNOWN}: {}", error.kind())))?;
    plugin.decide_again(purpose, leave, None)?;
    let terms = |&(address, class)| Some((address, class, leave.terms(class)?));
    let allowed: Vec<_> = found.iter().filter_map(terms).collect();
    if let (true, Some((_, class))) = (allowed.is_empty(), found.first()) {
        let reason = format!(
            "the name leads to an address of class `{class}`, which the policy does not grant there"
        );
        return Err(Refusal::because(&purpose.ask(), reason).into());
    }
    let deadline = Instant::now() + plugin.deadlines.connect;
    let mut told = "the name has no address".to_owned();
    for (number, (address, class, terms)) in (1_u32..).zip(allowed.iter().copied()) {
        // Each gets its part of what time is left; the last one all of it.
        let left = deadline.saturating_duration_since(Instant::now());
        let parts = (allowed.len() as u32).saturating_sub(number) + 1;
        let until = Instant::now() + left / parts;
        let target = SocketAddr::new(address, purpose.port.number());
        // All that came before took its time, and so does each that does not answer.
        plugin.decide_again(purpose, leave, Some(class))?;
        match timeout_at(until, TcpStream::connect(target)).await {
            // Whose it is was told before: the host may have got the address since.
            Ok(Ok(_)) if !class_here(address).is_ok_and(|now| now == class) => {
                told = "the address is another kind's than before it was connected to".to_owned();
            }
            Ok(Ok(stream)) => {
                plugin.decide_again(purpose, leave, Some(class))?;
                // Bytes are passed on as they come.
                stream.set_nodelay(true).ok();
                add(&plugin.tally(purpose).connections, 1);
                plugin.counters.reached(purpose, terms.is_tls(), class);
                return Ok(Upstream {
                    stream,
                    class,
                    terms,
                    place: (slot, share),
                });
            }
            Ok(Err(error)) => told = format!("failed to connect: {}", error.kind()),
            Err(_) => told = "nobody answered in time".to_owned(),
        }
    }
    Err(unreachable(&told))
}
