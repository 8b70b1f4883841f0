//! The privileged helper of Lazaret.
//!
//! Started by the engine with one `SOCK_SEQPACKET` socket as standard input. It is the only part
//! that is root and the only part that knows libcontainer: it creates, starts, kills and deletes
//! containers on request, hands back pidfds, seccomp listeners and exit statuses, and checks
//! every bundle against the floor before it acts on it. It is single-threaded, because
//! libcontainer changes process-global state.
//!
//! When the engine closes the socket, the launcher kills and removes every container and exits.
//! Nothing else ends it but `SIGKILL`; what is left then, the next launcher removes.

mod bundle;
mod byte_lock;
mod container;
mod descriptors;
mod diagnostics;
mod egress;
mod execute;
mod exits;
mod host_path;
mod ids;
mod launchers;
mod limits;
mod server;
mod signals;
mod state;
mod streams;
mod sweep;

use std::io::Write;
use std::os::fd::AsFd;
use std::process::ExitCode;

use anyhow::{Context, bail};
use lazaret_launcher_wire::PacketSocket;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nobody left to tell where standard error is closed.
            drop(writeln!(std::io::stderr(), "lazaret-launcher: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!("the launcher must run as root");
    }
    signals::outlive().context("failed to set up signals")?;
    // What is made here must be passable for containers, whatever the operator's umask.
    rustix::process::umask(rustix::fs::Mode::WGRP | rustix::fs::Mode::WOTH);
    descriptors::close_inherited().context("failed to close inherited descriptors")?;
    descriptors::hold_channel_place().context("failed to set up descriptors")?;
    let control = std::io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .context("failed to take the control socket")?;
    let kind = rustix::net::sockopt::socket_type(&control).context(
        "standard input is no socket: the launcher is started by `lazaret`, not by hand",
    )?;
    if kind != rustix::net::SocketType::SEQPACKET {
        bail!(
            "standard input is no packet socket: the launcher is started by `lazaret`, not by hand"
        );
    }
    // A terminal's signals are for the engine; the launcher cleans up when the engine is gone.
    rustix::process::setsid().context("failed to start a session")?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .context("failed to become a child subreaper")?;
    let diagnostics = diagnostics::install();
    let state = state::State::enter().context("failed to set up the launcher's own mounts")?;
    server::serve(&PacketSocket::from_descriptor(control), state, diagnostics)
}
