//! How much a plugin may write below one grant in its life.

use std::sync::{Mutex, PoisonError};

use lazaret_protocol::ActError;

/// Bytes of a quota that allow one more file or directory: empty ones take room as well.
const BYTES_PER_NAME: u64 = 4096;

/// Files and directories that may be made however small the quota is.
const LEAST_NAMES: u64 = 16;

/// What is left of a quota: nothing before its size is [set](Self::set). What was written is not
/// given back, removed or not.
#[derive(Debug, Default)]
pub(crate) struct Quota(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    size: u64,
    bytes: u64,
    names: u64,
}

impl Quota {
    /// Another size; what was written counts.
    pub(crate) fn set(&self, size: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).size = size;
    }

    /// Takes so many bytes, and so many new files and directories, out of it.
    ///
    /// # Errors
    /// [`ActError::Limit`] where they are not there; nothing is taken then.
    pub(crate) fn take(&self, path: &str, bytes: u64, names: u64) -> Result<(), ActError> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = state.bytes.saturating_add(bytes);
        let names = state.names.saturating_add(names);
        let over = |what: &str, asked, limit| {
            let what = format!("the {what} below `{path}`");
            Err(ActError::Limit { what, asked, limit })
        };
        if bytes > state.size {
            return over("bytes written", bytes, state.size);
        }
        let most = (state.size / BYTES_PER_NAME).max(LEAST_NAMES);
        if names > most {
            return over("files and directories made", names, most);
        }
        state.bytes = bytes;
        state.names = names;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(size: u64) -> Quota {
        let quota = Quota::default();
        quota.set(size);
        quota
    }

    fn limit(taken: Result<(), ActError>) -> Option<(u64, u64)> {
        match taken {
            Ok(()) => None,
            Err(ActError::Limit { asked, limit, .. }) => Some((asked, limit)),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_quota_is_used_to_its_last_byte_and_no_further() {
        let quota = of(100);
        assert_eq!(limit(quota.take("/a", 60, 0)), None);
        assert_eq!(limit(quota.take("/a", 41, 0)), Some((101, 100)));
        assert_eq!(limit(quota.take("/a", 40, 0)), None);
        assert_eq!(limit(quota.take("/a", 0, 0)), None);
        assert_eq!(limit(quota.take("/a", u64::MAX, 0)), Some((u64::MAX, 100)));
    }

    #[test]
    fn empty_files_are_counted_too() {
        let quota = of(20 * 4096);
        for _ in 0..20 {
            assert_eq!(limit(quota.take("/a", 0, 1)), None);
        }
        assert_eq!(limit(quota.take("/a", 1, 1)), Some((21, 20)));
        assert_eq!(limit(quota.take("/a", 1, 0)), None, "nothing was taken");
        let small = of(0);
        assert_eq!(limit(small.take("/a", 0, 16)), None);
        assert_eq!(limit(small.take("/a", 0, 1)), Some((17, 16)));
    }

    #[test]
    fn another_size_keeps_what_was_written() {
        let quota = of(u64::MAX);
        assert_eq!(limit(quota.take("/a", 1 << 40, 1 << 20)), None);
        quota.set(10);
        assert_eq!(limit(quota.take("/a", 0, 0)), Some((1 << 40, 10)));
    }
}
