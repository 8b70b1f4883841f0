//! The second filter lets a whole plugin run: start to finish under it, in a process of its own,
//! since it cannot be taken off again.

use std::process::Command;

use lazaret_guard::filter;

use crate::harness::Plugin;

#[test]
fn a_plugin_runs_under_the_second_filter_without_executable_memory() {
    assert_good("filtered::inside_without_executable_memory");
}

#[test]
fn a_plugin_runs_under_the_second_filter_with_executable_memory() {
    assert_good("filtered::inside_with_executable_memory");
}

fn assert_good(name: &str) {
    let own = std::env::current_exe().expect("own path");
    let output = Command::new(own)
        .args([
            "--ignored",
            "--exact",
            name,
            "--test-threads=1",
            "--nocapture",
        ])
        .output()
        .expect("the test binary starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{:?} {said}", output.status);
}

#[test]
#[ignore = "run by the test above in a process of its own"]
fn inside_without_executable_memory() {
    run_under_the_filter(true);
}

#[test]
#[ignore = "run by the test above in a process of its own"]
fn inside_with_executable_memory() {
    run_under_the_filter(false);
}

fn run_under_the_filter(deny_executable_memory: bool) {
    let mut plugin = Plugin::new(
        "import { twice } from './lib.js';
         import data from './data.json' with { type: 'json' };
         export const f = async (n) => {
           await new Promise((go) => setTimeout(go, 5));
           const text = await Deno.readTextFile('data.json');
           console.log(text.length);
           return twice(n) + data.n + [3, 1, 2].sort()[0] + 'x'.repeat(1e6).length;
         };
         export const files = async () => {
           using file = await Deno.open('data.json');
           const { size } = await file.stat();
           await file.seek(-2, Deno.statSync('data.json').size - size + 2);
           const read = await file.read(new Uint8Array(8));
           let found = 0;
           const wanted = { root: '/plugin', glob: '*.json', pattern: 'n' };
           for await (const { line } of lazaret.search.contents(wanted)) found += line;
           const watcher = Deno.watchFs('/plugin');
           watcher.close();
           return [read, found, await Deno.realPath('lib.js')];
         };
         export const keys = async () => {
           const { subtle } = crypto;
           const how = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
           const { privateKey, publicKey } = await subtle.generateKey(how, true, ['sign', 'verify']);
           const rsa = { name: 'RSA-OAEP', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
           const pair = await subtle.generateKey(rsa, false, ['encrypt', 'decrypt']);
           const sealed = await subtle.encrypt(rsa, pair.publicKey, new Uint8Array(3));
           const opened = await subtle.decrypt(rsa, pair.privateKey, sealed);
           return subtle.verify(how, publicKey, await subtle.sign(how, privateKey, opened), opened);
         };
         export const fails = () => { throw new TypeError('as it should'); };
         export const deep = () => deep() + 1;
         export const big = () => new Array(1e6).fill(0).map((_, i) => ({ i })).length;",
    )
    .with("lib.js", "export const twice = (n) => 2 * n;")
    .with("data.json", r#"{"n": 1}"#);
    plugin.deny_executable_memory = deny_executable_memory;
    let mut shim = plugin.start_after(|| {
        filter::install(filter::Needs {
            executable_memory: !deny_executable_memory,
            egress: false,
        })
        .expect("filter");
    });
    let message = shim.next();
    assert!(
        matches!(message, lazaret_protocol::ShimMessage::Ready { .. }),
        "{message:?}"
    );
    assert_eq!(shim.json("f", "[20]"), "1000042");
    assert_eq!(shim.json("files", "[]"), r#"[2,1,"/plugin/lib.js"]"#);
    assert_eq!(shim.json("keys", "[]"), "true");
    assert_eq!(shim.thrown("fails").message, "as it should");
    assert_eq!(shim.thrown("deep").name, "RangeError");
    assert_eq!(shim.json("big", "[]"), "1000000");
    // The harness's clean-up needs system calls that are gone.
    lazaret_shim::exit::now(0);
}
