//! The ops: everything by which plugin code reaches out of JavaScript.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use deno_core::url::Url;
use deno_core::{
    Extension, ExtensionFileSource, OpDecl, OpState, ascii_str_include, extension, op2,
};
use deno_error::JsErrorBox;
use lazaret_protocol::{CallId, Environment, LogLevel, ShimMessage, StateLimits};

use super::asks::Asker;
use super::log::LogLimit;
use super::used::Used;

use super::crypto;
use super::fetch::{self, Way};
use super::measures::Measures;
use super::room::{Top, op_lazaret_room};
use super::{open_ops, search, secrets, sockets, state_ops, watch_ops, web, websocket};
use crate::beneath::{Places, ReadError};

/// The longest URL that is looked at, in bytes.
const MAX_URL_BYTES: usize = 8192;

/// Where messages of the plugin go.
pub trait Sink: Send + Sync {
    /// Sends a message; a message that cannot be sent is dropped.
    fn send(&self, message: ShimMessage);

    /// Sends a message and never waits for room. Used for messages of a bounded number only.
    fn post(&self, message: ShimMessage) {
        self.send(message);
    }
}

/// What the ops know; kept in the op state.
pub(super) struct Host {
    pub(super) plugin: String,
    pub(super) places: Places,
    pub(super) log: LogLimit,
    /// Bounds what is said about refusals; a flood of them is told by its first ones.
    pub(super) refusals: LogLimit,
    pub(super) sink: Arc<dyn Sink>,
    pub(super) asker: Asker,
    pub(super) environment: Environment,
    /// What the operator gives the plugin, as JSON.
    pub(super) config: String,
    pub(super) state: StateLimits,
    pub(super) measures: Measures,
    /// What was used, where that is to be told.
    pub(super) used: Option<Used>,
    /// The call whose function runs right now.
    pub(super) call: Option<CallId>,
    pub(super) top: Top,
}

impl Host {
    /// A permission of the policy is used; what is no matter of the policy has none.
    pub(super) fn used(&mut self, permission: Option<String>) {
        if let (Some(used), Some(permission)) = (&mut self.used, permission)
            && let Some(times) = used.count(&permission)
        {
            self.sink.send(ShimMessage::Used { permission, times });
        }
    }

