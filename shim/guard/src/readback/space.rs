//! How much a file system holds (statfs(2)): tmpfs takes memory, so its size is a limit.

use lazaret_protocol::{Difference, ExpectedMount};

use super::difference;

/// What the kernel says of one file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes in a block: for tmpfs those of a page.
    pub block: u64,
    /// Blocks it holds; 0 where there is no limit.
    pub blocks: u64,
    /// Files and directories it holds; 0 where there is no limit.
    pub inodes: u64,
}

/// Asks the kernel about a mount that must hold so much and no more.
pub(super) fn differences(wanted: &ExpectedMount) -> Vec<Difference> {
    if wanted.bytes.is_none() && wanted.inodes.is_none() {
        return Vec::new();
    }
    match rustix::fs::statfs(wanted.target.as_str()) {
        Ok(found) => {
            // A negative number is none that is asked for.
            let block = u64::try_from(found.f_bsize).unwrap_or(0);
            let space = Space {
                block,
                blocks: found.f_blocks,
                inodes: found.f_files,
            };
            compare_space(wanted, space)
        }
        Err(error) => {
            let what = format!("mount {}", wanted.target);
            vec![difference(what, "statfs tells its size", error)]
        }
    }
}

/// What differs in bytes and in inodes.
#[must_use]
pub fn compare_space(wanted: &ExpectedMount, found: Space) -> Vec<Difference> {
    let mut differences = Vec::new();
    let bytes = found.blocks.saturating_mul(found.block);
    if let Some(wanted_bytes) = wanted.bytes {
        // The kernel gives whole pages.
        let whole = wanted_bytes.checked_next_multiple_of(found.block);
        if bytes == 0 || whole != Some(bytes) {
            let what = format!("mount {} size", wanted.target);
            differences.push(difference(what, wanted_bytes, bytes));
        }
    }
    if let Some(wanted_inodes) = wanted.inodes
        && found.inodes != wanted_inodes
    {
        let what = format!("mount {} nr_inodes", wanted.target);
        differences.push(difference(what, wanted_inodes, found.inodes));
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(bytes: Option<u64>, inodes: Option<u64>) -> ExpectedMount {
        ExpectedMount {
            target: "/tmp".to_owned(),
            options: Vec::new(),
            fstype: None,
            bytes,
            inodes,
        }
    }

    fn space(blocks: u64, inodes: u64) -> Space {
        Space {
            block: 4096,
            blocks,
            inodes,
        }
    }

    fn names(wanted: &ExpectedMount, found: Space) -> Vec<String> {
        let found = compare_space(wanted, found);
        found.into_iter().map(|found| found.what).collect()
    }

    #[test]
    fn sizes_are_compared_in_whole_pages() {
        for bytes in [8191, 8192] {
            assert_eq!(names(&wanted(Some(bytes), None), space(2, 9)), [""; 0]);
        }
        for (bytes, blocks) in [(8193, 2), (4096, 2), (12288, 2), (8192, 0), (0, 0)] {
            let found = names(&wanted(Some(bytes), None), space(blocks, 9));
            assert_eq!(found, ["mount /tmp size"], "{bytes} {blocks}");
        }
    }

    #[test]
    fn a_file_system_that_holds_other_numbers_of_files_is_reported() {
        assert_eq!(names(&wanted(None, Some(16)), space(2, 16)), [""; 0]);
        for inodes in [0, 15, 17] {
            let found = names(&wanted(None, Some(16)), space(2, inodes));
            assert_eq!(found, ["mount /tmp nr_inodes"], "{inodes}");
        }
    }

    #[test]
    fn odd_figures_are_no_panic() {
        let odd = Space {
            block: 0,
            blocks: u64::MAX,
            inodes: 0,
        };
        assert_eq!(compare_space(&wanted(Some(1), Some(1)), odd).len(), 2);
        let odd = Space {
            block: u64::MAX,
            ..odd
        };
        assert_eq!(compare_space(&wanted(Some(u64::MAX), None), odd).len(), 0);
    }

    #[test]
    fn what_is_not_there_is_reported_and_what_is_not_asked_for_is_not() {
        let mut missing = wanted(Some(4096), None);
        missing.target = "/no/such/mount".to_owned();
        assert_eq!(differences(&missing).len(), 1);
        missing.bytes = None;
        assert_eq!(differences(&missing), []);
    }
}
