//! `lazaret policy effective`

use std::path::PathBuf;

use clap::Args;
use lazaret_policy::Cut;
use serde::Serialize;

use super::{Chosen, PolicyArguments};
use crate::bundle::unheld_reason;
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
    /// What the policy asked for and a floor does not give.
    cuts: Vec<Cut>,
}

#[derive(Serialize)]
struct Key {
    key: String,
    value: String,
    origin: String,
    /// What holds it on this host; `null` where nothing does.
    held_by: Option<String>,
    /// Why nothing holds it.
    unenforced: Option<&'static str>,
}

#[derive(Serialize)]
struct Grant {
    permission: String,
    origin: String,
    reason: Option<String>,
    /// What holds it on this host.
    held_by: Option<String>,
    /// Why a plugin with this grant does not start yet.
    refused: Option<&'static str>,
}

pub(super) fn run(arguments: &EffectiveArguments) -> Result<ExitCode, Failure> {
    let plugin = Plugin::locate(&arguments.plugin)?;
    let chosen = arguments.policy.of(&plugin)?;
    let cgroup = CgroupVersion::detect().ok_or_else(|| {
        let text = "no cgroup hierarchy at `/sys/fs/cgroup`\n  hint: `lazaret check` tells what this host lacks";
        Failure::new(ExitCode::Host, text)
    })?;
    let report = report(&plugin, &chosen, cgroup, &Landlock::detect());
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
            value: key.value,
            key: key.path,
        }
    });
    let grants = policy.all_grants().map(|granted| Grant {
        permission: granted.permission.to_string(),
        origin: granted.origin.to_string(),
        reason: granted.reason.clone(),
        held_by: held_by(&granted.permission.to_string(), cgroup, landlock),
        refused: unheld_reason(&granted.permission),
    });
    Report {
        plugin: plugin.name().to_owned(),
        policy: policy.source().map(str::to_owned),
        keys: keys.collect(),
        grants: grants.collect(),
        cuts: chosen.cuts.clone(),
    }
}

fn as_text(report: &Report) -> String {
    let mut rows = vec![["KEY", "VALUE", "FROM", "HELD BY"].map(str::to_owned)];
    for key in &report.keys {
        let held = match (&key.held_by, key.unenforced) {
            (_, Some(why)) => format!("unenforced: {why}"),
            (held, None) => held.clone().unwrap_or_default(),
        };
        rows.push([
            key.key.clone(),
            key.value.clone(),
            escape(&key.origin),
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
            held,
        ]);
    }
    if report.grants.is_empty() {
        rows.push(["permissions", "none granted", "", ""].map(str::to_owned));
    }
    let mut text = columns(&rows);
    for cut in &report.cuts {
        text.push_str(&format!("floor: {}\n", escape(&cut.to_string())));
    }
    text
}

/// Rows with each column as wide as its longest cell, and no space at their ends.
fn columns(rows: &[[String; 4]]) -> String {
    let mut widths = [0; 4];
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
