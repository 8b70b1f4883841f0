use std::collections::HashMap;

use crate::grants::{Allowance, Index, Terms};
use crate::origin::Granted;
use crate::units::ByteSize;

/// The least that `filesystem.write` takes; where less is left, nothing is.
const LEAST: u64 = 1 << 10;

/// What is left of the bytes that may be written, so that no more comes out of many paths than is given for the one
/// above them.
///
/// A grant takes from the entries that hold its path, the nearest first: whatever fits in some order then fits in any.
#[derive(Default)]
pub(super) struct Quota {
    left: HashMap<String, u64>,
    /// One path has one quota, however often it is granted.
    taken: HashMap<String, u64>,
}

impl Quota {
    pub(super) fn of(given: &[Allowance<'_>]) -> Self {
        let mut left: HashMap<String, u64> = HashMap::new();
        for one in given {
            if let (Some(path), Some(size)) = (path(one.granted), size(&one.terms)) {
                let most = left.entry(path.to_owned()).or_default();
                *most = size.max(*most);
            }
        }
        let taken = HashMap::new();
        Self { left, taken }
    }

    /// Takes what a covered grant may write, if all of it is left.
    pub(super) fn take(&mut self, asked: &Allowance<'_>, given: &Index<'_>) -> bool {
        let (Some(path), Terms::Write(size)) = (path(asked.granted), &asked.terms) else {
            return true;
        };
        let above = above(asked, given);
        let fits = self.room(path, &above) >= size.bytes();
        if fits {
            self.spend(path, size.bytes(), &above);
        }
        fits
    }

    /// Of what a grant shares with those given: each path once, with an equal part of what was asked for, or what is
    /// left of it.
    pub(super) fn share(
        &mut self,
        asked: &Allowance<'_>,
        given: &Index<'_>,
        shared: Vec<(Granted, Terms<'static>)>,
    ) -> Vec<(Granted, Terms<'static>)> {
        let Terms::Write(whole) = asked.terms else {
            return shared;
        };
        let mut most: Vec<(Granted, u64)> = Vec::new();
        for (granted, terms) in shared {
            let Some(size) = size(&terms) else { continue };
            let same = |one: &&mut (Granted, u64)| one.0.permission == granted.permission;
            match most.iter_mut().find(same) {
                Some(one) if one.1 >= size => {}
                Some(one) => *one = (granted, size),
                None => most.push((granted, size)),
            }
        }
        let part = whole.bytes() / (most.len() as u64).max(1);
        let mut held = Vec::new();
        for (granted, most) in most {
            let one = Allowance::plain(&granted);
            let (Some(path), above) = (path(&granted), above(&one, given)) else {
                continue;
            };
            let size = most.min(part).min(self.room(path, &above));
            if size >= LEAST {
                self.spend(path, size, &above);
                held.push((granted, Terms::Write(ByteSize::from_bytes(size))));
            }
        }
        held
    }

    fn room(&self, path: &str, above: &[String]) -> u64 {
        let taken = self.taken.get(path).copied().unwrap_or(0);
        let left = above.iter().filter_map(|path| self.left.get(path));
        left.fold(taken, |sum, left| sum.saturating_add(*left))
    }

    fn spend(&mut self, path: &str, size: u64, above: &[String]) {
        let taken = self.taken.entry(path.to_owned()).or_default();
        let mut more = size.saturating_sub(*taken);
        *taken = size.max(*taken);
        for path in above {
            if let Some(left) = self.left.get_mut(path) {
                let part = more.min(*left);
                (*left, more) = (*left - part, more - part);
            }
        }
    }
}

/// The paths of those given that hold what is asked for, the nearest first, each once.
fn above(asked: &Allowance<'_>, given: &Index<'_>) -> Vec<String> {
    let near = given.near(asked).into_iter();
    let holding = near.filter(|one| one.granted.permission.covers(&asked.granted.permission));
    let mut paths: Vec<String> = holding
        .filter_map(|one| path(one.granted).map(str::to_owned))
        .collect();
    paths.sort_unstable_by_key(|path| std::cmp::Reverse(path.len()));
    paths.dedup();
    paths
}

fn path(granted: &Granted) -> Option<&str> {
    granted.permission.path().map(|path| path.as_str())
}

/// A request says none: as much as is granted.
fn size(terms: &Terms<'_>) -> Option<u64> {
    match terms {
        Terms::Write(size) => Some(size.bytes()),
        Terms::Any => Some(u64::MAX),
        _ => None,
    }
}
