//! What each path does.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::body::{Body, Bytes};
use axum::extract::{Extension, Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lazaret_policy::{Cut, CutBy};
use lazaret_protocol::Payload;
use serde::de::DeserializeOwned;

use super::MAX_BODY_BYTES;
use super::messages::{
    CallRequest, ChangeLine, ChangeReport, ChangeRequest, Kind, PluginReport, PluginState, Refusal,
    RevisionReport, RollbackRequest,
};
use super::stream;
use super::told::no_json;
use crate::event::{EndReason, Violation};
use crate::metrics::{MetricsReport, exposition};
use crate::service::{ChangeOptions, Changed, Phase, Service, ServiceError, Status};

/// How long a request's body may take to come.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// Who is at the other end of the socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) u32);

type Shared = State<Arc<Service>>;

pub(super) fn router(service: Arc<Service>) -> Router {
    let plugin = Router::new()
        .route("/", get(status))
        .route("/call", post(call))
        .route("/stop", post(stop))
        .route("/policy", post(apply))
        .route("/rollback", post(rollback))
        .route("/revisions", get(revisions))
        .route("/violations", get(violations))
        .route("/metrics", get(metrics));
    Router::new()
        .route("/v1/plugins", get(list))
        .route("/metrics", get(all_metrics))
        .nest("/v1/plugins/{plugin}", plugin)
        .fallback(async || Refusal::new(Kind::Request, "there is nothing at this path"))
        .method_not_allowed_fallback(async || {
            Refusal::new(Kind::Request, "this path does not take that method")
        })
        .with_state(service)
}

async fn list(State(service): Shared) -> Json<Vec<PluginReport>> {
    Json(service.list().into_iter().map(report).collect())
}

async fn status(
    State(service): Shared,
    Path(plugin): Path<String>,
) -> Result<Json<PluginReport>, Refusal> {
    Ok(Json(report(service.status(&plugin)?)))
}

async fn call(
    State(service): Shared,
    Path(plugin): Path<String>,
    body: Body,
) -> Result<Response, Refusal> {
    let request: CallRequest = read(body).await?;
    let arguments = arguments(&request)?;
    let CallRequest {
        function, stream, ..
    } = request;
    let timeout = request.timeout_ms.map(Duration::from_millis);
    if stream {
        let items = service.call_stream(&plugin, &function, arguments, timeout);
        let items = items.await;
        let items = items.map_err(|error| Refusal::of_call(&plugin, &function, &error))?;
        return stream::answer(items, plugin, function).await;
    }
    let result = service.call(&plugin, &function, arguments, timeout).await;
    match result.map_err(|error| Refusal::of_call(&plugin, &function, &error))? {
        Payload::Json(text) => {
            if serde_json::from_str::<serde::de::IgnoredAny>(&text).is_err() {
                return Err(no_json(&plugin, "a result").into());
            }
            Ok(([(CONTENT_TYPE, "application/json")], text).into_response())
        }
        Payload::Bytes(bytes) => {
            Ok(([(CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
        }
    }
}

/// What a function is called with.
fn arguments(request: &CallRequest) -> Result<Payload, Refusal> {
    match &request.bytes {
        None => Ok(Payload::Json(request.arguments.get().to_owned())),
        Some(_) if request.arguments.get() != "[]" => {
            let text = "`bytes` are the only argument: there are no others beside them";
            Err(Refusal::new(Kind::Arguments, text))
        }
        Some(bytes) => STANDARD.decode(bytes).map(Payload::Bytes).map_err(|error| {
            Refusal::new(Kind::Arguments, format!("`bytes` are no base64: {error}"))
        }),
    }
}

async fn stop(
    State(service): Shared,
    Path(plugin): Path<String>,
) -> Result<Json<PluginReport>, Refusal> {
    // Not given up with the connection: nobody is to wonder how far it came.
    finish(async move { service.stop(&plugin).await.map(report) }).await
}

async fn apply(
    State(service): Shared,
    Path(plugin): Path<String>,
    Extension(Peer(uid)): Extension<Peer>,
    body: Body,
) -> Result<Json<ChangeReport>, Refusal> {
    let request: ChangeRequest = read(body).await?;
    let options = ChangeOptions {
        restart: request.restart,
        refuse_wider: request.refuse_wider,
        dry_run: request.dry_run,
    };
    finish(async move {
        let ChangeRequest { name, text, .. } = &request;
        let changed = service.apply(&plugin, name, text, options, uid).await?;
        Ok(changed_report(plugin, changed))
    })
    .await
}

async fn rollback(
    State(service): Shared,
    Path(plugin): Path<String>,
    Extension(Peer(uid)): Extension<Peer>,
    body: Body,
) -> Result<Json<ChangeReport>, Refusal> {
    let request: RollbackRequest = read(body).await?;
    let options = ChangeOptions {
        restart: request.restart,
        refuse_wider: request.refuse_wider,
        dry_run: request.dry_run,
    };
    finish(async move {
        let changed = service.rollback(&plugin, request.revision, options, uid);
        Ok(changed_report(plugin.clone(), changed.await?))
    })
    .await
}

async fn revisions(
    State(service): Shared,
    Path(plugin): Path<String>,
) -> Result<Json<Vec<RevisionReport>>, Refusal> {
    let holds = service.status(&plugin)?.revision;
    let all = service.revisions(&plugin).await?.into_iter();
    let all = all.map(|revision| RevisionReport {
        holds: holds == Some(revision.number),
        number: revision.number,
        at_unix_ms: revision.at_unix_ms,
        by_uid: revision.policy.by_uid,
        origin: revision.policy.origin,
        of: revision.policy.of,
        name: revision.policy.name,
        digest: revision.digest,
        text: revision.policy.text,
    });
    Ok(Json(all.collect()))
}

async fn violations(
    State(service): Shared,
    Path(plugin): Path<String>,
) -> Result<Json<Vec<Violation>>, Refusal> {
    Ok(Json(service.violations(&plugin)?))
}

async fn metrics(
    State(service): Shared,
    Path(plugin): Path<String>,
) -> Result<Json<MetricsReport>, Refusal> {
    Ok(Json(service.metrics(&plugin)?))
}

/// For Prometheus.
async fn all_metrics(State(service): Shared) -> Response {
    let text = exposition(&service.all_metrics());
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

/// Does something to its end, also where whoever asked goes away.
async fn finish<T: Send + 'static>(
    work: impl Future<Output = Result<T, ServiceError>> + Send + 'static,
) -> Result<Json<T>, Refusal> {
    match tokio::spawn(work).await {
        Ok(result) => Ok(Json(result?)),
        Err(panic) => Err(Refusal::new(Kind::Internal, panic.to_string())),
    }
}

/// A body of bounded size, that comes in bounded time, and is what it should be.
async fn read<T: DeserializeOwned>(body: Body) -> Result<T, Refusal> {
    let refuse = |message: String| Refusal::new(Kind::Request, message);
    let bytes = axum::body::to_bytes(body, MAX_BODY_BYTES);
    let bytes: Bytes = tokio::time::timeout(BODY_PATIENCE, bytes)
        .await
        .map_err(|_| refuse("the request did not come in time".to_owned()))?
        .map_err(|_| {
            refuse(format!(
                "the request is larger than {MAX_BODY_BYTES} bytes, or was cut"
            ))
        })?;
    serde_json::from_slice(&bytes).map_err(|error| refuse(format!("the request is wrong: {error}")))
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        Self::from(&error)
    }
}

fn report(status: Status) -> PluginReport {
    let (state, reason) = match &status.phase {
        Phase::Running => (PluginState::Running, None),
        Phase::Ended(ended) => {
            let state = match (&ended.quarantined, &ended.reason) {
                (Some(_), _) => PluginState::Quarantined,
                (None, EndReason::Stopped) => PluginState::Stopped,
                (None, _) => PluginState::Ended,
            };
            (state, Some(ended.reason.to_string()))
        }
    };
    let since = status.since.duration_since(UNIX_EPOCH).unwrap_or_default();
    PluginReport {
        plugin: status.plugin,
        state,
        reason,
        pid: status.pid,
        functions: status.functions,
        since_unix_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
        policy: status.policy,
        revision: status.revision,
        calls: status.calls,
        calls_under_way: status.under_way,
        draining: status.draining,
        memory_bytes: status.usage.map(|usage| usage.memory),
        cpu_us: status.usage.map(|usage| usage.cpu_us),
        tasks: status.usage.map(|usage| usage.pids),
        violations: status.violations,
    }
}

fn changed_report(plugin: String, changed: Changed) -> ChangeReport {
    let (unasked, cuts): (Vec<&Cut>, Vec<&Cut>) = changed
        .cuts
        .iter()
        .partition(|cut| cut.layer == CutBy::Request);
    let told = |cuts: Vec<&Cut>| cuts.into_iter().map(Cut::to_string).collect();
    ChangeReport {
        plugin,
        revision: changed.revision,
        restarted: changed.restarted,
        in_force_ms: changed.took.as_secs_f64() * 1000.0,
        changes: changed.changes.iter().map(ChangeLine::from).collect(),
        cuts: told(cuts),
        unasked: told(unasked),
        unenforced: changed.unenforced.iter().map(ToString::to_string).collect(),
    }
}
