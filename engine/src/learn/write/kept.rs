//! What stays as it was: whatever the policy that held says beside what can be learned.

use std::collections::BTreeSet;

use lazaret_policy::{EffectivePolicy, HostPattern, Origin};

use super::tree::{Node, Tree, flow, quoted};

/// Keys whose value is a list of words.
const LISTS: &[&str] = &["audit.records", "filesystem.ignore", "runtime.flags"];

/// What the lists' text is where they are empty.
const EMPTY: &str = "none";

/// Keys that are not kept: `memory.high` may be above the limit that was learned, and with nothing
/// to observe there is nothing to be lenient about.
fn is_kept(path: &str) -> bool {
    path != "resources.memory.high" && !path.ends_with(".mode") && !path.starts_with("syscalls.")
}

/// Puts what policy files said and what is not there yet.
pub(super) fn keep(tree: &mut Tree, policy: &EffectivePolicy) {
    for key in policy.keys() {
        let from_file = matches!(key.origin, Origin::File { .. });
        if !from_file || !is_kept(&key.path) {
            continue;
        }
        let value = match (LISTS.contains(&key.path.as_str()), key.value.as_str()) {
            (true, EMPTY) => "[]".to_owned(),
            (true, words) => flow(words.split(", ")),
            (false, value) => value.to_owned(),
        };
        let path: Vec<&str> = match key.path.strip_prefix("requirements.") {
            Some(of) => vec!["requirements", of],
            None => key.path.split('.').collect(),
        };
        tree.put(&path, Node::Value(value, None));
    }
    for set in policy.env().set {
        let value = Node::Value(quoted(&set.value), None);
        tree.put(&["env", "set", set.name.as_str()], value);
    }
}

/// Puts the secrets that the plugin can still use: each with those of its hosts that were reached where the broker sees
/// what is asked; one that is exposed as it was.
pub(super) fn secrets(tree: &mut Tree, policy: &EffectivePolicy, reached: &BTreeSet<HostPattern>) {
    let secrets = policy.secrets().iter().filter_map(|secret| {
        let goes = |host: &&HostPattern| secret.hosts.iter().any(|one| one.covers(host));
        let hosts: Vec<String> = match secret.expose {
            true => secret.hosts.iter().map(ToString::to_string).collect(),
            false => reached
                .iter()
                .filter(goes)
                .map(ToString::to_string)
                .collect(),
        };
        let from = serde_json::to_string(&secret.from);
        (!hosts.is_empty()).then(|| {
            vec![
                format!("name: {}", quoted(secret.name.as_str())),
                format!("hosts: {}", flow(hosts.iter().map(String::as_str))),
                // JSON is YAML.
                format!("from: {}", from.unwrap_or_default()),
                format!("expose: {}", secret.expose),
            ]
        })
    });
    let secrets: Vec<Vec<String>> = secrets.collect();
    if !secrets.is_empty() {
        tree.put(&["secrets"], Node::List(secrets, None));
    }
}
