//! What a plugin does outside of its policy: recorded, answered as the policy says, and paced.

mod acts;
mod floods;
mod notices;
mod quarantine;
mod reactions;

use anyhow::Context;
use lazaret::event::{Act, Violation};
use lazaret::supervisor::{Ended, PluginEvent};
use lazaret_tests::case::Case;
use lazaret_tests::host::{Session, lock};
use serde_json::json;

pub(crate) fn cases() -> Vec<Case> {
    [
        acts::cases(),
        reactions::cases(),
        quarantine::cases(),
        notices::cases(),
        floods::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The first kept record of such an act.
fn record(ended: &Ended, is: impl Fn(&Act) -> bool) -> anyhow::Result<&Violation> {
    let mut kept = ended.violations.iter();
    let found = kept.find(|violation| is(&violation.act));
    found.with_context(|| format!("no such record: {ended:?}"))
}

/// Whether any record of such an act was kept.
fn has(ended: &Ended, is: impl Fn(&Act) -> bool) -> bool {
    ended.violations.iter().any(|kept| is(&kept.act))
}

/// The violations among events, each with how many were dropped before it.
fn told(events: &[PluginEvent]) -> Vec<(Violation, u64)> {
    let violation = |event: &PluginEvent| match event {
        PluginEvent::Violation { violation, dropped } => Some((violation.clone(), *dropped)),
        PluginEvent::Log { .. } | PluginEvent::Unread { .. } => None,
    };
    events.iter().filter_map(violation).collect()
}

/// Waits until an event at a limit was told.
async fn limit_event(session: &Session, is: impl Fn(&Act) -> bool) -> Violation {
    loop {
        let events = session.limit_events();
        let told = told(&lock(&events));
        if let Some((violation, _)) = told.into_iter().find(|(told, _)| is(&told.act)) {
            return violation;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// A call that nobody may make, at reaction `deny`.
async fn refused(session: &Session) -> anyhow::Result<()> {
    let answer = session.call("call", json!({ "name": "unshare" })).await?;
    assert_eq!(answer, json!({ "errno": "EPERM" }));
    Ok(())
}

/// The probe goes on.
async fn goes_on(session: &Session) -> anyhow::Result<()> {
    let answer = session.call("get_process_id", json!({})).await?;
    assert_eq!(answer, json!({ "ok": 1 }));
    Ok(())
}
