//! Reported system calls: the kernel asks the engine, the engine says no (seccomp_unotify(2)).
//!
//! A call is refused with `EPERM`, or its process is ended while it still waits for the answer.
//! Nothing depends on what its pointers point to, and they are not read.
//!
//! Only a container that learns has calls that go on: optional ones, which its filter would let
//! through whatever their arguments were if nobody wanted to know of them. They are of another
//! type than those that are refused, so that the one cannot be answered like the other.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use tokio::io::unix::AsyncFd;

use super::reactor;
use crate::bundle::{Group, optional};
use crate::event::SyscallViolation;

/// The listener of one container's filter.
#[derive(Debug)]
pub struct Listener {
    descriptor: AsyncFd<OwnedFd>,
    /// The optional calls that go on; none where the container does not learn.
    observed: Vec<&'static Group>,
    /// The last call the reactor told of was seen: what it tells next is another one.
    settled: bool,
}

/// What the kernel reported.
#[derive(Debug)]
pub enum Reported {
    /// A call, to be refused.
    Asked(Asked),
    /// A call of a group that is observed, to be let go on.
    Observed(Observed),
    /// A call was made and is gone: a signal or the end of its thread took it back before it was
    /// read. Nothing else is known of it. Calls taken back one soon after the other are told as
    /// one.
    Withdrawn,
}

/// A call whose thread waits for the engine's answer.
#[derive(Debug)]
pub struct Asked {
    /// What was asked for.
    pub call: SyscallViolation,
    id: u64,
}

/// A call that is allowed, and whose thread waits until it was counted.
#[derive(Debug)]
pub struct Observed {
    /// The group it is in.
    pub(crate) group: &'static Group,
    /// Its name.
    pub(crate) call: &'static str,
    id: u64,
}

impl Listener {
    /// Takes over the descriptor the launcher handed on. Calls of the groups are told as
    /// [`Reported::Observed`]: they are the groups that the container's policy leaves, where its
    /// bundle learns, and else there are none.
    ///
    /// # Errors
    /// Where it cannot be waited for.
    pub(crate) fn new(descriptor: OwnedFd, observed: Vec<&'static Group>) -> io::Result<Self> {
        let flags = rustix::fs::fcntl_getfl(&descriptor)?;
        rustix::fs::fcntl_setfl(&descriptor, flags | rustix::fs::OFlags::NONBLOCK)?;
        Ok(Self {
            descriptor: reactor::watch(descriptor)?,
            observed,
            settled: true,
        })
    }

    /// Waits for the next reported call. Its thread stands still until [`Self::refuse`] or its
    /// end. Safe to be dropped while it waits.
    ///
    /// Only a call makes the listener readable, so one that was readable and has nothing to read
    /// had a call.
    ///
    /// # Errors
    /// Where the filter has no process left ([`io::ErrorKind::UnexpectedEof`]), or a system call
    /// fails.
    pub async fn next(&mut self) -> io::Result<Reported> {
        loop {
            let mut ready = self.descriptor.readable().await?;
            match look(ready.get_inner())? {
                Look::Interrupted => {}
                Look::Nothing => {
                    ready.clear_ready();
                    if std::mem::replace(&mut self.settled, true) {
                        return Ok(Reported::Withdrawn);
                    }
                }
                Look::Waiting => match kernel::receive(ready.get_inner().as_raw_fd()) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {
                        self.settled = false;
                        return Ok(Reported::Withdrawn);
                    }
                    Err(error) => return Err(error),
                    Ok(asked) => {
                        self.settled = false;
                        let name = name_of(asked.number, asked.architecture);
                        if let Some((group, call)) = observed(&self.observed, &name) {
                            let id = asked.id;
                            return Ok(Reported::Observed(Observed { group, call, id }));
                        }
                        let call = SyscallViolation {
                            name,
                            pid: asked.pid,
                            arguments: asked.arguments,
                        };
                        return Ok(Reported::Asked(Asked { call, id: asked.id }));
                    }
                },
            }
        }
    }

    /// Answers a call with `EPERM`; one whose thread has ended meanwhile needs no answer.
    ///
    /// # Errors
    /// Where the system call fails.
    pub fn refuse(&self, asked: &Asked) -> io::Result<()> {
        self.answer(asked.id, kernel::Answer::Refuse)
    }

    /// Lets an observed call go on, as if nobody had asked; one whose thread has ended meanwhile
    /// needs no answer.
    ///
    /// The kernel reads the call's registers and memory again when it goes on, and another thread
    /// may have changed what they point to (seccomp_unotify(2)). Nothing was decided by them: the
    /// filter of a container that does not learn allows the same call with any arguments.
    ///
    /// # Errors
    /// Where the system call fails.
    pub fn let_go_on(&self, observed: &Observed) -> io::Result<()> {
        self.answer(observed.id, kernel::Answer::GoOn)
    }

    fn answer(&self, id: u64, answer: kernel::Answer) -> io::Result<()> {
        loop {
            match kernel::answer(self.descriptor.get_ref().as_raw_fd(), id, answer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(()),
                other => return other,
            }
        }
    }
}

/// The group among those observed that the call is in, and its name there. What is reported, and
/// what another architecture's table names, is in none.
fn observed(groups: &[&'static Group], name: &str) -> Option<(&'static Group, &'static str)> {
    let group = optional(name).filter(|group| groups.contains(group))?;
    let call = group.calls.iter().find(|call| **call == name)?;
    Some((group, call))
}

/// What poll(2) says of a listener.
enum Look {
    /// A call waits.
    Waiting,
    /// None does.
    Nothing,
    /// It is not known: a signal came in between.
    Interrupted,
}

/// `SECCOMP_IOCTL_NOTIF_RECV` blocks where nothing waits, whatever the descriptor's flags.
fn look(listener: &OwnedFd) -> io::Result<Look> {
    use rustix::event::{PollFd, PollFlags, poll};
    let mut descriptors = [PollFd::new(listener, PollFlags::IN)];
    let now = rustix::time::Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    rustix::io::retry_on_intr(|| poll(&mut descriptors, Some(&now)))?;
    let events = descriptors[0].revents();
    if events.contains(PollFlags::IN) {
        Ok(Look::Waiting)
    } else if events.contains(PollFlags::HUP) {
        Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "no process uses the filter any more",
        ))
    } else if events.contains(PollFlags::ERR) {
        // The listener's lock was waited for, and a signal came.
        Ok(Look::Interrupted)
    } else {
        Ok(Look::Nothing)
    }
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

    /// What a call is answered.
    #[derive(Clone, Copy)]
    pub(super) enum Answer {
        /// `EPERM`.
        Refuse,
        /// The kernel carries it out (Linux 5.5).
        GoOn,
    }

    /// Answers a call.
    pub(super) fn answer(listener: RawFd, id: u64, answer: Answer) -> io::Result<()> {
        // A call that goes on must have neither value nor error.
        let (error, flags) = match answer {
            Answer::Refuse => (-libc::EPERM, 0),
            Answer::GoOn => (0, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32),
        };
        let answer = libc::seccomp_notif_resp {
            id,
            val: 0,
            error,
            flags,
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
mod tests;
