//! From what was seen to the text of the least policy. Pure but for the look at the host's paths
//! that an argument takes.
//!
//! Whatever a plugin chose – paths, hosts, names – comes out in quotes or escaped, so that it
//! stays what it is: a value, or words within one comment.

mod kept;
mod network;
mod sizes;
mod tree;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use lazaret_policy::{
    Decision, EffectivePolicy, Permission, PolicyProblems, Program, SyscallGroup, Write,
};
use lazaret_protocol::TOLD_ONE_BY_ONE;

use super::files::{Bounds, Narrowed, narrow};
use super::limits::limits;
use super::{Observations, Real};
use crate::bundle::{MAX_GRANTS, held};
use crate::event::escape;
use tree::{Node, Tree, quoted};

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
    /// Where paths of this host lead.
    pub real: &'a Real<'a>,
}

/// The least policy under which what was seen can be done again, in the language's own spelling.
///
/// # Errors
/// Where what was put together is no policy: a mistake of ours.
pub fn write(lesson: &Lesson<'_>) -> Result<String, PolicyProblems> {
    let mut tree = Tree::default();
    let plain = |value: &str| Node::Value(value.to_owned(), None);
    let policy = lesson.policy;
    tree.put(&["apiVersion"], plain("lazaret/v1"));
    tree.put(&["kind"], plain("SecurityPolicy"));
    tree.put(&["level"], plain(policy.level().value.as_str()));
    tree.put(
        &["runtime", "engine"],
        plain(&policy.engine().value.to_string()),
    );
    grants(&mut tree, lesson);
    for limit in limits(&lesson.seen.peaks, policy) {
        let (section, name) = limit.key;
        let path = ["resources", section, name];
        tree.put(&path, Node::Value(limit.value, Some(limit.seen)));
    }
    system_calls(&mut tree, lesson);
    kept::keep(&mut tree, policy);
    let hosts = network::seen_hosts(policy, &used(lesson));
    kept::secrets(&mut tree, policy, &hosts);
    let text = [head(lesson), tree.text(), remarks(lesson.seen)].concat();
    lazaret_policy::format("the policy that was learned", &text)
}

fn head(lesson: &Lesson<'_>) -> String {
    let calls = counted(lesson.calls as u64, "call", "calls");
    let plugin = escape(lesson.plugin);
    format!(
        "# Learned from {calls} of plugin `{plugin}`: the least under which they pass.\n\
         # What they did not do is not granted. Read it line by line before you rely on it.\n"
    )
}

/// Everything that was used, with how often.
fn grants(tree: &mut Tree, lesson: &Lesson<'_>) {
    let used = used(lesson);
    let mut permissions = Vec::new();
    for narrowed in files(lesson, &used, false) {
        let permission = format!("file:read:{}", narrowed.path);
        let remark = remark(&narrowed, at_least);
        permissions.push(Node::item(&quoted(&permission), &remark));
    }
    let mut writes = Vec::new();
    for (narrowed, size) in sizes::sized(lesson.policy, files(lesson, &used, true)) {
        let remark = remark(&narrowed, seen_times);
        if size == Write::USUAL_SIZE {
            let permission = format!("file:write:{}", narrowed.path);
            permissions.push(Node::item(&quoted(&permission), &remark));
        } else {
            let path = format!("path: {}  # {remark}", quoted(&narrowed.path));
            writes.push(vec![path, format!("size: {size}")]);
        }
    }
    let (mut programs, mut endpoints) = (Vec::new(), Vec::new());
    for (permission, times) in &used {
        let exec = lesson.policy.exec();
        match permission {
            Permission::FileRead(_) | Permission::FileWrite(_) => {}
            Permission::NetworkRead(_) | Permission::NetworkConnect(..) => {
                let requests = &lesson.seen.requests;
                let lines = network::endpoint(lesson.policy, requests, permission, *times);
                endpoints.extend(lines);
            }
            Permission::ExecRun(name) if exec.program(name.as_str()).is_some() => {
                let known = exec.program(name.as_str());
                programs.extend(known.map(|known| program(known, name.as_str(), *times)));
            }
            permission => {
                let remark = match permission {
                    Permission::EnvRead(_) => at_least(*times),
                    _ => seen_times(*times),
                };
                permissions.push(Node::item(&quoted(&permission.to_string()), &remark));
            }
        }
    }
    let lists = [&permissions, &writes, &programs, &endpoints];
    let nothing = lists.iter().all(|list| list.is_empty());
    let remark = nothing.then(|| "nothing was used".to_owned());
    tree.put(&["permissions"], Node::List(permissions, remark));
    for (path, list) in [
        (["filesystem", "write"], writes),
        (["exec", "programs"], programs),
        (["network", "endpoints"], endpoints),
    ] {
        if !list.is_empty() {
            tree.put(&path, Node::List(list, None));
        }
    }
}

