//! Standard input, output and error of a program: pipes, and nothing else.

use std::os::fd::OwnedFd;

use anyhow::{Context, ensure};
use rustix::fs::{Gid, Uid, fchown, fstatfs};

/// User and group of a program inside its container, as the floor holds every bundle to.
const PROGRAM_ID: u32 = 1000;

/// `PIPEFS_MAGIC` (linux/magic.h), where pipes without a name are (pipe(7)).
const PIPES: i64 = 0x5049_5045;

/// Gives the pipes to the program's user, so that it can open `/dev/stdin`, `/dev/stdout` and
/// `/dev/stderr` (proc_pid_fd(5)). What is no pipe is refused: its owner would be changed for good.
pub(crate) fn hand_over(streams: &[OwnedFd; 3], first_host_id: u32) -> anyhow::Result<()> {
    let id = first_host_id + PROGRAM_ID;
    for stream in streams {
        let found = fstatfs(stream).context("failed to look at a program's standard stream")?;
        ensure!(
            i128::from(found.f_type) == i128::from(PIPES),
            "a program's standard stream is no pipe"
        );
        fchown(stream, Some(Uid::from_raw(id)), Some(Gid::from_raw(id)))
            .context("failed to give a program its standard streams")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_pipe_is_refused() {
        let pipe = || {
            let (reader, _writer) = std::io::pipe().unwrap();
            OwnedFd::from(reader)
        };
        let file = OwnedFd::from(tempfile::tempfile().unwrap());
        let refused = hand_over(&[file, pipe(), pipe()], 0x2000_0000).unwrap_err();
        assert!(refused.to_string().contains("is no pipe"), "{refused}");
    }
}
