//! Failures in words, with the kind they are of.

use std::error::Error;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use lazaret_protocol::CallError;

use super::messages::{ChangeLine, Kind, Refusal};
use crate::acts::grant_hint;
use crate::event::{EndReason, escape};
use crate::schema::{unfit_text, unlisted};
use crate::service::{Change, ServiceError};
use crate::supervisor::{ApplyError, CallFailure, LaunchError};

impl Refusal {
    pub(super) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            changes: Vec::new(),
        }
    }

    /// An error with its causes; advice comes last.
    fn of(kind: Kind, error: &dyn Error) -> Self {
        let (mut messages, mut hints) = (Vec::new(), String::new());
        let mut next = Some(error);
        while let Some(error) = next {
            let text = error.to_string();
            let (message, hint) = match text.find("\n  hint: ") {
                Some(at) => text.split_at(at),
                None => (text.as_str(), ""),
            };
            messages.push(message.to_owned());
            hints.push_str(hint);
            next = error.source();
        }
        messages.dedup();
        Self::new(kind, format!("{}{hints}", messages.join(": ")))
    }

    /// Of a call.
    pub(super) fn of_call(plugin: &str, function: &str, error: &ServiceError) -> Self {
        let ServiceError::Call(failure) = error else {
            return error.into();
        };
        let call = format!("call `{}` of plugin `{plugin}`", escape(function));
        let error = match failure {
            CallFailure::Call(error) => error,
            CallFailure::Ended(reason) => {
                return Self::new(of_end(reason), format!("plugin `{plugin}` ended: {reason}"));
            }
            CallFailure::Deadline { limit_ms } => {
                let text = format!("{call} ended: deadline (timeout {limit_ms}ms)");
                return Self::new(Kind::Deadline, text);
            }
            CallFailure::Unread { patience_ms } => {
                let text = format!(
                    "{call} was given up: nobody read its items for {patience_ms}ms\n  hint: send them to a file, or read on within that time"
                );
                return Self::new(Kind::Deadline, text);
            }
            CallFailure::Busy { limit } => {
                return Self::new(Kind::Busy, format!("more than {limit} calls are under way"));
            }
            CallFailure::Backlog { bytes, limit } => {
                let text = format!("{bytes} bytes of {limit} wait to be read by the plugin's shim");
                return Self::new(Kind::Busy, text);
            }
            CallFailure::TooLarge { message } => {
                let text = format!("the arguments are too large: {message}");
                return Self::new(Kind::Arguments, text);
            }
            CallFailure::Unlisted { exported, listed } => {
                let text = unlisted(plugin, function, *exported, listed);
                return Self::new(Kind::NoSuchFunction, text);
            }
            CallFailure::Arguments(unfit) => {
                return Self::new(Kind::Arguments, unfit_text(&call, "arguments", unfit));
            }
            CallFailure::Result(unfit) => {
                return Self::new(Kind::Result, unfit_text(&call, "result", unfit));
            }
        };
        let (kind, text) = match error {
            CallError::NoSuchFunction { functions } => {
                let names: Vec<_> = functions
                    .iter()
                    .map(|name| format!("`{}`", escape(name)))
                    .collect();
                let hint = match names.is_empty() {
                    true => "it exports none".to_owned(),
                    false => format!("there are {}", names.join(", ")),
                };
                let text = format!(
                    "plugin `{plugin}` has no function `{}`\n  hint: {hint}",
                    escape(function)
                );
                (Kind::NoSuchFunction, text)
            }
            CallError::Exception(error) => {
                let thrown = format!("{}: {}", escape(&error.name), escape(&error.message));
                let text = format!("plugin `{plugin}` threw {thrown}\n{}", error.stack);
                (Kind::Exception, text.trim_end().to_owned())
            }
            CallError::Denied { permission, .. } => {
                let permission = escape(permission);
                let hint = grant_hint(&permission);
                let text = format!(
                    "`{permission}` denied for plugin `{plugin}`\n  hint: {hint} and apply the policy"
                );
                (Kind::Denied, text)
            }
            CallError::CpuTime { limit_ms } => (
                Kind::CpuTime,
                format!("{call} ended: CPU time (cpu_per_call {limit_ms}ms)"),
            ),
            CallError::WallTime { limit_ms } => (
                Kind::WallTime,
                format!("{call} ended: wall time (call {limit_ms}ms)"),
            ),
            CallError::Cancelled => (Kind::Ended, format!("{call} was cancelled")),
            CallError::InvalidArguments { message } => (
                Kind::Arguments,
                format!("{call}: arguments are no JSON: {}", escape(message)),
            ),
            CallError::InvalidResult { message } => (
                Kind::Result,
                format!("{call}: the result cannot be sent: {}", escape(message)),
            ),
            CallError::ResultTooLarge { bytes, limit } => {
                let text = format!(
                    "{call}: a result of {bytes} bytes is above the limit of {limit} (`resources.output.result`)"
                );
                (Kind::Result, text)
            }
            CallError::Stream => {
                let text = format!(
                    "{call}: the result is a stream\n  hint: `lazaret call --stream` prints its items"
                );
                (Kind::Result, text)
            }
            CallError::ShuttingDown => (
                Kind::NotRunning,
                format!("plugin `{plugin}` is being stopped"),
            ),
        };
        Self::new(kind, text)
    }
}

