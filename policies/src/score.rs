use serde::Serialize;

use crate::effective::EffectivePolicy;
use crate::grants::{Allowance, How, Secret, Terms};
use crate::level::SecurityLevel;
use crate::network::{AddressClass, Endpoint, Protocol};
use crate::path::GrantPath;
use crate::permission::{Permission, WindowAct};
use crate::requirements::{Requirement, RequirementKey};
use crate::settings::{EngineChoice, EngineFlag};
use crate::violations::ActReaction;

/// How much a policy exposes, from 0 (nothing that could be taken away) to 10.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Score {
    /// In tenths, 0 to 100.
    pub tenths: u32,
    /// What it is made of, the weightiest first.
    pub parts: Vec<Part>,
}

/// One thing that exposes something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// In tenths.
    pub tenths: u32,
    /// The key or permission.
    pub what: String,
    /// What is exposed by it.
    pub why: &'static str,
}

/// The most that all grants of one kind weigh together, in tenths.
const MOST_OF_A_KIND: u32 = 25;

impl EffectivePolicy {
    /// Adds up what the policy opens. A measure for comparing policies and for a bound in reviews; two policies with the
    /// same score are not equally dangerous.
    #[must_use]
    pub fn score(&self) -> Score {
        let mut parts = self.settings();
        let mut opened: Vec<(usize, Part)> = Vec::new();
        // What is let through to be observed is let through.
        let observed = self.lists.observed(self.modes());
        for allowance in self.lists.allowances().into_iter().chain(observed) {
            opened.push(weight(&allowance));
        }
        opened.extend(self.secrets().iter().map(secret));
        opened.extend(self.messaging().receive.iter().map(|receive| {
            let what = format!("messaging.receive.{}", receive.plugin);
            (MESSAGES, Part::new(1, what, "words of another plugin"))
        }));
        let mut left = [MOST_OF_A_KIND; KINDS];
        for (kind, mut part) in opened {
            part.tenths = part.tenths.min(left[kind]);
            left[kind] -= part.tenths;
            if part.tenths > 0 {
                parts.push(part);
            }
        }
        parts.sort_by_key(|part| std::cmp::Reverse(part.tenths));
        let sum: u32 = parts.iter().map(|part| part.tenths).sum();
        Score {
            tenths: sum.min(100),
            parts,
        }
    }

    fn settings(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut add = |holds: bool, tenths, what: &str, why| {
            if holds {
                let what = what.to_owned();
                parts.push(Part { tenths, what, why });
            }
        };
        let resources = self.resources();
        add(
            self.level().value == SecurityLevel::Minimal,
            5,
            "level",
            "the filters of the loosest level",
        );
        let other = self.engine().value != EngineChoice::QuickJs;
        let compiles = !self.runtime().flags.value.contains(&EngineFlag::Jitless)
            && self.level().value != SecurityLevel::Maximum;
        add(
            other && compiles,
            8,
            "runtime.engine",
            "memory that is written and executed, and a large compiler",
        );
        add(other && !compiles, 2, "runtime.engine", "a large engine");
        let syscalls = self.syscalls();
        add(
            syscalls.level.value < self.level().value,
            5,
            "syscalls.level",
            "the filters of a looser level",
        );
        let denied = &syscalls.deny.value;
        let groups = syscalls.allow.value.iter();
        let groups = groups.filter(|group| !denied.contains(group)).count();
        add(
            groups > 0,
            u32::try_from(groups)
                .unwrap_or(MOST_GROUPS)
                .min(MOST_GROUPS),
            "syscalls.allow",
            "system calls beyond the level's",
        );
        add(
            self.requirements().of(RequirementKey::Landlock) == Requirement::BestEffort,
            7,
            "requirements.landlock",
            "one layer less where the kernel has no Landlock",
        );
        add(
            self.violations().syscall.reaction.value == ActReaction::Deny,
            5,
            "violations.syscall.reaction",
            "whoever tries forbidden system calls may go on trying",
        );
        add(
            resources.memory.max.value.bytes() > 128 << 20,
            2,
            "resources.memory.max",
            "much memory to take from others",
        );
        add(
            resources.cpu.max.value.percent() > 100,
            2,
            "resources.cpu.max",
            "more than one CPU to take from others",
        );
        add(
            resources.pids.max.value > 64,
            2,
            "resources.pids.max",
            "many tasks",
        );
        add(
            resources.time.call.value.millis() > 60_000,
            1,
            "resources.time.call",
            "a call that hangs is noticed late",
        );
        parts
    }
}

