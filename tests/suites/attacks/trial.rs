//! How the probe's half of the collection tries things, and what must come of each.

use std::fmt;

use lazaret_tests::attack::{About, Attack, Layer, Second, Subject};
use lazaret_tests::layers::Facts;
use serde_json::{Value, json};

/// What comes of an ask.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Came {
    /// The kernel refused a step.
    Refused {
        errno: &'static str,
        at: &'static str,
        /// The engine is told the system call's name.
        named: Option<&'static str>,
    },
    /// This was answered.
    Answered(Value),
    /// One of two, by the kernel's version.
    Either(Box<[Came; 2]>),
    /// It worked; what was answered is another one every time.
    Worked,
    /// A filter killed the process.
    Killed,
    /// The kernel killed it for want of memory.
    OutOfMemory,
}

impl fmt::Display for Came {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { errno, at, .. } => write!(formatter, "`{errno}` at `{at}`"),
            Self::Answered(value) => write!(formatter, "the answer {value}"),
            Self::Either(either) => write!(formatter, "{} or {}", either[0], either[1]),
            Self::Worked => formatter.write_str("any answer"),
            Self::Killed => formatter.write_str("death by a filter"),
            Self::OutOfMemory => formatter.write_str("death for want of memory"),
        }
    }
}

/// The kernel refuses, and nobody is told.
pub(crate) const fn refused(errno: &'static str, at: &'static str) -> Came {
    let named = None;
    Came::Refused { errno, at, named }
}

/// Kernels differ.
pub(crate) fn either(one: Came, other: Came) -> Came {
    Came::Either(Box::new([one, other]))
}

/// The first filter refuses a call and tells the engine.
pub(crate) fn reported(call: &'static str) -> Came {
    Came::Refused {
        errno: "EPERM",
        at: call,
        named: Some(call),
    }
}

pub(crate) fn answered(value: impl Into<Value>) -> Came {
    Came::Answered(value.into())
}

impl Came {
    /// Whether an answer of the probe is this. What it says beside is not looked at.
    pub(crate) fn is(&self, answer: &Value) -> bool {
        match self {
            Self::Refused { errno, at, .. } => {
                // Asks of one step do not name it.
                let step = answer.get("at").is_none_or(|step| step == at);
                answer["errno"] == *errno && step
            }
            Self::Either(either) => either.iter().any(|came| came.is(answer)),
            Self::Worked => answer.get("ok").is_some(),
            Self::Answered(value) => answer.get("ok") == Some(value),
            Self::Killed | Self::OutOfMemory => false,
        }
    }

    /// The probe does not live on.
    pub(crate) fn is_end(&self) -> bool {
        matches!(self, Self::Killed | Self::OutOfMemory)
    }

    /// The attack worked. An empty answer is what a covered file gives.
    pub(crate) fn is_success(&self) -> bool {
        match self {
            Self::Worked => true,
            Self::Answered(value) => value != "",
            _ => false,
        }
    }

    /// The kernel refused it, so that the container is as it was.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::Refused { .. } => true,
            Self::Either(either) => either.iter().all(Self::is_refusal),
            _ => false,
        }
    }
}

/// A container without these layers, and what comes of the ask in it.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) off: Vec<Layer>,
    pub(crate) came: Came,
}

/// One ask of the probe.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    pub(crate) ask: &'static str,
    arguments: Value,
    pub(crate) runs: Vec<Run>,
}

impl Trial {
    fn new(ask: &'static str, arguments: Value) -> Self {
        Self {
            ask,
            arguments,
            runs: Vec::new(),
        }
    }

    /// Its arguments, with what is to be known of the stand-in where they have a text `$...`.
    pub(crate) fn arguments(&self, facts: Facts<'_>) -> Value {
        let mut arguments = self.arguments.clone();
        for value in arguments
            .as_object_mut()
            .into_iter()
            .flat_map(|map| map.values_mut())
        {
            let known = match value.as_str() {
                Some("$victim") => json!(facts.victim),
                Some("$address") => json!(facts.address),
                Some("$key") => json!(facts.key),
                Some(text) if text.contains("$directory") => {
                    json!(text.replace("$directory", facts.directory))
                }
                _ => continue,
            };
            *value = known;
        }
        arguments
    }

    /// Whether its container is as it was when this has come of it, so that others can be tried in
    /// the same one.
    pub(crate) fn leaves_no_trace(&self, came: &Came) -> bool {
        /// Refused or not: `/tmp` is full, there are more processes, another user.
        const ALWAYS: [&str; 4] = ["many_", "mount_in_new", "reach_by_exchange", "run_written"];
        /// Where it works: another root, user, network, program.
        const WORKING: [&str; 8] = [
            "become_root",
            "call",
            "enter",
            "mount",
            "remount",
            "run_",
            "set_link_up",
            "take_capabilities",
        ];
        let is_one = |of: &[&str]| of.iter().any(|start| self.ask.starts_with(start));
        !came.is_end() && !is_one(&ALWAYS) && (came.is_refusal() || !is_one(&WORKING))
    }

    /// What comes of it in a whole container.
    pub(crate) fn whole(&self) -> Option<&Came> {
        let whole = self.runs.iter().find(|run| run.off.is_empty());
        whole.map(|run| &run.came)
    }
}

/// An attack by the probe.
pub(crate) type Native = Attack<Trial>;

/// An attack being written down.
pub(crate) struct Draft(Native);

/// An attack by an ask of the probe.
pub(crate) fn attack(
    subject: Subject,
    name: &'static str,
    tries: &'static str,
    ask: &'static str,
    arguments: Value,
) -> Draft {
    Draft(Attack {
        about: About {
            subject,
            name,
            tries,
            stopped_by: Layer::Kernel,
            second: Second::Nothing("it is not said"),
        },
        attempt: Trial::new(ask, arguments),
        twin: Trial::new("get_process_id", json!({})),
    })
}

impl Draft {
    fn run(mut self, off: &[Layer], came: Came) -> Self {
        let off = off.to_vec();
        self.0.attempt.runs.push(Run { off, came });
        self
    }

    /// What stops it in a whole container, and the evidence.
    pub(crate) fn stopped_by(mut self, layer: Layer, came: Came) -> Self {
        self.0.about.stopped_by = layer;
        self.run(&[], came)
    }

    /// What stops it without that, and the evidence.
    pub(crate) fn then_by(mut self, layer: Layer, came: Came) -> Self {
        self.0.about.second = Second::Layer(layer);
        let first = self.0.about.stopped_by;
        self.run(&[first], came)
    }

    /// Nothing stops it without that, and this comes of it.
    pub(crate) fn then_by_nothing(mut self, reason: &'static str, came: Came) -> Self {
        self.0.about.second = Second::Nothing(reason);
        let first = self.0.about.stopped_by;
        self.run(&[first], came)
    }

    /// Without these layers, this comes of it: it works where all that stop it are among them, and
    /// is stopped by the second layer alone where that is the only one that is not.
    pub(crate) fn without(self, off: &[Layer], came: Came) -> Self {
        self.run(off, came)
    }

    /// The nearest thing that is allowed.
    pub(crate) fn twin(mut self, ask: &'static str, arguments: Value, came: Came) -> Native {
        let run = Run {
            off: Vec::new(),
            came,
        };
        self.0.twin = Trial::new(ask, arguments);
        self.0.twin.runs.push(run);
        self.0
    }
}