fn of_end(reason: &EndReason) -> Kind {
    match reason {
        EndReason::Stopped => Kind::NotRunning,
        EndReason::Exception { .. } => Kind::Exception,
        EndReason::OutOfMemory { .. } => Kind::OutOfMemory,
        EndReason::CpuTime { .. } => Kind::CpuTime,
        EndReason::WallTime { .. } => Kind::WallTime,
        EndReason::ForbiddenSyscall { .. } => Kind::ForbiddenSyscall,
        EndReason::Violation { .. } => Kind::Violation,
        _ => Kind::Ended,
    }
}

impl From<&ServiceError> for Refusal {
    fn from(error: &ServiceError) -> Self {
        let kind = match error {
            ServiceError::NoSuchPlugin { .. } | ServiceError::Twice(_) => Kind::NoSuchPlugin,
            ServiceError::NotRunning { .. } => Kind::NotRunning,
            ServiceError::Policy(_)
            | ServiceError::Floor(_)
            | ServiceError::File { .. }
            | ServiceError::Apply(
                ApplyError::Unheld(_) | ApplyError::Secret(_) | ApplyError::ReachesOwn(_),
            )
            | ServiceError::Launch(
                LaunchError::Bundle(_) | LaunchError::Secrets(_) | LaunchError::ReachesOwn(_),
            ) => Kind::Policy,
            ServiceError::Wider(_) => Kind::Wider,
            ServiceError::NeedsRestart(_)
            | ServiceError::Apply(ApplyError::NeedsRestart { .. }) => Kind::NeedsRestart,
            ServiceError::Apply(ApplyError::Ended(_))
            | ServiceError::Launch(LaunchError::Ended(_)) => Kind::Ended,
            ServiceError::Launch(LaunchError::Quarantined { .. }) => Kind::Quarantined,
            ServiceError::Apply(_) | ServiceError::Launch(_) => Kind::Host,
            ServiceError::NoSuchRevision { .. } | ServiceError::NothingBefore { .. } => {
                Kind::NoSuchRevision
            }
            ServiceError::Call(_) | ServiceError::Store(_) | ServiceError::NotTakenBack { .. } => {
                Kind::Internal
            }
        };
        let mut refusal = Self::of(kind, error);
        if let ServiceError::Wider(changes) | ServiceError::NeedsRestart(changes) = error {
            refusal.changes = changes.iter().map(ChangeLine::from).collect();
        }
        refusal
    }
}

impl From<&Change> for ChangeLine {
    fn from(change: &Change) -> Self {
        Self {
            what: change.what.clone(),
            before: change.before.clone(),
            after: change.after.clone(),
            widens: change.widens,
            live: change.live,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match self.kind {
            Kind::Request | Kind::Arguments | Kind::Policy => StatusCode::BAD_REQUEST,
            Kind::NoSuchPlugin | Kind::NoSuchFunction | Kind::NoSuchRevision => {
                StatusCode::NOT_FOUND
            }
            Kind::NotRunning | Kind::Quarantined | Kind::NeedsRestart | Kind::Wider => {
                StatusCode::CONFLICT
            }
            Kind::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Denied
            | Kind::Exception
            | Kind::CpuTime
            | Kind::WallTime
            | Kind::Deadline
            | Kind::Result
            | Kind::OutOfMemory
            | Kind::ForbiddenSyscall
            | Kind::Violation
            | Kind::Ended => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::Host | Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(self)).into_response()
    }
}
