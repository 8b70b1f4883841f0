//! The policies to start from, each with the plugin that it is for, of `docs/examples`, and with a
//! hostile twin of it. The files are taken as they are, with places of this host written in.

mod api_client;
mod computes;
mod converts;
mod debugs;
mod runs;
pub(crate) mod server;

use anyhow::{Context, ensure};
use lazaret::event::{Act, Reaction, Violation};
use lazaret::supervisor::Ended;
use lazaret_protocol::Payload;
use lazaret_tests::case::Case;
use lazaret_tests::host::Host;
use lazaret_tests::parts::workspace;
use lazaret_tests::setup::{Js, Setup};
use serde_json::Value;

pub(crate) fn cases(js: Js) -> Vec<Case> {
    [
        computes::cases(js),
        converts::cases(js),
        runs::cases(js),
        api_client::cases(js),
        debugs::cases(js),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Tries what it is told to.
const HOSTILE: &str = r#"
export const read = (path) => Deno.readTextFile(path);
export const write = (path) => Deno.writeTextFile(path, "mine");
export const run = (program) => new Deno.Command(program).output();
export const ask = async (method, url) => (await fetch(url, { method })).status;
"#;

/// A starting policy for this host.
struct Starter {
    js: Js,
    name: &'static str,
    policy: String,
}

impl Starter {
    /// Reads the file and writes places of this host in: what is written there, and what is here.
    fn new(js: Js, name: &'static str, places: &[(&str, &str)]) -> anyhow::Result<Self> {
        let file = format!("policies/examples/{name}.yaml");
        let mut policy = fs_err::read_to_string(workspace().join(&file))?;
        // These tests write the first two lines themselves.
        let head = [
            ("\napiVersion: lazaret/v1\n", "\n"),
            ("\nkind: SecurityPolicy\n", "\n"),
        ];
        for (written, here) in head.iter().chain(places) {
            let found = policy.matches(written).count();
            ensure!(found == 1, "{file} has `{written}` {found} times");
            policy = policy.replace(written, here);
        }
        Ok(Self { js, name, policy })
    }

    /// The plugin that it is for.
    fn plugin(&self) -> anyhow::Result<Setup> {
        let file = format!("docs/examples/{}/main.js", self.name);
        let main = fs_err::read_to_string(workspace().join(file))?;
        Ok(self.of(&main))
    }

    /// Another plugin under it.
    fn of(&self, main: &str) -> Setup {
        Setup::javascript(self.js, self.name, main).policy(&self.policy)
    }

    fn hostile(&self) -> Setup {
        self.of(HOSTILE)
    }
}

/// What was refused, as its permission.
fn permission(violation: &Violation) -> Option<&str> {
    match &violation.act {
        Act::Permission { permission } | Act::Network { permission, .. } => Some(permission),
        _ => None,
    }
}

/// A call is the end of the plugin, for what it lacks.
async fn killed(
    host: &Host,
    setup: &Setup,
    (function, arguments): (&str, Value),
    lacks: &str,
) -> anyhow::Result<Ended> {
    let tried = format!("{function} {arguments}");
    let plugin = host.launch(setup).await?;
    let answer = plugin.try_call(function, Payload::Json(arguments.to_string()));
    // Whether it hears of the refusal before its end is no matter.
    let answer = answer.await;
    ensure!(answer.is_err(), "{tried}: {answer:?}");
    let ended = plugin.ended().await;
    let mut refused = ended.violations.iter();
    let refused = refused.find(|violation| permission(violation) == Some(lacks));
    let refused = refused.with_context(|| format!("{tried} does not lack `{lacks}`: {ended:?}"))?;
    ensure!(refused.reaction == Reaction::Kill, "{refused:?}");
    Ok(ended)
}