/// Kinds of what may be opened.
const KINDS: usize = 8;
const MESSAGES: usize = 5;
const SECRETS: usize = 6;
const WINDOWS: usize = 7;

/// The most that groups of system calls weigh together.
const MOST_GROUPS: u32 = 5;

impl Part {
    fn new(tenths: u32, what: String, why: &'static str) -> Self {
        Self { tenths, what, why }
    }
}

/// Kind of a grant, and what it exposes.
fn weight(allowance: &Allowance<'_>) -> (usize, Part) {
    let permission = &allowance.granted.permission;
    let (kind, tenths, why) = match (permission, &allowance.terms) {
        (_, Terms::Endpoint(endpoint)) => {
            let (tenths, why) = endpoint_weight(endpoint);
            (2, tenths, why)
        }
        (Permission::FileRead(path), _) => (
            0,
            if is_shallow(path) { 10 } else { 3 },
            "what lies there can be read",
        ),
        (Permission::FileWrite(path), _) => (
            1,
            if is_shallow(path) { 20 } else { 8 },
            "what lies there can be changed",
        ),
        (Permission::ExecRun(_), _) => (3, 15, "a program with faults of its own"),
        (Permission::EnvRead(_), _) => (4, 2, "a value of the host's environment"),
        (Permission::MessageSend(_), _) => (MESSAGES, 2, "another plugin's functions"),
        (Permission::Window(act, class), _) => {
            let (tenths, why) = window_weight(*act);
            let tenths = if class.is_some() { tenths / 2 } else { tenths };
            (WINDOWS, tenths, why)
        }
        // The terms of what leads to the network are an endpoint.
        (Permission::NetworkRead(_) | Permission::NetworkConnect(..), _) => {
            (2, 6, "anything can be said to this host")
        }
    };
    let what = match allowance.how {
        How::Granted => permission.to_string(),
        How::Observed(_) => format!("observe {permission}"),
    };
    (kind, Part::new(tenths, what, why))
}

/// A title says what is written, read and looked at, in other programs of whoever sits there.
fn window_weight(act: WindowAct) -> (u32, &'static str) {
    match act {
        WindowAct::List => (12, "titles of windows, which tell what somebody does"),
        WindowAct::Focus => (8, "what is typed can be led to another window"),
        WindowAct::Move => (4, "windows can be hidden and shown"),
        WindowAct::Close => (6, "programs can be asked to close"),
    }
}

/// `/srv` is all of it; `/srv/data/in` is somebody's choice.
fn is_shallow(path: &GrantPath) -> bool {
    path.as_str().matches('/').count() < 2
}

fn endpoint_weight(endpoint: &Endpoint) -> (u32, &'static str) {
    let inside = |class: &AddressClass| *class != AddressClass::Public;
    if endpoint.addresses.contains(&AddressClass::Metadata) {
        return (20, "where clouds tell a machine its secrets");
    }
    if endpoint.addresses.iter().any(inside) {
        return (12, "what is not to be reached from outside");
    }
    if endpoint.host.is_wildcard() {
        return (10, "data can leave to many hosts");
    }
    match endpoint.protocol {
        Protocol::Tcp => (6, "anything can be said to this host"),
        Protocol::Http => (5, "data can leave to this host, for all to see"),
        Protocol::Https if endpoint.methods.any() && endpoint.paths.any() => {
            (4, "data can leave to this host")
        }
        Protocol::Https => (3, "data can leave to this host, by some requests"),
    }
}

