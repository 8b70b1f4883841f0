use std::fmt;

use serde::Serialize;

use crate::allowance::Allowance;
use crate::effective::EffectivePolicy;
use crate::keys::{Key, UNLIMITED};

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
}

/// One of the two values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Side {
    /// As a policy would say it; `granted` for a permission, `granted for https` for an endpoint.
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
    /// What changes where `after` holds instead of this: keys first, then grants. Two policies that say the same in
    /// other places do not differ.
    #[must_use]
    pub fn differences(&self, after: &Self) -> Vec<Difference> {
        let mut differences = Vec::new();
        let (old, new) = (self.keys(), after.keys());
        for was in &old {
            let is = new.iter().find(|key| key.path == was.path);
            if is.is_none_or(|is| is.value != was.value) {
                differences.push(of_key(Some(was), is));
            }
        }
        for is in &new {
            if old.iter().all(|key| key.path != is.path) {
                differences.push(of_key(None, Some(is)));
            }
        }
        let had = Allowance::all(self.permissions(), self.endpoints());
        let has = Allowance::all(after.permissions(), after.endpoints());
        for was in &had {
            if has.iter().all(|is| !is.is(was)) {
                differences.push(of_grant(Some(was), None, false));
            }
        }
        for is in &has {
            if had.iter().all(|was| !was.is(is)) {
                let widens = had.iter().all(|was| !was.covers(is));
                differences.push(of_grant(None, Some(is), widens));
            }
        }
        differences
    }
}

fn of_key(before: Option<&Key<'_>>, after: Option<&Key<'_>>) -> Difference {
    let what = before
        .or(after)
        .map_or_else(String::new, |key| key.path.clone());
    // A requirement nobody names is `required`; a limit nobody names holds nothing back.
    let absent = if what.starts_with("requirements.") {
        0
    } else {
        UNLIMITED
    };
    let breadth = |key: Option<&Key<'_>>| key.map_or(absent, |key| key.breadth);
    let side = |key: Option<&Key<'_>>| {
        key.map(|key| Side {
            value: key.value.clone(),
            origin: key.origin.to_string(),
        })
    };
    Difference {
        widens: breadth(after) > breadth(before),
        before: side(before),
        after: side(after),
        what,
    }
}

fn of_grant(
    before: Option<&Allowance<'_>>,
    after: Option<&Allowance<'_>>,
    widens: bool,
) -> Difference {
    let side = |allowance: Option<&Allowance<'_>>| {
        allowance.map(|allowance| Side {
            value: allowance.value(),
            origin: allowance.granted.origin.to_string(),
        })
    };
    let what = before.or(after);
    Difference {
        what: what.map_or_else(String::new, |one| one.granted.permission.to_string()),
        before: side(before),
        after: side(after),
        widens,
    }
}
