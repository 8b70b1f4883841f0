//! Windows of a display: a real one, which the engine asks for the plugin.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};
use lazaret_tests::case::{Case, Skip};
use lazaret_tests::setup::{Js, Setup};
use lazaret_tests::world::World;
use serde_json::json;
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    AtomEnum, ConnectionExt as _, CreateWindowAux, PropMode, WindowClass,
};
use x11rb::rust_connection::{DefaultStream, RustConnection};
use x11rb::wrapper::ConnectionExt as _;

pub(super) fn cases() -> Vec<Case> {
    vec![Case::asynchronous(
        "acts: windows of a display that is granted are seen and asked to close, by class",
        windows,
    )]
}

const SCHEME: &[u8] = b"MIT-MAGIC-COOKIE-1";
const KEY: &[u8] = b"sixteen bytes ok";

const MAIN: &str = r#"
    export const there = () => typeof lazaret.window;
    export const titles = async () => (await lazaret.window.list()).map(({ title }) => title);
    export const close = (id) => lazaret.window.close(id);
    export const reach = async () => {
        const found = [];
        for (const path of ["/tmp/.X11-unix", "/tmp"]) {
            try { for await (const { name } of Deno.readDir(path)) found.push(name); } catch (error) {
                found.push(error.name);
            }
        }
        return found;
    };
"#;

async fn windows(world: &World) -> anyhow::Result<()> {
    if Command::new("Xvfb").arg("-version").output().is_err() {
        return Err(Skip("there is no Xvfb".to_owned()).into());
    }
    let host = world.host()?;
    let display = Xvfb::start(world)?;
    let client = display.client()?;
    let term = window(&client, "XTerm", "a terminal")?;
    let other = window(&client, "Gimp", "a picture")?;
    let of = |grants: &str| {
        let window = format!(
            "window: {{ display: '{}', authority: {} }}",
            display.name,
            display.authority().display()
        );
        let policy = format!("permissions: [ {grants} ]\n{window}");
        Setup::javascript(Js::QuickJs, "windows", MAIN).policy(&policy)
    };
    let plugin = host.launch(&of("")).await?;
    assert_eq!(plugin.call("there", json!([])).await?, "undefined");
    plugin
        .apply(&of("'window:list:XTerm', window:close"))
        .await??;
    let titles = plugin.call("titles", json!([])).await?;
    assert_eq!(titles, json!(["a terminal"]));
    plugin.call("close", json!([term])).await?;
    asked_to_close(&client, term)?;
    let hidden = plugin.thrown("close", json!([other])).await?;
    assert_eq!(hidden.name, "NotFound");
    let socket = plugin.call("reach", json!([])).await?;
    ensure!(!socket.to_string().contains("X11"), "{socket}");

    plugin
        .apply(&of("window:list, 'window:close:XTerm'"))
        .await??;
    let titles = plugin.call("titles", json!([])).await?;
    assert_eq!(titles, json!(["a terminal", "a picture"]));
    let error = plugin.call_error("close", json!([other])).await?;
    let lacks = "window:close:Gimp";
    ensure!(format!("{error:?}").contains(lacks), "{error:?}");
    let ended = plugin.stop().await?;
    assert_eq!(ended.violation_count, 1);
    let told = format!("{:?}", ended.violations);
    ensure!(told.contains(lacks), "{told}");
    Ok(())
}

fn window(client: &RustConnection, class: &str, title: &str) -> anyhow::Result<u32> {
    let window = client.generate_id()?;
    let root = client.setup().roots[0].root;
    let (kind, aux) = (WindowClass::INPUT_OUTPUT, CreateWindowAux::new());
    client.create_window(0, window, root, 1, 2, 30, 40, 0, kind, 0, &aux)?;
    let class = format!("instance\0{class}\0");
    for (name, value) in [
        (AtomEnum::WM_CLASS, class.as_str()),
        (AtomEnum::WM_NAME, title),
    ] {
        let value = value.as_bytes();
        client.change_property8(PropMode::REPLACE, window, name, AtomEnum::STRING, value)?;
    }
    let atom = |name: &str| anyhow::Ok(client.intern_atom(false, name.as_bytes())?.reply()?.atom);
    let (protocols, delete) = (atom("WM_PROTOCOLS")?, atom("WM_DELETE_WINDOW")?);
    client.change_property32(
        PropMode::REPLACE,
        window,
        protocols,
        AtomEnum::ATOM,
        &[delete],
    )?;
    client.map_window(window)?;
    client.sync()?;
    Ok(window)
}

fn asked_to_close(client: &RustConnection, window: u32) -> anyhow::Result<()> {
    loop {
        if let Event::ClientMessage(message) = client.wait_for_event()? {
            assert_eq!(message.window, window);
            return Ok(());
        }
    }
}

/// A display of the case's own, gone when it is dropped.
struct Xvfb {
    server: Child,
    directory: tempfile::TempDir,
    name: String,
}

impl Xvfb {
    fn start(world: &World) -> anyhow::Result<Self> {
        let directory = world.directory()?;
        let authority = directory.path().join("authority");
        // A record of a display of any machine and number (Xau(3)).
        let mut record = vec![0xff, 0xff];
        for field in [b"", b"", SCHEME, KEY] {
            record.extend(u16::try_from(field.len())?.to_be_bytes());
            record.extend(field);
        }
        fs_err::write(&authority, record)?;
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-nolisten", "tcp", "-noreset", "-auth"])
            .arg(&authority)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let output = server.stdout.take().context("a pipe")?;
        let mut display = Self {
            server,
            directory,
            name: String::new(),
        };
        let mut number = String::new();
        BufReader::new(output).read_line(&mut number)?;
        display.name = format!(":{}", number.trim());
        Ok(display)
    }

    fn authority(&self) -> PathBuf {
        self.directory.path().join("authority")
    }

    fn client(&self) -> anyhow::Result<RustConnection> {
        let number = self.name.trim_start_matches(':');
        let stream = UnixStream::connect(format!("/tmp/.X11-unix/X{number}"))?;
        let (stream, _) = DefaultStream::from_unix_stream(stream)?;
        let (scheme, key) = (SCHEME.to_vec(), KEY.to_vec());
        Ok(RustConnection::connect_to_stream_with_auth_info(
            stream, 0, scheme, key,
        )?)
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
