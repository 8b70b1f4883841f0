//! TypeScript takes a plugin that uses what it is granted, by the declarations of `lazaret types`, and no other.

#![expect(
    clippy::unwrap_used,
    reason = "all of it is tests, which end where something is not there"
)]

use std::path::Path;
use std::process::Command;

const POLICY: &str = "apiVersion: lazaret/v1\nkind: SecurityPolicy\npermissions:\n  - network:read:api.example.com\n  - \
                      env:read:TZ\n  - file:write:/srv/out\n  - file:read:/srv/out\nexec: { programs: [ { name: jq, rootfs: /srv/jq, path: /bin/jq } ] }\nkv: { size: 1MiB }\n";

const MANIFEST: &str = "apiVersion: lazaret/v1\nkind: Plugin\nentry: main.ts\nfunctions:\n  forecast:\n    parameters:\n      type: \
                        object\n      properties: { city: { type: string }, days: { enum: [ 1, 3 ] } }\n      required: [ city ]\n      \
                        additionalProperties: false\n    result: { type: object, properties: { high: { type: number } }, required: [ \
                        high ] }\nconfig: { type: object, properties: { unit: { const: celsius } }, required: [ unit ], additionalProperties: false }\n";

/// All that is granted, used as it is meant to be.
const GRANTED: &str = r#"
export async function forecast({ city, days }: Plugin.Parameters["forecast"]): Promise<Plugin.Results["forecast"]> {
  const url = `https://api.example.com/v1/${encodeURIComponent(city)}?days=${days ?? 1}` as const;
  const answer = await fetch(url, { headers: { accept: "application/json" }, signal: AbortSignal.timeout(1000) });
  const { high } = await answer.json();
  await Deno.writeTextFile("/srv/out/last.json", JSON.stringify({ high }), { append: true });
  const jq = new Deno.Command("jq", { args: ["."], stdin: new TextEncoder().encode("{}") });
  const { stdout, success } = await jq.output();
  console.log(success, new TextDecoder().decode(stdout), Deno.env.get("TZ"), lazaret.config.unit.length);
  await lazaret.kv.set(city, { high });
  for await (const { key } of lazaret.kv.list({ prefix: "K" })) console.debug(key);
  for await (const entry of Deno.readDir("/srv/out")) if (entry.isFile) console.info(entry.name);
  const bytes = await crypto.subtle.digest("SHA-256", await new Blob([city]).arrayBuffer());
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  let length = 0;
  for await (const chunk of stream) length += chunk.length;
  lazaret.log.info("done", { length });
  lazaret.metrics.counter("forecasts", { city }).add();
  try {
    await Deno.stat(new URL("file:///srv").pathname);
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) console.warn(error.permission);
  }
  return { high: Number(high) };
}
const functions: Plugin.Functions = { forecast };
console.log(Object.keys(functions), structuredClone(new Map()), performance.now(), setTimeout(() => {}, 1));
"#;

/// Each of these is not what the plugin may do, or not what its functions are.
const REFUSED: [&str; 16] = [
    "await fetch('https://example.com/');",
    "await fetch('http://api.example.com/');",
    "await fetch('https://api.example.com.evil.example/');",
    "Deno.env.get('HOME');",
    "new Deno.Command('sh');",
    "new WebSocket('wss://example.com');",
    "document.title;",
    "localStorage.getItem('a');",
    "new Worker('w.js');",
    "Deno.listen({ port: 1 });",
    "Deno.readTextFileSync(1);",
    "process.exit();",
    "require('fs');",
    "lazaret.config.units;",
    "const wrong: Plugin.Parameters['forecast'] = { town: 'Kobe' };",
    "const wrong: Plugin.Functions = { forecast: ({ city }) => ({ high: city }) };",
];

/// What is only there where it is granted.
const GIVEN: [&str; 6] = [
    "new WebSocket('wss://api.example.com');",
    "await fetch('https://api.example.com/');",
    "await Deno.writeTextFile('/srv/out/a', 'b');",
    "new Deno.Command('jq');",
    "Deno.env.get('TZ');",
    "await lazaret.kv.get('a');",
];

fn install(directory: &Path) {
    let npm = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--silent", "--prefix"])
        .arg(directory)
        .arg("typescript@5")
        .output();
    let done =
        npm.expect("this test needs `npm`, which fetches TypeScript: `.ci/deps test` installs it");
    assert!(
        done.status.success(),
        "npm: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

struct Project<'a> {
    tools: &'a Path,
    directory: tempfile::TempDir,
}

impl<'a> Project<'a> {
    fn new(tools: &'a Path, policy: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("plugin");
        let lazaret = |arguments: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_lazaret"));
            let done = command
                .args(arguments)
                .current_dir(directory.path())
                .output()
                .unwrap();
            assert!(
                done.status.success(),
                "{}",
                String::from_utf8_lossy(&done.stderr)
            );
            done.stdout
        };
        lazaret(&["new", "plugin", "--typescript"]);
        fs_err::write(path.join("plugin.yaml"), MANIFEST).unwrap();
        fs_err::write(path.join("policy.yaml"), policy).unwrap();
        fs_err::write(path.join("lazaret.d.ts"), lazaret(&["types", "plugin"])).unwrap();
        Self { tools, directory }
    }

    /// What TypeScript says of a main module.
    fn said(&self, main: &str) -> String {
        let path = self.directory.path().join("plugin");
        fs_err::write(path.join("main.ts"), main).unwrap();
        let tsc = self.tools.join("node_modules/typescript/bin/tsc");
        let done = Command::new("node")
            .arg(tsc)
            .arg("-p")
            .arg(&path)
            .output()
            .unwrap();
        let said = String::from_utf8(done.stdout).unwrap();
        assert_eq!(done.status.success(), said.is_empty(), "{said}");
        said
    }

    /// Several statements at once, each of which must be refused or none.
    fn each(&self, statements: &[&str], refused: bool) {
        let lines: Vec<String> = statements
            .iter()
            .map(|one| format!("{{ {one} }}"))
            .collect();
        let said = self.said(&format!("export {{}};\n{}\n", lines.join("\n")));
        for (line, statement) in (2..).zip(statements) {
            let told = said.contains(&format!("main.ts({line},"));
            assert_eq!(told, refused, "{statement}: {said}");
        }
        assert!(!said.contains("lazaret.d.ts"), "{said}");
    }
}

#[test]
fn what_is_granted_is_taken_and_what_is_not_is_refused() {
    let tools = tempfile::tempdir().unwrap();
    install(tools.path());
    let granted = Project::new(tools.path(), POLICY);
    assert_eq!(granted.said(GRANTED), "");
    granted.each(&REFUSED, true);
    granted.each(&GIVEN, false);
    let nothing =
        "apiVersion: lazaret/v1\nkind: SecurityPolicy\npermissions: []\nkv: { size: 0B }\n";
    Project::new(tools.path(), nothing).each(&GIVEN, true);
    // A new plugin passes as it is, in either language.
    for language in ["--typescript", "--javascript"] {
        let directory = tempfile::tempdir().unwrap();
        let made = Command::new(env!("CARGO_BIN_EXE_lazaret"))
            .args(["new", "fresh", language])
            .current_dir(directory.path())
            .output();
        assert!(made.unwrap().status.success());
        let tsc = tools.path().join("node_modules/typescript/bin/tsc");
        let done = Command::new("node")
            .arg(tsc)
            .arg("-p")
            .arg(directory.path().join("fresh"))
            .output();
        assert_eq!(String::from_utf8(done.unwrap().stdout).unwrap(), "");
    }
}
