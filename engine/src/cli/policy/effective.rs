//! `lazaret policy effective`

use std::path::PathBuf;

use clap::Args;
use lazaret_policy::{AllowedEndpoint, Change, Cut, EffectivePolicy, Granted, TlsEnd};
use serde::Serialize;

use super::{Chosen, PolicyArguments, cgroup_version};
use crate::bundle::refused_grant;
use crate::cli::ExitCode;
use crate::cli::failure::Failure;
use crate::cli::print::{print, print_json};
use crate::event::escape;
use crate::host::{CgroupVersion, Landlock, held_by, unenforced};
use crate::plugin::Plugin;

#[derive(Debug, Args)]
pub(in crate::cli) struct EffectiveArguments {
    /// The plugin: a `.js` file, or a directory with a `main.js`.
    plugin: PathBuf,
    #[command(flatten)]
    policy: PolicyArguments,
    /// Print keys and grants as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    plugin: String,
    /// The policy file; `null` where only a level holds.
    policy: Option<String>,
    keys: Vec<Key>,
    grants: Vec<Grant>,
    secrets: Vec<Handed>,
    /// What the policy grants and a floor does not give, or the plugin does not ask for.
    cuts: Vec<Cut>,
    /// What the plugin asks for and does not get, not even in part.
    unmet: Vec<Granted>,
}

#[derive(Serialize)]
struct Key {
    key: String,
    value: String,
    origin: String,
    /// What it takes for another value to hold: `live`, `restart` or `recreate`.
    change: Change,
    /// What holds it on this host; `null` where nothing does.
    held_by: Option<String>,
    /// Why nothing holds it.
    unenforced: Option<&'static str>,
}

#[derive(Serialize)]
struct Grant {
    permission: String,
    origin: String,
    /// What it takes to give or take it.
    change: Change,
    reason: Option<String>,
    /// What holds it on this host.
    held_by: Option<String>,
    /// Why a plugin with this grant does not start yet.
    refused: Option<&'static str>,
}

/// A secret, without its value.
#[derive(Serialize)]
struct Handed {
    name: String,
    /// Where it is from, where it may go, and whether it is exposed.
    value: String,
    origin: String,
    /// What it takes to give another one.
    change: Change,
    /// What puts it into requests; `null` where the plugin itself gets it.
    held_by: Option<&'static str>,
    /// Why a plugin under this policy does not start.
    refused: Option<String>,
}

pub(super) fn run(arguments: &EffectiveArguments) -> Result<ExitCode, Failure> {
    let plugin = Plugin::locate(&arguments.plugin)?;
    let chosen = arguments.policy.of(&plugin)?;
    let report = report(&plugin, &chosen, cgroup_version()?, &Landlock::detect());
    if arguments.json {
        print_json(&report)?;
    } else {
        print(&as_text(&report))?;
    }
    Ok(ExitCode::Success)
}

fn report(plugin: &Plugin, chosen: &Chosen, cgroup: CgroupVersion, landlock: &Landlock) -> Report {
    let policy = &chosen.policy;
    let missing = unenforced(policy, cgroup, landlock);
    let keys = policy.keys().into_iter().map(|key| {
        let lacks = missing.iter().find(|one| one.path == key.path);
        Key {
            held_by: held_by(&key.path, cgroup, landlock).filter(|_| lacks.is_none()),
            unenforced: lacks.map(|one| one.why),
            origin: key.origin.to_string(),
            change: key.change,
            value: key.value,
            key: key.path,
        }
    });
    let grants = policy.all_grants().map(|granted| Grant {
        permission: granted.permission.to_string(),
        origin: granted.origin.to_string(),
        change: granted.permission.change(),
        reason: granted.reason.clone(),
        held_by: held_by(&granted.permission.to_string(), cgroup, landlock)
            .map(|held| held + methods_and_paths(policy, granted)),
        refused: refused_grant(&granted.permission, policy),
    });
    let misplaced = policy.misplaced_secrets();
    let secrets = policy.secrets().iter().map(|secret| Handed {
        name: secret.name.to_string(),
        value: secret.value(),
        origin: secret.origin.to_string(),
        change: Change::Restart,
        held_by: (!secret.expose).then_some("egress broker"),
        refused: misplaced
            .iter()
            .find(|one| one.secret == secret.name)
            .map(|one| one.message.clone()),
    });
    Report {
        secrets: secrets.collect(),
        plugin: plugin.name().to_owned(),
        policy: policy.source().map(str::to_owned),
        keys: keys.collect(),
        grants: grants.collect(),
        cuts: chosen.cuts.clone(),
        unmet: plugin.request().map_or_else(Vec::new, |request| {
            policy.unmet(request).into_iter().cloned().collect()
        }),
    }
}

