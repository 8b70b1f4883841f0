//! A display of a test's own, with a key of its own; gone when it is dropped.

use std::io::{BufRead, BufReader};
use std::ops::Deref;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ConnectionExt as _, EventMask, PropMode,
};
use x11rb::rust_connection::{DefaultStream, RustConnection};
use x11rb::wrapper::ConnectionExt as _;

use super::super::authority::record;
use super::{Rules, atom, rules, window};

/// A second client.
pub(super) type Client = RustConnection<DefaultStream>;

const KEY: &[u8; 16] = b"sixteen bytes ok";

pub(super) struct Xvfb {
    server: Child,
    directory: tempfile::TempDir,
    socket: PathBuf,
}

impl Xvfb {
    /// Starts it on a display that is free, and waits until it is up.
    pub(super) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = directory.path().join("authority");
        fs_err::write(&authority, record(u16::MAX, b"", b"", KEY)).unwrap();
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-nolisten", "tcp", "-noreset"])
            .args(["-screen", "0", "800x600x24", "-auth"])
            .arg(&authority)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("`Xvfb`, which `.ci/deps test` installs");
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap())
            .read_line(&mut number)
            .unwrap();
        let socket = format!("/tmp/.X11-unix/X{}", number.trim()).into();
        Self {
            server,
            directory,
            socket,
        }
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    pub(super) fn authority(&self) -> PathBuf {
        self.directory.path().join("authority")
    }

    /// A file with another key.
    pub(super) fn other_authority(&self) -> PathBuf {
        let path = self.directory.path().join("other");
        fs_err::write(&path, record(u16::MAX, b"", b"", b"another key than")).unwrap();
        path
    }

    pub(super) fn rules(&self, grants: &[&str]) -> Rules {
        rules(&self.socket, Some(&self.authority()), grants)
    }

    pub(super) fn client(&self) -> Client {
        let stream = UnixStream::connect(&self.socket).unwrap();
        let (stream, _) = DefaultStream::from_unix_stream(stream).unwrap();
        let scheme = b"MIT-MAGIC-COOKIE-1".to_vec();
        RustConnection::connect_to_stream_with_auth_info(stream, 0, scheme, KEY.to_vec()).unwrap()
    }

    /// A manager that does nothing but to say it is one, and that it keeps a list of that name.
    pub(super) fn manager(&self, list: &'static str) -> Manager {
        let client = self.client();
        let root = client.setup().roots[0].root;
        let own = window(&client, "Manager", "manager");
        client.unmap_window(own).unwrap();
        let check = atom(&client, "_NET_SUPPORTING_WM_CHECK");
        for of in [root, own] {
            let property = PropMode::REPLACE;
            client
                .change_property32(property, of, check, AtomEnum::WINDOW, &[own])
                .unwrap();
        }
        let follows = [
            "_NET_ACTIVE_WINDOW",
            list,
            "_NET_CLOSE_WINDOW",
            "_NET_MOVERESIZE_WINDOW",
        ]
        .map(|name| atom(&client, name));
        let supported = atom(&client, "_NET_SUPPORTED");
        client
            .change_property32(PropMode::REPLACE, root, supported, AtomEnum::ATOM, &follows)
            .unwrap();
        let mask = ChangeWindowAttributesAux::new().event_mask(EventMask::SUBSTRUCTURE_NOTIFY);
        client.change_window_attributes(root, &mask).unwrap();
        client.sync().unwrap();
        Manager { client, list }
    }
}

impl Drop for Xvfb {
    fn drop(&mut self) {
        // Asked to end, it takes its socket and its lock away.
        let id = rustix::process::Pid::from_child(&self.server);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).ok();
        self.server.wait().ok();
    }
}

pub(super) struct Manager {
    client: Client,
    list: &'static str,
}

impl Manager {
    /// Says which windows there are, the highest last, and which of them takes what is typed.
    pub(super) fn tells(&self, windows: &[u32], active: u32) {
        let root = self.setup().roots[0].root;
        for (name, value) in [(self.list, windows), ("_NET_ACTIVE_WINDOW", &[active])] {
            let name = atom(self, name);
            self.change_property32(PropMode::REPLACE, root, name, AtomEnum::WINDOW, value)
                .unwrap();
        }
        self.sync().unwrap();
    }
}

impl Deref for Manager {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}
