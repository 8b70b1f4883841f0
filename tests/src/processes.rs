//! Processes as `/proc` shows them (proc_pid_stat(5)).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A process of ours.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    /// Its id.
    pub id: u32,
    /// Its name, cut by the kernel.
    pub name: String,
    /// `R`, `S`, `Z` and so on.
    pub state: char,
    parent: u32,
}

impl fmt::Display for Process {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id, name, state, ..
        } = self;
        write!(formatter, "process {id} `{name}` ({state})")
    }
}

/// Every process there is.
fn all() -> Vec<Process> {
    entries("/proc")
        .iter()
        .filter_map(|name| name.parse().ok())
        .filter_map(process)
        .collect()
}

fn process(id: u32) -> Option<Process> {
    let text = fs_err::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (head, tail) = text.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    let mut fields = tail.split_whitespace();
    Some(Process {
        id,
        name: name.to_owned(),
        state: fields.next()?.chars().next()?,
        parent: fields.next()?.parse().ok()?,
    })
}

/// Every process below this one. This process takes in orphans (prctl(2),
/// `PR_SET_CHILD_SUBREAPER`), so nothing that a case started gets out of sight.
pub fn descendants() -> Vec<Process> {
    let mut children: BTreeMap<u32, Vec<Process>> = BTreeMap::new();
    for process in all() {
        children.entry(process.parent).or_default().push(process);
    }
    let mut found = Vec::new();
    let mut parents = vec![std::process::id()];
    while let Some(parent) = parents.pop() {
        for process in children.remove(&parent).unwrap_or_default() {
            parents.push(process.id);
            found.push(process);
        }
    }
    found.sort();
    found
}

/// The first of our processes of this name, in the kernel's 15 letters.
pub fn named(name: &str) -> Option<Process> {
    let mut all = descendants().into_iter();
    all.find(|process| process.name == name && process.state != 'Z')
}

/// Takes the exit status of orphans that ended. To be called while no child is waited for.
pub fn reap() {
    use rustix::process::{WaitOptions, wait};
    while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
}

/// Every namespace of these processes and this one, as `net:[4026531840]`.
pub fn namespaces(processes: &[Process]) -> BTreeSet<String> {
    let ids = processes.iter().map(|process| process.id);
    ids.chain([std::process::id()])
        .flat_map(|id| links(&format!("/proc/{id}/ns")))
        .map(|(_, target)| target)
        .collect()
}

/// The symbolic links in a directory and where they lead.
pub(crate) fn links(directory: &str) -> Vec<(String, String)> {
    let link = |name: String| {
        let target = fs_err::read_link(format!("{directory}/{name}")).ok()?;
        Some((name, target.to_string_lossy().into_owned()))
    };
    entries(directory).into_iter().filter_map(link).collect()
}

/// The names in a directory, none where it is not there.
pub(crate) fn entries(directory: &str) -> Vec<String> {
    let entries = fs_err::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// What a process holds on to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its threads, without those of the pool.
    pub threads: usize,
    /// Threads that the runtime has for what blocks. They come and go with the work.
    pub pool: usize,
    /// Its descriptors.
    pub descriptors: usize,
    /// Mounts in its mount namespace.
    pub mounts: usize,
    /// Files and directories in its own directory of `/run/lazaret`, as it sees them.
    pub files: usize,
    /// Memory that is its alone, in bytes.
    pub memory: u64,
}

/// What the runtime calls the threads of its pool.
const POOLED: &str = "tokio-rt-worker";

impl Held {
    /// Looks at a process.
    ///
    /// # Errors
    /// Where it is gone.
    pub fn by(process: u32) -> anyhow::Result<Self> {
        let proc = format!("/proc/{process}");
        let threads = entries(&format!("{proc}/task"));
        let pooled = |thread: &&String| {
            let name = fs_err::read_to_string(format!("{proc}/task/{thread}/comm"));
            name.is_ok_and(|name| name.trim_end() == POOLED)
        };
        let pool = threads.iter().filter(pooled).count();
        Ok(Self {
            threads: threads.len() - pool,
            pool,
            descriptors: entries(&format!("{proc}/fd")).len(),
            mounts: fs_err::read_to_string(format!("{proc}/mountinfo"))?
                .lines()
                .count(),
            files: files_below(&format!("{proc}/root/run/lazaret/{process}")),
            memory: crate::resident::private(process)?,
        })
    }
}

/// How many entries there are in a directory and those below it.
fn files_below(directory: &str) -> usize {
    entries(directory)
        .iter()
        .map(|name| 1 + files_below(&format!("{directory}/{name}")))
        .sum()
}
