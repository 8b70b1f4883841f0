//! Searching the files a plugin may read, by name and by what is in them. All is done on the
//! JavaScript thread, in slices: between two of them its clocks are looked at, and others have
//! their turn.

mod contents;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use deno_core::{Extension, OpState, extension, op2};
use deno_error::JsErrorBox;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use lazaret_protocol::CallId;
use rustix::fs::{FileType, fstat};
use serde_json::{Value, json};

use self::contents::{Pattern, PatternOptions, Reading};
use super::extension::{Host, to_js};
use super::file_ops::number;
use crate::beneath::{EntryKind, Places, ReadError, Step, Visited, Walk};

/// The ops, sorted.
pub(super) const OPS: &[&str] = &[
    "op_lazaret_search_close",
    "op_lazaret_search_contents",
    "op_lazaret_search_names",
    "op_lazaret_search_next",
];

extension!(
    lazaret_search,
    ops = [
        op_lazaret_search_close,
        op_lazaret_search_contents,
        op_lazaret_search_names,
        op_lazaret_search_next,
    ],
    state = |state| state.put(Searches::default()),
);

/// The extension; its ops need the state of [`super::extension`].
pub(super) fn extension() -> Extension {
    lazaret_search::init()
}

/// The most searches under way. Of more, the one that was longest not asked for anything is given
/// up: nobody may be left who would ask.
const MOST_SEARCHES: usize = 8;

/// How long a slice takes, but for its last step.
const SLICE: Duration = Duration::from_millis(5);

/// What a slice finds before it ends, but for its last step.
const MOST_OF_A_SLICE: usize = 128;

/// The most lines that one look at a file tells; the next goes on behind them.
const MOST_OF_A_LOOK: usize = 256;

/// The most bytes that one search reads.
const MOST_BYTES: u64 = 1 << 30;

/// The most bytes that all globs of a search have.
const MOST_GLOB_BYTES: usize = 4096;

/// The searches under way, the one that was longest not asked for anything first.
#[derive(Default)]
pub(super) struct Searches {
    last: u32,
    all: VecDeque<(u32, Search)>,
}

struct Search {
    walk: Walk,
    globs: GlobSet,
    lines: Option<Lines>,
    /// How much may still be found.
    left: usize,
    /// The call that began it.
    call: Option<CallId>,
}

/// What lines are looked for, and where.
struct Lines {
    pattern: Pattern,
    most_bytes_of_a_file: u64,
    bytes: u64,
    now: Option<Reading>,
}

impl Searches {
    fn add(&mut self, search: Search) -> u32 {
        if self.all.len() == MOST_SEARCHES {
            self.all.pop_front();
        }
        self.last = self.last.wrapping_add(1);
        self.all.push_back((self.last, search));
        self.last
    }

    fn take(&mut self, id: u32) -> Option<Search> {
        let at = self.all.iter().position(|(known, _)| *known == id)?;
        self.all.remove(at).map(|(_, search)| search)
    }

    /// Nobody waits any more for what a call has begun.
    pub(super) fn call_over(&mut self, call: CallId) {
        self.all.retain(|(_, search)| search.call != Some(call));
    }
}

/// Begins to look for names. `globs` is a JSON list.
#[op2(fast)]
fn op_lazaret_search_names(
    state: &mut OpState,
    #[string] root: &str,
    #[string] globs: &str,
    limit: u32,
) -> Result<u32, JsErrorBox> {
    begin(state, root, globs, limit, None)
}

/// Begins to look for lines.
#[op2(fast)]
fn op_lazaret_search_contents(
    state: &mut OpState,
    #[string] root: &str,
    #[string] globs: &str,
    limit: u32,
    #[string] pattern: &str,
    literal: bool,
    ignore_case: bool,
    #[number] most_bytes_of_a_file: u64,
) -> Result<u32, JsErrorBox> {
    let options = PatternOptions {
        literal,
        ignore_case,
    };
    let lines = Lines {
        pattern: Pattern::new(pattern, options)?,
        most_bytes_of_a_file,
        bytes: 0,
        now: None,
    };
    begin(state, root, globs, limit, Some(lines))
}

fn begin(
    state: &mut OpState,
    root: &str,
    globs: &str,
    limit: u32,
    lines: Option<Lines>,
) -> Result<u32, JsErrorBox> {
    let globs = globs_of(globs)?;
    let host = state.borrow::<Host>();
    let search = Search {
        walk: host
            .places
            .walk(root, true)
            .map_err(|error| to_js(&error))?,
        globs,
        lines,
        left: usize::try_from(limit).unwrap_or(usize::MAX),
        call: host.call,
    };
    Ok(state.borrow_mut::<Searches>().add(search))
}

