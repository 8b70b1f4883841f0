//! How often permissions were used, told now and then.

use std::collections::BTreeMap;

use lazaret_protocol::TOLD_ONE_BY_ONE;

/// The most different permissions that are counted.
const MAX_KINDS: usize = 4096;

/// The uses so far.
#[derive(Debug, Default)]
pub(super) struct Used(BTreeMap<String, u64>);

impl Used {
    /// Counts a use; how many there were since the last that were told, where they are to be told
    /// now. A permission that is used all the time costs a few messages.
    pub(super) fn count(&mut self, permission: &str) -> Option<u64> {
        if !self.0.contains_key(permission) && self.0.len() >= MAX_KINDS {
            return None;
        }
        let count = self.0.entry(permission.to_owned()).or_default();
        *count = count.saturating_add(1);
        match *count {
            1..=TOLD_ONE_BY_ONE => Some(1),
            count if count.is_power_of_two() => Some(count / 2),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_adds_up_and_grows_rare() {
        let mut used = Used::default();
        let told: Vec<u64> = (0..1000)
            .filter_map(|_| used.count("file:read:/a"))
            .collect();
        assert_eq!(told.len(), 64 + 3);
        assert_eq!(told.iter().sum::<u64>(), 512);
        assert_eq!(used.count("env:read:TZ"), Some(1));
    }

    #[test]
    fn a_flood_of_different_permissions_ends() {
        let mut used = Used::default();
        let told = (0..MAX_KINDS + 10).filter_map(|number| used.count(&number.to_string()));
        assert_eq!(told.count(), MAX_KINDS);
    }
}
