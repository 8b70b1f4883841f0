//! Pipes that bytes are moved through without being copied (splice(2)). Only who is moving bytes
//! has one, so that a connection that stands still costs none.

use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};

/// How many bytes a pipe holds.
pub(super) const PIPE_BYTES: usize = 256 * 1024;

/// How many are kept for the next who moves bytes.
const KEPT: usize = 16;

/// Empty pipes.
#[derive(Debug, Default)]
pub(super) struct Pipes(Mutex<Vec<Pipe>>);

/// A pipe, neither end of which blocks.
#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) reader: OwnedFd,
    pub(super) writer: OwnedFd,
}

impl Pipes {
    /// An empty pipe.
    pub(super) fn take(&self) -> std::io::Result<Pipe> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(pipe) = kept {
            return Ok(pipe);
        }
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // A smaller one, where the host gives no more to this user, only moves less at once.
        fcntl_setpipe_size(&writer, PIPE_BYTES).ok();
        Ok(Pipe { reader, writer })
    }

    /// Takes back a pipe that is empty again.
    pub(super) fn give_back(&self, pipe: Pipe) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push(pipe);
        }
    }
}