fn secret(secret: &Secret) -> (usize, Part) {
    let what = format!("secrets.{}", secret.name);
    let (tenths, why) = match secret.expose {
        true => (10, "a secret the plugin itself gets"),
        false => (3, "a secret that can be used"),
    };
    (SECRETS, Part::new(tenths, what, why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::SecurityPolicy;

    fn score(body: &str) -> Score {
        let text = format!("apiVersion: lazaret/v1\nkind: SecurityPolicy\n{body}");
        let policy = SecurityPolicy::parse("p", &text).unwrap();
        EffectivePolicy::of(policy.level()).layer(&policy).score()
    }

    #[test]
    fn nothing_granted_at_the_usual_level_exposes_nothing() {
        assert_eq!(score("level: maximum").tenths, 0);
        assert_eq!(score("").tenths, 0);
        assert!(score("level: minimal").tenths > 10);
    }

    #[test]
    fn each_grant_counts_and_the_wider_one_more() {
        let narrow = score("permissions: [ file:read:/srv/data/in ]");
        let wide = score("permissions: [ file:read:/srv ]");
        let write = score("permissions: [ file:write:/srv ]");
        assert!(0 < narrow.tenths && narrow.tenths < wide.tenths && wide.tenths < write.tenths);
        assert_eq!(wide.parts[0].what, "file:read:/srv");
    }

    #[test]
    fn what_opens_more_weighs_more() {
        let endpoint = |more: &str| {
            let host = "host: api.example.com, port: 443";
            score(&format!("network: {{ endpoints: [ {{ {host}{more} }} ] }}")).tenths
        };
        let rising = [
            endpoint(", methods: [ GET ]"),
            endpoint(""),
            endpoint(", protocol: tcp"),
            score("permissions: [ 'network:connect:*.example.com:443' ]").tenths,
            endpoint(", addresses: [ private ]"),
            endpoint(", addresses: [ metadata ]"),
        ];
        assert!(rising.is_sorted_by(|one, other| one < other), "{rising:?}");
        // Who ends TLS is a trade: the broker holds more of it, and sees more.
        assert_eq!(endpoint(", tls: broker"), endpoint(""));
        let secret = |expose: &str| {
            let key = "name: k, hosts: [ a.example ], from: { env: K }";
            score(&format!("secrets: [ {{ {key}{expose} }} ]")).tenths
        };
        assert!(0 < secret("") && secret("") < secret(", expose: true"));
        assert!(score("syscalls: { allow: [ timers, pipes ] }").tenths == 2);
        assert!(score("syscalls: { level: minimal }").tenths > 0);
        let v8 = |flags: &str| score(&format!("runtime: {{ engine: v8{flags} }}")).tenths;
        assert!(v8(", flags: [ jitless ]") < v8(""));
    }

    #[test]
    fn windows_of_a_class_weigh_less_than_all_and_seeing_them_most() {
        let of = |permission: &str| score(&format!("permissions: [ '{permission}' ]")).tenths;
        assert!(0 < of("window:list:XTerm") && of("window:list:XTerm") < of("window:list"));
        for act in ["focus", "move", "close"] {
            assert!(of(&format!("window:{act}")) < of("window:list"), "{act}");
        }
        let all = "permissions: [ window:list, window:focus, window:move, window:close ]";
        assert_eq!(score(all).tenths, MOST_OF_A_KIND);
    }

    #[test]
    fn what_is_observed_weighs_as_much_as_what_is_granted() {
        let granted = score("permissions: [ file:write:/srv ]");
        let observed = score("filesystem: { mode: learn }\nobserve: [ file:write:/srv ]");
        assert_eq!(granted.tenths, observed.tenths);
        assert_eq!(observed.parts[0].what, "observe file:write:/srv");
    }

    #[test]
    fn many_grants_of_a_kind_and_all_kinds_together_have_an_end() {
        let hosts: Vec<String> = (0..100)
            .map(|number| format!("network:read:h{number}.example"))
            .collect();
        let network = score(&format!("permissions: [ {} ]", hosts.join(", ")));
        assert_eq!(network.tenths, MOST_OF_A_KIND);
        let programs: Vec<String> = (0..9).map(|number| format!("exec:run:p{number}")).collect();
        let all = score(&format!(
            "level: minimal\nruntime: {{ engine: v8 }}\npermissions: [ {}, {}, file:write:/a, file:write:/b, file:read:/c, file:read:/d, file:read:/e ]",
            hosts.join(", "),
            programs.join(", ")
        ));
        assert_eq!(all.tenths, 100);
        let sum: u32 = all.parts.iter().map(|part| part.tenths).sum();
        assert!(sum >= 100);
    }
}
