//! Whether a plugin may keep anything: a section says how much, and no permission.

use super::super::Chosen;
use super::{Answer, Verdict};
use crate::acts::KV;

/// The key that decides.
const KEY: &str = "kv.size";

pub(super) fn answer(chosen: &Chosen) -> Answer {
    let size = &chosen.policy.kv().size;
    let verdict = match size.value.bytes() {
        0 => Verdict::Denied,
        _ => Verdict::Allowed,
    };
    Answer {
        act: KV.to_owned(),
        verdict,
        allowed: verdict == Verdict::Allowed,
        mode: None,
        by: Some(format!("{KEY}: {}", size.value)),
        origin: Some(size.origin.to_string()),
        reason: None,
        because: None,
        cut: chosen.cuts.iter().find(|cut| cut.what == KEY).cloned(),
        refused: None,
        layers: [
            "`lazaret.kv` does not exist where nothing may be kept",
            "the engine asks the policy again, counts keys and bytes, and does the keeping",
        ]
        .map(str::to_owned)
        .to_vec(),
        takes: (verdict == Verdict::Denied).then(|| KV.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use lazaret_policy::{EffectivePolicy, SecurityLevel, SecurityPolicy};

    use super::*;

    fn of(body: &str) -> (Option<String>, Option<String>, bool) {
        let text = format!("apiVersion: lazaret/v1\nkind: SecurityPolicy\n{body}");
        let policy = SecurityPolicy::parse("p", &text).unwrap();
        let answer = answer(&Chosen {
            policy: EffectivePolicy::of(SecurityLevel::Standard).layer(&policy),
            cuts: Vec::new(),
        });
        (answer.by, answer.origin, answer.allowed)
    }

    #[test]
    fn the_key_and_the_line_that_say_how_much_decide() {
        let (by, origin, allowed) = of("kv: { size: 1MiB }");
        assert_eq!(by.as_deref(), Some("kv.size: 1MiB"));
        assert_eq!((origin.as_deref(), allowed), (Some("p:3:13"), true));
        let (by, origin, allowed) = of("kv: { keys: 5 }");
        assert_eq!(by.as_deref(), Some("kv.size: 0B"));
        assert_eq!(
            (origin.as_deref(), allowed),
            (Some("`standard` level"), false)
        );
    }
}
