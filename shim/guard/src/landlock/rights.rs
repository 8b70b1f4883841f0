//! Which rights each version of Landlock has words for.

use landlock::{ABI, Access, AccessFs, AccessNet, BitFlags, Scope};

/// The ABI from which refusals are written to the audit log.
pub(super) const LOGS: u32 = 7;

/// Something Landlock can deny.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// In words.
    pub name: &'static str,
    /// The first ABI that can.
    pub since: u32,
}

/// All that is denied where the kernel can, in the order it came to the kernel.
pub const PARTS: [Part; 6] = [
    Part {
        name: "files",
        since: 1,
    },
    Part {
        name: "truncation",
        since: 3,
    },
    Part {
        name: "TCP",
        since: 4,
    },
    Part {
        name: "device controls",
        since: 5,
    },
    Part {
        name: "abstract sockets and signals",
        since: 6,
    },
    Part {
        name: "sockets in the file system",
        since: 9,
    },
];

/// Everything one version can deny.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Denied {
    pub(super) files: BitFlags<AccessFs>,
    pub(super) network: BitFlags<AccessNet>,
    pub(super) scopes: BitFlags<Scope>,
}

impl Denied {
    /// By the kernel's number; of a later version than the crate knows, what the crate knows.
    pub(super) fn by(abi: u32) -> Self {
        // That this is made from a number at run time is safe here: the number is the kernel's
        // and the settings' at once, and whatever is denied is allowed again by name only.
        let abi = ABI::from(i32::try_from(abi).unwrap_or(i32::MAX));
        Self {
            files: AccessFs::from_all(abi),
            network: AccessNet::from_all(abi),
            scopes: Scope::from_all(abi),
        }
    }
}

/// What is allowed of a readable path.
pub(super) fn reading(directory: bool) -> BitFlags<AccessFs> {
    if directory {
        AccessFs::ReadFile | AccessFs::ReadDir
    } else {
        AccessFs::ReadFile.into()
    }
}

/// What is allowed of a socket in the file system.
pub(super) fn connecting() -> BitFlags<AccessFs> {
    AccessFs::ResolveUnix.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_denies_all_it_can() {
        let files =
            AccessFs::Execute | AccessFs::WriteFile | AccessFs::ReadFile | AccessFs::MakeSym;
        for abi in 1..=9 {
            let denied = Denied::by(abi);
            assert!(denied.files.contains(files), "{abi}");
            assert_eq!(denied.files.contains(AccessFs::Truncate), abi >= 3, "{abi}");
            assert_eq!(denied.network.contains(AccessNet::ConnectTcp), abi >= 4);
            assert_eq!(denied.network.contains(AccessNet::BindTcp), abi >= 4);
            assert_eq!(denied.files.contains(AccessFs::IoctlDev), abi >= 5);
            assert_eq!(denied.scopes.contains(Scope::Signal), abi >= 6);
            assert_eq!(denied.scopes.contains(Scope::AbstractUnixSocket), abi >= 6);
            assert_eq!(denied.files.contains(AccessFs::ResolveUnix), abi >= 9);
        }
        assert_eq!(Denied::by(u32::MAX), Denied::by(9));
    }

    #[test]
    fn reading_and_connecting_is_all_that_is_ever_allowed() {
        assert_eq!(connecting(), AccessFs::ResolveUnix);
        assert_eq!(reading(true), AccessFs::ReadFile | AccessFs::ReadDir);
        assert_eq!(reading(false), AccessFs::ReadFile);
    }

    #[test]
    fn the_parts_are_told_from_the_version_that_has_them() {
        let rights = |abi| {
            let Denied {
                files,
                network,
                scopes,
            } = Denied::by(abi);
            files.bits().count_ones() + network.bits().count_ones() + scopes.bits().count_ones()
        };
        // A second version has a word for linking across directories, which the first denies
        // without one.
        for abi in (1..=9).filter(|abi| *abi != 2) {
            let more = rights(abi) > rights(abi - 1);
            let told = PARTS.iter().any(|part| part.since == abi);
            assert_eq!(more, told, "{abi}");
        }
    }
}
