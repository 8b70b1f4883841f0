//! Blocks of host ids, one for each container, claimed against every other launcher.
//!
//! A claim is a lock on one byte of a file: the kernel gives it back when the launcher ends,
//! however it ends.

use std::path::Path;

use lazaret_launcher_wire::ID_BLOCK_SIZE;
use nix::errno::Errno;

use crate::byte_lock::{self, Holder};

/// The first host id of the first block: above what distributions give to people, services and
/// `/etc/subuid`, below the ids systemd reserves at 2³¹.
pub(crate) const FIRST_HOST_ID: u32 = 0x2000_0000;

/// How many blocks there are; the last ends at 0x5fff_ffff.
pub(crate) const BLOCKS: u32 = 0x4000;

/// No block could be claimed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IdError {
    #[error("all {BLOCKS} blocks of host ids are in use")]
    Exhausted,
    #[error("failed to lock block {block} of host ids")]
    Lock {
        block: u32,
        #[source]
        source: Errno,
    },
    #[error(transparent)]
    Open(#[from] std::io::Error),
}

/// The file whose bytes are locked.
pub(crate) struct IdBlocks(fs_err::File);

impl IdBlocks {
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        let file = byte_lock::open(path)?;
        Ok(Self(file))
    }

    /// Claims a block, the preferred one if it is free and else the next free one.
    pub(crate) fn claim(&self, preferred: u32) -> Result<IdClaim, IdError> {
        for offset in 0..BLOCKS {
            let block = (preferred.wrapping_add(offset)) % BLOCKS;
            // A description of its own for each claim: locks of one description do not exclude
            // each other.
            let file = byte_lock::open(self.0.path())?;
            match byte_lock::try_lock(&file, block, Holder::Description) {
                Ok(true) => return Ok(IdClaim { block, _file: file }),
                Ok(false) => {}
                Err(source) => return Err(IdError::Lock { block, source }),
            }
        }
        Err(IdError::Exhausted)
    }
}

/// A claimed block; dropped, it is free again.
pub(crate) struct IdClaim {
    block: u32,
    _file: fs_err::File,
}

impl IdClaim {
    pub(crate) fn first_host_id(&self) -> u32 {
        FIRST_HOST_ID + self.block * ID_BLOCK_SIZE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_containers_never_share_a_block() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ids");
        let (one, other) = (
            IdBlocks::open(&path).unwrap(),
            IdBlocks::open(&path).unwrap(),
        );
        let first = one.claim(7).unwrap();
        assert_eq!(first.first_host_id(), FIRST_HOST_ID + 7 * ID_BLOCK_SIZE);
        assert_eq!(
            one.claim(7).unwrap().first_host_id(),
            FIRST_HOST_ID + 8 * ID_BLOCK_SIZE
        );
        assert_eq!(
            other.claim(7).unwrap().first_host_id(),
            FIRST_HOST_ID + 8 * ID_BLOCK_SIZE
        );
        drop(first);
        assert_eq!(
            other.claim(7).unwrap().first_host_id(),
            FIRST_HOST_ID + 7 * ID_BLOCK_SIZE
        );
    }

    #[test]
    fn the_last_block_ends_below_what_systemd_reserves() {
        let last = FIRST_HOST_ID + (BLOCKS - 1) * ID_BLOCK_SIZE;
        assert!(last.checked_add(ID_BLOCK_SIZE).unwrap() <= 0x7fff_ffff);
    }

    #[test]
    fn claims_wrap_around() {
        let directory = tempfile::tempdir().unwrap();
        let blocks = IdBlocks::open(&directory.path().join("ids")).unwrap();
        let last = blocks.claim(BLOCKS - 1).unwrap();
        assert_eq!(
            blocks.claim(BLOCKS - 1).unwrap().first_host_id(),
            FIRST_HOST_ID
        );
        drop(last);
    }
}