/// A glob without a slash is one of names, wherever they are.
fn globs_of(text: &str) -> Result<GlobSet, JsErrorBox> {
    let unusable =
        |why: &dyn std::fmt::Display| JsErrorBox::type_error(format!("no usable `glob`: {why}"));
    let globs: Vec<String> = serde_json::from_str(text).map_err(|error| unusable(&error))?;
    if globs.iter().map(String::len).sum::<usize>() > MOST_GLOB_BYTES {
        return Err(unusable(&format!("more than {MOST_GLOB_BYTES} bytes")));
    }
    let mut set = GlobSetBuilder::new();
    for glob in &globs {
        let anywhere = match glob.contains('/') {
            true => glob.trim_start_matches('/').to_owned(),
            false => format!("**/{glob}"),
        };
        let mut builder = GlobBuilder::new(&anywhere);
        let built = builder.literal_separator(true).build();
        set.add(built.map_err(|error| unusable(&error.kind()))?);
    }
    set.build().map_err(|error| unusable(&error.kind()))
}

/// What a search finds next, as JSON: whether that was all, and a list of lists. Of a name its
/// path and kind; of a line its path, number, column and text.
#[op2]
#[string]
async fn op_lazaret_search_next(
    state: Rc<RefCell<OpState>>,
    id: u32,
) -> Result<String, JsErrorBox> {
    // Others have their turn.
    tokio::task::yield_now().await;
    let mut state = state.borrow_mut();
    let search = state.borrow_mut::<Searches>().take(id);
    let mut search =
        search.ok_or_else(|| JsErrorBox::new("Interrupted", "the search was given up"))?;
    let places = &state.borrow::<Host>().places;
    let mut found = Vec::new();
    let over = search.slice(places, &mut found);
    let over = over.map_err(|error| to_js(&error))?;
    if !over {
        let all = &mut state.borrow_mut::<Searches>().all;
        all.push_back((id, search));
    }
    Ok(json!([over, found]).to_string())
}

#[op2(fast)]
fn op_lazaret_search_close(state: &mut OpState, id: u32) {
    state.borrow_mut::<Searches>().take(id);
}

impl Search {
    /// Works for a while. True if there is no more to find.
    fn slice(&mut self, places: &Places, found: &mut Vec<Value>) -> Result<bool, ReadError> {
        let end = Instant::now() + SLICE;
        while self.left > 0 {
            if found.len() >= MOST_OF_A_SLICE || Instant::now() >= end {
                return Ok(false);
            }
            if let Some(lines) = &mut self.lines
                && lines.now.is_some()
            {
                self.left -= lines.look(self.left, found)?;
                continue;
            }
            let visited = match self.walk.step(places)? {
                Step::Name(visited) => visited,
                Step::Nothing => continue,
                Step::End => return Ok(true),
            };
            if !self.globs.is_empty() && !self.globs.is_match(&visited.below) {
                continue;
            }
            let path = self.walk.path_of(&visited.below);
            match &mut self.lines {
                Some(lines) => lines.begin(&self.walk, &visited, path),
                None => {
                    found.push(json!([path, number(visited.entry.kind)]));
                    self.left -= 1;
                }
            }
        }
        Ok(true)
    }
}

impl Lines {
    /// Opens a file that may be looked at.
    fn begin(&mut self, walk: &Walk, visited: &Visited, path: String) {
        if visited.entry.kind != EntryKind::File {
            return;
        }
        let Some(file) = walk.open(&visited.entry.name) else {
            return;
        };
        // It may be another by now.
        let fits = fstat(&file).is_ok_and(|stat| {
            FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
                && u64::try_from(stat.st_size).is_ok_and(|size| size <= self.most_bytes_of_a_file)
        });
        if fits {
            self.now = Some(Reading::new(file.into(), path));
        }
    }

    /// Looks at a part of the file. How many lines were found.
    fn look(&mut self, most: usize, found: &mut Vec<Value>) -> Result<usize, ReadError> {
        let Some(reading) = &mut self.now else {
            return Ok(0);
        };
        let looked = reading.look(&mut self.pattern, most.min(MOST_OF_A_LOOK));
        let Ok(looked) = looked else {
            // What cannot be read is passed over, like what cannot be opened.
            self.now = None;
            return Ok(0);
        };
        let path = &reading.path;
        let lines = looked.lines.iter();
        found.extend(lines.map(|line| json!([path, line.number, line.column, line.text])));
        self.bytes += looked.bytes;
        if self.bytes > MOST_BYTES {
            return Err(ReadError::TooMuch {
                path: path.clone(),
                what: "bytes to be searched",
                limit: MOST_BYTES,
            });
        }
        if looked.over {
            self.now = None;
        }
        Ok(looked.lines.len())
    }
}
