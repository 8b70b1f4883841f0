//! From what was seen to the text of the least policy. Pure.
//!
//! Whatever a plugin chose – paths, hosts, names – comes out in quotes or escaped, so that it
//! stays what it is: a value, or words within one comment.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use lazaret_policy::{EffectivePolicy, Permission};

use super::files::{Bounds, Narrowed, narrow};
use super::limits::limits;
use super::{Observations, Request};
use crate::bundle::{MAX_GRANTS, held};
use crate::event::escape;

/// Of one endpoint, so many different paths are named; where there are more, what they begin with
/// is.
const PATHS_OF_ONE_ENDPOINT: usize = 8;

/// Of refusals, so many are listed.
const LISTED_REFUSALS: usize = 32;

/// What a policy is written from.
#[derive(Clone, Copy)]
pub struct Lesson<'a> {
    /// The plugin's name.
    pub plugin: &'a str,
    /// How many calls were made.
    pub calls: usize,
    /// The policy that held meanwhile. What is written allows nothing beyond it.
    pub policy: &'a EffectivePolicy,
    /// What was seen.
    pub seen: &'a Observations,
    /// Whether a path is there on this host.
    pub is_there: &'a dyn Fn(&str) -> bool,
}

/// The least policy under which what was seen can be done again.
pub fn write(lesson: &Lesson<'_>) -> String {
    let mut text = Text(String::new());
    let Lesson {
        plugin,
        calls,
        policy,
        seen,
        ..
    } = *lesson;
    let calls = counted(calls as u64, "call", "calls");
    text.line(
        0,
        &format!(
            "# Learned from {calls} of plugin `{}`: the least under which they pass.",
            escape(plugin)
        ),
    );
    text.line(
        0,
        "# What they did not do is not granted. Read it line by line before you rely on it.",
    );
    text.line(0, "apiVersion: lazaret/v1");
    text.line(0, "kind: SecurityPolicy");
    text.line(0, &format!("level: {}", policy.level().value));
    permissions(&mut text, lesson);
    endpoints(&mut text, &seen.requests);
    resources(&mut text, lesson);
    text.line(0, "runtime:");
    text.line(1, &format!("engine: {}", policy.engine().value));
    system_calls(&mut text, lesson);
    remarks(&mut text, seen);
    text.0
}

/// Lines with their indentation.
struct Text(String);

impl Text {
    fn line(&mut self, depth: usize, line: &str) {
        // Writing to a string cannot fail.
        let _infallible = writeln!(self.0, "{:width$}{line}", "", width = 2 * depth);
    }
}

/// Everything that is granted as a permission, with how often it was used.
fn permissions(text: &mut Text, lesson: &Lesson<'_>) {
    let mut lines = Vec::new();
    for writing in [false, true] {
        lines.extend(file_grants(lesson, writing).into_iter().map(|narrowed| {
            let Narrowed { path, times, paths } = narrowed;
            let act = if writing { "write" } else { "read" };
            let different = match paths {
                1 => String::new(),
                paths => format!("{paths} paths, "),
            };
            let seen = format!("{different}{}", seen_times(times));
            (format!("file:{act}:{path}"), seen)
        }));
    }
    for (permission, times) in used(lesson) {
        match permission {
            Permission::FileRead(_) | Permission::FileWrite(_) => {}
            // Said more closely as an endpoint.
            Permission::NetworkRead(_) | Permission::NetworkConnect(..)
                if is_told(&permission, &lesson.seen.requests) => {}
            permission => lines.push((permission.to_string(), seen_times(times))),
        }
    }
    if lines.is_empty() {
        text.line(0, "permissions: []  # nothing was used");
        return;
    }
    text.line(0, "permissions:");
    for (permission, seen) in lines {
        text.line(1, &format!("- {}  # {seen}", quoted(&permission)));
    }
}

/// The permissions that were used and are granted: nobody's word makes more of them.
fn used(lesson: &Lesson<'_>) -> Vec<(Permission, u64)> {
    let parsed = lesson.seen.used.iter().filter_map(|(text, times)| {
        let permission: Permission = text.parse().ok()?;
        lesson.policy.grants(&permission)?;
        Some((permission, *times))
    });
    parsed.collect()
}

fn file_grants(lesson: &Lesson<'_>, writing: bool) -> Vec<Narrowed> {
    let of_kind = |permission: &Permission| match permission {
        Permission::FileRead(path) if !writing => Some(path.as_str().to_owned()),
        Permission::FileWrite(path) if writing => Some(path.as_str().to_owned()),
        _ => None,
    };
    let seen: BTreeMap<String, u64> = used(lesson)
        .iter()
        .filter_map(|(permission, times)| Some((of_kind(permission)?, *times)))
        .collect();
    let act = if writing { "write" } else { "read" };
    let is_allowed = |path: &str| {
        let permission = format!("file:{act}:{path}").parse::<Permission>();
        permission.is_ok_and(|permission| lesson.policy.grants(&permission).is_some())
    };
    let bounds = Bounds {
        is_there: lesson.is_there,
        is_allowed: &is_allowed,
        most: MAX_GRANTS / 2,
    };
    narrow(&seen, &bounds)
}

/// Whether there was a request that the permission was used for.
fn is_told(permission: &Permission, requests: &BTreeMap<Request, u64>) -> bool {
    requests.keys().any(|request| {
        let Request { host, port, .. } = request;
        let shown = permission.to_string();
        shown == format!("network:connect:{host}:{port}")
            || (*port == 443 && shown == format!("network:read:{host}"))
    })
}

