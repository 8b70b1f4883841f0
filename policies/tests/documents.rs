//! Policies as people write them: what is taken, and what is refused with which words.

use lazaret_policy::{
    ByteSize, EffectivePolicy, EngineChoice, LoadError, Origin, Permission, Protocol, Requirement,
    ResourceKey, SecurityLevel, SecurityPolicy,
};

const HEAD: &str = "apiVersion: lazaret/v1\nkind: SecurityPolicy\n";

fn parse(body: &str) -> SecurityPolicy {
    SecurityPolicy::parse("policy.yaml", &format!("{HEAD}{body}"))
        .unwrap_or_else(|problems| panic!("{problems}"))
}

fn refusal(body: &str) -> String {
    let text = format!("{HEAD}{body}");
    SecurityPolicy::parse("policy.yaml", &text)
        .expect_err(body)
        .to_string()
}

fn act(text: &str) -> Permission {
    text.parse().expect(text)
}

const EVERYTHING: &str = r#"level: maximum
permissions:
  - file:read:/srv/data
  - { permission: "env:read:TZ", reason: "shows local times" }
resources:
  memory: { max: 96MiB, high: 48MiB }
  cpu: { max: 150%, weight: 10 }
  pids: { max: 8 }
  files: { open: 32 }
  tmp: { size: 1MiB }
  output: { log: 2KiB, line: 256B, result: 64KiB }
  time: { startup: 2s, call: 250ms, cpu_per_call: 1m }
network:
  endpoints:
    - { host: api.example.com, port: 443, protocol: https, reason: "the forecast" }
    - { host: db.internal, port: 5432, protocol: tcp }
    - { host: plain.example, port: 8443 }
runtime: { engine: v8 }
requirements: { memory.high: best_effort, cpu.max: required }
"#;

#[test]
fn a_policy_with_every_key_sets_every_value_and_its_origin() {
    let policy = parse(EVERYTHING);
    let effective = EffectivePolicy::of(policy.level()).layer(&policy);
    let file = |line, column| Origin::File {
        name: "policy.yaml".into(),
        line,
        column,
    };

    assert_eq!(effective.source(), Some("policy.yaml"));
    assert_eq!(effective.level().value, SecurityLevel::Maximum);
    assert_eq!(effective.level().origin, file(3, 8));
    let resources = effective.resources();
    assert_eq!(resources.memory.max.value, ByteSize::from_mib(96));
    assert_eq!(resources.memory.max.origin, file(8, 18));
    assert_eq!(resources.memory.max.origin.to_string(), "policy.yaml:8:18");
    assert_eq!(
        resources.memory.high.as_ref().map(|high| high.value),
        Some(ByteSize::from_mib(48))
    );
    assert_eq!(resources.cpu.max.value.percent(), 150);
    assert_eq!(resources.cpu.weight.value.get(), 10);
    assert_eq!(resources.pids.max.value, 8);
    assert_eq!(resources.files.open.value, 32);
    assert_eq!(resources.tmp.size.value, ByteSize::from_mib(1));
    assert_eq!(resources.output.log.value, ByteSize::from_kib(2));
    assert_eq!(resources.output.line.value, ByteSize::from_bytes(256));
    assert_eq!(resources.output.result.value, ByteSize::from_kib(64));
    assert_eq!(resources.time.startup.value.millis(), 2000);
    assert_eq!(resources.time.call.value.millis(), 250);
    assert_eq!(resources.time.cpu_per_call.value.millis(), 60_000);
    assert_eq!(effective.engine().value, EngineChoice::V8);
    assert_eq!(
        effective.permissions()[1].reason.as_deref(),
        Some("shows local times")
    );
    let protocols: Vec<Protocol> = effective
        .endpoints()
        .iter()
        .map(|allowed| allowed.endpoint.protocol)
        .collect();
    assert_eq!(protocols, [Protocol::Https, Protocol::Tcp, Protocol::Https]);
    assert_eq!(
        effective.requirements().of(ResourceKey::MemoryHigh),
        Requirement::BestEffort
    );
    assert_eq!(
        effective.requirements().of(ResourceKey::CpuMax),
        Requirement::Required
    );
    assert_eq!(
        effective.requirements().of(ResourceKey::PidsMax),
        Requirement::Required
    );
}

