//! Reported system calls: the kernel asks the engine, the engine says no (seccomp_unotify(2)).
//!
//! A call is refused with `EPERM`, or its process is ended while it still waits for the answer;
//! none is ever continued, so nothing depends on what its pointers point to, and they are not
//! read.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use tokio::io::unix::AsyncFd;

use super::reactor;
use crate::event::SyscallViolation;

/// The listener of one container's filter.
#[derive(Debug)]
pub struct Listener(AsyncFd<OwnedFd>);

/// A call whose thread waits for the engine's answer.
#[derive(Debug)]
pub struct Asked {
    /// What was asked for.
    pub call: SyscallViolation,
    id: u64,
}

impl Listener {
    /// Takes over the descriptor the launcher handed on.
    ///
    /// # Errors
    /// Where it cannot be waited for.
    pub fn new(descriptor: OwnedFd) -> io::Result<Self> {
        let flags = rustix::fs::fcntl_getfl(&descriptor)?;
        rustix::fs::fcntl_setfl(&descriptor, flags | rustix::fs::OFlags::NONBLOCK)?;
        Ok(Self(reactor::watch(descriptor)?))
    }

    /// Waits for the next reported call. Its thread stands still until [`Self::refuse`] or its
    /// end. Safe to be dropped while it waits.
    ///
    /// # Errors
    /// Where the filter has no process left, or a system call fails.
    pub async fn next(&self) -> io::Result<Asked> {
        loop {
            let mut ready = self.0.readable().await?;
            if !is_readable(ready.get_inner())? {
                ready.clear_ready();
                continue;
            }
            match kernel::receive(ready.get_inner().as_raw_fd()) {
                // The caller was killed between the two calls: nobody to answer.
                Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR)) => {}
                Err(error) => return Err(error),
                Ok(asked) => {
                    let call = SyscallViolation {
                        name: name_of(asked.number, asked.architecture),
                        pid: asked.pid,
                        arguments: asked.arguments,
                    };
                    return Ok(Asked { call, id: asked.id });
                }
            }
        }
    }

    /// Answers a call with `EPERM`; one whose thread has ended meanwhile needs no answer.
    ///
    /// # Errors
    /// Where the system call fails.
    pub fn refuse(&self, asked: &Asked) -> io::Result<()> {
        match kernel::refuse(self.0.get_ref().as_raw_fd(), asked.id) {
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
            other => other,
        }
    }
}

/// `SECCOMP_IOCTL_NOTIF_RECV` blocks where nothing waits, whatever the descriptor's flags.
fn is_readable(listener: &OwnedFd) -> io::Result<bool> {
    use rustix::event::{PollFd, PollFlags, poll};
    let mut descriptors = [PollFd::new(listener, PollFlags::IN)];
    let now = rustix::time::Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut descriptors, Some(&now))?;
    let events = descriptors[0].revents();
    if events.contains(PollFlags::HUP) && !events.contains(PollFlags::IN) {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "no process uses the filter any more",
        ));
    }
    Ok(events.contains(PollFlags::IN))
}

fn name_of(number: i32, architecture: u32) -> String {
    let name = (architecture == kernel::NATIVE)
        .then(|| usize::try_from(number).ok().and_then(syscalls::Sysno::new))
        .flatten();
    match name {
        Some(name) => name.to_string(),
        None => format!("number {number} of architecture {architecture:#x}"),
    }
}

#[expect(
    unsafe_code,
    reason = "two ioctls that no crate wraps without linking libseccomp"
)]
mod kernel {
    use std::io;
    use std::os::fd::RawFd;

    /// `AUDIT_ARCH_*` of this program (linux/audit.h).
    #[cfg(target_arch = "x86_64")]
    pub(super) const NATIVE: u32 = 0xc000_003e;
    #[cfg(target_arch = "aarch64")]
    pub(super) const NATIVE: u32 = 0xc000_00b7;

    /// A call the kernel asks about.
    pub(super) struct Asked {
        pub(super) id: u64,
        pub(super) pid: u32,
        pub(super) number: i32,
        pub(super) architecture: u32,
        pub(super) arguments: [u64; 6],
    }

    /// Takes the oldest question.
    pub(super) fn receive(listener: RawFd) -> io::Result<Asked> {
        // The kernel refuses a structure that is not all zero.
        // SAFETY: `seccomp_notif` is a C structure of integers, for which all zero is a value.
        let mut asked: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: the request writes one `seccomp_notif` through the pointer, which is to a live
        // value of that type; the descriptor is open for the length of the call, as the caller
        // borrows it from its owner.
        let result = unsafe { libc::ioctl(listener, RECEIVE, &raw mut asked) };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Asked {
            id: asked.id,
            pid: asked.pid,
            number: asked.data.nr,
            architecture: asked.data.arch,
            arguments: asked.data.args,
        })
    }

    /// Answers `EPERM`.
    pub(super) fn refuse(listener: RawFd, id: u64) -> io::Result<()> {
        let answer = libc::seccomp_notif_resp {
            id,
            val: 0,
            error: -libc::EPERM,
            flags: 0,
        };
        // SAFETY: the request reads one `seccomp_notif_resp` through the pointer, which is to a
        // live value of that type; the descriptor is open, as above.
        let result = unsafe { libc::ioctl(listener, SEND, &raw const answer) };
        if result == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }

    const RECEIVE: libc::Ioctl = request(0, size_of::<libc::seccomp_notif>());
    const SEND: libc::Ioctl = request(1, size_of::<libc::seccomp_notif_resp>());

    /// `_IOWR('!', number, size)` (linux/seccomp.h, asm-generic/ioctl.h).
    const fn request(number: u32, size: usize) -> libc::Ioctl {
        ((3_u32 << 30) | ((size as u32) << 16) | ((b'!' as u32) << 8) | number) as libc::Ioctl
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_have_names_and_foreign_ones_numbers() {
        assert_eq!(
            name_of(syscalls::Sysno::mount as i32, kernel::NATIVE),
            "mount"
        );
        assert_eq!(
            name_of(21, 0x4000_0003),
            "number 21 of architecture 0x40000003"
        );
        assert_eq!(
            name_of(-1, kernel::NATIVE),
            format!("number -1 of architecture {:#x}", kernel::NATIVE)
        );
    }
}
