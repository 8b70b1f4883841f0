//! A plugin's way out, as its task holds it.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use tokio::sync::mpsc;

use super::state::State;
use super::task::Task;
use crate::egress::{Broker, BrokerError, EgressHandle, Ending, Options, Report, Rules};
use crate::event::{Act, Witness};
use crate::learn::Tally;

/// Refusals that wait to be recorded; who makes more waits.
const REPORTS: usize = 16;

/// The broker of an engine, started for the first plugin that needs one.
#[derive(Default)]
pub(super) struct LazyBroker {
    options: Options,
    started: Mutex<Option<Arc<Broker>>>,
}

impl LazyBroker {
    pub(super) fn new(options: Options) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }

    pub(super) fn get(&self) -> Result<Arc<Broker>, BrokerError> {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(broker) = started.as_ref() {
            return Ok(Arc::clone(broker));
        }
        let broker = Arc::new(Broker::start(&self.options)?);
        *started = Some(Arc::clone(&broker));
        Ok(broker)
    }
}

/// The broker's end of one plugin.
pub(super) struct Egress {
    handle: EgressHandle,
    reports: mpsc::Receiver<Report>,
    /// Lives as long as the plugin does.
    _broker: Arc<Broker>,
}

/// A socket for the launcher to give a name to.
pub(super) fn unnamed_socket() -> std::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        flags,
        None,
    )?)
}

impl Egress {
    /// Serves what comes in at a socket that has its name by now.
    pub(super) fn serve(
        broker: Arc<Broker>,
        socket: OwnedFd,
        (rules, ending): (Rules, Option<Ending>),
        learn: Option<&Arc<Tally>>,
    ) -> std::io::Result<Self> {
        let (sender, reports) = mpsc::channel(REPORTS);
        let listener = UnixListener::from(socket);
        let handle = broker.serve(listener, rules, sender, ending)?;
        if let Some(learn) = learn {
            handle.learn(Arc::clone(learn));
        }
        Ok(Self {
            handle,
            reports,
            _broker: broker,
        })
    }

    pub(super) fn handle(&self) -> &EgressHandle {
        &self.handle
    }
}

/// The next refusal; never, where there is no broker.
pub(super) async fn next(egress: &mut Option<Egress>) -> Report {
    let report = match egress {
        Some(egress) => egress.reports.recv().await,
        None => None,
    };
    match report {
        Some(report) => report,
        None => std::future::pending().await,
    }
}

impl Task {
    /// The broker refused something, or let it through to be recorded.
    pub(super) async fn on_egress(&mut self, state: &mut State, report: Report) {
        state.egress_pace.count(0, Instant::now());
        let act = Act::Network {
            permission: report.refusal.permission,
            reason: report.refusal.reason,
        };
        if report.let_through {
            self.let_through(state, act, Witness::Engine);
        } else {
            self.on_violation(state, act, Witness::Engine).await;
        }
    }

    /// Closes the way out: what was refused before is still recorded, and whom the plugin reached
    /// is counted, where that is to be learned.
    pub(super) async fn close_egress(&mut self, state: &mut State) {
        let Some(mut egress) = self.egress.take() else {
            return;
        };
        while let Ok(report) = egress.reports.try_recv() {
            self.on_egress(state, report).await;
        }
        let Some(learn) = &self.learn else {
            return;
        };
        for count in egress.handle().counts() {
            let permission = match count.port {
                443 => format!("network:read:{}", count.host),
                port => format!("network:connect:{}:{port}", count.host),
            };
            if count.connections > 0 {
                learn.tally().used(&permission, count.connections);
            }
        }
    }
}
