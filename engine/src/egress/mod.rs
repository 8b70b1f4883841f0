//! The way out: what plugins may reach on the network, through the engine.
//!
//! A container's network has nothing but a loopback. A plugin whose policy grants it anything of
//! the network finds one unix socket, which only its container reaches; whatever comes in there is
//! that plugin's. One broker serves all plugins of an engine, in a thread of its own.
//!
//! ```text
//!  unix socket ─▶ head ─▶ decide ─▶ resolve ─▶ class of each address ─▶ connect to that address
//!                   │        │                        │                         │
//!                   └────────┴──── 403, violation ◀───┘       TLS: its name is the granted one
//!                                                             HTTP: written anew, one by one;
//!                                                             a WebSocket goes on from there
//!                                                             TLS that ends here: as HTTP, and
//!                                                             in TLS of our own to the server
//! ```
//!
//! `decide` is pure. The address that was judged is the one that is connected to: nothing resolves
//! the name a second time.

mod account;
mod anew;
mod authority;
mod buffers;
mod class;
mod connect;
mod counters;
pub mod decide;
mod descriptors;
mod ended;
pub mod handout;
pub mod head;
pub mod hello;
mod http;
mod metered;
mod own;
mod plugin;
mod refusal;
mod relay;
mod resolve;
mod rules;
mod serve;
pub mod target;
mod trust;
mod tunnel;
mod upgrade;

use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use account::Account;
use buffers::{Buffers, Pool};
use counters::Counters;
use descriptors::{Descriptors, Part};
use plugin::Plugin;
use resolve::Resolver;

use crate::learn::Tally;

pub use authority::{Authority, AuthorityError};
pub use class::{Class, Classes, class};
pub use counters::Count;
pub use ended::{Ending, EndingError};
pub use plugin::Report;
pub use refusal::Refusal;
pub use resolve::NameServers;
pub use rules::{Limits, Rules};
pub use trust::TrustError;

/// The header field that says what is missing, or why not.
const REFUSAL: &str = lazaret_protocol::EGRESS_REFUSAL;

/// The header field that says why a granted host cannot be reached.
const UNREACHABLE: &str = lazaret_protocol::EGRESS_UNREACHABLE;

/// The most descriptors the broker has the process raise its own limit to.
const DESCRIPTORS: u32 = 65_536;

/// How long what a connection waits for may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// The head of a request, and the first bytes of TLS.
    pub head: Duration,
    /// The addresses of a name.
    pub resolve: Duration,
    /// A connection to one of them.
    pub connect: Duration,
    /// The next byte, either way.
    pub idle: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            resolve: Duration::from_secs(10),
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(300),
        }
    }
}

/// How a broker works.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whom names are asked of.
    pub name_servers: NameServers,
    /// How long things may take.
    pub deadlines: Deadlines,
    /// How many descriptors the connections of all plugins may take; three quarters of what the
    /// process may have, where this is `None`.
    pub descriptors: Option<u32>,
}