#[test]
fn a_policy_that_says_nothing_is_the_standard_level() {
    let effective = EffectivePolicy::of(SecurityLevel::default()).layer(&parse(""));
    let standard = EffectivePolicy::of(SecurityLevel::Standard);
    assert_eq!(effective.resources(), standard.resources());
    assert_eq!(
        effective.resources().memory.max.origin.to_string(),
        "`standard` level"
    );
    assert!(effective.permissions().is_empty() && effective.endpoints().is_empty());
    assert_eq!(standard.source(), None);
}

#[test]
fn only_what_a_policy_names_is_granted() {
    let effective = EffectivePolicy::of(SecurityLevel::Standard).layer(&parse(EVERYTHING));
    let granted = |text| {
        effective
            .grants(&act(text))
            .map(|granted| granted.origin.to_string())
    };
    assert_eq!(
        granted("file:read:/srv/data/a").as_deref(),
        Some("policy.yaml:5:5")
    );
    assert_eq!(
        granted("network:connect:db.internal:5432").as_deref(),
        Some("policy.yaml:18:15")
    );
    assert_eq!(
        granted("network:read:api.example.com").as_deref(),
        Some("policy.yaml:17:15")
    );
    for denied in [
        "file:read:/srv",
        "file:read:/etc/shadow",
        "file:write:/srv/data/a",
        "network:read:db.internal",
        "network:connect:db.internal:5433",
        "network:connect:api.example.com:80",
        "env:read:HOME",
        "exec:run:jq",
        "message:send:other",
    ] {
        assert_eq!(granted(denied), None, "{denied}");
    }
}

#[test]
fn a_file_stands_on_the_level_it_states() {
    let stated = parse("level: maximum\n");
    let effective = EffectivePolicy::of(SecurityLevel::Minimal).layer(&stated);
    assert_eq!(
        effective.resources(),
        EffectivePolicy::of(SecurityLevel::Maximum).resources()
    );
    let silent = EffectivePolicy::of(SecurityLevel::Maximum).layer(&parse(""));
    assert_eq!(silent.level().value, SecurityLevel::Maximum);
}

#[test]
fn the_soft_memory_limit_never_ends_up_above_the_hard_one() {
    let high = parse("resources: { memory: { high: 60MiB } }\n");
    let effective = EffectivePolicy::of(SecurityLevel::Maximum).layer(&high);
    let memory = &effective.resources().memory;
    assert_eq!(memory.max.value, ByteSize::from_mib(48));
    assert_eq!(
        memory.high.as_ref().map(|high| high.value),
        Some(ByteSize::from_mib(48))
    );
}

#[test]
fn a_later_file_overrides_what_it_names_and_keeps_the_rest() {
    let first =
        parse("permissions: [ 'file:read:/a', 'env:read:TZ' ]\nresources: { pids: { max: 9 } }\n");
    let second = SecurityPolicy::parse(
        "second.yaml",
        &format!("{HEAD}permissions: [ 'env:read:TZ' ]\n"),
    )
    .expect("valid");
    let effective = EffectivePolicy::of(SecurityLevel::Standard)
        .layer(&first)
        .layer(&second);
    let origins: Vec<String> = effective
        .permissions()
        .iter()
        .map(|granted| granted.origin.to_string())
        .collect();
    assert_eq!(origins, ["policy.yaml:3:16", "second.yaml:3:16"]);
    assert_eq!(effective.resources().pids.max.value, 9);
}

#[test]
fn good_bodies_are_taken() {
    for body in [
        "permissions: []\n",
        "resources: {}\n",
        "permissions:\n  - \"file:read:/a\"\n  - permission: file:write:/a\n",
        "requirements: {}\n",
        "requirements: { landlock: best_effort, memory.high: required }\n",
        "resources:\n  memory:\n    max: 24MiB\n    high: 24MiB\n",
        "resources: { memory: { max: 64GiB } }\n",
        "resources: { pids: { max: 8 }, files: { open: 32 }, cpu: { max: 1%, weight: 10000 } }\n",
        "resources: { time: { startup: 1ms, call: 1440m } }\n",
        "resources: { output: { result: 4MiB } }\n",
        "network: { endpoints: [] }\n",
        "runtime: {}\n",
        "# a comment\n---\n",
    ] {
        if body.contains("---") {
            let text = format!("{body}{HEAD}");
            SecurityPolicy::parse("p", &text).expect("a leading `---` is one document");
        } else {
            parse(body);
        }
    }
}

