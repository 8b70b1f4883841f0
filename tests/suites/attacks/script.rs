//! Attacks in JavaScript: calls of what is in `plugins/hostile/`, and what may come of them.

use anyhow::{bail, ensure};
use lazaret::event::EndReason;
use lazaret::supervisor::CallFailure;
use lazaret_protocol::{CallError, Payload};
use lazaret_tests::attack::{About, Layer, Second, Subject};
use lazaret_tests::case::Case;
use lazaret_tests::host::{Host, Session};
use lazaret_tests::setup::{Js, Setup, plugin_source};
use lazaret_tests::world::World;
use serde_json::json;

pub(crate) use crate::hostile::SHORT;

/// Attacks that the same layers stop, by one plugin under one policy.
#[derive(Clone, Copy)]
pub(crate) struct Group {
    /// What is held, as the name of a case.
    pub(crate) name: &'static str,
    pub(crate) subject: Subject,
    pub(crate) stopped_by: Layer,
    pub(crate) second: Second,
    /// In `plugins/hostile/`.
    pub(crate) file: &'static str,
    pub(crate) policy: &'static str,
    pub(crate) attacks: &'static [Script],
}

/// One attack and its twin.
#[derive(Clone, Copy)]
pub(crate) struct Script {
    pub(crate) name: &'static str,
    pub(crate) tries: &'static str,
    pub(crate) attempt: Call,
    pub(crate) twin: Call,
}

/// A call, its arguments as JSON, and how it may end: any of these will do, since engines differ.
#[derive(Clone, Copy)]
pub(crate) struct Call(
    pub(crate) &'static str,
    pub(crate) &'static str,
    pub(crate) &'static [End],
);

/// How a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With this JSON.
    Answers(&'static str),
    /// With so many bytes.
    Bytes(usize),
    /// With an exception.
    Throws,
    /// With the refusal of a permission.
    Denied,
    /// With a result that cannot be sent.
    InvalidResult,
    /// By the shim's clock of CPU time.
    CpuTime,
    /// By one of the shim's clocks, and soon the plugin as well, unless it was interrupted; or
    /// by the engine's clocks at once, where the shim does not get to it.
    Stuck,
    /// By the shim's clock of the call.
    WallTime,
    /// With the plugin, which has no memory left.
    OutOfMemory,
    /// With the plugin, which nobody caught an exception of.
    Uncaught,
    /// With the plugin, whose engine gave up.
    Lost,
}

pub(crate) const fn row(
    name: &'static str,
    tries: &'static str,
    attempt: Call,
    twin: Call,
) -> Script {
    Script {
        name,
        tries,
        attempt,
        twin,
    }
}

impl Group {
    /// What the table says of each.
    pub(crate) fn abouts(&self) -> impl Iterator<Item = About> {
        self.attacks.iter().map(|script| About {
            subject: self.subject,
            name: script.name,
            tries: script.tries,
            stopped_by: self.stopped_by,
            second: self.second,
        })
    }

    pub(crate) fn case(self, js: Js) -> Case {
        let name = format!("attacks: {}", self.name);
        Case::on(js, &name, async move |world: &World, js| {
            self.run(world, js).await
        })
    }

    /// The same calls under another policy, where each is to end so instead.
    pub(crate) fn without(
        self,
        layer: &str,
        policy: &'static str,
        ends: &'static [End],
        js: Js,
    ) -> Case {
        let name = format!("attacks: {}, and without {layer}", self.name);
        Case::on(js, &name, async move |world: &World, js| {
            let group = Self { policy, ..self };
            let mut running = Running::new(world, js, &group)?;
            for script in group.attacks {
                let Call(function, arguments, _) = script.attempt;
                let attempt = Call(function, arguments, ends);
                running.attempt(script.name, attempt).await?;
            }
            running.goes_on().await
        })
    }

    async fn run(&self, world: &World, js: Js) -> anyhow::Result<()> {
        let mut running = Running::new(world, js, self)?;
        for script in self.attacks {
            running.attempt(script.name, script.twin).await?;
            if running.plugin.is_none() {
                running
                    .wrong
                    .push(format!("{}: its twin ends it", script.name));
            }
            running.attempt(script.name, script.attempt).await?;
        }
        running.goes_on().await
    }
}

