//! Host paths the engine names: opened once, judged by the descriptor, bound from the descriptor.
//!
//! A path that is looked at and then bound by its name could be another file by then, and one
//! with a symbolic link in it is whatever the link's owner says.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use nix::mount::{MsFlags, mount};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat2};
use rustix::io::Errno;

/// File systems that show the kernel and not files: switches, devices, other processes.
const KERNEL_FILE_SYSTEMS: &[&str] = &[
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fusectl",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "resctrl",
    "securityfs",
    "selinuxfs",
    "smackfs",
    "sysfs",
    "tracefs",
];

/// A plain file or a directory of the host.
pub(crate) struct HostPath {
    path: PathBuf,
    descriptor: OwnedFd,
    is_directory: bool,
}

impl HostPath {
    /// Opens a path with no symbolic link in it; `what` names it in errors.
    pub(crate) fn open(what: &str, path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        ensure!(path.is_absolute(), "{what} `{shown}` is not absolute");
        let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let descriptor = match openat2(CWD, path, flags, Mode::empty(), resolve) {
            Err(Errno::LOOP) => bail!(
                "{what} `{shown}` leads through a symbolic link\n  hint: name the real path, as `realpath` prints it"
            ),
            opened => opened.with_context(|| format!("failed to open {what} `{shown}`"))?,
        };
        let metadata =
            fstat(&descriptor).with_context(|| format!("failed to look at {what} `{shown}`"))?;
        let is_directory = match FileType::from_raw_mode(metadata.st_mode) {
            FileType::Directory => true,
            FileType::RegularFile => false,
            _ => bail!("{what} `{shown}` is neither a plain file nor a directory"),
        };
        let kind = file_system(&descriptor)
            .with_context(|| format!("failed to find the file system of {what} `{shown}`"))?;
        ensure!(
            !KERNEL_FILE_SYSTEMS.contains(&kind.as_str()),
            "{what} `{shown}` is on `{kind}`, which shows the kernel and holds no files"
        );
        Ok(Self {
            path: path.to_owned(),
            descriptor,
            is_directory,
        })
    }

    /// A directory and not a plain file.
    pub(crate) fn is_directory(&self) -> bool {
        self.is_directory
    }

    /// Binds it read-only; mount(2): the flags of a bind need a second call.
    pub(crate) fn bind_read_only(&self, target: &Path, more: MsFlags) -> anyhow::Result<()> {
        let none = None::<&str>;
        let context = || format!("failed to bind `{}`", self.path.display());
        let source = format!("/proc/self/fd/{}", self.descriptor.as_raw_fd());
        mount(Some(source.as_str()), target, none, MsFlags::MS_BIND, none).with_context(context)?;
        let flags = MsFlags::MS_BIND
            | MsFlags::MS_REMOUNT
            | MsFlags::MS_RDONLY
            | MsFlags::MS_NOSUID
            | MsFlags::MS_NODEV
            | more;
        mount(none, target, none, flags, none).with_context(context)
    }
}

/// The type of the file system a descriptor is on, by its mount (proc_pid_fdinfo(5),
/// proc_pid_mountinfo(5)). statfs(2) tells devtmpfs as tmpfs.
fn file_system(descriptor: &OwnedFd) -> anyhow::Result<String> {
    let number = descriptor.as_raw_fd();
    let information = fs_err::read_to_string(format!("/proc/self/fdinfo/{number}"))?;
    let mount = information
        .lines()
        .find_map(|line| line.strip_prefix("mnt_id:"))
        .context("its mount has no number")?
        .trim();
    let mounts = fs_err::read_to_string("/proc/self/mountinfo")?;
    mounts
        .lines()
        .filter(|line| line.split(' ').next() == Some(mount))
        .find_map(|line| line.split_once(" - ")?.1.split(' ').next())
        .map(str::to_owned)
        .context("its mount is not in this namespace")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(path: &Path) -> String {
        let refused = HostPath::open("granted path", path).map(|_| ());
        format!("{:#}", refused.unwrap_err())
    }

    #[test]
    fn plain_files_and_directories_are_taken() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        let file = root.join("file");
        fs_err::write(&file, "x").unwrap();
        assert!(
            HostPath::open("granted path", &root)
                .unwrap()
                .is_directory()
        );
        assert!(
            !HostPath::open("granted path", &file)
                .unwrap()
                .is_directory()
        );
    }

    #[test]
    fn symbolic_links_are_refused_wherever_they_are_in_the_path() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        fs_err::write(root.join("file"), "x").unwrap();
        std::os::unix::fs::symlink(root.join("file"), root.join("last")).unwrap();
        std::os::unix::fs::symlink(&root, root.join("first")).unwrap();
        for path in [
            root.join("last"),
            root.join("first/file"),
            root.join("first/"),
        ] {
            let message = refusal(&path);
            assert!(message.contains("symbolic link"), "{message}");
            assert!(message.contains(path.to_str().unwrap()), "{message}");
            assert!(message.contains("hint: name the real path"), "{message}");
        }
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().canonicalize().unwrap().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(refusal(&socket).contains("neither a plain file nor a directory"));
        assert!(refusal(Path::new("/dev/null")).contains("neither"));
        assert!(refusal(Path::new("etc/hostname")).contains("not absolute"));
    }

    #[test]
    fn what_the_kernel_shows_is_refused() {
        for path in ["/proc", "/proc/sys/kernel", "/proc/version", "/sys/kernel"] {
            let message = refusal(Path::new(path));
            assert!(message.contains("shows the kernel"), "{message}");
        }
        // Through a link of procfs to elsewhere.
        let path = format!("/proc/{}/root/etc", std::process::id());
        assert!(refusal(Path::new(&path)).contains("symbolic link"));
    }
}