    /// Writes to the log. Fields that have no room in the line beside the text are replaced by how
    /// many bytes they were.
    pub(super) fn say(&mut self, level: LogLevel, text: &str, fields: Option<&str>, now: Instant) {
        if level < self.state.log_level {
            return;
        }
        let room = self.log.line_bytes().saturating_sub(text.len());
        let fields = fields.map(|fields| match fields.len() <= room {
            true => fields.to_owned(),
            false => format!(r#"{{"omitted_bytes":{}}}"#, fields.len()),
        });
        let beside = fields.as_ref().map_or(0, String::len);
        let Some((text, dropped)) = self.log.admit(text, beside, now) else {
            return;
        };
        self.sink.send(ShimMessage::Log {
            level,
            fields,
            text: text.to_owned(),
            dropped,
        });
    }

    pub(super) fn violation(&mut self, permission: &str) {
        if let Some((permission, _)) = self.refusals.admit(permission, 0, Instant::now()) {
            self.sink.send(ShimMessage::Violation {
                permission: permission.to_owned(),
                call: self.call,
            });
        }
    }

    /// Tells the engine that nothing grants an endpoint, and which permission would.
    pub(super) fn refuse(&mut self, endpoint: &Endpoint) -> String {
        let permission = endpoint.permission();
        self.violation(&permission);
        permission
    }
}

/// The ops that are enabled, sorted: deno_core's own that its event loop, timers and errors need,
/// and those of this module. All others throw when called.
pub const OPS: &[&str] = &[
    "op_dispatch_exception",
    "op_drain_pending_rejections",
    "op_get_ext_import_meta_proto",
    "op_get_extras_binding_object",
    "op_immediate_check",
    "op_is_native_error",
    "op_is_proxy",
    "op_lazaret_act_make_directory",
    "op_lazaret_act_remove",
    "op_lazaret_act_remove_all",
    "op_lazaret_act_rename",
    "op_lazaret_act_run",
    "op_lazaret_act_write_bytes",
    "op_lazaret_act_write_text",
    "op_lazaret_connect_lacks",
    "op_lazaret_environment",
    "op_lazaret_environment_lacks",
    "op_lazaret_fetch_lacks",
    "op_lazaret_file_lacks",
    "op_lazaret_in_call",
    "op_lazaret_list",
    "op_lazaret_log",
    "op_lazaret_log_characters",
    "op_lazaret_metadata",
    "op_lazaret_plugin",
    "op_lazaret_read_bytes",
    "op_lazaret_read_text",
    "op_lazaret_room",
    "op_run_microtasks",
    "op_set_captured_bootstrap",
    "op_timer_now",
    "op_timer_schedule",
    "op_timer_track",
    "op_timer_untrack",
];

pub(super) fn only_needed(op: OpDecl) -> OpDecl {
    let needed = [
        OPS,
        crypto::OPS,
        fetch::data::OPS,
        fetch::OPS,
        open_ops::OPS,
        search::OPS,
        secrets::OPS,
        sockets::OPS,
        state_ops::OPS,
        watch_ops::OPS,
        super::window_ops::OPS,
        web::OPS,
        websocket::ASKING_OPS,
        websocket::OPS,
    ];
    match needed.iter().any(|ops| ops.binary_search(&op.name).is_ok()) {
        true => op,
        false => op.disable(),
    }
}

extension!(
    lazaret,
    ops = [
        op_lazaret_connect_lacks,
        op_lazaret_fetch_lacks,
        op_lazaret_file_lacks,
        op_lazaret_in_call,
        op_lazaret_log,
        op_lazaret_log_characters,
        op_lazaret_plugin,
        op_lazaret_read_bytes,
        op_lazaret_read_text,
        op_lazaret_room,
    ],
    options = { host: Host },
    middleware = only_needed,
    state = |state, options| {
        state.put(options.host);
    },
);

/// The host's JavaScript, in the program itself: deno_core's macro would read it from the place it
/// was built at.
const SOURCES: &[ExtensionFileSource] = &[
    ExtensionFileSource::new(
        "ext:lazaret/quickjs.js",
        ascii_str_include!("../../js/quickjs.js"),
    ),
    ExtensionFileSource::new("ext:lazaret/web.js", ascii_str_include!("../../js/web.js")),
    ExtensionFileSource::new(
        "ext:lazaret/call.js",
        ascii_str_include!("../../js/call.js"),
    ),
    ExtensionFileSource::new(
        "ext:lazaret/host.js",
        ascii_str_include!("../../js/host.js"),
    ),
];

/// The extension over its state.
pub(super) fn extension(host: Host, egress: bool) -> Extension {
    let only_granted = move |op: OpDecl| match egress || fetch::OPS.binary_search(&op.name).is_err()
    {
        true => only_needed(op),
        false => op.disable(),
    };
    Extension {
        middleware_fn: Some(Box::new(only_granted)),
        js_files: Cow::Borrowed(SOURCES),
        ..lazaret::init(host)
    }
}

#[op2]
#[string]
fn op_lazaret_plugin(state: &OpState) -> String {
    state.borrow::<Host>().plugin.clone()
}

/// Has ops count for this call, 0 for none, and gives the one before.
#[op2(fast)]
fn op_lazaret_in_call(state: &mut OpState, call: f64) -> f64 {
    let call = (call >= 1.0).then_some(CallId(call as u64));
    let before = std::mem::replace(&mut state.borrow_mut::<Host>().call, call);
    before.map_or(0.0, |call| call.0 as f64)
}

/// How many UTF-16 units of a line are worth handing over.
#[op2(fast)]
fn op_lazaret_log_characters(state: &OpState) -> u32 {
    let bytes = state.borrow::<Host>().log.line_bytes();
    u32::try_from(bytes)
        .unwrap_or(u32::MAX)
        .min(16 * 1024 * 1024)
}

#[op2(fast)]
fn op_lazaret_log(state: &mut OpState, level: u32, #[string] text: &str) {
    let host = state.borrow_mut::<Host>();
    host.say(self::level(level), text, None, Instant::now());
}

/// As `js/host.js` and `js/state.js` number them.
pub(super) fn level(number: u32) -> LogLevel {
    match number {
        0 => LogLevel::Debug,
        1 => LogLevel::Info,
        2 => LogLevel::Warn,
        _ => LogLevel::Error,
    }
}

/// The permission that reading a file lacks; empty if it is granted.
#[op2]
#[string]
fn op_lazaret_file_lacks(state: &mut OpState, #[string] path: &str) -> Result<String, JsErrorBox> {
    let host = state.borrow_mut::<Host>();
    let lacks = host.places.lacks(path).map_err(|error| to_js(&error))?;
    match &lacks {
        Some(permission) => host.violation(permission),
        None => host.used(host.places.granted(path)),
    }
    Ok(lacks.unwrap_or_default())
}

#[op2]
#[buffer]
fn op_lazaret_read_bytes(state: &OpState, #[string] path: &str) -> Result<Vec<u8>, JsErrorBox> {
    read(state, path)
}

#[op2]
#[string]
fn op_lazaret_read_text(state: &OpState, #[string] path: &str) -> Result<String, JsErrorBox> {
    let bytes = read(state, path)?;
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

fn read(state: &OpState, path: &str) -> Result<Vec<u8>, JsErrorBox> {
    let places = &state.borrow::<Host>().places;
    places
        .read(path, places.read_bytes())
        .map_err(|error| to_js(&error))
}

pub(super) fn to_js(error: &ReadError) -> JsErrorBox {
    match error {
        ReadError::NotFound { .. } => JsErrorBox::new("NotFound", error.to_string()),
        ReadError::NotADirectory { .. } => JsErrorBox::new("NotADirectory", error.to_string()),
        ReadError::TooMuch { .. } => JsErrorBox::new("QuotaExceeded", error.to_string()),
        _ => JsErrorBox::generic(error.to_string()),
    }
}

/// The permission that a request lacks; empty if it is granted.
#[op2]
#[string]
fn op_lazaret_fetch_lacks(state: &mut OpState, #[string] url: &str) -> Result<String, JsErrorBox> {
    // Where there is a way out, what waits there decides. What a plugin has made itself, or
    // says in the URL, is no host.
    if state.has::<Way>() || ["blob:", "data:"].iter().any(|own| url.starts_with(own)) {
        return Ok(String::new());
    }
    let host = state.borrow_mut::<Host>();
    let endpoint =
        Endpoint::of(url).ok_or_else(|| JsErrorBox::type_error("no http or https URL"))?;
    Ok(host.refuse(&endpoint))
}

/// The permission that a connection to a host lacks; empty if it is granted.
#[op2]
#[string]
fn op_lazaret_connect_lacks(
    state: &mut OpState,
    #[string] host: &str,
    port: u16,
) -> Result<String, JsErrorBox> {
    let endpoint = Endpoint::to(host, port)?;
    if state.has::<Way>() {
        return Ok(String::new());
    }
    Ok(state.borrow_mut::<Host>().refuse(&endpoint))
}

/// Where a URL leads.
pub(super) struct Endpoint {
    host: String,
    port: u16,
    secure: bool,
}

impl Endpoint {
    fn of(url: &str) -> Option<Self> {
        Self::at(&(url.len() <= MAX_URL_BYTES).then(|| Url::parse(url).ok())??)
    }

    pub(super) fn at(url: &Url) -> Option<Self> {
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        Some(Self {
            host: url.host_str()?.to_owned(),
            port: url.port_or_known_default()?,
            secure,
        })
    }

    /// A port of a host, which is a name or an address. Nothing else is in the text: it is written
    /// into requests to the broker.
    pub(super) fn to(host: &str, port: u16) -> Result<Self, JsErrorBox> {
        let bare = host.contains(':') && !host.starts_with('[');
        let host = if bare {
            Cow::Owned(format!("[{host}]"))
        } else {
            Cow::Borrowed(host)
        };
        let text = format!("http://{host}:{port}/");
        let whole = |url: &Url| {
            url.path() == "/"
                && url.query().or(url.fragment()).is_none()
                && url.username().is_empty()
                && url.password().is_none()
                && url.port_or_known_default() == Some(port)
        };
        (text.len() <= MAX_URL_BYTES)
            .then(|| Url::parse(&text).ok())
            .flatten()
            .filter(whole)
            .and_then(|url| Self::at(&url))
            .ok_or_else(|| JsErrorBox::type_error("no name of a host"))
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    fn permission(&self) -> String {
        if self.secure && self.port == 443 {
            format!("network:read:{}", self.host)
        } else {
            format!("network:connect:{}", self.address())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_the_permission_it_needs() {
        let permission = |url| Endpoint::of(url).map(|endpoint| endpoint.permission());
        for (url, expected) in [
            (
                "https://API.example.com/x?y#z",
                Some("network:read:api.example.com"),
            ),
            (
                "https://user:key@api.example.com:443/",
                Some("network:read:api.example.com"),
            ),
            (
                "https://api.example.com:8443/",
                Some("network:connect:api.example.com:8443"),
            ),
            ("http://10.0.0.1/", Some("network:connect:10.0.0.1:80")),
            ("http://[::1]:8080/", Some("network:connect:[::1]:8080")),
            ("ftp://example.com/", None),
            ("file:///etc/shadow", None),
            ("no url", None),
        ] {
            assert_eq!(permission(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn a_host_to_connect_to_is_nothing_but_a_host() {
        let permission = |host| Endpoint::to(host, 80).map(|endpoint| endpoint.permission());
        for (host, expected) in [
            ("DB.example.com", "network:connect:db.example.com:80"),
            ("10.0.0.1", "network:connect:10.0.0.1:80"),
            ("::1", "network:connect:[::1]:80"),
            ("[::1]", "network:connect:[::1]:80"),
        ] {
            assert_eq!(permission(host).expect("a host"), expected);
        }
        let long = "a.".repeat(MAX_URL_BYTES);
        for host in [
            "",
            " ",
            "a.example/x",
            "a.example/",
            "a.example?x",
            "a.example#x",
            "a@b.example",
            "a:b@c.example",
            "a.example:81",
            "a.example\r\nx: y",
            "a b",
            "[::1",
            &long,
        ] {
            assert!(permission(host).is_err(), "{host:?}");
        }
    }

    #[test]
    fn the_lists_of_ops_are_sorted() {
        for ops in [
            OPS,
            open_ops::OPS,
            search::OPS,
            secrets::OPS,
            sockets::OPS,
            watch_ops::OPS,
        ] {
            assert!(ops.is_sorted());
        }
    }
}
