//! What the commands of `lazaret policy` say, word for word. They need no root and start nothing.

#![expect(
    clippy::unwrap_used,
    reason = "all of it is tests, which end where something is not there"
)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const HEAD: &str = "apiVersion: lazaret/v1\nkind: SecurityPolicy\n";

/// A directory with a plugin `counter` in it, in which commands are run.
struct Bench(tempfile::TempDir);

impl Bench {
    fn new(files: &[(&str, &str)]) -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        fs_err::create_dir(bench.path().join("counter")).unwrap();
        fs_err::write(
            bench.path().join("counter/main.js"),
            "export const count = () => 1;\n",
        )
        .unwrap();
        for (name, body) in files {
            fs_err::write(bench.path().join(name), format!("{HEAD}{body}")).unwrap();
        }
        bench
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.path().join(name)).unwrap()
    }

    /// One command as somebody at a terminal would see it, with the exit status where it is not 0.
    fn run(&self, line: &str) -> String {
        self.run_with(line, "")
    }

    fn run_with(&self, line: &str, input: &str) -> String {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lazaret"))
            .arg("policy")
            .args(line.split(' '))
            .current_dir(self.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().expect("a pipe");
        // A command that does not read it may be gone.
        stdin.write_all(input.as_bytes()).ok();
        drop(stdin);
        let done = child.wait_with_output().unwrap();
        let status = match done.status.code() {
            Some(0) => String::new(),
            code => format!("[exit {}]\n", code.expect("no signal ended it")),
        };
        format!(
            "$ lazaret policy {line}\n{}{}{status}",
            String::from_utf8(done.stdout).unwrap(),
            String::from_utf8(done.stderr).unwrap(),
        )
    }

    fn transcript(&self, lines: &[&str]) -> String {
        let parts: Vec<String> = lines.iter().map(|line| self.run(line)).collect();
        parts.join("\n")
    }
}

const WRONG: &str =
    "levle: maximum\nresources: { pids: { max: few } }\npermissions: [ 'file:raed:/srv' ]\n";

#[test]
fn check() {
    let bench = Bench::new(&[
        ("good.yaml", "level: maximum\n"),
        ("wrong.yaml", WRONG),
        ("a,b.yaml", "levle: maximum\n"),
    ]);
    insta::assert_snapshot!(bench.transcript(&[
        "check good.yaml",
        "check good.yaml wrong.yaml gone.yaml",
        "check --github a,b.yaml",
        "check --json good.yaml a,b.yaml gone.yaml",
    ]));
}

#[test]
fn fmt() {
    let good = "level: maximum\n";
    let unsorted = "resources: { pids: { max: 16 } } # few\nlevel: 'maximum'\n";
    let bench = Bench::new(&[
        ("good.yaml", good),
        ("unsorted.yaml", unsorted),
        ("wrong.yaml", WRONG),
    ]);
    let mut transcript = bench.transcript(&[
        "fmt --check good.yaml",
        "fmt --check good.yaml unsorted.yaml",
        "fmt --check --json good.yaml unsorted.yaml",
        "fmt --json good.yaml",
        "fmt wrong.yaml unsorted.yaml gone.yaml",
        "fmt --check good.yaml unsorted.yaml",
    ]);
    // What is wrong stays as it is, what is right is written anew all the same.
    assert_eq!(bench.read("wrong.yaml"), format!("{HEAD}{WRONG}"));
    assert_eq!(bench.read("good.yaml"), format!("{HEAD}{good}"));
    transcript.push_str("\n$ cat unsorted.yaml\n");
    transcript.push_str(&bench.read("unsorted.yaml"));
    for line in ["fmt -", "fmt --check -"] {
        transcript.push('\n');
        transcript.push_str(&bench.run_with(line, &format!("{HEAD}{unsorted}")));
    }
    insta::assert_snapshot!(transcript);
}

const GRANTS: &str = "level: maximum\npermissions:\n  - { permission: file:read:/srv/data, reason: the tables }\n  - env:read:TZ\n";

#[test]
fn why() {
    let bench = Bench::new(&[
        ("policy.yaml", GRANTS),
        ("floor.yaml", "permissions: [ file:read:/srv/data ]\n"),
    ]);
    insta::assert_snapshot!(bench.transcript(&[
        "why counter file:read:/srv/data/a --policy policy.yaml",
        "why counter file:read:/etc/shadow --policy policy.yaml",
        "why counter env:read:TZ --policy policy.yaml --floor floor.yaml",
        "why counter exec:run:sh",
        "why counter file:read:/srv/data/a --policy policy.yaml --json",
        "why counter file:raed:/srv",
    ]));
}

#[test]
fn why_of_requests() {
    let bench = Bench::new(&[(
        "policy.yaml",
        "network:\n  endpoints:\n    - { host: api.example.com, port: 443, methods: [GET], paths: [/v1/*], reason: forecasts }\n",
    )]);
    insta::assert_snapshot!(bench.transcript(&[
        "why counter network:GET:https://api.example.com/v1/x --policy policy.yaml",
        "why counter network:POST:https://api.example.com/v1/x --policy policy.yaml",
        "why counter network:GET:https://example.com/ --policy policy.yaml",
        "why counter network:GET:https://127.0.0.1/",
        "why counter network:connect:api.example.com:443 --policy policy.yaml",
    ]));
}