/// Who looks at the methods and paths that an endpoint names, if it names some.
fn methods_and_paths(policy: &EffectivePolicy, granted: &Granted) -> &'static str {
    let mut listed = policy.endpoints().iter();
    match listed.find(|allowed| allowed.granted == *granted) {
        Some(AllowedEndpoint { endpoint, .. }) if endpoint.tls == TlsEnd::Broker => {
            "; TLS, methods and paths: egress broker"
        }
        Some(AllowedEndpoint { endpoint, .. })
            if endpoint.methods.any() && endpoint.paths.any() =>
        {
            ""
        }
        Some(AllowedEndpoint { endpoint, .. }) if endpoint.is_seen() => {
            "; methods and paths: egress broker"
        }
        Some(_) => "; methods and paths: shim",
        None => "",
    }
}

fn as_text(report: &Report) -> String {
    let mut rows = vec![["KEY", "VALUE", "FROM", "CHANGE", "HELD BY"].map(str::to_owned)];
    for key in &report.keys {
        let held = match (&key.held_by, key.unenforced) {
            (_, Some(why)) => format!("unenforced: {why}"),
            (held, None) => held.clone().unwrap_or_default(),
        };
        rows.push([
            key.key.clone(),
            key.value.clone(),
            escape(&key.origin),
            key.change.to_string(),
            held,
        ]);
    }
    for grant in &report.grants {
        let held = match grant.refused {
            Some(why) => format!("refused: {why}"),
            None => grant.held_by.clone().unwrap_or_default(),
        };
        rows.push([
            escape(&grant.permission),
            "granted".to_owned(),
            escape(&grant.origin),
            grant.change.to_string(),
            held,
        ]);
    }
    if report.grants.is_empty() {
        rows.push(["permissions", "none granted", "", "", ""].map(str::to_owned));
    }
    for secret in &report.secrets {
        let held = match (&secret.refused, secret.held_by) {
            (Some(why), _) => format!("refused: {}", escape(why)),
            (None, held) => held.unwrap_or_default().to_owned(),
        };
        rows.push([
            format!("secrets.{}", secret.name),
            escape(&secret.value),
            escape(&secret.origin),
            secret.change.to_string(),
            held,
        ]);
    }
    let mut text = columns(&rows);
    for cut in &report.cuts {
        text.push_str(&format!("{}: {}\n", cut.layer, escape(&cut.to_string())));
    }
    for Granted {
        permission,
        reason,
        origin,
    } in &report.unmet
    {
        let reason = reason
            .as_ref()
            .map_or_else(String::new, |reason| format!(": {reason}"));
        let line = format!("requested, not granted: {permission} ({origin}){reason}");
        text.push_str(&format!("{}\n", escape(&line)));
    }
    text
}

