//! Watching files, by looking at them again and again: see
//! `docs/decisions/013-watching-by-looking.md`.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::{Duration, Instant};

use deno_core::{Extension, OpState, extension, op2};
use deno_error::JsErrorBox;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::extension::{Host, to_js};
use crate::beneath::{Change, Places, ReadError, Snapshot};

/// The ops, sorted.
pub(super) const OPS: &[&str] = &[
    "op_lazaret_watch_close",
    "op_lazaret_watch_next",
    "op_lazaret_watch_open",
];

extension!(
    lazaret_watch,
    ops = [
        op_lazaret_watch_close,
        op_lazaret_watch_next,
        op_lazaret_watch_open,
    ],
    state = |state| state.put(Watchers::default()),
);

/// The extension; its ops need the state of [`super::extension`].
pub(super) fn extension() -> Extension {
    lazaret_watch::init()
}

/// The most watchers of a plugin.
const MOST_WATCHERS: usize = 4;

/// The most paths of a watcher.
const MOST_PATHS: usize = 64;

/// The shortest time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Looking takes this part of the time at most.
const SHARE: u32 = 50;

/// A plugin's watchers, by numbers that are used once.
#[derive(Default)]
struct Watchers {
    last: u32,
    all: BTreeMap<u32, Rc<Watcher>>,
}

struct Watcher {
    paths: Vec<String>,
    recursive: bool,
    seen: RefCell<Snapshot>,
    /// Until the next look.
    pause: Cell<Duration>,
    closed: Notify,
}

/// Looks at the paths for the first time. `paths` is a JSON list.
#[op2(fast)]
fn op_lazaret_watch_open(
    state: &mut OpState,
    #[string] paths: &str,
    recursive: bool,
) -> Result<u32, JsErrorBox> {
    if state.borrow::<Watchers>().all.len() >= MOST_WATCHERS {
        let message = format!("more than {MOST_WATCHERS} watchers are open");
        return Err(JsErrorBox::new("Busy", message));
    }
    let paths: Vec<String> = serde_json::from_str(paths).map_err(JsErrorBox::from_err)?;
    if paths.len() > MOST_PATHS {
        let message = format!("a watcher has at most {MOST_PATHS} paths");
        return Err(JsErrorBox::type_error(message));
    }
    let places = &state.borrow::<Host>().places;
    let paths = distinct(&paths, places).map_err(|error| to_js(&error))?;
    // Of what is not there nothing is ever told: that would be waited for in vain.
    for path in &paths {
        places
            .metadata(path, false)
            .map_err(|error| to_js(&error))?;
    }
    let began = Instant::now();
    let seen = places.snapshot(&paths, recursive);
    let watcher = Watcher {
        seen: RefCell::new(seen.map_err(|error| to_js(&error))?),
        paths,
        recursive,
        pause: Cell::new(pause_after(began.elapsed())),
        closed: Notify::new(),
    };
    let watchers = state.borrow_mut::<Watchers>();
    watchers.last = watchers.last.wrapping_add(1);
    watchers.all.insert(watchers.last, Rc::new(watcher));
    Ok(watchers.last)
}

/// Waits until something is different from what was told before, and tells it as a JSON list of
/// pairs of what became of it and the path. Empty when the watcher is closed. However long nobody
/// asks, nothing is kept but what there was at the last look.
#[op2]
#[string]
async fn op_lazaret_watch_next(state: Rc<RefCell<OpState>>, id: u32) -> Result<String, JsErrorBox> {
    let none = || Value::Array(Vec::new()).to_string();
    let watcher = state.borrow().borrow::<Watchers>().all.get(&id).cloned();
    let Some(watcher) = watcher else {
        return Ok(none());
    };
    loop {
        tokio::select! {
            () = tokio::time::sleep(watcher.pause.get()) => {}
            () = watcher.closed.notified() => return Ok(none()),
        }
        let began = Instant::now();
        let now = {
            let state = state.borrow();
            let places = &state.borrow::<Host>().places;
            places.snapshot(&watcher.paths, watcher.recursive)
        };
        watcher.pause.set(pause_after(began.elapsed()));
        let now = now.map_err(|error| to_js(&error))?;
        let changes = now.since(&watcher.seen.borrow());
        if !changes.is_empty() {
            watcher.seen.replace(now);
            let told = changes.into_iter();
            return Ok(
                Value::from_iter(told.map(|(change, path)| json!([word(change), path])))
                    .to_string(),
            );
        }
    }
}

/// The paths in normal form, each once, the outer before the inner.
fn distinct(paths: &[String], places: &Places) -> Result<Vec<String>, ReadError> {
    let names: Result<BTreeSet<_>, _> = paths.iter().map(|path| places.name(path)).collect();
    Ok(names?.into_iter().collect())
}

/// Also where something was different: the next look costs as much.
fn pause_after(look: Duration) -> Duration {
    LOOK_EVERY.max(look * SHARE)
}

/// As Deno has it.
fn word(change: Change) -> &'static str {
    match change {
        Change::Created => "create",
        Change::Modified => "modify",
        Change::Removed => "remove",
    }
}

#[op2(fast)]
fn op_lazaret_watch_close(state: &mut OpState, id: u32) {
    if let Some(watcher) = state.borrow_mut::<Watchers>().all.remove(&id) {
        watcher.closed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use lazaret_protocol::FileLimits;

    use super::*;

    #[test]
    fn each_path_is_watched_once_and_a_long_look_is_followed_by_a_long_pause() {
        let places = Places::new(Vec::new(), FileLimits::default());
        let given = ["/srv/a/b", "/srv", "/srv/./a/../", "/srv/a/b"].map(str::to_owned);
        let paths = distinct(&given, &places).expect("paths");
        assert_eq!(paths, ["/srv", "/srv/a/b"]);
        assert_eq!(pause_after(Duration::ZERO), LOOK_EVERY);
        let long = pause_after(Duration::from_millis(100));
        assert_eq!(long, Duration::from_secs(5));
    }
}
