//! What holds for any input whatever.

use lazaret_policy::{
    ByteSize, CpuShare, EffectivePolicy, Host, Permission, SecurityPolicy, TimeLimit,
};
use proptest::prelude::*;

/// Keys of the language; anything else in a key's place must be refused.
const KEYS: [&str; 34] = [
    "apiVersion",
    "kind",
    "level",
    "permissions",
    "permission",
    "reason",
    "resources",
    "memory",
    "max",
    "high",
    "cpu",
    "weight",
    "pids",
    "files",
    "open",
    "tmp",
    "size",
    "output",
    "log",
    "line",
    "result",
    "time",
    "network",
    "endpoints",
    "host",
    "port",
    "protocol",
    "runtime",
    "engine",
    "requirements",
    "violations",
    "syscall",
    "severity",
    "reaction",
];

/// Scraps of policies, so that random documents get past the first line.
fn scrap() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("apiVersion: lazaret/v1\nkind: SecurityPolicy\n".to_owned()),
        prop::sample::select(&KEYS[..]).prop_map(|key| format!("{key}: ")),
        prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ", ",
            "\n",
            "  ",
            "- ",
            "&a ",
            "*a",
            "!!str ",
            "'",
            "\"",
            "|\n",
            "---\n",
            "? ",
            ": ",
            "# ",
            "\u{feff}",
            "\t",
            "%YAML 1.2\n",
            "...\n",
            "64MiB",
            "50%",
            "10s",
            "standard",
            "quarantine",
            "file:read:/a",
            "443",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ]
}

/// A valid document with one more key, at any level, that the language does not have.
fn with_unknown_key() -> impl Strategy<Value = String> {
    let sections = [
        ("", ""),
        ("resources: {", "}\n"),
        ("resources: { memory: { max: 64MiB, ", "} }\n"),
        ("resources: { time: {", "} }\n"),
        ("network: {", "}\n"),
        (
            "network: { endpoints: [ { host: a.example, port: 443, ",
            "} ] }\n",
        ),
        ("permissions: [ { permission: 'env:read:TZ', ", "} ]\n"),
        ("runtime: {", "}\n"),
        ("requirements: {", "}\n"),
    ];
    let name = "[a-zA-Z_.][a-zA-Z0-9_.-]{0,12}".prop_filter("a key of the language", |name| {
        !KEYS.contains(&name.as_str())
    });
    let known = |name: &String| {
        let mut sections = lazaret_policy::KEYS
            .iter()
            .map(|key| key.path.split('.').next());
        name.contains('.')
            || sections.any(|section| section == Some(name.as_str()))
            || ["requirements", "startup", "call", "cpu_per_call"].contains(&name.as_str())
    };
    let name = name.prop_filter("a path or key of the language", move |name| !known(name));
    (
        prop::sample::select(sections.to_vec()),
        name,
        "[a-z0-9]{1,8}",
    )
        .prop_map(|((before, after), name, value)| {
            format!(
                "apiVersion: lazaret/v1\nkind: SecurityPolicy\n{before}{name}: {value}{after}\n"
            )
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_documents_never_panic_and_pass_only_with_a_head(parts in prop::collection::vec(scrap(), 0..24)) {
        let text = parts.concat();
        if let Ok(policy) = SecurityPolicy::parse("p", &text) {
            prop_assert!(text.contains("lazaret/v1"));
            let _ = EffectivePolicy::of(policy.level()).layer(&policy);
        }
    }

    #[test]
    fn problems_point_into_the_file_and_stay_on_their_lines(parts in prop::collection::vec(scrap(), 0..24)) {
        let text = parts.concat();
        if let Err(problems) = SecurityPolicy::parse("p", &text) {
            prop_assert!(!problems.problems.is_empty());
            for problem in &problems.problems {
                prop_assert!(problem.line >= 1 && problem.column >= 1);
                prop_assert!(!problem.message.chars().any(char::is_control), "{:?}", problem.message);
                prop_assert!(!problem.hint.iter().any(|hint| hint.chars().any(char::is_control)));
            }
        }
    }

    #[test]
    fn random_bytes_are_refused_and_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs_err::write(file.path(), &bytes).expect("written");
        prop_assert!(SecurityPolicy::load(file.path()).is_err());
    }

    #[test]
    fn an_unknown_key_never_passes(text in with_unknown_key()) {
        let report = SecurityPolicy::parse("p", &text).expect_err(&text).to_string();
        // `nan`, `true` and the like are no words to YAML.
        let said = ["unknown key `", "is no key of a policy", "a key must be a word"];
        prop_assert!(said.iter().any(|words| report.contains(words)), "{}\n{}", text, report);
    }

    #[test]
    fn units_read_back_as_they_are_shown(number in any::<u64>()) {
        prop_assert_eq!(ByteSize::from_bytes(number).to_string().parse(), Ok(ByteSize::from_bytes(number)));
        prop_assert_eq!(TimeLimit::from_millis(number).to_string().parse(), Ok(TimeLimit::from_millis(number)));
        prop_assert_eq!(CpuShare::from_percent(number).to_string().parse(), Ok(CpuShare::from_percent(number)));
    }

    #[test]
    fn permissions_read_back_as_they_are_shown(
        text in "(network:read|network:connect|file:read|file:write|exec:run|env:read|message:send|window:(list|focus|move|close)):[/a-zA-Z0-9.:_ -]{0,24}",
    ) {
        if let Ok(permission) = text.parse::<Permission>() {
            prop_assert_eq!(permission.to_string(), text);
            prop_assert!(permission.covers(&permission));
        }
    }

    #[test]
    fn hosts_are_lower_case_names_or_refused(text in any::<String>()) {
        if let Ok(host) = text.parse::<Host>() {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
            prop_assert!(host.as_str().bytes().all(plain));
        }
    }
}