/// Rows with each column as wide as its longest cell, and no space at their ends.
fn columns(rows: &[[String; 5]]) -> String {
    let mut widths = [0; 5];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let line: String = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}  "))
            .collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use lazaret_policy::{SecurityLevel, SecurityPolicy};

    use super::*;

    /// What is shown of a policy with this body within this floor.
    fn shown(body: &str, floor: &str, cgroup: CgroupVersion, landlock: u32) -> Report {
        let read = |name: &str, body: &str| {
            let text = format!("apiVersion: lazaret/v1\nkind: SecurityPolicy\n{body}");
            SecurityPolicy::parse(name, &text).unwrap()
        };
        let directory = tempfile::tempdir().unwrap();
        let main = directory.path().join("counter.js");
        fs_err::write(&main, "").unwrap();
        let policy = EffectivePolicy::of(SecurityLevel::Standard).layer(&read("policy.yaml", body));
        let (policy, cuts) = policy.within(&read("floor.yaml", floor));
        let plugin = Plugin::locate(&main).unwrap();
        report(
            &plugin,
            &Chosen { policy, cuts },
            cgroup,
            &Landlock::of(landlock),
        )
    }

    const BODY: &str = "level: maximum\nresources: { memory: { high: 32MiB }, pids: { max: 32 } }\n\
        permissions: [ { permission: 'file:read:/srv/data', reason: 'the tables' }, 'env:read:TZ' ]\n\
        requirements: { memory.high: best_effort }\n";
    #[test]
    fn it_is_said_who_looks_at_methods_and_paths() {
        let body = "network: { endpoints: [ { host: a.example.com, port: 443, paths: [/v1/*] }, \
            { host: b.example.com, port: 80, protocol: http, methods: [GET] }, \
            { host: c.example.com, port: 443 }, { host: d.example.com, port: 443, tls: broker } ] }\n";
        let report = shown(body, "level: minimal\n", CgroupVersion::V2, 6);
        let who = |at: usize| {
            let grant: &Grant = &report.grants[at];
            let held = grant.held_by.clone().unwrap_or_default();
            held.split_once("methods and paths: ")
                .map(|(_, who)| who.to_owned())
        };
        assert_eq!(who(0).as_deref(), Some("shim"));
        assert_eq!(who(1).as_deref(), Some("egress broker"));
        assert_eq!(who(2), None);
        assert_eq!(who(3).as_deref(), Some("egress broker"));
    }

    #[test]
    fn secrets_are_shown_without_their_values_and_with_what_keeps_a_plugin_from_starting() {
        let body = "network: { endpoints: [ { host: a.example.com, port: 443, tls: broker } ] }\n\
            secrets:\n  - { name: one, hosts: [a.example.com], from: { env: ONE } }\n  \
            - { name: two, hosts: [b.example.com], from: { file: /etc/two } }\n  \
            - { name: three, hosts: [b.example.com], from: { env: THREE }, expose: true }\n";
        let text = as_text(&shown(body, "level: minimal\n", CgroupVersion::V2, 6));
        let lines = text.lines().filter(|line| line.starts_with("secrets."));
        let cells: Vec<Vec<&str>> = lines
            .map(|line| {
                line.split("  ")
                    .filter(|cell| !cell.is_empty())
                    .map(str::trim)
                    .collect()
            })
            .collect();
        assert_eq!(
            cells,
            [
                vec![
                    "secrets.one",
                    "from env ONE to a.example.com",
                    "policy.yaml:5:13",
                    "restart",
                    "egress broker"
                ],
                vec![
                    "secrets.two",
                    "from file /etc/two to b.example.com",
                    "policy.yaml:6:13",
                    "restart",
                    "refused: secret `two` (policy.yaml:6:13) may go to `b.example.com`, and no endpoint leads there",
                ],
                vec![
                    "secrets.three",
                    "from env THREE to b.example.com, exposed",
                    "policy.yaml:7:13",
                    "restart"
                ],
            ]
        );
    }

    const FLOOR: &str = "resources: { pids: { max: 24 } }\n";

    #[test]
    fn each_key_is_shown_with_its_origin_what_a_change_takes_and_what_holds_it() {
        let report = shown(BODY, FLOOR, CgroupVersion::V2, 6);
        insta::assert_snapshot!(as_text(&report));
    }

    #[test]
    fn what_is_not_held_on_an_older_host_is_said() {
        let report = shown(BODY, FLOOR, CgroupVersion::V1, 0);
        let text = as_text(&report);
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("memory.high") || line.contains("unenforced"))
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn the_report_has_the_same_as_json() {
        let report = shown(BODY, FLOOR, CgroupVersion::V2, 6);
        let json = serde_json::to_value(&report).unwrap();
        let key = |name: &str| {
            let keys = json["keys"].as_array().unwrap();
            keys.iter().find(|key| key["key"] == name).unwrap().clone()
        };
        assert_eq!(
            key("resources.pids.max"),
            serde_json::json!({
                "key": "resources.pids.max",
                "value": "24",
                "origin": "floor.yaml:3:27",
                "change": "live",
                "held_by": "cgroup pids.max",
                "unenforced": null,
            })
        );
        assert_eq!(json["plugin"], "counter");
        assert_eq!(json["policy"], "policy.yaml");
        assert_eq!(json["grants"][0]["permission"], "file:read:/srv/data");
        assert_eq!(json["grants"][0]["change"], "recreate");
        assert_eq!(json["grants"][0]["reason"], "the tables");
        assert_eq!(json["cuts"].as_array().unwrap().len(), 1);
    }
}
