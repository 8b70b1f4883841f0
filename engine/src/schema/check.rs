//! What holds for a plugin's calls.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lazaret_policy::{PluginFunction, PluginManifest};
use lazaret_protocol::Payload;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::argument::{Argument, argument};
use super::compile::{Compiled, Function, SchemaError, compile};
use super::unfit::{MOST_TOLD, Unfit, misfits};
use super::weigh::Weight;

/// Checks of so many steps are done at once; others on another thread.
const FEW_STEPS: u64 = 5_000;

/// So many steps are the most that a check may take.
pub(super) const MOST_STEPS: u64 = 20_000_000;

/// Texts of so many bytes are read at once; others on another thread.
const FEW_BYTES: usize = 64 * 1024;

/// Checks that take longer, of all plugins, at a time.
const MOST_LONG_CHECKS: usize = 2;

/// How long one waits for its turn, where whoever asked gave it no time of its own.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

static LONG_CHECKS: Semaphore = Semaphore::const_new(MOST_LONG_CHECKS);

/// The functions of a plugin that may be called, and what holds for their arguments and results.
#[derive(Debug)]
pub struct Contract {
    functions: BTreeMap<String, Arc<Function>>,
    /// One check of the plugin at a time takes its time.
    turn: Arc<Semaphore>,
}

/// What a text is to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Arguments,
    Result,
}

impl Contract {
    /// Compiles the schemas of every function that a manifest lists; `None` where it lists none at all, which leaves every
    /// function that the plugin exports to be called, with whatever arguments.
    ///
    /// # Errors
    /// The first schema that is none.
    pub fn compile(manifest: &PluginManifest) -> Result<Option<Self>, SchemaError> {
        let Some(functions) = manifest.functions() else {
            return Ok(None);
        };
        let one = |function: &PluginFunction| {
            let compiled = Function::compile(function)?;
            Ok((function.name().to_owned(), Arc::new(compiled)))
        };
        Ok(Some(Self {
            functions: functions.iter().map(one).collect::<Result<_, _>>()?,
            turn: Arc::new(Semaphore::new(1)),
        }))
    }

    /// Compiles what a manifest says of the plugin's configuration, to know that it can be.
    ///
    /// # Errors
    /// It cannot.
    pub fn compile_config(manifest: &PluginManifest) -> Result<(), SchemaError> {
        let compiled = manifest
            .config()
            .map(|schema| compile(schema, "config".to_owned()));
        compiled.transpose().map(drop)
    }

    /// Whether the function is listed.
    pub fn lists(&self, function: &str) -> bool {
        self.functions.contains_key(function)
    }

    /// The functions that are listed, by name.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        self.functions.keys().map(String::as_str)
    }

    /// Gives arguments back that fit. Those of a function that is not listed never do.
    ///
    /// # Errors
    /// Why they do not.
    pub async fn arguments(&self, function: &str, given: Payload) -> Result<Payload, Unfit> {
        self.held(function, Part::Arguments, given).await
    }

    /// Gives a result back that fits.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn result(&self, function: &str, given: Payload) -> Result<Payload, Unfit> {
        self.held(function, Part::Result, given).await
    }

    /// [`Self::arguments`] of one value, without a plugin that runs: for examples.
    ///
    /// # Errors
    /// Why it does not fit.
    pub fn example(
        &self,
        function: &str,
        parameters: Option<&Value>,
        result: Option<&Value>,
    ) -> Result<(), Unfit> {
        let Some(found) = self.functions.get(function) else {
            return Err(Unfit::whole("is of no function that is listed"));
        };
        let arguments = Value::Array(parameters.into_iter().cloned().collect()).to_string();
        judge(found, Part::Arguments, &arguments, u64::MAX)?;
        match result {
            Some(result) => judge(found, Part::Result, &result.to_string(), u64::MAX).map(drop),
            None => Ok(()),
        }
    }

    async fn held(&self, name: &str, part: Part, given: Payload) -> Result<Payload, Unfit> {
        let Some(function) = self.functions.get(name) else {
            return Err(Unfit::whole("is not listed"));
        };
        if part == Part::Result && function.result.is_none() {
            return Ok(given);
        }
        let text = match &given {
            Payload::Json(text) => text,
            Payload::Bytes(_) => return Err(Unfit::whole("is bytes, and must be JSON")),
        };
        if text.len() <= FEW_BYTES
            && let Judged::Fits = judge(function, part, text, FEW_STEPS)?
        {
            return Ok(given);
        }
        let function = Arc::clone(function);
        self.long(move || {
            let Payload::Json(text) = &given else {
                return Ok(given);
            };
            judge(&function, part, text, MOST_STEPS).map(|_| given)
        })
        .await
    }

    /// Does a check on another thread, in its turn. Whoever waits may go away: the check goes on, and its turn with it.
    pub(super) async fn long<T: Send + 'static>(
        &self,
        check: impl FnOnce() -> Result<T, Unfit> + Send + 'static,
    ) -> Result<T, Unfit> {
        let closed = "is closed never";
        let both = async {
            let turn = Arc::clone(&self.turn).acquire_owned().await.expect(closed);
            (turn, LONG_CHECKS.acquire().await.expect(closed))
        };
        let Ok((turn, place)) = tokio::time::timeout(LONGEST_WAIT, both).await else {
            return Err(Unfit::whole("could not be checked: too many others wait"));
        };
        let check = tokio::task::spawn_blocking(move || {
            let _held = (turn, place);
            check()
        });
        let failed = |_| Err(Unfit::whole("could not be checked"));
        check.await.unwrap_or_else(failed)
    }
}

