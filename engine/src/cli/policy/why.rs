//! `lazaret policy why`

use std::path::PathBuf;

use clap::Args;
use lazaret_policy::{Cut, EffectivePolicy, Permission};
use serde::Serialize;

use super::{Chosen, PolicyArguments};
use crate::bundle::unheld_reason;
use crate::cli::ExitCode;
use crate::cli::failure::Failure;
use crate::cli::print::{print, print_json};
use crate::event::escape;
use crate::plugin::Plugin;

#[derive(Debug, Args)]
pub(in crate::cli) struct WhyArguments {
    /// The plugin: a `.js` file, or a directory with a `main.js`.
    plugin: PathBuf,
    /// What it would do, as a permission: `file:read:/srv/data`, `network:connect:db.internal:5432`.
    #[arg(value_parser = parse_act)]
    act: Permission,
    #[command(flatten)]
    policy: PolicyArguments,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

fn parse_act(text: &str) -> Result<Permission, String> {
    text.parse().map_err(|invalid: lazaret_policy::Invalid| {
        let hint = invalid.advice().map(|hint| format!("\n  hint: {hint}"));
        format!("{invalid}{}", hint.unwrap_or_default())
    })
}

#[derive(Serialize)]
struct Answer {
    act: String,
    allowed: bool,
    /// The permission that allows it.
    by: Option<String>,
    origin: Option<String>,
    reason: Option<String>,
    /// The grant that would have allowed it, and that a floor took away.
    cut: Option<Cut>,
    /// Why a plugin whose policy grants this does not start yet.
    refused: Option<&'static str>,
    /// What stands between the plugin and the act, the first to be met first.
    layers: &'static [&'static str],
}

pub(super) fn run(arguments: &WhyArguments) -> Result<ExitCode, Failure> {
    let plugin = Plugin::locate(&arguments.plugin)?;
    let chosen = arguments.policy.of(&plugin)?;
    let answer = answer(&chosen, &arguments.act);
    if arguments.json {
        print_json(&answer)?;
    } else {
        print(&as_text(&answer, &chosen.policy))?;
    }
    Ok(if answer.allowed {
        ExitCode::Success
    } else {
        ExitCode::Denied
    })
}

fn answer(chosen: &Chosen, act: &Permission) -> Answer {
    let granted = chosen.policy.grants(act);
    let refused = granted.and_then(|granted| unheld_reason(&granted.permission));
    Answer {
        act: act.to_string(),
        allowed: granted.is_some() && refused.is_none(),
        by: granted.map(|granted| granted.permission.to_string()),
        origin: granted.map(|granted| granted.origin.to_string()),
        reason: granted.and_then(|granted| granted.reason.clone()),
        cut: chosen
            .cuts
            .iter()
            .find(|cut| {
                let asked = cut.what.parse::<Permission>();
                granted.is_none() && asked.is_ok_and(|asked| asked.covers(act))
            })
            .cloned(),
        refused,
        layers: layers(act),
    }
}

/// What refuses such an act where nothing grants it.
fn layers(act: &Permission) -> &'static [&'static str] {
    match act {
        Permission::FileRead(_) => &[
            "the op asks for the permission",
            "Landlock, where the kernel has it",
            "the path is not mounted in the container",
            "the plugin's host user has no right to it",
        ],
        Permission::FileWrite(_) => &[
            "there is no op that writes",
            "Landlock, where the kernel has it",
            "the path is not mounted in the container, and the root file system is read-only",
            "the plugin's host user has no right to it",
        ],
        Permission::NetworkRead(_) | Permission::NetworkConnect(..) => &[
            "`fetch` asks for the permission",
            "the filters refuse sockets",
            "the network namespace is empty",
        ],
        Permission::ExecRun(_) => &[
            "there is no op that starts programs",
            "the second filter kills at `execve`",
            "there is no program in the root file system but the shim",
        ],
        Permission::EnvRead(_) => &[
            "there is no op that reads the environment",
            "the container's environment holds nothing of the host's",
        ],
        Permission::MessageSend(_) => &[
            "there is no op that sends",
            "the only channel leads to the engine",
        ],
    }
}

fn as_text(answer: &Answer, policy: &EffectivePolicy) -> String {
    let act = escape(&answer.act);
    let mut text = format!(
        "{act}: {}\n",
        if answer.allowed { "allowed" } else { "denied" }
    );
    match (&answer.by, &answer.origin) {
        (Some(by), Some(origin)) => {
            text.push_str(&format!("  by `{}` ({})\n", escape(by), escape(origin)));
        }
        _ => text.push_str(&format!(
            "  policy: no rule grants it ({})\n",
            policy
                .source()
                .map_or_else(|| format!("level `{}`", policy.level().value), escape)
        )),
    }
    if let Some(reason) = &answer.reason {
        text.push_str(&format!("  reason: {}\n", escape(reason)));
    }
    if let Some(refused) = answer.refused {
        text.push_str(&format!("  refused all the same: {refused}\n"));
    }
    if answer.by.is_none() {
        for layer in answer.layers {
            text.push_str(&format!("  held: {layer}\n"));
        }
        text.push_str(&match &answer.cut {
            Some(cut) => format!("  floor: {}\n", escape(&cut.to_string())),
            None => format!("  hint: add `{act}` to `permissions`\n"),
        });
    }
    text
}
