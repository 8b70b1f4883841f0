//! What the commands for a plugin's author say, word for word. They need no root and start nothing.

#![expect(
    clippy::unwrap_used,
    reason = "all of it is tests, which end where something is not there"
)]

use std::path::Path;
use std::process::Command;

const HEAD: &str = "apiVersion: lazaret/v1\nkind: Plugin\n";

struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// A directory with a `plugin.yaml`, and a `main.js`.
    fn plugin(&self, name: &str, body: &str) {
        let directory = self.path().join(name);
        fs_err::create_dir(&directory).unwrap();
        fs_err::write(directory.join("main.js"), "export const f = () => 1;\n").unwrap();
        fs_err::write(directory.join("plugin.yaml"), format!("{HEAD}{body}")).unwrap();
    }

    /// One command as somebody at a terminal would see it, with the exit status where it is not 0.
    fn run(&self, line: &str) -> String {
        let done = Command::new(env!("CARGO_BIN_EXE_lazaret"))
            .args(line.split(' '))
            .current_dir(self.path())
            .output()
            .unwrap();
        let status = match done.status.code() {
            Some(0) => String::new(),
            code => format!("[exit {}]\n", code.expect("no signal ended it")),
        };
        format!(
            "$ lazaret {line}\n{}{}{status}",
            String::from_utf8(done.stdout).unwrap(),
            String::from_utf8(done.stderr).unwrap(),
        )
    }
}

#[test]
fn check() {
    let bench = Bench::new();
    bench.plugin(
        "good",
        "functions: { f: { parameters: { type: object }, examples: [ { parameters: {} } ] } }\n",
    );
    bench.plugin(
        "unread",
        "functions:\n  f: { parameter: {} }\nauthors: ada\n",
    );
    bench.plugin(
        "elsewhere",
        "entry: src/main.js\nconfig: { pattern: '(?=a)' }\n",
    );
    bench.plugin(
        "examples",
        "functions:\n  f:\n    parameters: { type: object, required: [ city ] }\n    result: { type: number }\n    examples:\n      \
         - { parameters: {}, result: 1 }\n      - { parameters: { city: Kobe }, result: warm }\n      - { result: 1 }\n      \
         - { parameters: { city: Kobe }, result: 1 }\n",
    );
    let all = "plugin check good unread elsewhere examples none";
    let said = [
        all,
        &format!("{all} --github"),
        "plugin check examples --json",
        "plugin check good --json",
    ];
    let said = said.map(|line| bench.run(line)).join("\n");
    // The error's own words are the C library's.
    insta::assert_snapshot!(said);
}

#[test]
fn the_schema_is_the_one_in_the_repository() {
    let kept = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../policies/schema/plugin.v1.json"
    );
    let kept = fs_err::read_to_string(kept).unwrap();
    assert_eq!(
        Bench::new().run("plugin schema"),
        format!("$ lazaret plugin schema\n{kept}")
    );
}

#[test]
fn new_and_types() {
    let bench = Bench::new();
    let mut said: String = [
        "new greeter",
        "plugin check greeter",
        "policy check greeter/policy.yaml",
        "new greeter",
        "new typed --typescript",
        "new a_b",
    ]
    .map(|line| bench.run(line))
    .join("\n");
    said.push('\n');
    let types = bench.run("types greeter");
    let kept = fs_err::read_to_string(bench.path().join("greeter/lazaret.d.ts")).unwrap();
    assert_eq!(types, format!("$ lazaret types greeter\n{kept}"));
    said.push_str(&fs_err::read_to_string(bench.path().join("greeter/README.md")).unwrap());
    insta::assert_snapshot!(said);
}

#[test]
fn types_follow_the_policy_that_is_named() {
    let bench = Bench::new();
    bench.plugin("p", "permissions: [ 'env:read:TZ', 'exec:run:jq' ]\n");
    let policy = "apiVersion: lazaret/v1\nkind: SecurityPolicy\npermissions: [ 'env:read:TZ', 'env:read:LANG' ]\n";
    fs_err::write(bench.path().join("policy.yaml"), policy).unwrap();
    let types = bench.run("types p --policy policy.yaml");
    // What is granted and asked for, and neither of the two alone.
    assert!(types.contains("type Variable =\n    | \"TZ\";"), "{types}");
    assert!(
        !types.contains("Command") && types.contains("function lstat"),
        "{types}"
    );
}
