//! The socket's place in the file system: private, one engine's, and gone with it.

use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, fchmod};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, socket_with};
use tokio::net::UnixListener;

/// The longest path of a socket in bytes (unix(7)).
const MAX_PATH_BYTES: usize = 107;

/// The most connections that wait to be taken.
const BACKLOG: i32 = 128;

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The path does not fit.
    #[error("the socket's path has {bytes} bytes, more than the {MAX_PATH_BYTES} it may have: `{}`\n  hint: name a shorter one with `--socket`", path.display())]
    TooLong {
        /// The path.
        path: PathBuf,
        /// Its length.
        bytes: usize,
    },
    /// Another engine serves it.
    #[error("another `lazaret serve` answers at `{}`\n  hint: stop it, or name another socket with `--socket`", .0.display())]
    InUse(PathBuf),
    /// Something else is there.
    #[error("`{}` is there and no socket\n  hint: name another one with `--socket`", .0.display())]
    NoSocket(PathBuf),
    /// Others could put a socket of theirs in its place.
    #[error("others than you and root may change `{}`, where the socket would be\n  hint: name a place that only you or root may change, all the way from `/`, with `--socket`", .0.display())]
    Shared(PathBuf),
    /// The system's.
    #[error("failed to {what} `{}`", path.display())]
    Io {
        /// The step.
        what: &'static str,
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// A socket that listens. Dropped, it is removed, and so is the directory if it was made for it.
#[derive(Debug)]
pub struct ControlSocket {
    pub(super) listener: UnixListener,
    path: PathBuf,
    inode: u64,
    made: Option<PathBuf>,
    replaced: bool,
}

impl ControlSocket {
    /// Listens at a path. A socket that nobody answers at is one that an engine left which was
    /// killed, and is replaced. To be called within a tokio runtime.
    ///
    /// # Errors
    /// [`SocketError`]; nothing is left then.
    pub fn bind(path: &Path) -> Result<Self, SocketError> {
        let failed = |what| {
            let path = path.to_owned();
            move |source| SocketError::Io { what, path, source }
        };
        let path = std::path::absolute(path).map_err(failed("find"))?;
        let bytes = path.as_os_str().len();
        if bytes > MAX_PATH_BYTES {
            return Err(SocketError::TooLong { path, bytes });
        }
        let made = Made(private_directory(&path)?);
        let replaced = clear(&path)?;
        let listener = listen(&path).map_err(failed("listen at"))?;
        let ready = UnixListener::from_std(listener)
            .and_then(|listener| Ok((listener, fs_err::symlink_metadata(&path)?.ino())));
        match ready {
            Ok((listener, inode)) => Ok(Self {
                listener,
                inode,
                path,
                made: made.keep(),
                replaced,
            }),
            Err(error) => {
                drop(fs_err::remove_file(&path));
                Err(failed("listen at")(error))
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A socket that nobody answered at was in its place.
    pub fn replaced(&self) -> bool {
        self.replaced
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // Somebody else's may be there by now.
        let found = fs_err::symlink_metadata(&self.path);
        if found.is_ok_and(|found| found.ino() == self.inode) {
            drop(fs_err::remove_file(&self.path));
        }
        drop(Made(self.made.take()));
    }
}

/// A directory that goes again if it is empty.
struct Made(Option<PathBuf>);

impl Made {
    fn keep(mut self) -> Option<PathBuf> {
        self.0.take()
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            drop(fs_err::remove_dir(path));
        }
    }
}

/// Makes the directory where it is not there, and refuses one in which others could replace the
/// socket. Returns it where it was made.
fn private_directory(socket: &Path) -> Result<Option<PathBuf>, SocketError> {
    let directory = socket.parent().unwrap_or(Path::new("/"));
    let failed = |what| {
        let path = directory.to_owned();
        move |source| SocketError::Io { what, path, source }
    };
    match fs_err::canonicalize(directory) {
        Ok(real) => only_ours(&real).map(|()| None),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let above = directory.parent().unwrap_or(Path::new("/"));
            let above = fs_err::canonicalize(above).map_err(failed("make"))?;
            only_ours(&above)?;
            let mut builder = std::fs::DirBuilder::new();
            builder
                .mode(0o700)
                .create(directory)
                .map_err(failed("make"))?;
            Ok(Some(directory.to_owned()))
        }
        Err(error) => Err(failed("look at")(error)),
    }
}

/// Refuses a directory in which somebody else than this user and root could give a name to another
/// thing, or could do so above it.
fn only_ours(real: &Path) -> Result<(), SocketError> {
    const STICKY: u32 = 0o1000;
    let own = rustix::process::geteuid().as_raw();
    for directory in real.ancestors() {
        let found = fs_err::metadata(directory).map_err(|source| SocketError::Io {
            what: "look at",
            path: directory.to_owned(),
            source,
        })?;
        let shared = found.mode() & 0o022 != 0 && found.mode() & STICKY == 0;
        if shared || ![0, own].contains(&found.uid()) {
            return Err(SocketError::Shared(directory.to_owned()));
        }
    }
    Ok(())
}

/// Listens where nothing is. The socket gets its mode before it has a name (unix(7)): nobody else
/// reaches it for a moment, and no other file gets that mode.
fn listen(path: &Path) -> std::io::Result<StdListener> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    if let Err(error) = rustix::net::listen(&socket, BACKLOG) {
        drop(fs_err::remove_file(path));
        return Err(error.into());
    }
    Ok(socket.into())
}

/// Removes a socket that nobody answers at; true where there was one.
fn clear(path: &Path) -> Result<bool, SocketError> {
    let failed = |what| {
        let path = path.to_owned();
        move |source| SocketError::Io { what, path, source }
    };
    let found = match fs_err::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed("look at")(error)),
    };
    if !found.file_type().is_socket() {
        return Err(SocketError::NoSocket(path.to_owned()));
    }
    match StdStream::connect(path) {
        Ok(_) => Err(SocketError::InUse(path.to_owned())),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            fs_err::remove_file(path).map_err(failed("remove"))?;
            Ok(true)
        }
        Err(error) => Err(failed("reach")(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown};

    use super::*;

    #[tokio::test]
    async fn the_socket_is_private_and_goes_with_its_directory() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("control/socket");
        let socket = ControlSocket::bind(&path).unwrap();
        let mode = |path: &Path| fs_err::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert!(matches!(
            ControlSocket::bind(&path),
            Err(SocketError::InUse(_))
        ));
        drop(socket);
        assert!(!path.parent().unwrap().exists());
    }

    #[tokio::test]
    async fn one_that_was_left_is_replaced_and_anything_else_is_not() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("socket");
        drop(StdListener::bind(&path).unwrap());
        let socket = ControlSocket::bind(&path).unwrap();
        assert!(socket.replaced());
        drop(socket);
        fs_err::write(&path, "mine").unwrap();
        assert!(matches!(
            ControlSocket::bind(&path),
            Err(SocketError::NoSocket(_))
        ));
        assert_eq!(fs_err::read_to_string(&path).unwrap(), "mine");
    }

    #[tokio::test]
    async fn a_place_that_others_may_change_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let mode = |mode| {
            let mode = std::fs::Permissions::from_mode(mode);
            fs_err::set_permissions(root.path(), mode).unwrap();
        };
        let path = root.path().join("socket");
        mode(0o777);
        assert!(matches!(
            ControlSocket::bind(&path),
            Err(SocketError::Shared(_))
        ));
        mode(0o1777);
        drop(ControlSocket::bind(&path).unwrap());
        // Above it is as good as in it.
        let below = root.path().join("below");
        fs_err::create_dir(&below).unwrap();
        mode(0o777);
        let refused = |path: &Path| {
            let refused = ControlSocket::bind(path).map(drop);
            assert!(
                matches!(refused, Err(SocketError::Shared(_))),
                "{refused:?}"
            );
        };
        refused(&below.join("socket"));
        refused(&below.join("new/socket"));
        mode(0o700);
        if rustix::process::geteuid().is_root() {
            chown(&below, Some(65534), None).unwrap();
            refused(&below.join("socket"));
            refused(&below.join("new/socket"));
        }
        let long = root.path().join("x".repeat(120));
        assert!(matches!(
            ControlSocket::bind(&long),
            Err(SocketError::TooLong { .. })
        ));
    }
}
