use std::collections::HashMap;
use std::fmt;

use serde::Serialize;

use crate::breadth::Breadth;
use crate::change::Change;
use crate::effective::EffectivePolicy;
use crate::grants::{Allowance, Index};
use crate::keys::{Key, requirement_breadth};
use crate::network::HostPattern;
use crate::permission::Permission;
use crate::requirements::RequirementKey;

/// One thing in which two policies differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The path of a key, as `resources.memory.max`, or a permission, as `file:read:/srv`.
    pub what: String,
    /// What held, with its place; `None` where the key or grant was not there.
    pub before: Option<Side>,
    /// What is to hold.
    pub after: Option<Side>,
    /// Whether the plugin may do more, take more, or have less follow from what it does.
    pub widens: bool,
    /// What it takes for a running plugin to be held by it.
    pub change: Change,
}

/// One of the two values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Side {
    /// As a policy would say it; `granted` for a permission, `granted for https` for an endpoint, `observed (audit)` for
    /// an entry of `observe`.
    pub value: String,
    /// File, line and column, or the level.
    pub origin: String,
}

impl fmt::Display for Difference {
    /// `wider:` before what widens, `other:` before what narrows or only differs.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.widens { "wider" } else { "other" };
        let value = |side: &Option<Side>| match side {
            Some(side) => format!("{} ({})", side.value, side.origin),
            None => "nothing".to_owned(),
        };
        write!(
            out,
            "{word}: {}: {} -> {}",
            self.what,
            value(&self.before),
            value(&self.after)
        )
    }
}

impl EffectivePolicy {
    /// What changes where `after` holds instead of this: keys first, then grants, then lists of other things. Two
    /// policies that say the same in other places do not differ.
    #[must_use]
    pub fn differences(&self, after: &Self) -> Vec<Difference> {
        let mut differences = self.key_differences(after);
        self.grant_differences(after, &mut differences);
        self.list_differences(after, &mut differences);
        differences
    }

    fn key_differences(&self, after: &Self) -> Vec<Difference> {
        let (old, new) = (self.keys(), after.keys());
        let is: HashMap<&str, &Key<'_>> = new.iter().map(|key| (key.path.as_str(), key)).collect();
        let was: HashMap<&str, &Key<'_>> = old.iter().map(|key| (key.path.as_str(), key)).collect();
        let gone_or_other = old
            .iter()
            .map(|key| (Some(key), is.get(key.path.as_str()).copied()));
        let added = new
            .iter()
            .filter(|key| !was.contains_key(key.path.as_str()));
        gone_or_other
            .chain(added.map(|key| (None, Some(key))))
            .filter(|(was, is)| was.map(|key| &key.value) != is.map(|key| &key.value))
            .filter_map(|(was, is)| {
                let key = was.or(is)?;
                let breadth =
                    |key: Option<&Key<'_>>, absent| key.map_or(absent, |key| key.breadth.clone());
                let before = breadth(was, self.absent(&key.path));
                Some(Difference {
                    what: key.path.clone(),
                    before: was.map(side),
                    after: is.map(side),
                    widens: breadth(is, after.absent(&key.path)).exceeds(&before),
                    change: key.change,
                })
            })
            .collect()
    }

    /// What a key allows that is not there. A limit nobody names holds nothing back; a requirement is as that of its
    /// section.
    fn absent(&self, path: &str) -> Breadth {
        let requirement = path.strip_prefix("requirements.");
        match requirement.and_then(|key| key.parse::<RequirementKey>().ok()) {
            Some(key) => requirement_breadth(self.requirements().of(key)),
            None => Breadth::UNLIMITED,
        }
    }

