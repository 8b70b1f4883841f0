//! One plugin, as all its connections share it.

use std::sync::Arc;

use lazaret_policy::{Host, Mode, Port};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::Deadlines;
use super::account::{Account, Way};
use super::buffers::Pool;
use super::class::Class;
use super::counters::{Counters, Tally, add};
use super::decide::{Ask, How, Leave, decide};
use super::descriptors::Part;
use super::refusal::Refusal;
use super::resolve::Resolver;
use super::rules::Rules;

/// Something a plugin asked the broker for that no grant covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What, and why not.
    pub refusal: Refusal,
    /// It was let through, to be told.
    pub let_through: bool,
}

/// What the connections of one plugin share.
#[derive(Clone)]
pub(super) struct Plugin {
    pub(super) rules: watch::Receiver<Arc<Rules>>,
    pub(super) account: Arc<Account>,
    pub(super) counters: Arc<Counters>,
    pub(super) reports: mpsc::Sender<Report>,
    pub(super) resolver: Arc<Resolver>,
    pub(super) buffers: Arc<Pool>,
    pub(super) descriptors: Arc<Part>,
    pub(super) deadlines: Deadlines,
}

/// What an open connection is for, to be judged again by other rules.
#[derive(Clone, Debug)]
pub(super) struct Purpose {
    pub(super) host: Host,
    pub(super) port: Port,
    /// Method and path of a request; without them, bytes.
    pub(super) request: Option<(String, String)>,
}

impl Purpose {
    pub(super) fn ask(&self) -> Ask<'_> {
        Ask {
            host: &self.host,
            port: self.port,
            how: match &self.request {
                None => How::Connect,
                Some((method, path)) => How::Request { method, path },
            },
        }
    }
}

impl Plugin {
    pub(super) fn tally(&self, purpose: &Purpose) -> Arc<Tally> {
        self.counters
            .of(purpose.host.as_str(), purpose.port.number())
    }

    /// Decides, and tells what is let through without a grant.
    pub(super) async fn decide(&self, purpose: &Purpose) -> Result<Leave, Refusal> {
        let rules = Arc::clone(&self.rules.borrow());
        let leave = decide(&rules, &purpose.ask())?;
        if let Some(mode) = leave.observed {
            add(&self.tally(purpose).observed, 1);
            if mode == Mode::Audit {
                let refusal = Refusal::not_granted(&purpose.ask());
                self.report(refusal, true).await;
            }
        }
        Ok(leave)
    }

    /// Hands a refusal over to be recorded, before the plugin hears of it.
    pub(super) async fn refuse(&self, purpose: Option<&Purpose>, refusal: Refusal) {
        if let Some(purpose) = purpose {
            add(&self.tally(purpose).refused, 1);
        }
        self.report(refusal, false).await;
    }

    /// Waits for its turn: whoever records them does it at a pace.
    async fn report(&self, refusal: Refusal, let_through: bool) {
        let report = Report {
            refusal,
            let_through,
        };
        // Closed: the plugin has ended.
        self.reports.send(report).await.ok();
    }

    /// Waits until other rules forbid what a connection to an address of the class is for.
    /// `tls` says whether it was held to TLS.
    pub(super) async fn forbids(&self, purpose: &Purpose, tls: bool, class: Class) {
        let mut rules = self.rules.clone();
        loop {
            if rules.changed().await.is_err() {
                return;
            }
            let now = Arc::clone(&rules.borrow_and_update());
            let terms = decide(&now, &purpose.ask()).map(|leave| leave.needs_tls(class));
            match terms {
                Ok(Some(needs)) if tls || !needs => {}
                _ => return,
            }
        }
    }

    /// Waits until nothing was moved for as long as a connection may stand still. `moved` counts
    /// what was.
    pub(super) async fn idles(&self, moved: impl Fn() -> u64) {
        let mut before = moved();
        loop {
            tokio::time::sleep(self.deadlines.idle).await;
            let now = moved();
            if now == before {
                return;
            }
            before = now;
        }
    }

    /// What is said where the bytes of its life are used up.
    pub(super) fn used_up(&self, purpose: &Purpose, way: Way) -> Refusal {
        let limits = self.account.limits();
        let (key, limit) = match way {
            Way::Sent => ("sent", limits.sent),
            Way::Received => ("received", limits.received),
        };
        let reason = format!("`network.limits.{key}` of {limit} bytes is used up");
        Refusal::because(&purpose.ask(), reason)
    }

    /// The result within the deadline for a head, if there is one by then.
    pub(super) async fn soon<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        timeout(self.deadlines.head, future).await.ok()
    }
}
