//! Blocks of host ids, one for each container, claimed against every other launcher.
//!
//! A claim is a lock on one byte of a file (open file description lock, fcntl(2)): the kernel
//! gives it back when the launcher ends, however it ends.

use std::os::fd::AsRawFd;
use std::path::Path;

use fs_err::os::unix::fs::OpenOptionsExt;
use lazaret_launcher_wire::ID_BLOCK_SIZE;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

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
        let file = fs_err::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        Ok(Self(file))
    }

    /// Claims a block, the preferred one if it is free and else the next free one.
    pub(crate) fn claim(&self, preferred: u32) -> Result<IdClaim, IdError> {
        for offset in 0..BLOCKS {
            let block = (preferred.wrapping_add(offset)) % BLOCKS;
            // A description of its own for each claim: locks of one description do not exclude
            // each other.
            let file = fs_err::OpenOptions::new()
                .read(true)
                .write(true)
                .open(self.0.path())?;
            match lock(&file, block) {
                Ok(()) => return Ok(IdClaim { block, _file: file }),
                Err(Errno::EAGAIN | Errno::EACCES) => {}
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

fn lock(file: &fs_err::File, block: u32) -> Result<(), Errno> {
    let range = nix::libc::flock {
        l_type: nix::libc::F_WRLCK as i16,
        l_whence: nix::libc::SEEK_SET as i16,
        l_start: i64::from(block),
        l_len: 1,
        l_pid: 0,
    };
    fcntl(file.as_raw_fd(), FcntlArg::F_OFD_SETLK(&range)).map(drop)
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
