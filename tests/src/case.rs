//! A case: its name, what it does, and how it went.

use std::fmt;

use crate::setup::Js;
use crate::world::World;

/// How a case went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All held.
    Passed,
    /// Something did not hold, or was left behind.
    Failed(String),
    /// It could not be tried here.
    Skipped(String),
}

/// Returned as an error by a case that cannot be tried here.
#[derive(Debug)]
pub struct Skip(pub String);

impl fmt::Display for Skip {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "skipped: {}", self.0)
    }
}

impl std::error::Error for Skip {}

thread_local! {
    static PANICKED_AT: std::cell::Cell<String> = const { std::cell::Cell::new(String::new()) };
}

/// Has panics of cases told with the case instead of where they happen.
pub fn keep_panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string);
        PANICKED_AT.set(place.unwrap_or_default());
    }));
}

type Body = Box<dyn Fn(&World) -> anyhow::Result<()>>;

/// One case.
pub struct Case {
    name: String,
    body: Body,
}

impl Case {
    /// A case that is plain code.
    pub fn new(
        name: impl Into<String>,
        body: impl Fn(&World) -> anyhow::Result<()> + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            body: Box::new(body),
        }
    }

    /// A case that runs on a runtime of its own, with a deadline.
    pub fn asynchronous(
        name: impl Into<String>,
        body: impl AsyncFn(&World) -> anyhow::Result<()> + 'static,
    ) -> Self {
        Self::new(name, move |world| world.block_on(body(world)))
    }

    /// A case that runs on a JavaScript engine.
    pub fn on(
        js: Js,
        name: &str,
        body: impl AsyncFn(&World, Js) -> anyhow::Result<()> + 'static,
    ) -> Self {
        Self::asynchronous(format!("{name} [{js}]"), async move |world: &World| {
            body(world, js).await
        })
    }

    /// The suite, what is held, and the engine, as `story: bytes go both ways [quickjs]`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tries it. A panic is a failure.
    pub fn outcome(&self, world: &World) -> Outcome {
        let body = std::panic::AssertUnwindSafe(|| (self.body)(world));
        match std::panic::catch_unwind(body) {
            Ok(Ok(())) => Outcome::Passed,
            Ok(Err(error)) => match error.downcast_ref::<Skip>() {
                Some(Skip(reason)) => Outcome::Skipped(reason.clone()),
                None => Outcome::Failed(format!("{error:#}")),
            },
            Err(panic) => {
                let place = PANICKED_AT.take();
                Outcome::Failed(format!("{} ({place})", panic_text(panic.as_ref())))
            }
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panicked".to_owned())
}
