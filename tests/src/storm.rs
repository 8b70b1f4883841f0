//! Attacks on what plugins share, to be started and stopped beside another plugin.

use anyhow::{bail, ensure};
use lazaret::event::EndReason;
use lazaret::supervisor::CallFailure;
use lazaret_protocol::Payload;
use serde_json::{Value, json};

use crate::host::{Host, Session};
use crate::setup::{Js, Setup, plugin_source};
use crate::world::together;

/// How long one call of an attack goes on, in milliseconds.
const SPAN: u64 = 100;

/// A call: the function, and its arguments or so many bytes in their place.
type Call = (&'static str, Value, usize);

/// What must come of each call, or the attack is none.
type Expected = fn(&Result<Payload, CallFailure>) -> bool;

/// An attack.
pub struct Storm {
    /// What it is, and by whom.
    pub name: String,
    setup: Setup,
    /// Made at once, again and again.
    calls: Vec<Call>,
    expected: Expected,
    /// The plugin is stopped after each round.
    restarts: bool,
}

/// Who makes an attack.
pub struct Attacker<'a> {
    host: &'a Host,
    storm: &'a Storm,
    session: Option<Session>,
    /// Rounds so far.
    pub rounds: u64,
}

impl<'a> Attacker<'a> {
    /// Has the plugin launched.
    ///
    /// # Errors
    /// Where it does not get ready.
    pub async fn new(host: &'a Host, storm: &'a Storm) -> anyhow::Result<Self> {
        let session = Some(host.launch(&storm.setup).await?);
        Ok(Self {
            host,
            storm,
            session,
            rounds: 0,
        })
    }

    /// Attacks until it is told that this is over. The plugin is there and idle then.
    ///
    /// # Errors
    /// Where a call does not have the outcome it must have.
    pub async fn strike(&mut self, over: impl Fn() -> bool) -> anyhow::Result<()> {
        while !over() {
            let session = match self.session.take() {
                Some(session) => session,
                None => self.host.launch(&self.storm.setup).await?,
            };
            let goes_on = self.round(&session).await?;
            if goes_on && !self.storm.restarts {
                self.session = Some(session);
            } else {
                drop(session.ended_or_stopped().await);
            }
            self.rounds += 1;
        }
        if self.session.is_none() {
            self.session = Some(self.host.launch(&self.storm.setup).await?);
        }
        Ok(())
    }

    /// False where the plugin has ended.
    async fn round(&self, session: &Session) -> anyhow::Result<bool> {
        let calls = self.storm.calls.iter().enumerate();
        let calls = calls.map(async |(number, (function, arguments, bytes))| {
            // Each is on its way before the next one takes memory.
            for _ in 0..number {
                tokio::task::yield_now().await;
            }
            let arguments = match *bytes {
                0 => Payload::Json(arguments.to_string()),
                bytes => Payload::Bytes(vec![1; bytes]),
            };
            let result = session.try_call(function, arguments).await;
            if !(self.storm.expected)(&result) {
                bail!("{}: {result:?}", self.storm.name);
            }
            Ok(!matches!(result, Err(CallFailure::Ended(_))))
        });
        let mut goes_on = true;
        for result in together(calls).await {
            goes_on &= result?;
        }
        Ok(goes_on)
    }

    /// Has the plugin stopped.
    ///
    /// # Errors
    /// Where there was no attack at all.
    pub async fn stop(self) -> anyhow::Result<()> {
        if let Some(session) = self.session {
            drop(session.ended_or_stopped().await);
        }
        ensure!(self.rounds > 0, "no attack was made");
        Ok(())
    }
}

fn answers(result: &Result<Payload, CallFailure>) -> bool {
    result.is_ok()
}

fn out_of_memory(result: &Result<Payload, CallFailure>) -> bool {
    let reason = |reason: &EndReason| matches!(reason, EndReason::OutOfMemory { .. });
    matches!(result, Err(CallFailure::Ended(ended)) if reason(ended))
}

fn answers_or_out_of_memory(result: &Result<Payload, CallFailure>) -> bool {
    answers(result) || out_of_memory(result)
}

fn breaks_the_rules(result: &Result<Payload, CallFailure>) -> bool {
    let reason = |reason: &EndReason| matches!(reason, EndReason::Protocol { .. });
    matches!(result, Err(CallFailure::Ended(ended)) if reason(ended))
}

fn answers_or_is_refused(result: &Result<Payload, CallFailure>) -> bool {
    matches!(result, Ok(_) | Err(CallFailure::Backlog { .. }))
}

