//! Whether a change fits into what a plugin may keep. Pure.

use lazaret_policy::EffectivePolicy;
use lazaret_protocol::{ActError, Payload};

use crate::store::Kept;

/// The most that is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Bytes of all keys and values.
    pub(crate) bytes: u64,
    /// Keys.
    pub(crate) keys: u64,
    /// Bytes of one value.
    pub(crate) value: u64,
}

impl Limits {
    /// Those of a policy.
    pub(crate) fn of(policy: &EffectivePolicy) -> Self {
        let kv = policy.kv();
        Self {
            bytes: kv.size.value.bytes(),
            keys: kv.keys.value.into(),
            value: kv.value.value.bytes(),
        }
    }

    /// What is kept once a key has another value, or none. A change that makes it no more is
    /// always taken: limits may have come down since.
    ///
    /// # Errors
    /// [`ActError::Limit`].
    pub(crate) fn after(
        &self,
        kept: Kept,
        key: &str,
        old: Option<&Payload>,
        new: Option<&Payload>,
    ) -> Result<Kept, ActError> {
        let entry = |value: Option<&Payload>| match value {
            Some(value) => (1, key.len() as u64 + value.bytes()),
            None => (0, 0),
        };
        let (old, now) = (entry(old), entry(new));
        let after = Kept {
            keys: kept.keys.saturating_sub(old.0).saturating_add(now.0),
            bytes: kept.bytes.saturating_sub(old.1).saturating_add(now.1),
        };
        let over = |what: &str, asked, limit| {
            let what = what.to_owned();
            Err(ActError::Limit { what, asked, limit })
        };
        let value = new.map_or(0, Payload::bytes);
        if value > self.value && now.1 > old.1 {
            return over("kv.value", value, self.value);
        }
        if after.keys > self.keys && after.keys > kept.keys {
            return over("kv.keys", after.keys, self.keys);
        }
        if after.bytes > self.bytes && after.bytes > kept.bytes {
            return over("kv.size", after.bytes, self.bytes);
        }
        Ok(after)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits {
        bytes: 100,
        keys: 3,
        value: 40,
    };

    fn of(bytes: usize) -> Payload {
        Payload::Bytes(vec![0; bytes])
    }

    fn met(taken: Result<Kept, ActError>) -> Option<(String, u64, u64)> {
        match taken {
            Ok(_) => None,
            Err(ActError::Limit { what, asked, limit }) => Some((what, asked, limit)),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_limit_is_met_at_its_last_byte_or_key_and_told() {
        let full = Kept { keys: 2, bytes: 60 };
        let put = |bytes| met(LIMITS.after(full, "abc", None, Some(&of(bytes))));
        assert_eq!(put(37), None);
        assert_eq!(put(38), Some(("kv.size".to_owned(), 101, 100)));
        assert_eq!(put(41), Some(("kv.value".to_owned(), 41, 40)));
        let full = Kept { keys: 3, bytes: 60 };
        let new = LIMITS.after(full, "a", None, Some(&of(0)));
        assert_eq!(met(new), Some(("kv.keys".to_owned(), 4, 3)));
        let other = LIMITS.after(full, "a", Some(&of(5)), Some(&of(40)));
        assert_eq!(other.unwrap(), Kept { keys: 3, bytes: 95 });
    }

    #[test]
    fn where_limits_came_down_what_makes_it_less_is_still_taken() {
        let full = Kept {
            keys: 9,
            bytes: 900,
        };
        assert!(LIMITS.after(full, "a", Some(&of(90)), None).is_ok());
        assert!(
            LIMITS
                .after(full, "a", Some(&of(90)), Some(&of(80)))
                .is_ok()
        );
        assert!(
            LIMITS
                .after(full, "a", Some(&of(10)), Some(&of(11)))
                .is_err()
        );
        assert!(LIMITS.after(full, "b", None, Some(&of(0))).is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_done_no_more_is_kept_than_may_be_and_all_of_it_is_counted(
            acts in proptest::collection::vec(("[abcd]{1,4}", proptest::option::of(0..60_usize)), 1..100)
        ) {
            let (mut all, mut kept) = (BTreeMap::<String, Payload>::new(), Kept::default());
            for (key, value) in acts {
                let value = value.map(of);
                if let Ok(after) = LIMITS.after(kept, &key, all.get(&key), value.as_ref()) {
                    kept = after;
                    match value {
                        Some(value) => drop(all.insert(key, value)),
                        None => drop(all.remove(&key)),
                    }
                }
                let bytes = all.iter().map(|(key, value)| key.len() as u64 + value.bytes()).sum::<u64>();
                prop_assert_eq!(kept, Kept { keys: all.len() as u64, bytes });
                prop_assert!(kept.keys <= LIMITS.keys && kept.bytes <= LIMITS.bytes);
                prop_assert!(all.values().all(|value| value.bytes() <= LIMITS.value));
            }
        }
    }
}