#[test]
fn bad_bodies_are_refused_with_place_and_reason() {
    let cases = [
        (
            "levle: standard",
            "3:1: unknown key `levle`\n  hint: did you mean `level`?",
        ),
        (
            "memory: { max: 64MiB }",
            "3:1: unknown key `memory`\n  hint: `memory` belongs under `resources`",
        ),
        (
            "level: strict",
            "3:8: `level`: `strict` is no level\n  hint: use `minimal`, `standard` or `maximum`",
        ),
        ("level:", "3:6: `level` has no value"),
        (
            "level: [standard]",
            "3:8: `level` is a list\n  hint: write one value",
        ),
        (
            "kind: SecurityPolicy",
            "3:1: key `kind` is given twice, first on line 2",
        ),
        ("resources:", "`resources` has no value"),
        (
            "resources: 64MiB",
            "3:12: `resources` is `64MiB`\n  hint: write a map of keys and values",
        ),
        (
            "resources: { memory: 64MiB }",
            "3:22: `resources.memory` is `64MiB`",
        ),
        (
            "resources: { memory: { max: 64 } }",
            "3:29: `resources.memory.max`: `64` has no unit",
        ),
        (
            "resources: { memory: { swap: 1MiB } }",
            "unknown key `swap` in `resources.memory`",
        ),
        (
            "resources: { memory: { max: 23MiB } }",
            "`23MiB` is below the least allowed `24MiB`",
        ),
        (
            "resources: { memory: { max: 65GiB } }",
            "`65GiB` is above the most allowed `64GiB`",
        ),
        (
            "resources: { memory: { max: 32MiB, high: 33MiB } }",
            "`33MiB` is above `memory.max`, `32MiB` (policy.yaml:3:29)",
        ),
        (
            "resources: { memory: { high: 65MiB } }",
            "`65MiB` is above `memory.max`, `64MiB` (`standard` level)",
        ),
        (
            "resources: { cpu: { max: 0% } }",
            "`0%` is below the least allowed `1%`",
        ),
        (
            "resources: { cpu: { weight: 0 } }",
            "`0` is below the least allowed `1`",
        ),
        (
            "resources: { cpu: { weight: 10001 } }",
            "`10001` is above the most allowed `10000`",
        ),
        (
            "resources: { pids: { max: 7 } }",
            "`7` is below the least allowed `8`",
        ),
        (
            "resources: { pids: { max: 4097 } }",
            "`4097` is above the most allowed `4096`",
        ),
        (
            "resources: { pids: { max: '8' } }",
            "a number in quotes is text",
        ),
        (
            "resources: { pids: { max: 1e3 } }",
            "`1e3` is no whole number",
        ),
        (
            "resources: { files: { open: 31 } }",
            "`31` is below the least allowed `32`",
        ),
        (
            "resources: { files: { open: 65537 } }",
            "`65537` is above the most allowed `65536`",
        ),
        (
            "resources: { tmp: { size: 0B } }",
            "`0B` is below the least allowed `4KiB`",
        ),
        (
            "resources: { output: { result: 5MiB } }",
            "`5MiB` is above the most allowed `4MiB`",
        ),
        (
            "resources: { time: { call: 0ms } }",
            "`0ms` is below the least allowed `1ms`",
        ),
        (
            "resources: { time: { call: 1441m } }",
            "`1441m` is above the most allowed `1440m`",
        ),
        (
            "resources: { time: { call: 1h } }",
            "`h` is no unit of time",
        ),
        (
            "permissions: file:read:/a",
            "`permissions` is `file:read:/a`\n  hint: write a list",
        ),
        ("permissions: [ [] ]", "`permissions[]` is a list"),
        (
            "permissions:\n  - file:read: /a",
            "4:5: `file:read` is a key here, because a space follows its last colon",
        ),
        (
            "permissions: [ { reason: x } ]",
            "`permissions[].permission` is missing",
        ),
        (
            "permissions: [ { permission: 'env:read:A', reason: '' } ]",
            "`reason`: says nothing",
        ),
        (
            "permissions: [ { permission: 'env:read:A', reason: \"\\e[2J\" } ]",
            "`reason`: has control characters",
        ),
        (
            "permissions: [ 'env:read:A', 'env:read:A' ]",
            "3:30: `env:read:A` is given twice, first on line 3",
        ),
        (
            "network: { endpoints: [ { host: a.example } ] }",
            "`network.endpoints[].port` is missing",
        ),
        (
            "network: { endpoints: [ { host: a.example, port: 0 } ] }",
            "`0` is no port",
        ),
        (
            "network: { endpoints: [ { host: '*.example', port: 443 } ] }",
            "host `*.example` reaches too far: names below `example` belong to many owners",
        ),
        (
            "network: { endpoints: [ { host: *.example, port: 443 } ] }",
            "hint: put a value that begins with `*` or `&` in quotes",
        ),
        (
            "network: { endpoints: [ { host: a.example, port: 443, protocol: htpps } ] }",
            "did you mean `https`?",
        ),
        (
            "runtime: { engine: quickj }",
            "hint: did you mean `quickjs`?",
        ),
        (
            "runtime: { jit: off }",
            "unknown key `jit` in `runtime`\n  hint: known here: `engine`, `flags` or `modules`",
        ),
        (
            "requirements: { memory.hihg: best_effort }",
            "did you mean `memory.high`?",
        ),
        (
            "requirements: { memory.high: maybe }",
            "`maybe` is no requirement",
        ),
        (
            "requirements: { memory: { high: best_effort } }",
            "`requirements` takes paths of keys, and `memory` holds a map",
        ),
        ("level: &a standard", "anchors (`&name`) are not allowed"),
        ("level: !!str standard", "tags (`!name`) are not allowed"),
        ("<<: { level: standard }", "unknown key `<<`"),
        ("level: {", "not valid YAML"),
        ("\tlevel: standard", "not valid YAML"),
        ("---\nlevel: standard", "a second document begins here"),
    ];
    for (body, expected) in cases {
        let report = refusal(body);
        assert!(report.contains(expected), "{body}\n{report}");
    }
}

