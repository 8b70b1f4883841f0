//! Containers that take each other's place under calls.

use std::cell::Cell;

use anyhow::{Context, anyhow, ensure};
use lazaret::plugin::Plugin;
use lazaret::service::{ChangeOptions, Entry, Service, ServiceError};
use lazaret::store::Store;
use lazaret::supervisor::Engine;
use lazaret_protocol::Payload;
use lazaret_tests::case::Case;
use lazaret_tests::setup::{Js, on_disk, policy_text};
use lazaret_tests::world::{World, together};
use tokio::sync::mpsc;

use crate::story::everyday;

/// How often another container takes over.
const TIMES: u64 = 5;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::asynchronous(
            "live: new containers under a storm of calls lose none",
            storm,
        ),
        Case::asynchronous(
            "live: a container that does not get ready leaves the old one at work",
            not_ready,
        ),
    ]
}

/// A plugin that is kept, and what it lies in.
async fn kept(world: &World) -> anyhow::Result<(tempfile::TempDir, Service)> {
    let setup = everyday(Js::QuickJs)?;
    let directory = on_disk(world, &setup)?;
    let engine = Engine::start(world.parts.installation.clone())?;
    let store = Store::open(&directory.path().join("state"))?;
    let (events, _) = mpsc::channel(1);
    let mut service = Service::new(engine, store, None, events);
    let plugin = Plugin::locate(&directory.path().join(setup.name()))?;
    let policy = plugin.policy_file();
    let config = lazaret::plugin::PluginConfig::default();
    let entry = Entry {
        plugin,
        policy,
        config,
    };
    service.keep(entry).await?;
    Ok((directory, service))
}

const RESTART: ChangeOptions = ChangeOptions {
    restart: true,
    refuse_wider: false,
    dry_run: false,
};

async fn add(service: &Service) -> anyhow::Result<()> {
    let arguments = Payload::Json("[1, 2]".to_owned());
    let sum = service.call("everyday", "add", arguments, None).await?;
    ensure!(sum == Payload::Json("3".to_owned()), "{sum:?}");
    Ok(())
}

async fn storm(world: &World) -> anyhow::Result<()> {
    let (_directory, service) = kept(world).await?;
    let over = Cell::new(false);
    let callers = together((0..32).map(async |_| {
        let mut count = 0;
        while !over.get() {
            let arguments = Payload::Json(format!("[{count}, 2]"));
            let answer = service.call("everyday", "later", arguments, None).await;
            let answer = answer.map_err(|error| anyhow!("a call was lost: {error:?}"))?;
            ensure!(answer == Payload::Json(count.to_string()), "{answer:?}");
            count += 1;
        }
        anyhow::Ok(count)
    }));
    let changes = async {
        let mut pids = vec![service.status("everyday")?.pid];
        for turn in 0..TIMES {
            let text = policy_text(&format!(
                "resources: {{ tmp: {{ size: {}MiB }} }}",
                2 + turn
            ));
            let changed = service.apply("everyday", "p.yaml", &text, RESTART, 0).await;
            over.set(turn + 1 == TIMES || changed.is_err());
            ensure!(changed?.restarted, "turn {turn}");
            pids.push(service.status("everyday")?.pid);
        }
        pids.dedup();
        ensure!(pids.len() as u64 == TIMES + 1, "{pids:?}");
        Ok(())
    };
    let (counts, changed) = tokio::join!(callers, changes);
    changed?;
    for count in counts {
        ensure!(count? > 0, "a caller was never answered");
    }
    let revisions = service.revisions("everyday").await?;
    assert_eq!(revisions.len() as u64, TIMES + 1);
    service.stop_all().await;
    Ok(())
}

async fn not_ready(world: &World) -> anyhow::Result<()> {
    let (directory, service) = kept(world).await?;
    let before = service.status("everyday")?;
    let main = directory.path().join("everyday/main.js");
    let source = fs_err::read_to_string(&main)?;
    fs_err::write(&main, "export const f = (;")?;
    let text = policy_text("resources: { tmp: { size: 3MiB } }");
    let failed = service.apply("everyday", "p.yaml", &text, RESTART, 0).await;
    let error = failed.err().context("it cannot get ready")?;
    ensure!(matches!(error, ServiceError::Launch(_)), "{error:?}");
    let after = service.status("everyday")?;
    assert_eq!((after.pid, after.revision), (before.pid, before.revision));
    add(&service).await?;
    assert_eq!(service.revisions("everyday").await?.len(), 1);
    // Its twin gets ready.
    fs_err::write(&main, source)?;
    service
        .apply("everyday", "p.yaml", &text, RESTART, 0)
        .await?;
    add(&service).await?;
    ensure!(service.status("everyday")?.pid != before.pid);
    service.stop_all().await;
    Ok(())
}