#[test]
fn why_of_what_is_observed() {
    let bench = Bench::new(&[(
        "policy.yaml",
        "filesystem: { mode: audit }\nobserve: [ 'file:write:/srv/out' ]\n",
    )]);
    insta::assert_snapshot!(bench.transcript(&[
        "why counter file:write:/srv/out/a --policy policy.yaml",
        "why counter file:write:/srv/other --policy policy.yaml",
    ]));
}

#[test]
fn why_of_system_calls() {
    let bench = Bench::new(&[
        ("policy.yaml", "syscalls: { deny: [timers] }\n"),
        ("v8.yaml", "runtime: { engine: v8 }\n"),
    ]);
    insta::assert_snapshot!(bench.transcript(&[
        "why counter syscall:read",
        "why counter syscall:ptrace",
        "why counter syscall:ptrace --json",
        "why counter syscall:execve",
        "why counter syscall:mmap",
        "why counter syscall:mmap --policy v8.yaml",
        "why counter syscall:timerfd_create --policy policy.yaml",
        "why counter syscall:swapon",
        "why counter syscall:ptrcae",
    ]));
}

#[test]
fn diff() {
    let bench = Bench::new(&[
        ("before.yaml", GRANTS),
        (
            "after.yaml",
            "level: maximum\nresources: { pids: { max: 32 }, time: { call: 5s } }\npermissions: [ 'file:read:/srv' ]\n",
        ),
    ]);
    insta::assert_snapshot!(bench.transcript(&[
        "diff before.yaml before.yaml",
        "diff before.yaml after.yaml",
        "diff before.yaml after.yaml --json",
        "diff before.yaml after.yaml --refuse-wider",
    ]));
}

#[test]
fn score() {
    let bench = Bench::new(&[("policy.yaml", GRANTS)]);
    insta::assert_snapshot!(bench.transcript(&[
        "score counter --policy policy.yaml",
        "score counter --policy policy.yaml --json",
        "score counter --most 0.5",
    ]));
}

#[test]
fn plan() {
    let bench = Bench::new(&[
        ("before.yaml", GRANTS),
        (
            "after.yaml",
            "level: maximum\nresources:\n  pids: { max: 32 }\n  time: { startup: 4s }\npermissions:\n  - file:read:/srv\n  - message:send:store\n",
        ),
        ("live.yaml", "resources: { pids: { max: 16 } }\n"),
        ("floor.yaml", "resources: { pids: { max: 24 } }\n"),
    ]);
    insta::assert_snapshot!(bench.transcript(&[
        "plan counter before.yaml --policy before.yaml",
        "plan counter live.yaml",
        "plan counter after.yaml --policy before.yaml",
        "plan counter after.yaml --policy before.yaml --floor floor.yaml --json",
        "plan counter after.yaml --policy before.yaml --refuse-wider",
        "plan counter gone.yaml",
    ]));
}

#[test]
fn what_a_plugin_asks_for() {
    let bench = Bench::new(&[
        (
            "policy.yaml",
            "level: maximum\npermissions: [ 'file:read:/srv/data', 'env:read:TZ', 'env:read:LANG' ]\n",
        ),
        (
            "wider.yaml",
            "permissions: [ 'env:read:TZ', 'file:read:/srv', 'env:read:HOME' ]\n",
        ),
        (
            "floor.yaml",
            "permissions: [ 'file:read:/srv/data', 'env:read:TZ' ]\n",
        ),
    ]);
    let asks = |body: &str| {
        let text = format!("apiVersion: lazaret/v1\nkind: Plugin\n{body}");
        fs_err::write(bench.path().join("counter/plugin.yaml"), text).unwrap();
    };
    // Of what holds only the ends tell of the plugin's own words.
    let told = |line: &str| {
        let all = bench.run(line);
        let told = all.lines().filter(|line| {
            ![
                "resources.",
                "runtime.",
                "network.",
                "filesystem.",
                "syscalls.",
                "health.",
                "restart.",
            ]
            .iter()
            .chain(&[
                "level",
                "violations.",
                "exec.",
                "env.",
                "messaging.",
                "quarantine.",
                "audit.",
                "KEY",
            ])
            .any(|path| line.starts_with(path))
        });
        told.map(|line| format!("{line}\n")).collect::<String>()
    };
    let effective = "effective counter --policy policy.yaml";
    let mut transcript = String::from("Nothing is said:\n");
    asks("author: ada\n");
    transcript.push_str(&told(effective));
    transcript.push_str("\nLess and more than is granted:\n");
    asks(
        "permissions:\n  - file:read:/srv/data/maps\n  - env:read:TZ\n  \
         - { permission: 'message:send:store', reason: keeps the counts }\n",
    );
    transcript.push_str(&told(effective));
    transcript.push_str(&told(&format!("{effective} --floor floor.yaml")));
    let json = bench.run(&format!("{effective} --json"));
    let cuts = json.lines().skip_while(|line| !line.contains("\"cuts\""));
    transcript.extend(cuts.map(|line| format!("{line}\n")));
    transcript.push_str(&bench.transcript(&[
        "plan counter wider.yaml --policy policy.yaml",
        "why counter env:read:LANG --policy policy.yaml",
        "why counter file:read:/srv/data/a --policy policy.yaml",
        "why counter file:read:/srv/data/maps/a --policy policy.yaml",
        "why counter message:send:store --policy policy.yaml",
    ]));
    transcript.push_str("\nWhat is wrong:\n");
    asks("permision: []\nentry: /etc/passwd\n");
    transcript.push_str(&bench.transcript(&["effective counter", "why counter env:read:TZ"]));
    asks("entry: gone.js\n");
    transcript.push_str(&bench.run("effective counter"));
    insta::assert_snapshot!(transcript);
}
