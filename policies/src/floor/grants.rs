use std::collections::HashMap;

use super::cuts::Cuts;
use super::quota::Quota;
use crate::effective::EffectivePolicy;
use crate::grants::{Allowance, Index, Terms, hidden};
use crate::origin::{Granted, Setting};
use crate::permission::Permission;
use crate::policy::SecurityPolicy;
use crate::settings::{Mode, NamePattern, Section};
use crate::word::Words;

impl EffectivePolicy {
    /// Grants are those of both: of two where one covers the other the narrower, else what they share. `whole` is the
    /// floor with what its level brings.
    pub(super) fn hold_grants(
        &mut self,
        floor: &SecurityPolicy,
        whole: &SecurityPolicy,
        cuts: &mut Cuts,
    ) {
        let ignored = whole.settings.files.ignore.as_ref();
        if floor.states_grants {
            let given = floor.lists.allowances();
            self.keep_grants(&given, ignored, cuts);
        } else if let Some(ignored) = ignored {
            self.drop_hidden(ignored, cuts);
        }
    }

    pub(super) fn keep_grants(
        &mut self,
        given: &[Allowance<'_>],
        ignored: Option<&Ignored>,
        cuts: &mut Cuts,
    ) {
        let mut quota = Quota::of(given);
        let given = Index::of(given).ignoring(ignored.map(|ignored| &ignored.value));
        let mut kept = self.lists.without_grants();
        let mut there = Once::default();
        for asked in self.lists.allowances() {
            let covering = given.covering(&asked);
            if covering.is_some() && quota.take(&asked, &given) {
                if there.is_new(asked.granted, &asked.terms) {
                    kept.give(asked.granted.clone(), asked.terms.clone(), asked.listed);
                }
                continue;
            }
            let shared = quota.share(&asked, &given, shared(&asked, &given));
            match (ignored.filter(|one| hides(one, asked.granted)), covering) {
                (Some(ignored), _) if shared.is_empty() => cuts.hidden(&asked, ignored),
                (None, Some(full)) if shared.is_empty() => cuts.spent(&asked, full),
                _ => {
                    let told: Vec<_> = shared.iter().map(told).collect();
                    cuts.grant(&asked, &told);
                }
            }
            for (granted, terms) in shared {
                if there.is_new(&granted, &terms) {
                    kept.give(granted, terms, asked.listed);
                }
            }
        }
        self.lists = kept;
    }

    /// Where a floor gives no paths, none has a name in it that the floor ignores.
    fn drop_hidden(&mut self, ignored: &Ignored, cuts: &mut Cuts) {
        let mut kept = self.lists.without_grants();
        for asked in self.lists.allowances() {
            if hides(ignored, asked.granted) {
                cuts.hidden(&asked, ignored);
            } else {
                kept.give(asked.granted.clone(), asked.terms.clone(), asked.listed);
            }
        }
        self.lists = kept;
    }

    /// What is observed goes on, so that a floor must give it as well: by observing or granting the same. A floor that
    /// says nothing gives nothing.
    pub(super) fn hold_observed(&mut self, floor: &SecurityPolicy, cuts: &mut Cuts) {
        let granted = floor.lists.allowances();
        let observed: Vec<Allowance<'_>> =
            floor.lists.observe.iter().map(Allowance::plain).collect();
        let all: Vec<Allowance<'_>> = observed.into_iter().chain(granted).collect();
        let enforced = |section: Section| {
            let mode = floor.settings.modes.of(section);
            mode.is_some_and(|mode| mode.value == Mode::Enforce)
        };
        let given: Vec<Allowance<'_>> = all
            .into_iter()
            .filter(|one| !enforced(one.granted.permission.section()))
            .collect();
        self.keep_observed(&given, floor.settings.files.ignore.as_ref(), cuts);
    }

    pub(super) fn keep_observed(
        &mut self,
        given: &[Allowance<'_>],
        ignored: Option<&Ignored>,
        cuts: &mut Cuts,
    ) {
        let given = Index::of(given).ignoring(ignored.map(|ignored| &ignored.value));
        let mine = std::mem::take(&mut self.lists.observe);
        let mut kept: Vec<Granted> = Vec::new();
        let mut there = Once::default();
        for granted in &mine {
            let asked = Allowance::plain(granted);
            if given.covering(&asked).is_some() {
                if there.is_new(granted, &asked.terms) {
                    kept.push(granted.clone());
                }
                continue;
            }
            // An entry is a permission, so that nothing narrower than one can be said.
            let plain = |(granted, terms): &(Granted, Terms<'_>)| {
                terms.are(&Terms::of(&granted.permission))
            };
            let shared: Vec<_> = shared(&asked, &given).into_iter().filter(plain).collect();
            let told: Vec<_> = shared.iter().map(told).collect();
            let what = format!("observe {}", granted.permission);
            let was = ("observed".to_owned(), granted.origin.to_string());
            cuts.entry(&what, was, &told);
            for (granted, terms) in shared {
                if there.is_new(&granted, &terms) {
                    kept.push(granted);
                }
            }
        }
        self.lists.observe = kept;
        self.close_modes(cuts);
    }

    /// Nothing is let through in a section none of whose acts is observed.
    fn close_modes(&mut self, cuts: &mut Cuts) {
        for section in Section::ALL {
            let observes = |granted: &Granted| granted.permission.section() == section;
            let (path, mode) = self.settings.modes.setting(section);
            if mode.value == Mode::Enforce || self.lists.observe.iter().any(observes) {
                continue;
            }
            let was = (mode.value.to_string(), mode.origin.to_string());
            let origin = mode.origin.clone();
            cuts.cut(
                path,
                was,
                (
                    Mode::Enforce.to_string(),
                    "nothing of it may be observed".to_owned(),
                ),
            );
            let value = Mode::Enforce;
            *self.settings.modes.setting_mut(section) = Setting { value, origin };
        }
    }
}

/// Names that do not exist, and who says so.
pub(super) type Ignored = Setting<Words<NamePattern>>;

fn hides(ignored: &Ignored, granted: &Granted) -> bool {
    let path = granted.permission.path();
    path.is_some_and(|path| hidden(&ignored.value, path.as_str()))
}

/// What a grant shares with those that are given, each once, in the words and at the place of who gives it.
fn shared(asked: &Allowance<'_>, given: &Index<'_>) -> Vec<(Granted, Terms<'static>)> {
    let mut shared = Vec::new();
    let mut there = Once::default();
    for one in given.near(asked) {
        if let Some((permission, terms)) = asked.narrowed(one) {
            let granted = Granted {
                permission,
                reason: one.granted.reason.clone(),
                origin: one.granted.origin.clone(),
            };
            if there.is_new(&granted, &terms) {
                shared.push((granted, terms));
            }
        }
    }
    shared
}

fn told((granted, terms): &(Granted, Terms<'static>)) -> (String, Granted) {
    let value = format!("{}{}", granted.permission, terms.value(&granted.permission));
    (value, granted.clone())
}

/// Grants that were seen before.
#[derive(Default)]
struct Once(HashMap<Permission, Vec<Terms<'static>>>);

impl Once {
    fn is_new(&mut self, granted: &Granted, terms: &Terms<'_>) -> bool {
        let seen = self.0.entry(granted.permission.clone()).or_default();
        if seen.iter().any(|one| one.are(terms)) {
            return false;
        }
        seen.push(terms.clone().owned());
        true
    }
}
