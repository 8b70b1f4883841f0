//! How often a plugin reached for each host, and how much went there and back.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::Serialize;

use super::class::Class;
use super::handout::without_placeholders;
use super::plugin::Purpose;
use crate::learn::{self, Request};

/// The most hosts of one plugin that are told apart: it names as many as it likes.
const MOST: usize = 1024;

/// What stands for all hosts beyond those.
const OTHERS: (&str, u16) = ("others", 0);

/// The figures of one plugin, by host and port.
#[derive(Debug, Default)]
pub(super) struct Counters {
    hosts: Mutex<BTreeMap<(String, u16), Arc<Tally>>>,
    /// Where each request is told of, where that is to be learned.
    pub(super) learn: OnceLock<Arc<learn::Tally>>,
}

/// The figures of one host and port while they are counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) connections: AtomicU64,
    pub(super) requests: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) observed: AtomicU64,
    pub(super) sent: AtomicU64,
    pub(super) received: AtomicU64,
}

/// The figures of one host and port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The host's name; `others` for all beyond the first 1024 that were asked for.
    pub host: String,
    /// The port; 0 for `others`.
    pub port: u16,
    /// Connections made to it.
    pub connections: u64,
    /// Requests that the broker read and passed on to it.
    pub requests: u64,
    /// Times it was refused.
    pub refused: u64,
    /// Times it was let through although no grant covers it.
    pub observed: u64,
    /// Bytes sent to it.
    pub sent: u64,
    /// Bytes received from it.
    pub received: u64,
}

impl Counters {
    /// Where to count for a host and port.
    pub(super) fn of(&self, host: &str, port: u16) -> Arc<Tally> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = (host.to_owned(), port);
        if hosts.len() >= MOST && !hosts.contains_key(&key) {
            key = (OTHERS.0.to_owned(), OTHERS.1);
        }
        Arc::clone(hosts.entry(key).or_default())
    }

    /// A connection was made, for TLS or not, to an address of the class.
    pub(super) fn reached(&self, purpose: &Purpose, tls: bool, class: Class) {
        let Some(learn) = self.learn.get() else {
            return;
        };
        let (method, path) = purpose.request.clone().unzip();
        learn.requested(&Request {
            host: purpose.host.as_str().to_owned(),
            port: purpose.port.number(),
            protocol: match (tls, &method) {
                (true, _) => "https",
                (false, Some(_)) => "http",
                (false, None) => "tcp",
            },
            method,
            path: path.map(without_placeholders),
            addresses: Some(class.to_string()),
        });
    }

    /// The figures as they are now, by host and port.
    pub(super) fn read(&self) -> Vec<Count> {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        hosts
            .iter()
            .map(|((host, port), tally)| Count {
                host: host.clone(),
                port: *port,
                connections: read(&tally.connections),
                requests: read(&tally.requests),
                refused: read(&tally.refused),
                observed: read(&tally.observed),
                sent: read(&tally.sent),
                received: read(&tally.received),
            })
            .collect()
    }
}

/// Counts some more.
pub(super) fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_that_names_ever_new_hosts_takes_no_more_room() {
        let counters = Counters::default();
        for number in 0..5000 {
            add(&counters.of(&format!("h{number}.example"), 80).refused, 1);
        }
        let counts = counters.read();
        assert_eq!(counts.len(), MOST + 1);
        assert_eq!(counts.iter().map(|count| count.refused).sum::<u64>(), 5000);
        add(&counters.of("h0.example", 80).refused, 1);
        let first = &counters.read()[0];
        assert_eq!((first.host.as_str(), first.refused), ("h0.example", 2));
    }
}