/// The permissions that were used and that the policy lets be used: nobody's word makes more of
/// them.
fn used(lesson: &Lesson<'_>) -> Vec<(Permission, u64)> {
    let parsed = lesson.seen.used.iter().filter_map(|(text, times)| {
        let permission: Permission = text.parse().ok()?;
        let allowed = lesson.policy.decide(&permission) != Decision::Denied;
        allowed.then_some((permission, *times))
    });
    parsed.collect()
}

fn files(lesson: &Lesson<'_>, used: &[(Permission, u64)], writing: bool) -> Vec<Narrowed> {
    let of_kind = |permission: &Permission| match permission {
        Permission::FileRead(path) if !writing => Some(path.as_str().to_owned()),
        Permission::FileWrite(path) if writing => Some(path.as_str().to_owned()),
        _ => None,
    };
    let seen: BTreeMap<String, u64> = used
        .iter()
        .filter_map(|(permission, times)| Some((of_kind(permission)?, *times)))
        .collect();
    let act = if writing { "write" } else { "read" };
    let is_allowed = |path: &str| {
        let permission = format!("file:{act}:{path}").parse::<Permission>();
        permission.is_ok_and(|permission| lesson.policy.decide(&permission) != Decision::Denied)
    };
    let bounds = Bounds {
        real: lesson.real,
        is_allowed: &is_allowed,
        most: MAX_GRANTS,
    };
    narrow(&seen, &bounds)
}

fn remark(narrowed: &Narrowed, seen: fn(u64) -> String) -> String {
    let times = seen(narrowed.times);
    match narrowed.paths {
        1 => times,
        paths => format!("{paths} paths, {times}"),
    }
}

/// A program as the policy that held has it.
fn program(program: &Program, name: &str, times: u64) -> Vec<String> {
    let limits = &program.limits;
    vec![
        format!("name: {}  # {}", quoted(name), seen_times(times)),
        format!("rootfs: {}", quoted(program.rootfs.as_str())),
        format!("path: {}", quoted(program.path.as_str())),
        "limits:".to_owned(),
        format!("  memory: {}", limits.memory),
        format!("  cpu: {}", limits.cpu),
        format!("  pids: {}", limits.pids),
        format!("  time: {}", limits.time),
        format!("  input: {}", limits.input),
        format!("  output: {}", limits.output),
    ]
}

/// Takes away every group that the policy leaves and none of whose calls was made.
fn system_calls(tree: &mut Tree, lesson: &Lesson<'_>) {
    let seen = &lesson.seen.system_calls;
    let left = held(lesson.policy);
    let is_left = |name: &str| left.iter().any(|group| group.name == name);
    let (mut allow, mut deny) = (Vec::new(), Vec::new());
    for group in SyscallGroup::ALL.iter().map(|group| group.as_str()) {
        match seen.get(group) {
            Some(calls) => {
                let calls = calls.iter();
                let calls = calls.map(|(call, times)| format!("{call} {}", seen_times(*times)));
                let calls: Vec<String> = calls.collect();
                allow.push(Node::item(group, &calls.join(", ")));
            }
            None if is_left(group) => deny.push(vec![group.to_owned()]),
            None => {}
        }
    }
    let level = lesson.policy.syscalls().level.value.to_string();
    tree.put(&["syscalls", "level"], Node::Value(level, None));
    if !allow.is_empty() {
        tree.put(&["syscalls", "allow"], Node::List(allow, None));
    }
    if !deny.is_empty() {
        let remark = Some("none of their calls was made".to_owned());
        tree.put(&["syscalls", "deny"], Node::List(deny, remark));
    }
}

/// What was refused, so that nobody has to guess what was missing.
fn remarks(seen: &Observations) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let mut remark = |remark: &str| {
        let _infallible = writeln!(text, "# {remark}");
    };
    for (permission, times) in seen.refused.iter().take(LISTED_REFUSALS) {
        let times = counted(*times, "time", "times");
        let permission = escape(permission);
        remark(&format!("refused while learning: {permission}, {times}"));
    }
    if let more @ 1.. = seen.refused.len().saturating_sub(LISTED_REFUSALS) {
        remark(&format!("refused while learning: {more} others"));
    }
    if seen.not_kept > 0 {
        let acts = counted(seen.not_kept, "act was", "acts were");
        remark(&format!(
            "{acts} too many to be kept: this policy may lack something"
        ));
    }
    text
}

fn seen_times(times: u64) -> String {
    match times {
        1 => "seen once".to_owned(),
        times => format!("seen {times} times"),
    }
}

/// Of what the shim tells: it tells a few uses one by one, and then doublings.
fn at_least(times: u64) -> String {
    match times {
        TOLD_ONE_BY_ONE.. => format!("seen {times} times or more"),
        times => seen_times(times),
    }
}

fn counted(count: u64, one: &str, more: &str) -> String {
    let what = if count == 1 { one } else { more };
    format!("{count} {what}")
}

#[cfg(test)]
mod tests;