/// Each endpoint with the methods and paths that were asked for there.
fn endpoints(text: &mut Text, requests: &BTreeMap<Request, u64>) {
    let mut of_one: BTreeMap<(&str, u16, &str), Vec<(&Request, u64)>> = BTreeMap::new();
    for (request, times) in requests {
        let Request {
            host,
            port,
            protocol,
            ..
        } = request;
        let endpoint = (host.as_str(), *port, *protocol);
        of_one.entry(endpoint).or_default().push((request, *times));
    }
    if of_one.is_empty() {
        return;
    }
    text.line(0, "network:");
    text.line(1, "endpoints:");
    for ((host, port, protocol), seen) in of_one {
        let times = seen
            .iter()
            .fold(0_u64, |sum, (_, times)| sum.saturating_add(*times));
        text.line(
            2,
            &format!("- host: {}  # {}", quoted(host), seen_times(times)),
        );
        text.line(3, &format!("port: {port}"));
        text.line(3, &format!("protocol: {protocol}"));
        let methods = all(&seen, |request| request.method.as_deref());
        if let Some(methods) = methods {
            let methods: Vec<&str> = methods.into_iter().collect();
            text.line(3, &format!("methods: [{}]", methods.join(", ")));
        }
        if let Some(paths) = all(&seen, |request| request.path.as_deref()) {
            let paths: Vec<String> = few(&paths).iter().map(|path| quoted(path)).collect();
            text.line(3, &format!("paths: [{}]", paths.join(", ")));
        }
        let addresses: BTreeSet<&str> = seen
            .iter()
            .filter_map(|(request, _)| request.addresses)
            .collect();
        if !addresses.is_empty() && !addresses.iter().eq(["public"].iter()) {
            let addresses: Vec<&str> = addresses.into_iter().collect();
            text.line(3, &format!("addresses: [{}]", addresses.join(", ")));
        }
    }
}

/// What every request says, if every one does.
fn all<'a>(
    seen: &[(&'a Request, u64)],
    part: impl Fn(&'a Request) -> Option<&'a str>,
) -> Option<BTreeSet<&'a str>> {
    seen.iter().map(|(request, _)| part(request)).collect()
}

/// The paths, or what they all begin with where there are many.
fn few(paths: &BTreeSet<&str>) -> Vec<String> {
    let (Some(first), Some(last)) = (paths.first(), paths.last()) else {
        return Vec::new();
    };
    if paths.len() <= PATHS_OF_ONE_ENDPOINT {
        return paths.iter().map(|path| (*path).to_owned()).collect();
    }
    // Sorted, so what the first and the last share is shared by all.
    let shared = first
        .char_indices()
        .zip(last.chars())
        .take_while(|((_, one), other)| one == other)
        .map(|((at, one), _)| at + one.len_utf8())
        .last()
        .unwrap_or(0);
    // Whole segments: `/v1/a1` and `/v1/a2` do not stand for `/v1/attic`.
    let shared = first[..shared]
        .rfind('/')
        .map_or("/", |slash| &first[..=slash]);
    vec![format!("{shared}*")]
}

fn resources(text: &mut Text, lesson: &Lesson<'_>) {
    let limits = limits(&lesson.seen.peaks, lesson.policy);
    if limits.is_empty() {
        return;
    }
    text.line(0, "resources:");
    let mut section = "";
    for limit in limits {
        let (of, name) = limit.key;
        if of != section {
            text.line(1, &format!("{of}:"));
            section = of;
        }
        text.line(2, &format!("{name}: {}  # {}", limit.value, limit.seen));
    }
}

/// Takes away every group that the policy leaves and none of whose calls was made.
fn system_calls(text: &mut Text, lesson: &Lesson<'_>) {
    let seen = &lesson.seen.system_calls;
    let left = held(lesson.policy);
    let unused = left.iter().filter(|group| !seen.contains_key(group.name));
    let unused: Vec<&str> = unused.map(|group| group.name).collect();
    if !unused.is_empty() {
        text.line(0, "syscalls:");
        text.line(1, "deny:  # none of their calls was made");
        for group in unused {
            text.line(2, &format!("- {group}"));
        }
    }
    for (group, calls) in seen {
        let calls = calls
            .iter()
            .map(|(call, times)| format!("{call}, {}", seen_times(*times)));
        let calls: Vec<String> = calls.collect();
        text.line(0, &format!("# Left: {group} ({}).", calls.join("; ")));
    }
}

/// What was refused, so that nobody has to guess what was missing.
fn remarks(text: &mut Text, seen: &Observations) {
    for (permission, times) in seen.refused.iter().take(LISTED_REFUSALS) {
        let times = counted(*times, "time", "times");
        text.line(
            0,
            &format!("# refused while learning: {}, {times}", escape(permission)),
        );
    }
    if let more @ 1.. = seen.refused.len().saturating_sub(LISTED_REFUSALS) {
        text.line(0, &format!("# refused while learning: {more} others"));
    }
    if seen.not_kept > 0 {
        let acts = counted(seen.not_kept, "act was", "acts were");
        text.line(
            0,
            &format!("# {acts} too many to be kept: this policy may lack something."),
        );
    }
}

fn seen_times(times: u64) -> String {
    match times {
        1 => "seen once".to_owned(),
        times => format!("seen {times} times"),
    }
}

fn counted(count: u64, one: &str, more: &str) -> String {
    let what = if count == 1 { one } else { more };
    format!("{count} {what}")
}

/// As a text that YAML reads as it is: in double quotes, with all that cannot be seen escaped
/// (YAML 1.2, section 5.7).
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            ' '..='~' => quoted.push(letter),
            _ => {
                let _infallible = write!(quoted, "\\U{:08x}", u32::from(letter));
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests;
