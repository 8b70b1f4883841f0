use std::collections::HashMap;

use super::allowance::Allowance;
use crate::permission::Permission;
use crate::settings::NamePattern;
use crate::word::Words;

/// Where a grant may be looked for: its kind, a port or 0, and a name.
type Key<'policy> = (u8, u16, &'policy str);

/// Grants by what they are about, so that those a grant may cover or be covered by are found without looking at all.
pub(crate) struct Index<'policy> {
    all: &'policy [Allowance<'policy>],
    /// By what they are about.
    at: HashMap<Key<'policy>, Vec<usize>>,
    /// By everything that what they are about lies under, itself included.
    under: HashMap<Key<'policy>, Vec<usize>>,
    /// Names that do not exist below a file grant.
    ignored: Option<&'policy Words<NamePattern>>,
}

impl<'policy> Index<'policy> {
    pub(crate) fn of(all: &'policy [Allowance<'policy>]) -> Self {
        let mut at: HashMap<_, Vec<usize>> = HashMap::new();
        let mut under: HashMap<_, Vec<usize>> = HashMap::new();
        for (number, allowance) in all.iter().enumerate() {
            let own = key(&allowance.granted.permission);
            at.entry(own).or_default().push(number);
            for above in upwards(own) {
                under.entry(above).or_default().push(number);
            }
        }
        Self {
            all,
            at,
            under,
            ignored: None,
        }
    }

    /// The same where such names do not exist below the file grants.
    pub(crate) fn ignoring(self, ignored: Option<&'policy Words<NamePattern>>) -> Self {
        Self { ignored, ..self }
    }

    /// A grant that covers another one.
    pub(crate) fn covering(&self, asked: &Allowance<'_>) -> Option<&Allowance<'policy>> {
        let mut above = self.above(asked);
        above.find(|given| given.covers(asked) && !self.hides(given, asked))
    }

    /// Whether the same grant is there.
    pub(crate) fn has(&self, asked: &Allowance<'_>) -> bool {
        let there = self.at.get(&key(&asked.granted.permission));
        let mut there = there.into_iter().flatten();
        there.any(|number| self.all[*number].is(asked))
    }

    /// Every grant that may share something with another one, in their order.
    pub(crate) fn near(&self, asked: &Allowance<'_>) -> Vec<&Allowance<'policy>> {
        let own = key(&asked.granted.permission);
        let below = self.under.get(&own).into_iter().flatten();
        let above = upwards(own).filter_map(|key| self.at.get(&key)).flatten();
        let mut numbers: Vec<usize> = below.chain(above).copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
            .into_iter()
            .map(|number| &self.all[number])
            .filter(|given| !self.hides(given, asked))
            .collect()
    }

    /// Whether what is asked for lies below a grant, by a name that does not exist there.
    fn hides(&self, given: &Allowance<'_>, asked: &Allowance<'_>) -> bool {
        let paths = (
            given.granted.permission.path(),
            asked.granted.permission.path(),
        );
        let below = match paths {
            (Some(given), Some(asked)) => asked.as_str().strip_prefix(given.as_str()),
            _ => None,
        };
        below
            .zip(self.ignored)
            .is_some_and(|(below, ignored)| hidden(ignored, below))
    }

    fn above(&self, asked: &Allowance<'_>) -> impl Iterator<Item = &Allowance<'policy>> {
        let found = upwards(key(&asked.granted.permission)).filter_map(|key| self.at.get(&key));
        let numbers: Vec<usize> = found.flatten().copied().collect();
        numbers.into_iter().map(|number| &self.all[number])
    }
}

/// Whether one of a path's names is among those that do not exist.
pub(crate) fn hidden(ignored: &Words<NamePattern>, path: &str) -> bool {
    let is_ignored = |name: &str| ignored.iter().any(|pattern| pattern.matches(name));
    path.split('/').any(is_ignored)
}

const NETWORK: u8 = 0;
const READ: u8 = 1;
const WRITE: u8 = 2;
/// The first of those of windows, one for each act; nothing comes after them.
const WINDOWS: u8 = 6;

fn key(permission: &Permission) -> Key<'_> {
    match permission {
        Permission::NetworkRead(host) => (NETWORK, 443, host.base().as_str()),
        Permission::NetworkConnect(host, port) => (NETWORK, port.number(), host.base().as_str()),
        Permission::FileRead(path) => (READ, 0, path.as_str()),
        Permission::FileWrite(path) => (WRITE, 0, path.as_str()),
        Permission::ExecRun(name) => (3, 0, name.as_str()),
        Permission::EnvRead(name) => (4, 0, name.as_str()),
        Permission::MessageSend(name) => (5, 0, name.as_str()),
        Permission::Window(act, class) => {
            let class = class.as_ref().map_or("", |class| class.as_str());
            (WINDOWS + *act as u8, 0, class)
        }
    }
}

/// What a grant is about, then what that lies under: `a.b.c`, `b.c`, `c`; `/a/b`, `/a`.
fn upwards(own: Key<'_>) -> impl Iterator<Item = Key<'_>> {
    std::iter::successors(Some(own), |key| above(*key))
}

fn above((kind, port, name): Key<'_>) -> Option<Key<'_>> {
    let shorter = match kind {
        NETWORK => name.split_once('.').map(|(_, rest)| rest),
        READ | WRITE => name.rsplit_once('/').map(|(rest, _)| rest),
        // Those of a class are among all.
        WINDOWS.. if !name.is_empty() => return Some((kind, port, "")),
        _ => None,
    };
    let shorter = shorter.filter(|name| !name.is_empty())?;
    Some((kind, port, shorter))
}
