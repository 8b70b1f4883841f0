//! What the policy has follow a violation, each with the plugin that does nothing of the kind.

use anyhow::ensure;
use lazaret::event::{Act, EndReason, Reaction};
use lazaret::supervisor::Ended;
use lazaret_protocol::Payload;
use lazaret_tests::case::Case;
use lazaret_tests::host::Session;
use lazaret_tests::setup::Setup;
use lazaret_tests::world::World;
use serde_json::{Value, json};

use super::{goes_on, record};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::asynchronous(
            "violations: a refused system call as the policy says",
            syscall,
        ),
        Case::asynchronous(
            "violations: a system call taken back by a signal as the policy says",
            taken_back,
        ),
        Case::asynchronous(
            "violations: a refused permission as the policy says",
            permission,
        ),
        Case::asynchronous(
            "violations: a way to the network as the policy says",
            network,
        ),
        Case::asynchronous("violations: an event at a limit as the policy says", limit),
    ]
}

/// What is done, and what the policy says of it.
struct Attempt {
    kind: &'static str,
    ask: &'static str,
    arguments: Value,
    is: fn(&Act) -> bool,
}

impl Attempt {
    fn setup(&self, reaction: &str) -> Setup {
        Setup::probe("").policy(&format!(
            "level: minimal\nresources: {{ pids: {{ max: 12 }} }}\n\
             violations: {{ {}: {{ severity: critical, reaction: {reaction} }} }}",
            self.kind
        ))
    }

    async fn attempt(&self, probe: &Session) {
        let arguments = Payload::Json(self.arguments.to_string());
        // Whether it is answered before the end is no matter.
        drop(probe.try_call(self.ask, arguments).await);
    }

    /// It is refused or held, recorded, and the plugin goes on.
    async fn goes_on(&self, world: &World, word: &str, reaction: Reaction) -> anyhow::Result<()> {
        let host = world.host()?;
        let probe = host.launch(&self.setup(word)).await?;
        self.attempt(&probe).await;
        goes_on(&probe).await?;
        let ended = probe.stop().await?;
        assert_eq!(record(&ended, self.is)?.reaction, reaction);
        assert_eq!(ended.quarantined, None);
        Ok(())
    }

    /// It is the end of the plugin, and not of one that does not do it.
    async fn ends(&self, world: &World, word: &str, reaction: Reaction) -> anyhow::Result<Ended> {
        let host = world.host()?;
        let twin = host.launch(&self.setup(word).named("twin")).await?;
        let probe = host.launch(&self.setup(word)).await?;
        self.attempt(&probe).await;
        let ended = probe.ended().await;
        let violation = record(&ended, self.is)?;
        assert_eq!(violation.reaction, reaction);
        assert_eq!(violation.severity, lazaret_policy::Severity::Critical);
        assert_eq!(
            ended.quarantined.is_some(),
            reaction == Reaction::Quarantine
        );
        goes_on(&twin).await?;
        twin.stop().await?;
        Ok(ended)
    }
}

async fn syscall(world: &World) -> anyhow::Result<()> {
    let attempt = Attempt {
        kind: "syscall",
        ask: "call",
        arguments: json!({ "name": "mount" }),
        is: |act| matches!(act, Act::Syscall(call) if call.name == "mount"),
    };
    attempt.goes_on(world, "deny", Reaction::Deny).await?;
    for (word, reaction) in [
        ("kill", Reaction::Kill),
        ("quarantine", Reaction::Quarantine),
    ] {
        let ended = attempt.ends(world, word, reaction).await?;
        ensure!(
            matches!(&ended.reason, EndReason::ForbiddenSyscall { name, .. } if name == "mount"),
            "{ended:?}"
        );
    }
    Ok(())
}

async fn taken_back(world: &World) -> anyhow::Result<()> {
    // Some are taken back before anybody hears of them, some before they are known; the last of
    // those that end is not.
    let seen = |act: &Act| matches!(act, Act::Syscall(_) | Act::Withdrawn);
    let attempt = |at_most: u64| Attempt {
        kind: "syscall",
        ask: "take_calls_back",
        arguments: json!({ "at_most": at_most }),
        is: seen,
    };
    attempt(50).goes_on(world, "deny", Reaction::Deny).await?;
    for (word, reaction) in [
        ("kill", Reaction::Kill),
        ("quarantine", Reaction::Quarantine),
    ] {
        // Without end but by the reaction.
        let ended = attempt(u64::MAX).ends(world, word, reaction).await?;
        ensure!(
            matches!(ended.reason, EndReason::ForbiddenSyscall { .. }),
            "{ended:?}"
        );
    }
    Ok(())
}

async fn permission(world: &World) -> anyhow::Result<()> {
    let attempt = Attempt {
        kind: "permission",
        ask: "forge_violations",
        arguments: json!({ "count": 1 }),
        is: |act| matches!(act, Act::Permission { .. }),
    };
    attempt.goes_on(world, "deny", Reaction::Deny).await?;
    ended_for_it(&attempt, world).await
}

async fn network(world: &World) -> anyhow::Result<()> {
    let attempt = Attempt {
        kind: "network",
        ask: "report_egress",
        arguments: json!({}),
        is: |act| matches!(act, Act::Network { .. }),
    };
    attempt.goes_on(world, "deny", Reaction::Deny).await?;
    ended_for_it(&attempt, world).await
}

async fn limit(world: &World) -> anyhow::Result<()> {
    let attempt = Attempt {
        kind: "pids",
        ask: "threads",
        arguments: json!({ "at_most": 100 }),
        is: |act| matches!(act, Act::Pids(_)),
    };
    attempt.goes_on(world, "log", Reaction::Log).await?;
    ended_for_it(&attempt, world).await
}

async fn ended_for_it(attempt: &Attempt, world: &World) -> anyhow::Result<()> {
    for (word, reaction) in [
        ("kill", Reaction::Kill),
        ("quarantine", Reaction::Quarantine),
    ] {
        let ended = attempt.ends(world, word, reaction).await?;
        match &ended.reason {
            EndReason::Violation { act } => ensure!((attempt.is)(act), "{ended:?}"),
            other => anyhow::bail!("{other:?}"),
        }
    }
    Ok(())
}
