use super::terms::Terms;
use crate::origin::Granted;
use crate::permission::Permission;
use crate::settings::Mode;

/// How an act that a grant covers goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum How {
    Granted,
    /// By `observe`, in this mode.
    Observed(Mode),
}

/// A grant, wherever it is written, with all it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Allowance<'policy> {
    pub(crate) granted: &'policy Granted,
    pub(crate) how: How,
    /// It stands in the list of its section, not under `permissions`.
    pub(crate) listed: bool,
    pub(crate) terms: Terms<'policy>,
}

impl<'policy> Allowance<'policy> {
    /// A permission that stands alone.
    pub(crate) fn plain(granted: &'policy Granted) -> Self {
        Self {
            granted,
            how: How::Granted,
            listed: false,
            terms: Terms::of(&granted.permission),
        }
    }

    /// An entry of the list of its section.
    pub(crate) fn listed(granted: &'policy Granted, terms: Terms<'policy>) -> Self {
        Self {
            granted,
            how: How::Granted,
            listed: true,
            terms,
        }
    }

    /// What a plugin asks for.
    pub(crate) fn asked(granted: &'policy Granted) -> Self {
        Self {
            terms: Terms::asked(&granted.permission),
            ..Self::plain(granted)
        }
    }

    /// Whether an act goes on by this.
    pub(crate) fn permits(&self, act: &Permission) -> bool {
        match (&self.granted.permission, &self.terms) {
            // An entry of `network.endpoints` stands for a connection, whatever is spoken on it.
            (Permission::NetworkConnect(..), Terms::Endpoint(endpoint)) => endpoint.permits(act),
            (permission, _) => permission.covers(act),
        }
    }

    /// Whether who has this may do all that `other` allows.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        // Of the network its terms say all, and more than its permission.
        let network = matches!(self.terms, Terms::Endpoint(_));
        (network || self.granted.permission.covers(&other.granted.permission))
            && self.terms.cover(&other.terms)
    }

    /// What both allow, if anything.
    pub(crate) fn narrowed(&self, other: &Self) -> Option<(Permission, Terms<'static>)> {
        let terms = self.terms.narrowed(&other.terms)?;
        let (mine, theirs) = (&self.granted.permission, &other.granted.permission);
        let permission = match &terms {
            Terms::Endpoint(endpoint) => {
                let (host, port) = (endpoint.host.clone(), endpoint.port);
                let read = Permission::NetworkRead(host.clone());
                match terms.are(&Terms::of(&read)) {
                    true => read,
                    false => Permission::NetworkConnect(host, port),
                }
            }
            _ if mine.covers(theirs) => theirs.clone(),
            _ if theirs.covers(mine) => mine.clone(),
            _ => return None,
        };
        Some((permission, terms))
    }

    /// Whether both say the same, wherever they say it.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.granted.permission == other.granted.permission
            && self.how == other.how
            && self.terms.are(&other.terms)
    }

    /// `granted`, `granted for https`, or `observed (learn)`.
    pub(crate) fn value(&self) -> String {
        let how = match self.how {
            How::Granted => "granted".to_owned(),
            How::Observed(mode) => format!("observed ({mode})"),
        };
        format!("{how}{}", self.terms.value(&self.granted.permission))
    }
}
