//! One plugin, as all its connections share it.

use std::sync::Arc;

use lazaret_policy::{Host, Mode, Port};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::Deadlines;
use super::account::{Account, Turn, Way};
use super::buffers::Pool;
use super::class::Class;
use super::counters::{Counters, Tally, add};
use super::decide::{Ask, How, Leave, Terms, decide, decide_again};
use super::descriptors::Part;
use super::ended::Ending;
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
    /// What it takes to end TLS, where the policy it started with has the broker do so.
    pub(super) ending: Option<Arc<Ending>>,
}

/// What an open connection is for, to be judged again by other rules.
#[derive(Clone, Debug)]
pub(super) struct Purpose {
    pub(super) host: Host,
    pub(super) port: Port,
    /// Method and path of a request; without them, bytes.
    pub(super) request: Option<(String, String)>,
    /// The request came in within TLS that the broker ends.
    pub(super) ended: bool,
}

impl Purpose {
    pub(super) fn ask(&self) -> Ask<'_> {
        Ask {
            host: &self.host,
            port: self.port,
            how: match &self.request {
                None => How::Connect,
                Some((method, path)) if self.ended => How::Ended { method, path },
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
        let leave = decide(&self.rules(), &purpose.ask())?;
        if let Some(mode) = leave.observed {
            add(&self.tally(purpose).observed, 1);
            if mode == Mode::Audit {
                let refusal = Refusal::not_granted(&purpose.ask());
                self.report(refusal, true).await;
            }
        }
        Ok(leave)
    }

    /// Decides again what was decided on before, by the rules of the moment.
    pub(super) fn decide_again(
        &self,
        purpose: &Purpose,
        before: &Leave,
        class: Option<Class>,
    ) -> Result<(), Refusal> {
        decide_again(&self.rules(), &purpose.ask(), before, class)
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

    /// The rules as they are now.
    pub(super) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.borrow())
    }

    /// Waits where there were too many connections within a second.
    ///
    /// # Errors
    /// [`Refusal`] where too many wait for that already.
    pub(super) async fn waits_to_connect(&self, purpose: &Purpose) -> Result<(), Refusal> {
        match self.account.connects(std::time::Instant::now()) {
            Turn::Now => Ok(()),
            Turn::In(wait) => {
                tokio::time::sleep(wait).await;
                Ok(())
            }
            Turn::Never => {
                let limit = self.account.limits().connects;
                let reason = format!(
                    "`network.limits.connects` of {limit} a second are asked for faster than that by far"
                );
                Err(Refusal::because(&purpose.ask(), reason))
            }
        }
    }

    /// Waits until other rules forbid what a connection to an address of the class is for, which
    /// was made on these terms.
    pub(super) async fn forbids(&self, purpose: &Purpose, terms: Terms, class: Class) {
        let goes_on = |now: Leave| {
            let now = now.terms(class);
            now.is_some_and(|now| terms.go_on_under(now))
        };
        self.changes(purpose, goes_on).await;
    }

    /// Waits until by other rules the broker does not end TLS there any more.
    pub(super) async fn ends_no_more(&self, purpose: &Purpose) {
        self.changes(purpose, |now| now.is_ended()).await;
    }

    async fn changes(&self, purpose: &Purpose, goes_on: impl Fn(Leave) -> bool) {
        let mut rules = self.rules.clone();
        loop {
            if rules.changed().await.is_err() {
                return;
            }
            let now = Arc::clone(&rules.borrow_and_update());
            if !decide(&now, &purpose.ask()).is_ok_and(&goes_on) {
                return;
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
