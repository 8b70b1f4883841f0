//! Secrets on their whole way: from the engine's environment into a request, past the plugin, its
//! files and everything that is told.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use lazaret::cli::ExitCode;
use lazaret_tests::case::Case;
use lazaret_tests::command::{command, run, start};
use lazaret_tests::setup::{Js, Setup, on_disk, plugin_source};
use lazaret_tests::temporary;
use lazaret_tests::world::{World, until};
use serde_json::Value;

/// How long a peer may say nothing. Nothing is measured by it.
const SILENCE: Duration = Duration::from_secs(60);

const KEPT: &str = "kept-from-the-plugin-0a1b2c";
const EXPOSED: &str = "exposed-to-the-plugin-3d4e5f";

pub(super) fn cases() -> Vec<Case> {
    vec![Case::new(
        "egress: a secret is in the request, and nowhere else",
        whole_way,
    )]
}

/// What a file or a process may have of them: nothing.
fn is_clean(bytes: &[u8]) -> bool {
    [KEPT, EXPOSED].iter().all(|secret| {
        !bytes
            .windows(secret.len())
            .any(|part| part == secret.as_bytes())
    })
}

/// Files below a directory with a secret in them, but for one.
fn files_with_a_secret(directory: &Path, but: &Path) -> Vec<String> {
    let mut below = vec![directory.to_owned()];
    let mut found = Vec::new();
    while let Some(next) = below.pop() {
        for entry in fs_err::read_dir(next).into_iter().flatten().flatten() {
            let path = entry.path();
            let kind = entry.file_type();
            if kind.as_ref().is_ok_and(|kind| kind.is_dir()) {
                below.push(path);
            } else if kind.is_ok_and(|kind| kind.is_file())
                && path != but
                && !fs_err::read(&path).is_ok_and(|bytes| is_clean(&bytes))
            {
                found.push(path.to_string_lossy().into_owned());
            }
        }
    }
    found
}

/// Whether a secret is in the arguments of any process, or in the environment of a plugin's.
fn processes_are_clean() -> anyhow::Result<()> {
    let mut shims = 0;
    for entry in fs_err::read_dir("/proc")?.flatten() {
        let of = |name: &str| fs_err::read(entry.path().join(name)).unwrap_or_default();
        ensure!(
            is_clean(&of("cmdline")),
            "in the arguments of {:?}",
            entry.path()
        );
        if of("comm") == b"shim\n" {
            shims += 1;
            ensure!(
                is_clean(&of("environ")),
                "in the environment of {:?}",
                entry.path()
            );
        }
    }
    ensure!(shims > 0, "the plugin runs");
    Ok(())
}

fn head(stream: &mut TcpStream) -> anyhow::Result<String> {
    stream.set_read_timeout(Some(SILENCE))?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    Ok(String::from_utf8(head)?)
}

fn whole_way(world: &World) -> anyhow::Result<()> {
    let server = TcpListener::bind("127.0.0.1:0")?;
    let port = server.local_addr()?.port();
    let file = tempfile::NamedTempFile::new_in(temporary::directory())?;
    fs_err::write(file.path(), format!("{EXPOSED}\n"))?;
    let from = file.path().display();
    let policy = format!(
        "network:\n  endpoints:\n    \
         - {{ host: localhost, port: {port}, protocol: http, addresses: [loopback] }}\n    \
         - {{ host: other.example, port: {port}, protocol: http }}\n    \
         - {{ host: ended.example, port: 443, tls: broker }}\n\
         secrets:\n  \
         - {{ name: kept, hosts: [localhost], from: {{ env: LAZARET_TEST_SECRET }} }}\n  \
         - {{ name: exposed, hosts: [localhost], from: {{ file: {from} }}, expose: true }}\n"
    );
    let source = plugin_source("harmless/keys.js")?;
    let plugin = on_disk(
        world,
        &Setup::javascript(Js::QuickJs, "keys", &source).policy(&policy),
    )?;
    let path = plugin.path().join("keys").to_string_lossy().into_owned();
    let ask = |program: &str| -> Command {
        let arguments = ["run", &path, "--json", "--call", "ask", "--args", program];
        command(&world.parts.lazaret(), arguments)
    };
    let arguments = format!("[{port}]");

    // Without it nothing starts, and what is missing is named.
    let finished = run(ask(&arguments))?;
    let told = "the variable `LAZARET_TEST_SECRET` is not in the engine's environment";
    ensure!(
        finished.code == Some(ExitCode::Policy as i32),
        "{finished:?}"
    );
    ensure!(finished.output.contains(told), "{finished:?}");

    let mut with = ask(&arguments);
    with.env("LAZARET_TEST_SECRET", KEPT);
    let started = start(with)?;
    server.set_nonblocking(true)?;
    let mut heard = None;
    until("the plugin asked", || {
        heard = server.accept().ok();
        heard.is_some()
    })
    .with_context(|| started.errors())?;
    let (mut stream, _) = heard.context("it asked")?;
    stream.set_nonblocking(false)?;
    let request = head(&mut stream)?;
    // While it waits for its answer.
    processes_are_clean()?;
    for directory in [Path::new("/run/lazaret"), &temporary::directory()] {
        let found = files_with_a_secret(directory, file.path());
        ensure!(found.is_empty(), "{found:?}");
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nthree")?;
    drop(stream);
    let finished = started.finish()?;

    ensure!(
        request.starts_with(&format!("GET /?key={KEPT} ")),
        "{request}"
    );
    ensure!(request.contains(&format!("x-key: {KEPT}\r\n")), "{request}");
    ensure!(!request.contains("lazaret-secret-"), "{request}");
    let told = format!("{}{}", finished.output, finished.errors);
    ensure!(is_clean(told.as_bytes()), "{told}");
    let report: Value = serde_json::from_str(&finished.output)?;
    let result = &report["result"];
    let text = |name: &str| result[name].as_str().unwrap_or_default().to_owned();
    ensure!(text("answer") == "three", "{report}");
    let digits = text("kept").len() - "lazaret-secret-kept-".len();
    ensure!(
        text("kept").starts_with("lazaret-secret-kept-") && digits == 32,
        "{report}"
    );
    let backwards: String = text("exposed").chars().rev().collect();
    ensure!(backwards == EXPOSED, "{report}");
    // A host that is granted, and that the secret may not go to.
    ensure!(text("other").starts_with("TypeError: "), "{report}");
    ensure!(text("other").contains("`kept`"), "{report}");
    ensure!(told.contains("network:connect:other.example"), "{told}");
    // The broker ends TLS with an authority that the plugin trusts; its own way on leads nowhere.
    ensure!(
        text("ended").starts_with("TypeError: fetch failed: "),
        "{report}"
    );
    ensure!(!text("ended").contains("TLS failed"), "{report}");
    Ok(())
}
