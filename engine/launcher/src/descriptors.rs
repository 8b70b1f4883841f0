//! Descriptor 3 is the channel's place: libcontainer hands on the descriptors from 3 it is told to
//! preserve, and the shim finds its channel there. A placeholder holds the place between
//! creations, so that no other descriptor ever comes to lie in it.
//!
//! libcontainer holds its own descriptors by their numbers and forgets some when it fails; they are
//! closed by comparing what is open before and after.

use std::collections::BTreeSet;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::unistd::dup2;

const PLACE: i32 = 3;

/// Closes what was left open by who started the launcher, all but standard input, output and
/// error: nothing of the operator's shall be where containers are made. To be called before the
/// launcher opens anything.
pub(crate) fn close_inherited() -> nix::Result<()> {
    #[expect(
        unsafe_code,
        reason = "descriptors nobody here owns have no safe wrapper"
    )]
    // SAFETY: nothing in this process has opened a descriptor yet, so no owner of one of these
    // exists; `main` calls this first.
    let closed = unsafe { nix::libc::close_range(3, nix::libc::c_uint::MAX, 0) };
    nix::errno::Errno::result(closed).map(drop)
}

/// Puts the placeholder at descriptor 3. To be called before the launcher opens anything.
pub(crate) fn hold_channel_place() -> std::io::Result<()> {
    let null = fs_err::File::open("/dev/null")?;
    if null.as_raw_fd() == PLACE {
        // Stays open for ever, which is what a placeholder is for.
        std::mem::forget(null);
    } else {
        dup2(null.as_raw_fd(), PLACE)?;
    }
    Ok(())
}

/// The descriptors open at one time.
pub(crate) struct Open(BTreeSet<i32>);

impl Open {
    /// Those open now.
    pub(crate) fn now() -> std::io::Result<Self> {
        let names = fs_err::read_dir("/proc/self/fd")?.map(|entry| Ok(entry?.file_name()));
        let names = names.collect::<std::io::Result<Vec<_>>>()?;
        let numbers = names.iter().filter_map(|name| name.to_str()?.parse().ok());
        Ok(Self(numbers.collect()))
    }

    /// Closes every descriptor opened since. For when everything opened since that has an owner
    /// is closed again: what is open then was forgotten.
    pub(crate) fn close_others(&self) -> std::io::Result<()> {
        for number in Self::now()?.0.difference(&self.0) {
            // One of them was the listing's own, and is closed already.
            nix::unistd::close(*number).ok();
        }
        Ok(())
    }
}

/// The channel at descriptor 3, for the time of one creation.
pub(crate) struct Placed {
    placeholder: OwnedFd,
}

impl Placed {
    /// Puts the channel in its place.
    pub(crate) fn new(channel: &OwnedFd) -> std::io::Result<Self> {
        let placeholder = OwnedFd::from(fs_err::File::open("/dev/null")?.into_parts().0);
        dup2(channel.as_raw_fd(), PLACE)?;
        Ok(Self { placeholder })
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        // dup2 of two open descriptors fails only when interrupted (dup(2)).
        while dup2(self.placeholder.as_raw_fd(), PLACE) == Err(nix::errno::Errno::EINTR) {}
    }
}
