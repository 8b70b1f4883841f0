//! What a machine must have for the other suites to mean something: where it is missing, they would
//! hold without having tried.

use std::os::fd::AsRawFd;
use std::process::Command;

use anyhow::{Context, ensure};
use lazaret::host::CgroupVersion;
use lazaret_tests::case::{Case, Skip};
use lazaret_tests::command::{command, run};
use lazaret_tests::setup::Setup;
use lazaret_tests::world::World;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, VsockAddr, bind, connect, listen, socket,
};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::asynchronous("machine: unified cgroups hold every key", unified),
        Case::new("machine: Landlock is there", landlock),
        Case::new("machine: overlays can be mounted", overlay),
        Case::new("machine: vsock leads back to the machine", vsock),
    ]
}

async fn unified(world: &World) -> anyhow::Result<()> {
    if CgroupVersion::detect() != Some(CgroupVersion::V2) {
        return Err(Skip("cgroups are version 1".to_owned()).into());
    }
    let host = world.host()?;
    let policy = "resources: { memory: { max: 64MiB, high: 48MiB }, cpu: { max: 50%, weight: 50 }, pids: { max: 9 } }";
    let probe = host.launch(&Setup::probe("").policy(policy)).await?;
    let groups = fs_err::read_to_string(format!("/proc/{}/cgroup", probe.pid()))?;
    let group = groups
        .trim()
        .strip_prefix("0::/lazaret-")
        .with_context(|| format!("it is in {groups}"))?;
    for (file, value) in [
        ("memory.max", "67108864"),
        ("memory.high", "50331648"),
        ("memory.swap.max", "0"),
        ("memory.oom.group", "1"),
        ("cpu.max", "50000 100000"),
        ("cpu.weight", "50"),
        ("pids.max", "9"),
    ] {
        let found = fs_err::read_to_string(format!("/sys/fs/cgroup/lazaret-{group}/{file}"))?;
        ensure!(found.trim() == value, "{file} is {found}");
    }
    probe.stop().await?;
    Ok(())
}

fn landlock(world: &World) -> anyhow::Result<()> {
    let finished = run(command(&world.parts.lazaret(), ["check"]))?;
    let mut lines = finished.output.lines();
    let line = lines.find(|line| line.split_whitespace().nth(1) == Some("landlock"));
    let found = line.is_some_and(|line| line.starts_with("ok "));
    ensure!(found, "{finished:?}");
    Ok(())
}

fn overlay(world: &World) -> anyhow::Result<()> {
    let directory = world.directory()?;
    let script = "mount -t tmpfs none \"$1\" && cd \"$1\" && mkdir lower upper work merged && \
        echo below >lower/file && \
        mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work none merged && \
        cat merged/file && echo above >merged/file && cat lower/file upper/file";
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(directory.path())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(text == "below\nbelow\nabove\n", "{output:?}");
    Ok(())
}

/// Linux has the module where vsock works without a hypervisor (vsock(7)).
fn vsock(_: &World) -> anyhow::Result<()> {
    /// `VMADDR_CID_LOCAL` (linux/vm_sockets.h): this machine.
    const LOCAL: u32 = 1;
    /// Any that is free: nobody else listens here.
    const PORT: u32 = 0x4c5a;
    if !std::path::Path::new("/sys/module/vsock_loopback").exists() {
        return Err(Skip("this kernel's vsock has no loopback".to_owned()).into());
    }
    let open = || {
        let flags = SockFlag::SOCK_CLOEXEC;
        socket(AddressFamily::Vsock, SockType::Stream, flags, None)
    };
    let listener = open()?;
    bind(listener.as_raw_fd(), &VsockAddr::new(LOCAL, PORT))?;
    listen(&listener, Backlog::new(1)?)?;
    let client = open()?;
    connect(client.as_raw_fd(), &VsockAddr::new(LOCAL, PORT))?;
    ensure!(rustix::io::write(&client, b"back")? == 4, "it is not sent");
    let server = rustix::net::accept(&listener)?;
    let mut text = [0; 4];
    rustix::io::read(&server, &mut text)?;
    ensure!(&text == b"back", "{text:?}");
    Ok(())
}
