//! Where in a policy something would stand: for whoever is to write it there.

use std::io::Read;
use std::path::Path;

use lazaret_policy::{EffectivePolicy, Granted, Origin, Permission};

use super::shell::word;
use crate::event::escape;
use crate::plugin::Plugin;

/// The most bytes of a policy file (as the language has it) that are looked through.
const MAX_BYTES: u64 = 1024 * 1024;

/// The list of permissions in the policy's own file: `policy.yaml:5`; the file alone where it has none.
pub(super) fn permissions(source: &str) -> String {
    let mut text = Vec::new();
    // It was read before, and may be gone by now.
    let read =
        fs_err::File::open(source).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut text));
    match read
        .ok()
        .and_then(|_| key_line(&String::from_utf8_lossy(&text)))
    {
        Some(line) => format!("{source}:{line}"),
        None => source.to_owned(),
    }
}

/// The line of the key `permissions`, from 1. A key of the uppermost level begins its line.
fn key_line(text: &str) -> Option<usize> {
    let is_key = |line: &str| line.starts_with("permissions:");
    text.lines().position(is_key).map(|before| before + 1)
}

/// The entry of a policy file that says most nearly the same: of the same kind, for the most alike file or host.
pub(super) fn nearest<'policy>(
    policy: &'policy EffectivePolicy,
    act: &Permission,
) -> Option<&'policy Granted> {
    let act = act.to_string();
    let section = |text: &str| text.split(':').next().map(str::to_owned);
    let alike = |granted: &Granted| {
        let entry = granted.permission.to_string();
        let shared = act.bytes().zip(entry.bytes());
        let shared = shared.take_while(|(one, other)| one == other).count();
        let whole = strsim::jaro_winkler(&act, &entry);
        let same = section(&act) == section(&entry);
        same.then_some(if act.starts_with("network:") {
            whole
        } else {
            shared as f64
        })
    };
    let written = policy
        .all_grants()
        .filter(|granted| matches!(granted.origin, Origin::File { .. }));
    written
        .filter_map(|granted| Some((alike(granted)?, granted)))
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, granted)| granted)
}

/// The command that tells all about an act, which may be the plugin's own text.
pub(super) fn why(plugin: &Plugin, policy: &EffectivePolicy, act: &str) -> String {
    let shown = |path: &Path| {
        let here = std::env::current_dir().ok();
        let below = here.and_then(|here| path.strip_prefix(here).map(Path::to_owned).ok());
        let path = below.unwrap_or_else(|| path.to_owned());
        path.to_string_lossy().into_owned()
    };
    let path = match plugin.is_single_file() {
        true => plugin.directory().join(plugin.entry()),
        false => plugin.directory().to_owned(),
    };
    let (path, act) = (shown(&path), escape(act));
    let mut command = format!("lazaret policy why {} {}", word(&path), word(&act));
    let beside = plugin.policy_file().map(|file| shown(&file));
    if let Some(source) = policy
        .source()
        .filter(|source| beside.as_deref() != Some(source))
    {
        command.push_str(&format!(" --policy {}", word(source)));
    }
    escape(&command)
}

#[cfg(test)]
mod tests {
    use lazaret_policy::{SecurityLevel, SecurityPolicy};

    use super::*;

    #[test]
    fn the_entry_that_is_most_alike_is_the_nearest() {
        let text = "apiVersion: lazaret/v1\nkind: SecurityPolicy\npermissions:\n  - file:read:/srv/data/in\n  - file:write:/srv/out\n  - env:read:TZ\nnetwork:\n  endpoints:\n    - { host: api.example.com, port: 443 }\n    - { host: other.test, port: 80 }\n";
        let policy = SecurityPolicy::parse("p.yaml", text).unwrap();
        let policy = EffectivePolicy::of(SecurityLevel::Standard).layer(&policy);
        for (act, entry) in [
            ("file:read:/srv/data/other", Some("p.yaml:4:5")),
            ("file:write:/srv/out-more", Some("p.yaml:5:5")),
            ("file:read:/etc/shadow", Some("p.yaml:4:5")),
            ("network:read:www.example.com", Some("p.yaml:9:15")),
            ("network:connect:other.test:80", Some("p.yaml:10:15")),
            ("env:read:HOME", Some("p.yaml:6:5")),
            ("exec:run:jq", None),
        ] {
            let found = nearest(&policy, &act.parse().unwrap());
            let found = found.map(|granted| granted.origin.to_string());
            assert_eq!(found.as_deref(), entry, "{act}");
        }
    }

    #[test]
    fn the_command_can_be_pasted_whatever_is_in_it() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().canonicalize().unwrap().join("my plugins");
        fs_err::create_dir(&directory).unwrap();
        let (path, policy) = (directory.join("p.js"), directory.join("p.yaml"));
        fs_err::write(&path, "").unwrap();
        fs_err::write(&policy, "apiVersion: lazaret/v1\nkind: SecurityPolicy\n").unwrap();
        let plugin = Plugin::locate(&path).unwrap();
        let policy = SecurityPolicy::load(&policy).unwrap();
        let policy = EffectivePolicy::of(SecurityLevel::Standard).layer(&policy);
        let told = why(&plugin, &policy, "file:read:/srv/a;reboot");
        let place = directory.display();
        assert_eq!(
            told,
            format!(
                "lazaret policy why '{place}/p.js' 'file:read:/srv/a;reboot' --policy '{place}/p.yaml'"
            )
        );
    }

    #[test]
    fn the_list_is_found_where_it_is_and_else_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("p.yaml");
        let path = path.to_str().unwrap();
        fs_err::write(
            path,
            "kind: SecurityPolicy\nobserve:\n  permissions: no\npermissions: []\n",
        )
        .unwrap();
        assert_eq!(permissions(path), format!("{path}:4"));
        fs_err::write(path, "kind: SecurityPolicy\n").unwrap();
        assert_eq!(permissions(path), path);
        assert_eq!(permissions("/nowhere/p.yaml"), "/nowhere/p.yaml");
    }
}
