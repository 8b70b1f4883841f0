//! `lazaret policy plan`

use std::path::PathBuf;

use clap::Args;
use lazaret_policy::{Change, Cut, Difference};
use serde::Serialize;

use super::{PolicyArguments, cgroup_version};
use crate::bundle::refused_grant;
use crate::cli::ExitCode;
use crate::cli::failure::Failure;
use crate::cli::print::{print, print_json};
use crate::event::escape;
use crate::host::{Landlock, unenforced};
use crate::plugin::Plugin;

#[derive(Debug, Args)]
pub(in crate::cli) struct PlanArguments {
    /// The plugin: a `.js` file, or a directory with a `main.js`.
    plugin: PathBuf,
    /// The policy file that is to hold.
    file: PathBuf,
    #[command(flatten)]
    policy: PolicyArguments,
    /// Fail, with the status of a wrong policy, if the file allows anything that is not allowed now.
    #[arg(long)]
    refuse_wider: bool,
    /// Print the plan as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    plugin: String,
    /// The policy file that holds now; `null` where only a level does.
    before: Option<String>,
    /// The policy file that is to hold.
    after: Option<String>,
    /// What the whole takes: `live`, `restart` or `recreate`; `null` where nothing changes.
    change: Option<Change>,
    /// How many differences let the plugin do more.
    wider: usize,
    differences: Vec<Difference>,
    /// What the file grants and a floor does not give, or the plugin does not ask for.
    cuts: Vec<Cut>,
    /// What this host or this version does not hold.
    unenforced: Vec<Missing>,
}

#[derive(Serialize)]
struct Missing {
    /// A key or a grant.
    what: String,
    origin: String,
    why: String,
    /// The plugin is started all the same: the policy says so.
    best_effort: bool,
}

pub(super) fn run(arguments: &PlanArguments) -> Result<ExitCode, Failure> {
    let plugin = Plugin::locate(&arguments.plugin)?;
    let before = arguments.policy.of(&plugin)?.policy;
    let after = arguments.policy.with_file(&plugin, &arguments.file)?;
    let plan = before.plan(&after.policy);
    let keys = unenforced(&after.policy, cgroup_version()?, &Landlock::detect());
    let keys = keys.into_iter().map(|key| Missing {
        what: key.path,
        origin: key.origin,
        why: key.why.to_owned(),
        best_effort: key.best_effort,
    });
    let grants = after.policy.all_grants().filter_map(|granted| {
        Some(Missing {
            why: refused_grant(&granted.permission, &after.policy)?.to_owned(),
            what: granted.permission.to_string(),
            origin: granted.origin.to_string(),
            best_effort: false,
        })
    });
    let report = Report {
        plugin: plugin.name().to_owned(),
        before: before.source().map(str::to_owned),
        after: after.policy.source().map(str::to_owned),
        change: plan.change,
        wider: plan.differences.iter().filter(|one| one.widens).count(),
        differences: plan.differences,
        cuts: after.cuts,
        unenforced: keys.chain(grants).collect(),
    };
    if arguments.json {
        print_json(&report)?;
    } else {
        print(&as_text(&report))?;
    }
    if arguments.refuse_wider && report.wider > 0 {
        return Err(Failure::new(
            ExitCode::Policy,
            format!(
                "`{}` allows plugin `{}` more than it has: {} of its differences widen\n  hint: have them reviewed, or take them out",
                arguments.file.display(),
                report.plugin,
                report.wider
            ),
        ));
    }
    Ok(ExitCode::Success)
}

fn as_text(report: &Report) -> String {
    let mut text = String::new();
    for one in &report.differences {
        let line = format!("{:<8}  {one}", one.change.to_string());
        text.push_str(&format!("{}\n", escape(&line)));
    }
    for cut in &report.cuts {
        text.push_str(&format!("{}: {}\n", cut.layer, escape(&cut.to_string())));
    }
    for missing in &report.unenforced {
        let word = match missing.best_effort {
            true => "unenforced",
            false => "refused",
        };
        let Missing {
            what, origin, why, ..
        } = missing;
        let line = format!("{word}: `{what}` ({origin}): {why}");
        text.push_str(&format!("{}\n", escape(&line)));
    }
    let takes = match report.change {
        None => "no difference",
        Some(Change::Live) => "all of it holds for a running plugin at once",
        Some(Change::Restart) => "takes a restart of the plugin",
        Some(Change::Recreate) => "takes a new container",
    };
    text.push_str(takes);
    text.push('\n');
    text
}
