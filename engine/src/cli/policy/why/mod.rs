//! `lazaret policy why`

mod act;
mod kv;
mod layers;
mod request;
mod syscall;

use std::path::PathBuf;

use clap::Args;
use lazaret_policy::{Cut, Decision, EffectivePolicy, Granted, Mode, Permission};
use serde::Serialize;

use self::act::Act;
use super::{Chosen, PolicyArguments};
use crate::acts::{KV, grant_hint};
use crate::bundle::refused_grant;
use crate::cli::ExitCode;
use crate::cli::failure::Failure;
use crate::cli::print::{print, print_json};
use crate::event::escape;
use crate::plugin::Plugin;

#[derive(Debug, Args)]
pub(in crate::cli) struct WhyArguments {
    /// The plugin: a `.js` file, or a directory with a `main.js`.
    plugin: PathBuf,
    /// What it would do: a permission (`file:read:/srv/data`), a request (`network:GET:https://host/path`), a system call
    /// (`syscall:ptrace`), or `kv`.
    #[arg(value_parser = act::parse)]
    act: Act,
    #[command(flatten)]
    policy: PolicyArguments,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// It goes on.
    Allowed,
    /// No grant covers it; it goes on and is recorded.
    Observed,
    /// It is refused.
    Denied,
}

#[derive(Debug, Serialize)]
struct Answer {
    act: String,
    verdict: Verdict,
    /// It goes on, granted or observed.
    allowed: bool,
    /// The mode it is recorded in where it is only observed.
    mode: Option<Mode>,
    /// The permission or key that decides.
    by: Option<String>,
    origin: Option<String>,
    reason: Option<String>,
    /// What of that permission or key decides, where the permission does not say all.
    because: Option<String>,
    /// The grant that would have allowed it, or allows it, and that a floor or what the plugin asks for narrowed.
    cut: Option<Cut>,
    /// Why a plugin whose policy grants this does not start yet.
    refused: Option<&'static str>,
    /// What an act of this kind has to pass, the first to be met first.
    layers: Vec<String>,
    /// What to grant so that it is allowed.
    #[serde(skip)]
    takes: Option<String>,
}

pub(super) fn run(arguments: &WhyArguments) -> Result<ExitCode, Failure> {
    let plugin = Plugin::locate(&arguments.plugin)?;
    let chosen = arguments.policy.of(&plugin)?;
    let answer = match &arguments.act {
        Act::Permission(permission) => of_permission(&chosen, permission),
        Act::Kv => kv::answer(&chosen),
        Act::Request(request) => request::answer(&chosen, request),
        Act::SystemCall(call) => syscall::answer(&chosen.policy, *call)?,
    };
    if arguments.json {
        print_json(&answer)?;
    } else {
        print(&as_text(&answer, &chosen.policy))?;
    }
    Ok(match answer.verdict {
        Verdict::Allowed | Verdict::Observed => ExitCode::Success,
        Verdict::Denied => ExitCode::Denied,
    })
}

fn of_permission(chosen: &Chosen, act: &Permission) -> Answer {
    let (verdict, granted, mode) = match chosen.policy.decide(act) {
        Decision::Granted(granted) => (Verdict::Allowed, Some(granted), None),
        Decision::Observed(granted, mode) => (Verdict::Observed, Some(granted), Some(mode)),
        Decision::Denied => (Verdict::Denied, None, None),
    };
    Answer {
        mode,
        ..decided(chosen, act.to_string(), verdict, granted, act)
    }
}

/// What is to be said of an act that takes this permission, and has or has not this grant.
fn decided(
    chosen: &Chosen,
    act: String,
    verdict: Verdict,
    granted: Option<&Granted>,
    takes: &Permission,
) -> Answer {
    let refused = granted.and_then(|granted| refused_grant(&granted.permission, &chosen.policy));
    let verdict = match refused {
        Some(_) => Verdict::Denied,
        None => verdict,
    };
    // A grant that was taken away, or of which this one is what was left.
    let covers = |cut: &&Cut| {
        let asked = cut.what.parse::<Permission>();
        granted.is_none_or(|granted| granted.origin.to_string() == cut.held_by)
            && asked.is_ok_and(|asked| asked.covers(takes))
    };
    Answer {
        act,
        verdict,
        allowed: verdict != Verdict::Denied,
        mode: None,
        by: granted.map(|granted| granted.permission.to_string()),
        origin: granted.map(|granted| granted.origin.to_string()),
        reason: granted.and_then(|granted| granted.reason.clone()),
        because: None,
        cut: chosen.cuts.iter().find(covers).cloned(),
        refused,
        layers: layers::of(takes, &chosen.policy),
        takes: Some(takes.to_string()),
    }
}

fn as_text(answer: &Answer, policy: &EffectivePolicy) -> String {
    let act = escape(&answer.act);
    let verdict = match (answer.verdict, answer.mode) {
        (Verdict::Allowed, _) => "allowed".to_owned(),
        (Verdict::Observed, mode) => {
            let mode = mode.map(|mode| mode.to_string()).unwrap_or_default();
            format!("not granted, but let through and recorded (mode `{mode}`)")
        }
        (Verdict::Denied, _) => "denied".to_owned(),
    };
    let mut text = format!("{act}: {verdict}\n");
    match (&answer.by, &answer.origin) {
        (Some(by), Some(origin)) => {
            text.push_str(&format!("  by `{}` ({})\n", escape(by), escape(origin)));
        }
        _ if answer.because.is_some() => {}
        _ => text.push_str(&format!(
            "  policy: no rule grants it ({})\n",
            policy
                .source()
                .map_or_else(|| format!("level `{}`", policy.level().value), escape)
        )),
    }
    if let Some(because) = &answer.because {
        text.push_str(&format!("  policy: {}\n", escape(because)));
    }
    if let Some(reason) = &answer.reason {
        text.push_str(&format!("  reason: {}\n", escape(reason)));
    }
    if let Some(refused) = answer.refused {
        text.push_str(&format!("  refused all the same: {refused}\n"));
    }
    for layer in &answer.layers {
        text.push_str(&format!("  held: {layer}\n"));
    }
    let missing = answer.by.is_none() && answer.because.is_none();
    match (&answer.cut, &answer.takes) {
        (Some(cut), _) => {
            text.push_str(&format!("  {}: {}\n", cut.layer, escape(&cut.to_string())))
        }
        // A key decides about it, and says not how to write it.
        (None, Some(takes)) if missing || takes == KV => {
            let hint = grant_hint(takes);
            text.push_str(&format!("  hint: {}\n", escape(&hint)));
        }
        _ => {}
    }
    text
}
