//! How much may be written at each path that is granted. What was written is not counted while it
//! is learned, so that what the policy that held gives for a path is shared by all below it.

use std::collections::BTreeMap;

use lazaret_policy::{ByteSize, EffectivePolicy, Mode, Permission, Write};

use crate::learn::files::Narrowed;

/// The least a policy may say.
const LEAST: u64 = 1 << 10;

/// Each path with its size: an equal part, in whole KiB, of the grant that covers it. Where the
/// parts would be too small for a policy, the grant's own path with all of its size.
pub(super) fn sized(
    policy: &EffectivePolicy,
    narrowed: Vec<Narrowed>,
) -> Vec<(Narrowed, ByteSize)> {
    let given = given(policy);
    let mut below: BTreeMap<&str, Vec<Narrowed>> = BTreeMap::new();
    for one in narrowed {
        let permission = format!("file:write:{}", one.path).parse::<Permission>();
        let Ok(permission) = permission else { continue };
        let covering = given.iter().filter(|(_, (of, _))| of.covers(&permission));
        // Of paths that all hold the same one the longest is the nearest.
        if let Some((path, _)) = covering.max_by_key(|(path, _)| path.len()) {
            below.entry(path.as_str()).or_default().push(one);
        }
    }
    let mut sized = Vec::new();
    for (path, paths) in below {
        let Some((_, size)) = given.get(path) else {
            continue;
        };
        let part = size.bytes() / (paths.len() as u64).max(1);
        if paths.len() == 1 {
            sized.extend(paths.into_iter().map(|one| (one, *size)));
        } else if part >= LEAST {
            let part = ByteSize::from_kib(part / LEAST);
            sized.extend(paths.into_iter().map(|one| (one, part)));
        } else {
            let whole = Narrowed {
                path: path.to_owned(),
                times: paths
                    .iter()
                    .map(|one| one.times)
                    .fold(0, u64::saturating_add),
                paths: paths.iter().map(|one| one.paths).sum(),
            };
            sized.push((whole, *size));
        }
    }
    sized
}

/// What may be written, by its path: granted, or let through to be observed.
fn given(policy: &EffectivePolicy) -> BTreeMap<String, (Permission, ByteSize)> {
    let observes = policy.filesystem().mode.value != Mode::Enforce;
    let observed = policy.observe().iter().filter(|_| observes);
    let observed = observed.map(|one| (one.permission.clone(), Write::USUAL_SIZE));
    let granted = policy.writable().into_iter();
    let granted = granted.map(|one| (one.granted.permission, one.size));
    let mut given: BTreeMap<String, (Permission, ByteSize)> = BTreeMap::new();
    for (permission, size) in granted.chain(observed) {
        let Permission::FileWrite(path) = &permission else {
            continue;
        };
        let path = path.as_str().to_owned();
        let most = given.entry(path).or_insert((permission, size));
        most.1 = most.1.max(size);
    }
    given
}
