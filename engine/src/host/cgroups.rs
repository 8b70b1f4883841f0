//! Which cgroup hierarchies there are (kernel: admin-guide/cgroup-v2, cgroup-v1).

use std::path::Path;

/// Which files a cgroup has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CgroupVersion {
    /// One hierarchy for each controller. Also the hybrid form, whose unified hierarchy has none
    /// of the controllers that matter here.
    V1,
    /// The unified hierarchy.
    V2,
}

impl CgroupVersion {
    /// Asks the kernel; `None` where no hierarchy is mounted at `/sys/fs/cgroup`.
    pub fn detect() -> Option<Self> {
        Self::detect_at(Path::new("/sys/fs/cgroup"))
    }

    pub(super) fn detect_at(root: &Path) -> Option<Self> {
        if root.join("cgroup.controllers").exists() {
            Some(Self::V2)
        } else if root.join("memory/memory.limit_in_bytes").exists() {
            Some(Self::V1)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_told_by_the_files_there_are() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(CgroupVersion::detect_at(root.path()), None);
        fs_err::create_dir(root.path().join("memory")).unwrap();
        fs_err::write(root.path().join("memory/memory.limit_in_bytes"), "").unwrap();
        assert_eq!(
            CgroupVersion::detect_at(root.path()),
            Some(CgroupVersion::V1)
        );
        fs_err::write(root.path().join("cgroup.controllers"), "").unwrap();
        assert_eq!(
            CgroupVersion::detect_at(root.path()),
            Some(CgroupVersion::V2)
        );
    }
}
