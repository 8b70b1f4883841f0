//! A stand-in for the host, to switch namespaces off against: processes, network and mounts of its
//! own, a victim with services and secrets, and commands that run in it. It is gone with the
//! process that has its standard input.

use std::io::{self, BufRead, Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::Command;

use libc::c_long;
use serde_json::{Value, json};

use crate::alone::say;
use crate::answer::text;
use crate::attacks::{add_key, drop_capabilities, set_link_up};
use crate::calls::raw;

/// What every secret is.
static SECRET: &str = "a secret";

/// Makes the stage, and stays until it is over. The directory holds what is to be seen of the
/// host's files.
pub(crate) fn run(directory: &str) {
    if let Err(error) = set(directory) {
        say(&json!({ "error": error.to_string() }));
        std::process::exit(95);
    }
}

fn set(directory: &str) -> io::Result<()> {
    let apart = libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWNET;
    raw(libc::SYS_unshare, [apart.into(), 0, 0, 0, 0, 0])?;
    // The first process of the stage: everything in it ends with this one.
    let first = fork()?;
    if first != 0 {
        raw(libc::SYS_wait4, [first, 0, 0, 0, 0, 0])?;
        return Ok(());
    }
    let killed = [libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0, 0].map(c_long::from);
    raw(libc::SYS_prctl, killed)?;
    let private = (libc::MS_REC | libc::MS_PRIVATE).cast_signed();
    let address = |text: &std::ffi::CStr| text.as_ptr() as c_long;
    let [root, proc] = [c"/", c"/proc"].map(address);
    raw(libc::SYS_mount, [0, root, 0, private, 0, 0])?;
    let kind = address(c"proc");
    raw(libc::SYS_mount, [kind, proc, kind, 0, 0, 0])?;
    set_link_up().map_err(|(_, error)| error)?;
    if fork()? == 0 {
        be_victim(directory)?;
    }
    for line in io::stdin().lock().lines() {
        say(&command(&serde_json::from_str(&line?)?));
    }
    Ok(())
}

fn fork() -> io::Result<i64> {
    raw(libc::SYS_clone, [libc::SIGCHLD.into(), 0, 0, 0, 0, 0])
}

/// Runs a command to its end.
fn command(wanted: &Value) -> Value {
    let arguments = wanted["arguments"].as_array().into_iter().flatten();
    let mut command = Command::new(text(wanted, "program"));
    command.args(arguments.filter_map(Value::as_str));
    match command.stdin(std::process::Stdio::null()).output() {
        Ok(output) => json!({
            "code": output.status.code(),
            "output": String::from_utf8_lossy(&output.stdout),
            "errors": String::from_utf8_lossy(&output.stderr),
        }),
        Err(error) => json!({ "error": error.to_string() }),
    }
}

/// Offers what a host does, says where its secrets are, and holds still. It has no capabilities,
/// so that whoever has the same user is as mighty.
fn be_victim(directory: &str) -> io::Result<()> {
    add_metadata_address()?;
    let metadata = TcpListener::bind("169.254.169.254:80")?;
    let local = TcpListener::bind("[::1]:80")?;
    let names = UdpSocket::bind("169.254.169.254:53")?;
    let nowhere = SocketAddr::from_abstract_name("control")?;
    let nowhere = UnixListener::bind_addr(&nowhere)?;
    let file = UnixListener::bind(format!("{directory}/control"))?;
    let key = add_key(SECRET)?;
    drop_capabilities()?;
    for listener in [metadata, local] {
        std::thread::spawn(move || greet(|| Ok(listener.accept()?.0)));
    }
    for listener in [nowhere, file] {
        std::thread::spawn(move || greet(|| Ok(listener.accept()?.0)));
    }
    std::thread::spawn(move || -> io::Result<()> {
        loop {
            let (_, from) = names.recv_from(&mut [0; 64])?;
            names.send_to(SECRET.as_bytes(), from)?;
        }
    });
    say(&json!({ "address": SECRET.as_ptr() as u64, "key": key }));
    loop {
        std::thread::park();
    }
}

/// Tells everybody who connects the secret.
fn greet<S: Read + Write>(mut accept: impl FnMut() -> io::Result<S>) -> io::Result<()> {
    loop {
        // Whoever does not stay to listen is not waited for.
        drop(accept()?.write_all(SECRET.as_bytes()));
    }
}

/// Where clouds tell their secrets, on the stage's own device (netdevice(7)).
fn add_metadata_address() -> io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    // `struct ifreq`: a name, then an address.
    let mut request = [0_u8; 40];
    request[..4].copy_from_slice(b"lo:0");
    request[16..18].copy_from_slice(&2_u16.to_ne_bytes());
    request[20..24].copy_from_slice(&[169, 254, 169, 254]);
    let number = std::os::fd::AsRawFd::as_raw_fd(&socket).into();
    let set = libc::SIOCSIFADDR.cast_signed();
    let place = request.as_ptr() as c_long;
    raw(libc::SYS_ioctl, [number, set, place, 0, 0, 0])?;
    Ok(())
}
