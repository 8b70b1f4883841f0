//! Policies written anew: nothing is lost, nothing is meant otherwise, and what is written is left as it is.

use lazaret_policy::{SecurityPolicy, format};
use proptest::prelude::*;

fn formatted(text: &str) -> String {
    format("p", text).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

/// All that a policy says, but for where it says it.
fn meaning(text: &str) -> String {
    let policy =
        SecurityPolicy::parse("p", text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    let without_numbers_after = |shown: &str, word: &str| -> String {
        let mut parts = shown.split(word);
        let first = parts.next().unwrap_or_default().to_owned();
        let digits = |c: char| c.is_ascii_digit();
        parts.fold(first, |out, part| {
            out + word + part.trim_start_matches(digits)
        })
    };
    let without_lines = without_numbers_after(&format!("{policy:?}"), "line: ");
    without_numbers_after(&without_lines, "column: ")
}

#[test]
fn a_policy_is_written_in_one_way() {
    let text = "# Reads the tables.\n\
        # Reviewed by the data team.\n\
        \n\
        kind: \"SecurityPolicy\"\n\
        apiVersion: 'lazaret/v1' # the language\n\
        # Only counts.\n\
        runtime: {engine:    'quickjs'}\n\
        resources: # what it takes\n\
        \u{20}   time:\n\
        \u{20}         call: 60s # people wait\n\
        \u{20}         startup: 5000ms\n\
        \u{20}   # what is left of it\n\
        \u{20}   memory: {max: 65536KiB,\n\
        \u{20}            high: \"48MiB\"}\n\
        \n\
        \n\
        permissions:\n\
        - 'file:read:/srv/data'\n\
        - {reason: 'shows: local times', permission: env:read:TZ}\n\
        # the long one\n\
        - permission: \"file:read:/srv/in\"\n\
        \u{20} reason: 'because it converts whatever is put there into the format that the next one in the chain reads, so it cannot do without'\n\
        # nothing more\n\
        level: maximum\n\
        # end\n";
    assert_eq!(
        formatted(text),
        "\
# Reads the tables.
# Reviewed by the data team.

apiVersion: lazaret/v1         # the language
kind: SecurityPolicy
# nothing more
level: maximum

permissions:
  - file:read:/srv/data
  - { permission: env:read:TZ, reason: \"shows: local times\" }
  # the long one
  - permission: file:read:/srv/in
    reason: >-
      because it converts whatever is put there into the format that the next one in the chain
      reads, so it cannot do without

resources:                     # what it takes
  # what is left of it
  memory: { max: 64MiB, high: 48MiB }
  time:
    startup: 5s
    call: 1m                   # people wait

# Only counts.
runtime: { engine: quickjs }
# end
"
    );
}

#[test]
fn what_is_wrong_is_refused_and_not_written() {
    let wrong = "apiVersion: lazaret/v1\nkind: SecurityPolicy\nlevle: standard\n";
    let report = format("p", wrong).expect_err("a wrong key").to_string();
    assert!(report.starts_with("p:3:1: unknown key `levle`"), "{report}");
}

/// Takes decisions from a tape, `0` when it is at its end.
struct Tape<'tape>(&'tape [u8], usize);

impl Tape<'_> {
    fn pick(&mut self, of: usize) -> usize {
        let byte = self.0.get(self.1).copied().unwrap_or(0);
        self.1 += 1;
        usize::from(byte) % of
    }
}

/// A value before somebody wrote it down.
enum Said {
    Value(&'static str),
    /// A value whose spelling is not for quotes.
    Number(&'static str),
    List(Vec<Said>),
    Map(Vec<(&'static str, Said)>),
}

/// Somebody's own way to write YAML, with comments everywhere they may be.
struct Scribe<'tape> {
    tape: Tape<'tape>,
    out: String,
    comments: Vec<String>,
}

impl Scribe<'_> {
    fn comment(&mut self) -> String {
        let text = format!(
            "#{} c{} 'x\" [",
            [" ", "", "!"][self.tape.pick(3)],
            self.comments.len()
        );
        self.comments.push(text.clone());
        text
    }

    /// What may stand between lines.
    fn between(&mut self, indent: usize) {
        for _ in 0..self.tape.pick(4).saturating_sub(1) {
            if self.tape.pick(2) == 0 {
                self.out.push_str(["\n", "   \n"][self.tape.pick(2)]);
            } else {
                let indent = [indent, indent + 2, indent + 5, 0][self.tape.pick(4)];
                let comment = self.comment();
                self.out.push_str(&format!("{:indent$}{comment}\n", ""));
            }
        }
    }

    fn line_end(&mut self) {
        if self.tape.pick(4) == 1 {
            let comment = self.comment();
            let space = [" ", "     "][self.tape.pick(2)];
            self.out.push_str(&format!("{space}{comment}"));
        }
        self.out.push_str(["\n", "\n", "\r\n"][self.tape.pick(3)]);
    }

    fn scalar(&mut self, text: &str, in_flow: bool) {
        let plain = !text.contains([',', '[', ']', '{', '}', '#', '"', '\'', '*'])
            && !text.contains(": ")
            && !text.ends_with(' ');
        let spelled = match self.tape.pick(3) {
            1 => format!("'{}'", text.replace('\'', "''")),
            2 => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
            _ if plain => text.to_owned(),
            _ if in_flow
                || text.contains(": ")
                || text.contains(['#', '"', '\'', '*', '[', '{']) =>
            {
                format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
            }
            _ => text.to_owned(),
        };
        self.out.push_str(&spelled);
    }

    fn flow(&mut self, said: &Said, indent: usize) {
        // Lines may break between brackets, and end in comments.
        let gap = |scribe: &mut Self| match scribe.tape.pick(6) {
            1 => {
                scribe.line_end();
                scribe.between(indent + 4);
                scribe.out.push_str(&" ".repeat(indent + 4));
            }
            _ => scribe.out.push(' '),
        };
        match said {
            Said::Value(text) => self.scalar(text, true),
            Said::Number(text) => self.out.push_str(text),
            Said::List(items) => {
                self.out.push('[');
                for item in items {
                    gap(self);
                    self.flow(item, indent + 4);
                    self.out.push(',');
                }
                gap(self);
                self.out.push(']');
            }
            Said::Map(entries) => {
                self.out.push('{');
                for (key, value) in entries {
                    gap(self);
                    self.out.push_str(&format!("{key}: "));
                    self.flow(value, indent + 4);
                    self.out.push(',');
                }
                gap(self);
                self.out.push('}');
            }
        }
    }

    /// What follows a key or dash, to the end of the line or lines.
    fn value(&mut self, said: &Said, indent: usize) {
        match said {
            Said::List(items) if !items.is_empty() && self.tape.pick(2) == 0 => {
                self.line_end();
                let indent = indent + self.tape.pick(3);
                for item in items {
                    self.between(indent);
                    self.out.push_str(&format!("{:indent$}-", ""));
                    match item {
                        Said::Map(entries) if !entries.is_empty() && self.tape.pick(2) == 0 => {
                            if self.tape.pick(4) == 1 {
                                self.line_end();
                                self.out.push_str(&" ".repeat(indent + 2));
                            } else {
                                self.out.push(' ');
                            }
                            self.block(entries, indent + 2, false);
                        }
                        other => {
                            self.out.push(' ');
                            self.flow(other, indent + 2);
                            self.line_end();
                        }
                    }
                }
            }
            Said::Map(entries) if !entries.is_empty() && self.tape.pick(2) == 0 => {
                self.line_end();
                let indent = indent + 1 + self.tape.pick(4);
                self.block(entries, indent, true);
            }
            Said::Value(text) if text.contains(' ') && self.tape.pick(3) == 1 => {
                self.out.push_str([" >-", " |-"][self.tape.pick(2)]);
                self.line_end();
                self.out.push_str(&format!("{:1$}{text}\n", "", indent + 8));
            }
            other => {
                self.out.push(' ');
                self.flow(other, indent + 2);
                self.line_end();
            }
        }
    }

    fn block(&mut self, entries: &[(&'static str, Said)], indent: usize, indent_first: bool) {
        for (index, (key, value)) in entries.iter().enumerate() {
            if index > 0 || indent_first {
                self.between(indent);
                self.out.push_str(&" ".repeat(indent));
            }
            self.out.push_str(&format!("{key}:"));
            self.value(value, indent);
        }
        self.between(indent);
    }
}

fn some<T>(tape: &mut Tape<'_>, all: Vec<T>) -> Vec<T> {
    let mut kept: Vec<T> = all.into_iter().filter(|_| tape.pick(3) > 0).collect();
    for index in (1..kept.len()).rev() {
        kept.swap(index, tape.pick(index + 1));
    }
    kept
}

const REASONS: [&str; 6] = [
    "short",
    "it's a: \"reason\" #1, with [all] {sorts} of *signs* & more",
    "true",
    "one that goes on for much longer than any line is allowed to be long, so that it has to be broken somewhere, and then goes on a little",
    "été 本 🚢",
    "12",
];

fn policy(tape: &mut Tape<'_>) -> Said {
    use Said::{List, Map, Number, Value};
    let reason = |tape: &mut Tape<'_>| ("reason", Value(REASONS[tape.pick(REASONS.len())]));
    let grants = [
        "file:read:/srv/a b",
        "env:read:TZ",
        "exec:run:jq",
        "file:write:/srv/[x]",
    ];
    let mut permissions = Vec::new();
    for grant in some(tape, grants.to_vec()) {
        permissions.push(match tape.pick(2) {
            0 => Value(grant),
            _ => Map(vec![reason(tape), ("permission", Value(grant))]),
        });
    }
    let mut endpoints = Vec::new();
    for host in some(tape, vec!["api.example.com", "db.internal"]) {
        endpoints.push(Map(vec![
            ("port", Number("443")),
            ("host", Value(host)),
            reason(tape),
            (
                "paths",
                List(vec![Value("/v1/*"), Value("/a"), Value("/b/c")]),
            ),
            ("methods", List(vec![Value("GET"), Value("HEAD")])),
        ]));
    }
    let filesystem = vec![
        ("ignore", List(vec![Value("*.pem"), Value(".git")])),
        (
            "write",
            List(vec![
                Value("/srv/out"),
                Map(vec![
                    ("size", Value("2048KiB")),
                    ("path", Value("/srv/more")),
                ]),
            ]),
        ),
        (
            "sizes",
            Map(vec![("write", Value("8MiB")), ("read", Value("1MiB"))]),
        ),
    ];
    let filesystem = some(tape, filesystem);
    let set = vec![
        ("ON", Value("on")),
        ("MODE", Value("batch: 1")),
        ("a_b", Value("true")),
    ];
    let set = some(tape, set);
    let resources = vec![
        (
            "time",
            Map(some(
                tape,
                vec![("call", Value("60000ms")), ("startup", Value("10s"))],
            )),
        ),
        (
            "memory",
            Map(some(
                tape,
                vec![("high", Value("32MiB")), ("max", Value("48MiB"))],
            )),
        ),
        ("pids", Map(vec![("max", Number("32"))])),
    ];
    let violations = vec![
        ("pids", Map(vec![("severity", Value("low"))])),
        (
            "syscall",
            Map(some(
                tape,
                vec![("reaction", Value("kill")), ("severity", Value("high"))],
            )),
        ),
    ];
    let mut sections = some(
        tape,
        vec![
            (
                "requirements",
                Map(vec![("memory.high", Value("best_effort"))]),
            ),
            ("violations", Map(violations)),
            ("runtime", Map(vec![("engine", Value("v8"))])),
            ("network", Map(vec![("endpoints", List(endpoints))])),
            ("filesystem", Map(filesystem)),
            ("env", Map(vec![("set", Map(set))])),
            ("permissions", List(permissions)),
            ("level", Value("maximum")),
        ],
    );
    let resources = some(tape, resources);
    sections.push(("resources", Map(resources)));
    sections.push(("apiVersion", Value("lazaret/v1")));
    sections.push(("kind", Value("SecurityPolicy")));
    let first = tape.pick(sections.len());
    sections.rotate_left(first);
    Map(sections)
}

/// A valid policy in somebody's hand, and its comments.
fn written(tape: &[u8]) -> (String, Vec<String>) {
    let mut tape = Tape(tape, 0);
    let said = policy(&mut tape);
    let mut scribe = Scribe {
        tape,
        out: String::new(),
        comments: Vec::new(),
    };
    if let Said::Map(entries) = &said {
        scribe.block(entries, 0, true);
    }
    (scribe.out, scribe.comments)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_policy_keeps_its_meaning_and_its_comments_and_is_then_left_as_it_is(
        tape in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let (text, comments) = written(&tape);
        let once = formatted(&text);
        prop_assert_eq!(meaning(&once), meaning(&text), "{}\n-- formatted:\n{}", text, once);
        prop_assert_eq!(formatted(&once), once.clone(), "{}\n-- formatted:\n{}", text, once);
        for comment in &comments {
            let found = once.lines().filter(|line| line.ends_with(comment)).count();
            prop_assert_eq!(found, 1, "{} in\n{}\n-- formatted:\n{}", comment, text, once);
        }
        for line in once.lines() {
            prop_assert!(!line.ends_with(' ') && !line.contains(['\t', '\r']), "{:?}", line);
        }
    }

    #[test]
    fn any_reason_is_written_so_that_it_reads_the_same(reason in any::<String>()) {
        let quoted: String = reason.chars().flat_map(|c| match c {
            '"' | '\\' => vec!['\\', c],
            _ if c.is_control() || c == '\u{feff}' || c == '\u{2028}' || c == '\u{2029}' => {
                format!("\\U{:08x}", u32::from(c)).chars().collect()
            }
            _ => vec![c],
        }).collect();
        let text = format!(
            "apiVersion: lazaret/v1\nkind: SecurityPolicy\npermissions:\n  - permission: env:read:TZ\n    reason: \"{quoted}\"\n"
        );
        if SecurityPolicy::parse("p", &text).is_ok() {
            let once = formatted(&text);
            prop_assert_eq!(meaning(&once), meaning(&text), "{}", once);
            prop_assert_eq!(formatted(&once), once);
        }
    }
}

/// Every policy file the project ships.
fn shipped() -> Vec<std::path::PathBuf> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for directory in ["presets", "examples"] {
        for entry in fs_err::read_dir(root.join(directory)).expect("a directory") {
            found.push(entry.expect("an entry").path());
        }
    }
    for plugin in fs_err::read_dir(root.join("../docs/examples")).expect("a directory") {
        found.push(plugin.expect("an entry").path().join("policy.yaml"));
    }
    found.retain(|path| path.exists());
    found
}

#[test]
fn the_policies_we_ship_are_valid_and_written_so() {
    let shipped = shipped();
    assert!(shipped.len() > 10, "{shipped:?}");
    for path in shipped {
        let name = path.to_string_lossy();
        SecurityPolicy::load(&path).unwrap_or_else(|error| panic!("{error}"));
        let text = fs_err::read_to_string(&path).expect("a policy");
        let formatted = format(&name, &text).unwrap_or_else(|problems| panic!("{problems}"));
        assert!(
            formatted == text,
            "`lazaret policy fmt` writes {name} otherwise:\n{formatted}"
        );
    }
}
