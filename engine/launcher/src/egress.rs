//! The socket to the engine's egress broker: the engine's own, given a name that only the container
//! sees, in a directory that is on no host's path.

use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::Context;
use rustix::fs::{Gid, Mode, Uid, chmod, chown};
use rustix::net::{SocketAddrUnix, bind, listen as wait_at};

/// User and group of a plugin inside its container, as the floor holds every bundle to.
const PLUGIN_ID: u32 = 1000;

/// How many connections wait to be taken; more are refused for the moment (listen(2)).
const WAITING: i32 = 1024;

/// Binds the socket to the path and listens. Nobody but the plugin's user may connect.
pub(crate) fn listen(socket: &OwnedFd, path: &Path, first_host_id: u32) -> anyhow::Result<()> {
    let context = || format!("failed to bind `{}`", path.display());
    let address = SocketAddrUnix::new(path).with_context(context)?;
    bind(socket, &address).with_context(context)?;
    let id = first_host_id + PLUGIN_ID;
    chmod(path, Mode::RUSR | Mode::WUSR).with_context(context)?;
    chown(path, Some(Uid::from_raw(id)), Some(Gid::from_raw(id))).with_context(context)?;
    wait_at(socket, WAITING).with_context(context)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    use std::os::unix::net::{UnixListener, UnixStream};

    use rustix::net::{AddressFamily, SocketType, socket};

    use super::*;

    #[test]
    fn a_socket_is_bound_for_the_plugins_user_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("egress.sock");
        let made = socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
        let outcome = listen(&made, &path, 0);
        if !rustix::process::geteuid().is_root() {
            // Who is nobody gives nothing away.
            assert!(outcome.is_err());
            return;
        }
        outcome.unwrap();
        let metadata = fs_err::symlink_metadata(&path).unwrap();
        assert!(metadata.file_type().is_socket());
        assert_eq!((metadata.uid(), metadata.gid()), (1000, 1000));
        assert_eq!(metadata.mode() & 0o777, 0o600);
        let _connected = UnixStream::connect(&path).unwrap();
        UnixListener::from(made).accept().unwrap();
    }

    #[test]
    fn what_is_no_unix_socket_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("egress.sock");
        let internet = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        assert!(listen(&internet, &path, 0).is_err());
        let file = fs_err::File::create(directory.path().join("file")).unwrap();
        assert!(listen(&file.into_parts().0.into(), &path, 0).is_err());
    }
}
