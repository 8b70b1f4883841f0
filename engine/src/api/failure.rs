//! Failures as they are answered.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::messages::{ChangeLine, Kind, Refusal};
use super::told::{Told, chain, of_call, of_launch};
use crate::service::{Change, ServiceError};

impl Refusal {
    pub(super) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            changes: Vec::new(),
        }
    }

    /// Of a call.
    pub(super) fn of_call(plugin: &str, function: &str, error: &ServiceError) -> Self {
        match error {
            ServiceError::Call(failure) => of_call(plugin, function, failure).into(),
            error => error.into(),
        }
    }
}

impl From<Told> for Refusal {
    fn from((kind, text): Told) -> Self {
        Self::new(kind, text)
    }
}

impl From<&ServiceError> for Refusal {
    fn from(error: &ServiceError) -> Self {
        let mut refusal: Self = match error {
            ServiceError::Launch(error) => of_launch(error).into(),
            error => Self::new(error.into(), chain(error)),
        };
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
            | Kind::Cancelled
            | Kind::Result
            | Kind::OutOfMemory
            | Kind::ForbiddenSyscall
            | Kind::Violation
            | Kind::StartupTimeout
            | Kind::ShimLost
            | Kind::Ended
            | Kind::Plugin => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::ReadBack | Kind::Rootfs | Kind::State | Kind::Host | Kind::Internal => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        (status, Json(self)).into_response()
    }
}