/// Why there is no broker.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// Its thread cannot be started.
    #[error("failed to start the egress broker's thread")]
    Thread(#[source] std::io::Error),
    /// The host's name servers cannot be found out.
    #[error("failed to read the host's name server configuration")]
    Resolver(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The broker of an engine. Dropped, it closes every connection.
pub struct Broker {
    runtime: Handle,
    resolver: Arc<Resolver>,
    buffers: Arc<Buffers>,
    descriptors: Arc<Descriptors>,
    deadlines: Deadlines,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The way out of one plugin. Dropped, it is closed, and so is every connection of that plugin.
#[derive(Debug)]
pub struct EgressHandle {
    rules: watch::Sender<Arc<Rules>>,
    account: Arc<Account>,
    counters: Arc<Counters>,
    ending: Option<Arc<Ending>>,
}

impl Broker {
    /// Starts its thread. Raises the process's soft limit of open files as far as is of use and
    /// as the hard one lets it.
    ///
    /// # Errors
    /// [`BrokerError`].
    pub fn start(options: &Options) -> Result<Self, BrokerError> {
        let limit = raise_descriptor_limit();
        let descriptors = options.descriptors.unwrap_or(limit / 4 * 3);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(BrokerError::Thread)?;
        let handle = runtime.handle().clone();
        let resolver = {
            let _within = handle.enter();
            Resolver::new(&options.name_servers)
        };
        let resolver = resolver.map_err(|error| BrokerError::Resolver(error.into()))?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("egress".to_owned())
            .spawn(move || {
                // Told or forgotten, it is the end.
                runtime.block_on(stopped).ok();
            })
            .map_err(BrokerError::Thread)?;
        Ok(Self {
            runtime: handle,
            resolver: Arc::new(resolver),
            buffers: Arc::default(),
            descriptors: Arc::new(Descriptors::new(descriptors)),
            deadlines: options.deadlines,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Serves one plugin: whoever connects to the listener is that plugin. What it is refused is
    /// reported before it hears of it; while nobody takes reports, whoever is refused waits.
    /// `ending` is what it takes where the rules have the broker end TLS.
    ///
    /// # Errors
    /// Where the listener cannot be used.
    pub fn serve(
        &self,
        listener: UnixListener,
        rules: Rules,
        reports: mpsc::Sender<Report>,
        ending: Option<Ending>,
    ) -> std::io::Result<EgressHandle> {
        listener.set_nonblocking(true)?;
        let listener = {
            let _within = self.runtime.enter();
            tokio::net::UnixListener::from_std(listener)?
        };
        let account = Arc::new(Account::new(rules.limits, Instant::now()));
        let counters = Arc::new(Counters::default());
        let (sender, receiver) = watch::channel(Arc::new(rules));
        let ending = ending.map(Arc::new);
        let plugin = Plugin {
            rules: receiver,
            account: Arc::clone(&account),
            counters: Arc::clone(&counters),
            reports,
            resolver: Arc::clone(&self.resolver),
            buffers: Arc::new(Pool::of(&self.buffers)),
            descriptors: Arc::new(Part::of(&self.descriptors)),
            deadlines: self.deadlines,
            ending: ending.clone(),
        };
        self.runtime.spawn(serve::serve(listener, plugin));
        Ok(EgressHandle {
            rules: sender,
            account,
            counters,
            ending,
        })
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl EgressHandle {
    /// Tells of every connection that is made from now on. Once told, where stays.
    pub fn learn(&self, tally: Arc<Tally>) {
        self.counters.learn.set(tally).ok();
    }

    /// Holds the plugin to other rules from now on. Connections they forbid are closed. What was
    /// used of limits stays used.
    pub fn set(&self, rules: Rules) {
        self.account.set(rules.limits, Instant::now());
        self.rules.send_replace(Arc::new(rules));
    }

    /// Whether TLS can be ended for this plugin wherever these rules have the broker do so: whom
    /// it trusts is settled when it starts.
    pub fn can_end(&self, rules: &Rules) -> bool {
        let covers = |ending: &Arc<Ending>| ending.covers(rules);
        !rules.end_tls() || self.ending.as_ref().is_some_and(covers)
    }

    /// What went where, by host and port.
    pub fn counts(&self) -> Vec<Count> {
        self.counters.read()
    }
}

/// Gives the limit that holds then, and no more than is of use.
fn raise_descriptor_limit() -> u32 {
    let useful = u64::from(DESCRIPTORS);
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(useful).min(useful);
    if limit.current.is_some_and(|current| current < wanted) {
        let raised = Rlimit {
            current: Some(wanted),
            maximum: limit.maximum,
        };
        // With fewer it takes fewer connections at a time.
        setrlimit(Resource::Nofile, raised).ok();
    }
    let holds = getrlimit(Resource::Nofile).current.unwrap_or(useful);
    u32::try_from(holds).map_or(DESCRIPTORS, |holds| holds.min(DESCRIPTORS))
}
