//! Whether the policy lets an act be done. Pure.

use lazaret_policy::{Decision, EffectivePolicy, Mode, Permission};
use lazaret_protocol::Act;

use super::window;

/// What a plugin lacks that may keep nothing: the section of its policy.
pub(crate) const KV: &str = "kv";

/// What is to be done so that a plugin has what it lacks.
pub(crate) fn grant_hint(lacks: &str) -> String {
    match lacks {
        KV => "say how much may be kept, as `kv: { size: 16MiB }`".to_owned(),
        permission => format!("add `{permission}` to `permissions`"),
    }
}

/// What the policy says to an act.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decided {
    /// It may be done, for these permissions; where one is not granted but observed, in that mode.
    Allowed(Vec<(Permission, Option<Mode>)>),
    /// It lacks this permission, as `file:write:/etc/shadow`. The path in it is the plugin's text.
    Denied(String),
}

/// Decides about an act. What no permission could ever name is denied.
pub(crate) fn decide(act: &Act, policy: &EffectivePolicy) -> Decided {
    let writing = |path: &str| format!("file:write:{path}");
    let needed = match act {
        Act::Write { path, .. }
        | Act::Remove { path }
        | Act::RemoveAll { path }
        | Act::MakeDirectory { path, .. } => vec![writing(path)],
        Act::Rename { from, to } => vec![writing(from), writing(to)],
        Act::Run { program, .. } => vec![format!("exec:run:{program}")],
        // No permission: the policy says how much.
        Act::Kv(_) if policy.kv().size.value.bytes() == 0 => {
            return Decided::Denied(KV.to_owned());
        }
        Act::Kv(_) => Vec::new(),
        Act::Window(act) => {
            return match window::may(act, policy) {
                // Told when it is over.
                true => Decided::Allowed(Vec::new()),
                false => Decided::Denied(window::lacks(act)),
            };
        }
    };
    let mut allowed = Vec::new();
    for text in needed {
        let Ok(permission) = text.parse::<Permission>() else {
            return Decided::Denied(text);
        };
        let observed = match policy.decide(&permission) {
            Decision::Granted(_) => None,
            Decision::Observed(_, mode) => Some(mode),
            Decision::Denied => return Decided::Denied(text),
        };
        allowed.push((permission, observed));
    }
    Decided::Allowed(allowed)
}

#[cfg(test)]
mod tests {
    use lazaret_policy::{SecurityLevel, SecurityPolicy};
    use lazaret_protocol::{KvAct, Presence, WriteMode};

    use super::*;

    fn decided(body: &str, act: &Act) -> Result<Vec<String>, String> {
        let text = format!("apiVersion: lazaret/v1\nkind: SecurityPolicy\n{body}");
        let policy = SecurityPolicy::parse("policy.yaml", &text).unwrap();
        let policy = EffectivePolicy::of(SecurityLevel::Standard).layer(&policy);
        match decide(act, &policy) {
            Decided::Allowed(all) => Ok(all
                .into_iter()
                .map(|(permission, mode)| match mode {
                    None => permission.to_string(),
                    Some(mode) => format!("{permission} in mode {mode}"),
                })
                .collect()),
            Decided::Denied(permission) => Err(permission),
        }
    }

    fn write(path: &str) -> Act {
        Act::Write {
            path: path.into(),
            mode: WriteMode::Replace,
            presence: Presence::Any,
            content: Vec::new(),
        }
    }

    fn rename(from: &str, to: &str) -> Act {
        Act::Rename {
            from: from.into(),
            to: to.into(),
        }
    }

    const GRANTED: &str = "permissions: ['file:write:/srv/out', 'file:read:/srv/in']\n";

    #[test]
    fn what_is_granted_is_allowed_and_nothing_beside_it() {
        let allowed = |path: &str| Ok(vec![format!("file:write:{path}")]);
        let denied = |path: &str| Err(format!("file:write:{path}"));
        for (path, expected) in [
            ("/srv/out", allowed("/srv/out")),
            ("/srv/out/a/b", allowed("/srv/out/a/b")),
            ("/srv/outside", denied("/srv/outside")),
            ("/srv/in/a", denied("/srv/in/a")),
            ("/srv/out/../in/a", denied("/srv/out/../in/a")),
            ("/srv/out/", denied("/srv/out/")),
            ("srv/out/a", denied("srv/out/a")),
            ("", denied("")),
            ("/proc/self/mem", denied("/proc/self/mem")),
            ("/srv/out/a\0b", denied("/srv/out/a\0b")),
            ("/srv/out/a\nb", denied("/srv/out/a\nb")),
        ] {
            assert_eq!(decided(GRANTED, &write(path)), expected, "{path:?}");
        }
    }

    #[test]
    fn both_names_of_a_renaming_must_be_granted() {
        let (within, outside) = ("/srv/out/a", "/etc/a");
        assert!(decided(GRANTED, &rename(within, "/srv/out/b")).is_ok());
        let denied = Err("file:write:/etc/a".to_owned());
        assert_eq!(decided(GRANTED, &rename(within, outside)), denied);
        assert_eq!(decided(GRANTED, &rename(outside, within)), denied);
    }

    #[test]
    fn a_program_is_named_by_its_permission_and_never_by_a_path() {
        let run = |program: &str| Act::Run {
            program: program.into(),
            arguments: Vec::new(),
            input: Vec::new(),
        };
        for program in ["jq", "/bin/sh", "..", "", "jq:x"] {
            let denied = Err(format!("exec:run:{program}"));
            assert_eq!(decided(GRANTED, &run(program)), denied);
        }
    }

    #[test]
    fn something_is_kept_where_the_policy_says_how_much() {
        let get = Act::Kv(KvAct::Get { key: "a".into() });
        assert_eq!(decided("kv: { size: 1KiB }\n", &get), Ok(Vec::new()));
        for none in ["kv: { size: 0B, keys: 5 }\n", "kv: { value: 5B }\n", ""] {
            assert_eq!(decided(none, &get), Err("kv".to_owned()), "{none}");
        }
    }

    #[test]
    fn what_is_observed_goes_on_in_its_mode() {
        let body = "filesystem: { mode: audit }\nobserve: ['file:write:/srv/seen']\n";
        assert_eq!(
            decided(body, &write("/srv/seen/a")),
            Ok(vec!["file:write:/srv/seen/a in mode audit".to_owned()])
        );
        assert!(decided(body, &write("/srv/other")).is_err());
    }
}
