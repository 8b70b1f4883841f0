//! The look at what is left behind, looked at itself: what is planted must be found.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use lazaret_tests::case::Case;
use lazaret_tests::leaks::Snapshot;
use lazaret_tests::world::World;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("leaks: a process is noticed", process),
        Case::new("leaks: an orphan is noticed", orphan),
        Case::new("leaks: a namespace is noticed", namespace),
        Case::new("leaks: a cgroup is noticed", cgroup),
        Case::new("leaks: a mount is noticed", mount),
        Case::new("leaks: a socket is noticed", socket),
        Case::new("leaks: a temporary file and a descriptor are noticed", file),
        Case::new("leaks: a launcher's directory is noticed", directory),
        Case::new("leaks: nothing is noticed where nothing is left", |_| {
            let before = Snapshot::take();
            let left = Snapshot::take().since(&before);
            ensure!(left.is_empty(), "{left:?}");
            Ok(())
        }),
    ]
}

/// Holds that something with this in its line has come since.
fn noticed(before: &Snapshot, part: &str) -> anyhow::Result<()> {
    let left = Snapshot::take().since(before);
    ensure!(
        left.iter().any(|line| line.contains(part)),
        "`{part}` is not in {left:?}"
    );
    Ok(())
}

fn sleeper() -> Command {
    let mut command = Command::new("sleep");
    command.arg("1000").stdin(Stdio::null());
    command
}

fn process(_: &World) -> anyhow::Result<()> {
    let before = Snapshot::take();
    let mut child = sleeper().spawn()?;
    let found = noticed(&before, "`sleep`");
    child.kill()?;
    child.wait()?;
    found
}

fn orphan(_: &World) -> anyhow::Result<()> {
    let before = Snapshot::take();
    // The shell ends at once and leaves its child, whose id it prints.
    let output = Command::new("sh")
        .args(["-c", "sleep 1000 </dev/null >/dev/null 2>&1 & echo $!"])
        .output()?;
    let found = noticed(&before, "`sleep`");
    let id: i32 = String::from_utf8(output.stdout)?.trim().parse()?;
    let id = rustix::process::Pid::from_raw(id).context("a process id is not 0")?;
    rustix::process::kill_process(id, rustix::process::Signal::KILL)?;
    found
}

fn namespace(_: &World) -> anyhow::Result<()> {
    let before = Snapshot::take();
    let mut child = Command::new("unshare")
        .args(["--net", "sleep", "1000"])
        .spawn()?;
    let found = lazaret_tests::world::until("its network is its own", || {
        noticed(&before, "namespace net:").is_ok()
    });
    child.kill()?;
    child.wait()?;
    found
}

/// A directory that is removed with this value.
struct Directory(PathBuf);

impl Directory {
    fn make(path: impl AsRef<Path>) -> anyhow::Result<Self> {
        fs_err::create_dir(path.as_ref())?;
        Ok(Self(path.as_ref().to_owned()))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What is left of it is told after the case.
        drop(fs_err::remove_dir(&self.0));
    }
}

fn cgroup(_: &World) -> anyhow::Result<()> {
    let before = Snapshot::take();
    let root = Path::new("/sys/fs/cgroup");
    let hierarchy = Some(root.join("pids")).filter(|path| path.is_dir());
    let name = format!("lazaret-{}-planted", std::process::id());
    let _planted = Directory::make(hierarchy.unwrap_or(root.to_owned()).join(&name))?;
    noticed(&before, &name)
}

fn mount(world: &World) -> anyhow::Result<()> {
    let directory = world.directory()?;
    let before = Snapshot::take();
    let flags = rustix::mount::MountFlags::empty();
    rustix::mount::mount("tmpfs", directory.path(), "tmpfs", flags, None)?;
    let found = noticed(&before, "mount ");
    rustix::mount::unmount(directory.path(), rustix::mount::UnmountFlags::DETACH)?;
    found
}

fn socket(_: &World) -> anyhow::Result<()> {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener};
    let before = Snapshot::take();
    let address =
        SocketAddr::from_abstract_name(format!("lazaret-planted-{}", std::process::id()))?;
    let _socket = UnixListener::bind_addr(&address)?;
    noticed(&before, "socket @lazaret-planted")
}

fn file(_: &World) -> anyhow::Result<()> {
    let before = Snapshot::take();
    let _file = tempfile::NamedTempFile::new()?;
    noticed(&before, "temporary file ")?;
    noticed(&before, "descriptor ")
}

fn directory(world: &World) -> anyhow::Result<()> {
    // The first launcher since the start of the machine makes `/run/lazaret`.
    drop(world.host()?);
    let before = Snapshot::take();
    // No launcher has this id: process ids end at 2²² (proc_sys_kernel(5)).
    let _planted = Directory::make("/run/lazaret/4194305")?;
    noticed(&before, "directory /run/lazaret/4194305")
}
