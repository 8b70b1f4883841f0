//! Whether the policy lets an act be done. Pure.

use lazaret_policy::{EffectivePolicy, Permission};
use lazaret_protocol::Act;

/// The permission an act lacks, as `file:write:/etc/shadow`; `None` where all it needs is
/// granted. What no permission could ever name is not granted either.
pub(crate) fn refused(act: &Act, policy: &EffectivePolicy) -> Option<String> {
    let writing = |path: &str| format!("file:write:{path}");
    let needed = match act {
        Act::Write { path, .. } | Act::Remove { path } | Act::MakeDirectory { path, .. } => {
            vec![writing(path)]
        }
        Act::Rename { from, to } => vec![writing(from), writing(to)],
        Act::Run { program, .. } => vec![format!("exec:run:{program}")],
    };
    needed.into_iter().find(|permission| {
        permission
            .parse::<Permission>()
            .map_or(true, |permission| policy.grants(&permission).is_none())
    })
}