/// Attacks by a shim in somebody else's hands.
pub fn by_the_probe() -> Vec<Storm> {
    let storm = |name: &str, function, mut arguments: Value| {
        arguments["milliseconds"] = SPAN.into();
        Storm {
            name: format!("{name} by the probe"),
            setup: Setup::probe("").named("storm"),
            calls: vec![(function, arguments, 0)],
            expected: answers,
            restarts: false,
        }
    };
    let under = |policy: &str, storm: Storm| Storm {
        setup: storm.setup.policy(policy),
        ..storm
    };
    let ending = |expected, storm: Storm| Storm { expected, ..storm };
    // A call that is refused and nothing more, so that it can be made again.
    let refused = "level: minimal";
    let high = "resources: { memory: { max: 64MiB, high: 32MiB } }\n\
                requirements: { memory.high: best_effort }";
    vec![
        storm("eight busy threads", "storm_cpu", json!({ "threads": 8 })),
        storm("threads", "storm_threads", json!({})),
        under(refused, storm("a fork bomb", "storm_forks", json!({}))),
        storm(
            "memory up to its limit",
            "storm_memory",
            json!({ "mib": 48 }),
        ),
        under(
            high,
            storm(
                "memory over its soft limit",
                "storm_memory",
                json!({ "mib": 32 }),
            ),
        ),
        ending(
            out_of_memory,
            storm(
                "memory over its limit",
                "touch_memory",
                json!({ "mib": 1024 }),
            ),
        ),
        storm("a full /tmp", "storm_files", json!({})),
        storm("every inode of /tmp", "storm_inodes", json!({})),
        storm("descriptors", "storm_descriptors", json!({})),
        under(
            refused,
            storm("forbidden calls", "storm_calls", json!({ "name": "mount" })),
        ),
        storm("tiny frames", "storm_figures", json!({})),
        storm("empty log lines", "storm_lines", json!({ "bytes": 0 })),
        storm("log lines", "storm_lines", json!({ "bytes": 500 })),
        storm(
            "large log lines",
            "storm_lines",
            json!({ "bytes": 500_000 }),
        ),
        storm("violations", "storm_violations", json!({ "bytes": 8000 })),
        Storm {
            calls: vec![("forge_large_result", json!({ "bytes": 4_000_000 }), 0); 2],
            ..under(refused, storm("large results", "", json!({})))
        },
        ending(
            breaks_the_rules,
            storm(
                "results over the limit",
                "forge_large_result",
                json!({ "bytes": 8_000_000 }),
            ),
        ),
        Storm {
            calls: unread_calls(),
            ..ending(answers_or_is_refused, storm("unread calls", "", json!({})))
        },
        Storm {
            restarts: true,
            ..storm("starts and stops", "get_process_id", json!({}))
        },
    ]
}

/// One call that is not answered for a while, and behind it more than may wait.
fn unread_calls() -> Vec<Call> {
    let mut calls = vec![("storm_silence", json!({ "milliseconds": SPAN }), 0)];
    calls.extend(vec![("storm_silence", Value::Null, 1_000_000); 40]);
    calls
}

/// Attacks by a plugin.
///
/// # Errors
/// Where its source is not there.
pub fn by_a_plugin(js: Js) -> anyhow::Result<Vec<Storm>> {
    let source = plugin_source("hostile/storm.js")?;
    let storm = |name: &str, function, arguments: Value| Storm {
        name: format!("{name} [{js}]"),
        setup: Setup::javascript(js, "storm", &source),
        calls: vec![(function, arguments, 0)],
        expected: answers,
        restarts: false,
    };
    Ok(vec![
        storm("an endless loop", "loop", json!([SPAN])),
        Storm {
            // What is given back may be taken again before it is collected.
            expected: answers_or_out_of_memory,
            ..storm("memory up to its limit", "memory", json!([SPAN, 16]))
        },
        Storm {
            expected: out_of_memory,
            ..storm("memory over its limit", "bomb", json!([]))
        },
        Storm {
            expected: answers_or_out_of_memory,
            ..storm("promises", "promises", json!([SPAN]))
        },
        Storm {
            expected: answers_or_out_of_memory,
            ..storm("timers", "timers", json!([SPAN]))
        },
        storm("log lines", "lines", json!([SPAN])),
        Storm {
            calls: vec![("result", json!([1000]), 0); 64],
            ..storm("results", "", json!([]))
        },
        Storm {
            calls: vec![("result", json!([1_000_000]), 0); 4],
            ..storm("large results", "", json!([]))
        },
        Storm {
            restarts: true,
            ..storm("starts and stops", "result", json!([1]))
        },
    ])
}
