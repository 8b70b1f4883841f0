//! What of a policy acts are held to.

use std::collections::BTreeMap;
use std::sync::Arc;

use lazaret_policy::{Decision, EffectivePolicy, GrantPath, Mode, Permission, Program, Write};

use super::files::{Place, PlaceError, Quota, Rules};
use super::{kv, window};

/// What was written below each path that was ever granted.
pub(super) type Quotas = BTreeMap<GrantPath, Arc<Quota>>;

/// What acts are held to.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) places: Vec<Arc<Place>>,
    pub(super) rules: Rules,
    pub(super) kv: kv::Limits,
    pub(super) windows: window::Rules,
    programs: Vec<Program>,
}

impl Held {
    /// What the policy says of the program of this name.
    pub(super) fn program(&self, name: &str) -> Option<&Program> {
        let named = |program: &&Program| crate::programs::name(program) == name;
        self.programs.iter().find(named)
    }

    /// Whether a program may run on these terms, wherever they are written.
    pub(super) fn runs(&self, terms: &Program) -> bool {
        let of = |program: &Program| (program.rootfs.clone(), program.path.clone(), program.limits);
        let now = self.program(crate::programs::name(terms));
        now.is_some_and(|now| of(now) == of(terms))
    }
}

/// What [`Acts::set`](super::Acts::set) puts in force.
#[derive(Debug)]
pub(crate) struct Prepared {
    held: Held,
    sizes: Vec<u64>,
}

impl Prepared {
    /// Opens the places of a policy, but for those that are open.
    pub(super) fn open(
        policy: &EffectivePolicy,
        open: &[Arc<Place>],
        quotas: &Quotas,
    ) -> Result<Self, PlaceError> {
        let mut places: Vec<Arc<Place>> = Vec::new();
        let mut sizes: Vec<u64> = Vec::new();
        for (path, size) in writable(policy) {
            let same = |place: &&Arc<Place>| *place.path() == path;
            // Named twice: all of it may be written.
            if let Some(at) = places.iter().position(|place| same(&place)) {
                sizes[at] = sizes[at].max(size);
                continue;
            }
            places.push(match open.iter().find(same) {
                Some(place) => Arc::clone(place),
                None => {
                    let quota = quotas.get(&path).cloned();
                    Arc::new(Place::open(&path, quota.unwrap_or_default())?)
                }
            });
            sizes.push(size);
        }
        let limits = policy.filesystem().limits;
        let rules = Rules {
            ignore: limits.ignore.value.iter().cloned().collect(),
            write_bytes: limits.write.value.bytes(),
        };
        let denied = |program: &Program| {
            matches!(policy.decide(&program.granted.permission), Decision::Denied)
        };
        let programs = policy.exec().programs.iter();
        let held = Held {
            places,
            rules,
            kv: kv::Limits::of(policy),
            windows: window::Rules::of(policy),
            programs: programs
                .filter(|program| !denied(program))
                .cloned()
                .collect(),
        };
        Ok(Self { held, sizes })
    }

    /// From here on its sizes hold.
    pub(super) fn hold(self, quotas: &mut Quotas) -> Held {
        for (place, size) in self.held.places.iter().zip(self.sizes) {
            place.quota().set(size);
            quotas.insert(place.path().clone(), Arc::clone(place.quota()));
        }
        self.held
    }
}

/// The paths that a policy lets be written, be it to be observed, with the most bytes.
pub(super) fn writable(policy: &EffectivePolicy) -> impl Iterator<Item = (GrantPath, u64)> {
    let granted =
        (policy.writable().into_iter()).map(|write| (write.granted.permission, write.size.bytes()));
    let observes = policy.filesystem().mode.value != Mode::Enforce;
    let observed = policy.observe().iter().filter(move |_| observes);
    let usual = Write::USUAL_SIZE.bytes();
    let observed = observed.map(move |granted| (granted.permission.clone(), usual));
    granted
        .chain(observed)
        .filter_map(|(permission, size)| match permission {
            Permission::FileWrite(path) => Some((path, size)),
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use lazaret_policy::{SecurityLevel, SecurityPolicy};

    use super::*;

    fn policy(body: &str) -> EffectivePolicy {
        let text = format!("apiVersion: lazaret/v1\nkind: SecurityPolicy\n{body}");
        let policy = SecurityPolicy::parse("policy.yaml", &text).unwrap();
        EffectivePolicy::of(SecurityLevel::Standard).layer(&policy)
    }

    #[test]
    fn what_was_written_counts_after_the_path_was_taken_away_and_given_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().canonicalize().unwrap();
        let granted = policy(&format!("permissions: ['file:write:{}']", path.display()));
        let mut quotas = Quotas::default();
        let mut before = Vec::new();
        let mut hold = |policy: &EffectivePolicy| {
            let prepared = Prepared::open(policy, &before, &quotas).unwrap();
            let held = prepared.hold(&mut quotas);
            before = held.places.clone();
            held
        };
        let all = Write::USUAL_SIZE.bytes();
        let first = hold(&granted);
        first.places[0].quota().take("/a", all, 0).unwrap();
        assert!(hold(&policy("")).places.is_empty());
        let again = hold(&granted);
        again.places[0].quota().take("/a", 1, 0).unwrap_err();
    }

    #[test]
    fn a_program_goes_on_where_it_is_granted_on_the_same_terms() {
        let program = |reason: &str, time: &str| {
            let limits = "memory: 64MiB, cpu: 100%, pids: 16, input: 2MiB, output: 2MiB";
            policy(&format!(
                "exec: {{ programs: [ {{ name: jq, reason: {reason}, rootfs: /srv/jq, path: /bin/jq, limits: {{ {limits}, time: {time} }} }} ] }}"
            ))
        };
        let held = |policy: &EffectivePolicy| {
            let prepared = Prepared::open(policy, &[], &Quotas::default()).unwrap();
            prepared.hold(&mut Quotas::default())
        };
        let terms = held(&program("one", "2s"));
        let terms = terms.program("jq").unwrap();
        assert!(held(&program("another", "2s")).runs(terms));
        assert!(!held(&program("one", "1s")).runs(terms));
        assert!(!held(&policy("")).runs(terms));
    }
}