/// What came of a look at a text.
pub(super) enum Judged {
    Fits,
    /// It takes more steps than were allowed for now.
    Later,
}

fn judge(function: &Function, part: Part, text: &str, steps: u64) -> Result<Judged, Unfit> {
    let (schema, text) = match part {
        Part::Result => (function.result.as_ref(), text),
        Part::Arguments => match (argument(text), &function.parameters) {
            (Err(error), _) => return Err(Unfit::whole(format!("is no JSON: {error}"))),
            (Ok(Argument::None), None) => return Ok(Judged::Fits),
            (Ok(_), None) => {
                return Err(Unfit::whole("is not taken: the function has no parameters"));
            }
            (Ok(Argument::None), Some(_)) => {
                return Err(Unfit::whole("is missing: the function takes one argument"));
            }
            (Ok(Argument::More), Some(_)) => {
                let rule = "is one of several, and the function takes one: a list of arguments that is one argument is written `[[...]]`";
                return Err(Unfit::whole(rule));
            }
            (Ok(Argument::One(text)), Some(schema)) => (Some(schema), text),
        },
    };
    match schema {
        Some(schema) => fits(schema, text, steps),
        None => Ok(Judged::Fits),
    }
}

fn fits(schema: &Compiled, text: &str, steps: u64) -> Result<Judged, Unfit> {
    let weight =
        Weight::of(text).map_err(|error| Unfit::whole(format!("cannot be read: {error}")))?;
    let needed = weight.steps(schema.schema.cost());
    if needed > MOST_STEPS {
        let rule = format!("takes {needed} steps to check, and {MOST_STEPS} are the most");
        return Err(Unfit::whole(rule));
    }
    if needed > steps {
        return Ok(Judged::Later);
    }
    let value: Value = serde_json::from_str(text)
        .map_err(|error| Unfit::whole(format!("cannot be read: {error}")))?;
    against(schema, &value, &weight).map(|()| Judged::Fits)
}

/// Holds a value of a known weight against a schema.
pub(super) fn against(schema: &Compiled, value: &Value, weight: &Weight) -> Result<(), Unfit> {
    // Finds out without keeping anything.
    if schema.validator.is_valid(value) {
        return Ok(());
    }
    let told: Vec<_> = if schema.may_tell_all(weight) {
        let errors = schema.validator.iter_errors(value);
        errors
            .flat_map(|error| misfits(&error))
            .take(MOST_TOLD)
            .collect()
    } else if schema.schema.cost().alternatives {
        // What does not fit would be kept of each alternative, for every value there is.
        Vec::new()
    } else {
        let first = schema.validator.validate(value).err();
        first.iter().flat_map(misfits).take(MOST_TOLD).collect()
    };
    Err(match told {
        told if told.is_empty() => Unfit::whole("does not fit, and is too large to tell where"),
        told => Unfit(told),
    })
}