#[test]
fn what_is_no_policy_at_all_is_refused() {
    let report = |text: &str| {
        SecurityPolicy::parse("p", text)
            .expect_err(text)
            .to_string()
    };
    assert!(report("").contains("p:1:1: the file is empty"));
    assert!(report("just words").contains("the file is `just words`"));
    assert!(report("- a\n").contains("the file is a list"));
    let missing = report("level: standard\n");
    assert!(
        missing.contains("`apiVersion` is missing") && missing.contains("`kind` is missing"),
        "{missing}"
    );
    let later = report("apiVersion: lazaret/v2\nkind: Policy\n");
    assert!(
        later.contains("p:1:13: `apiVersion` is `lazaret/v2`, and only `lazaret/v1` is known"),
        "{later}"
    );
    assert!(later.contains("p:2:7: `kind` is `Policy`"), "{later}");
}

#[test]
fn files_are_loaded_with_their_name_and_bad_bytes_with_their_place() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("policy.yaml");

    let missing = SecurityPolicy::load(&path).expect_err("no file");
    assert!(
        matches!(&missing, LoadError::Read(_)) && missing.to_string().contains("policy.yaml"),
        "{missing}"
    );

    fs_err::write(&path, format!("{HEAD}level: maximum\n")).expect("written");
    let policy = SecurityPolicy::load(&path).expect("valid");
    assert_eq!(
        (policy.name(), policy.level()),
        (path.to_str().expect("text"), SecurityLevel::Maximum)
    );

    let mut bytes = HEAD.as_bytes().to_vec();
    bytes.extend_from_slice("# é \u{fe}".as_bytes());
    bytes.push(0xff);
    fs_err::write(&path, &bytes).expect("written");
    let report = SecurityPolicy::load(&path)
        .expect_err("not UTF-8")
        .to_string();
    assert!(
        report.contains("policy.yaml:3:6: a byte here is not UTF-8"),
        "{report}"
    );

    fs_err::write(&path, "#".repeat(1100 * 1024)).expect("written");
    let report = SecurityPolicy::load(&path)
        .expect_err("too large")
        .to_string();
    assert!(
        report.contains("above the most allowed 1048576 bytes"),
        "{report}"
    );
}

#[test]
fn a_thousand_endpoints_are_no_burden() {
    let mut body = "network:\n  endpoints:\n".to_owned();
    for number in 0..1000 {
        body.push_str(&format!(
            "    - {{ host: h{number}.example.com, port: 443, protocol: https, reason: needed }}\n"
        ));
    }
    assert_eq!(parse(&body).endpoints().len(), 1000);
}