/// A host, and a plugin until an attack ends it.
struct Running {
    host: Host,
    setup: Setup,
    plugin: Option<Session>,
    /// What did not end as it must.
    wrong: Vec<String>,
}

impl Running {
    fn new(world: &World, js: Js, group: &Group) -> anyhow::Result<Self> {
        let source = plugin_source(&format!("hostile/{}", group.file))?;
        Ok(Self {
            host: world.host()?,
            setup: Setup::javascript(js, "hostile", &source).policy(group.policy),
            plugin: None,
            wrong: Vec::new(),
        })
    }

    async fn plugin(&mut self) -> anyhow::Result<Session> {
        match self.plugin.take() {
            Some(plugin) => Ok(plugin),
            None => self.host.launch(&self.setup).await,
        }
    }

    /// Makes a call. Either the plugin answers another one after it, or it has ended.
    async fn attempt(
        &mut self,
        name: &str,
        Call(function, arguments, ends): Call,
    ) -> anyhow::Result<()> {
        let plugin = self.plugin().await?;
        let payload = Payload::Json(arguments.to_owned());
        let answer = plugin.try_call(function, payload).await;
        if !ends.iter().any(|end| end.is(&answer)) {
            self.wrong.push(format!(
                "{name}: `{function}{arguments}` ended with {answer:.300?}, which is none of {ends:?}"
            ));
        }
        if let Err(CallFailure::Ended(reason)) = answer {
            let ended = plugin.ended().await;
            ensure!(ended.reason == reason, "{name}: {:?}", ended.reason);
            return Ok(());
        }
        if ends.contains(&End::Stuck) && !gets_free(&plugin).await? {
            return Ok(());
        }
        match still_answers(&plugin).await {
            Ok(()) => self.plugin = Some(plugin),
            Err(error) => self.wrong.push(format!("after {name}: {error:#}")),
        }
        Ok(())
    }

    /// Whatever has been tried, the engine serves plugins.
    async fn goes_on(&mut self) -> anyhow::Result<()> {
        let plugin = self.plugin().await?;
        still_answers(&plugin).await?;
        plugin.stop().await?;
        ensure!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
        Ok(())
    }
}

/// Whether a plugin that may be in a built-in function comes back from there. One that does not
/// must end, whatever the next call is told until then.
async fn gets_free(plugin: &Session) -> anyhow::Result<bool> {
    for _ in 0..20 {
        let answer = plugin.try_call("answer", Payload::Json("[]".to_owned()));
        match answer.await {
            Ok(_) => return Ok(true),
            Err(CallFailure::Call(CallError::WallTime { .. } | CallError::CpuTime { .. })) => {}
            Err(CallFailure::Ended(
                EndReason::Exception { .. }
                | EndReason::OutOfMemory { .. }
                | EndReason::CpuTime { .. }
                | EndReason::WallTime { .. },
            )) => return Ok(false),
            other => bail!("{other:?}"),
        }
    }
    bail!("it neither answers nor ends")
}

async fn still_answers(plugin: &Session) -> anyhow::Result<()> {
    let answer = plugin.call("answer", json!([])).await?;
    ensure!(answer == 42, "it answers {answer}");
    Ok(())
}

impl End {
    fn is(self, answer: &Result<Payload, CallFailure>) -> bool {
        match answer {
            Ok(Payload::Json(text)) => matches!(self, Self::Answers(json) if json == text),
            Ok(Payload::Bytes(bytes)) => self == Self::Bytes(bytes.len()),
            Err(CallFailure::Call(error)) => match error {
                CallError::Exception(_) => self == Self::Throws,
                CallError::Denied { .. } => self == Self::Denied,
                CallError::InvalidResult { .. } => self == Self::InvalidResult,
                CallError::CpuTime { .. } => matches!(self, Self::CpuTime | Self::Stuck),
                CallError::WallTime { .. } => matches!(self, Self::WallTime | Self::Stuck),
                _ => false,
            },
            Err(CallFailure::Ended(reason)) => match reason {
                EndReason::OutOfMemory { .. } => self == Self::OutOfMemory,
                EndReason::Exception { .. } => self == Self::Uncaught,
                EndReason::CpuTime { .. } | EndReason::WallTime { .. } => self == Self::Stuck,
                EndReason::ShimLost { .. } => self == Self::Lost,
                _ => false,
            },
            Err(_) => false,
        }
    }
}