    fn grant_differences(&self, after: &Self, differences: &mut Vec<Difference>) {
        let (had, has) = (self.everything(), after.everything());
        let (old, new) = (Index::of(&had), Index::of(&has));
        // The filter of a container without a way to the network lets no socket be made.
        let opens = !self.has_network() && after.has_network();
        // Whom the plugin trusts where the broker ends TLS, and for which hosts, is settled at its start.
        let trusted: Vec<HostPattern> = (had.iter())
            .filter_map(|was| was.terms.ended())
            .map(|endpoint| HostPattern::Domain(endpoint.host.base().clone()))
            .collect();
        let trusts = |host: &HostPattern| trusted.iter().any(|one| one.covers(host));
        for was in had.iter().filter(|was| !new.has(was)) {
            differences.push(of_grant(was, false, false, was.granted.permission.change()));
        }
        for is in has.iter().filter(|is| !old.has(is)) {
            let widens = old.covering(is).is_none();
            let change = match is.granted.permission {
                Permission::NetworkRead(_) | Permission::NetworkConnect(..) if opens => {
                    Change::Recreate
                }
                _ if is.terms.ended().is_some_and(|one| !trusts(&one.host)) => Change::Restart,
                ref permission => permission.change(),
            };
            differences.push(of_grant(is, true, widens, change));
        }
    }

    /// Every grant and everything that is let through to be observed: that is as wide as a grant.
    fn everything(&self) -> Vec<Allowance<'_>> {
        let mut all = self.lists.allowances();
        all.extend(self.lists.observed(self.modes()));
        all
    }

    fn list_differences(&self, after: &Self, differences: &mut Vec<Difference>) {
        let mut lists = Lists { differences };
        lists.of(
            (&self.lists.secrets, &after.lists.secrets),
            |one| format!("secrets.{}", one.name),
            |one| (one.value(), one.origin.to_string()),
            Change::Restart,
            |was, is| was.is_none_or(|was| !was.covers(is)),
        );
        lists.of(
            (&self.lists.receive, &after.lists.receive),
            |one| format!("messaging.receive.{}", one.plugin),
            |one| (one.types.to_string(), one.origin.to_string()),
            Change::Live,
            |was, is| was.is_none_or(|was| !was.types.cover(&is.types)),
        );
        lists.of(
            (&self.lists.set, &after.lists.set),
            |one| format!("env.set.{}", one.name),
            |one| (one.value.clone(), one.origin.to_string()),
            Change::Restart,
            // A value the policy's author knows lets nothing out and nothing in.
            |_, _| false,
        );
    }
}

/// Differences of lists whose entries have a name.
struct Lists<'into> {
    differences: &'into mut Vec<Difference>,
}

impl Lists<'_> {
    fn of<T>(
        &mut self,
        (before, after): (&[T], &[T]),
        name: impl Fn(&T) -> String,
        said: impl Fn(&T) -> (String, String),
        change: Change,
        widens: impl Fn(Option<&T>, &T) -> bool,
    ) {
        let told = |one: &T| {
            let (value, origin) = said(one);
            Side { value, origin }
        };
        for was in before {
            let what = name(was);
            let is = after.iter().find(|is| name(is) == what);
            if is.is_none_or(|is| said(is).0 != said(was).0) {
                self.differences.push(Difference {
                    what,
                    before: Some(told(was)),
                    after: is.map(told),
                    widens: is.is_some_and(|is| widens(Some(was), is)),
                    change,
                });
            }
        }
        for is in after {
            let what = name(is);
            if before.iter().all(|was| name(was) != what) {
                self.differences.push(Difference {
                    what,
                    before: None,
                    after: Some(told(is)),
                    widens: widens(None, is),
                    change,
                });
            }
        }
    }
}

fn side(key: &Key<'_>) -> Side {
    Side {
        value: key.value.clone(),
        origin: key.origin.to_string(),
    }
}

/// A grant that came, or one that went.
fn of_grant(grant: &Allowance<'_>, came: bool, widens: bool, change: Change) -> Difference {
    let side = Side {
        value: grant.value(),
        origin: grant.granted.origin.to_string(),
    };
    let (before, after) = match came {
        true => (None, Some(side)),
        false => (Some(side), None),
    };
    Difference {
        what: grant.granted.permission.to_string(),
        before,
        after,
        widens,
        change,
    }
}
