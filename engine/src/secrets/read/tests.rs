use std::os::unix::fs::PermissionsExt;

use lazaret_policy::{SecurityLevel, SecurityPolicy};

use super::*;

const SEEN: &str =
    "network: { endpoints: [ { host: api.example.com, port: 443, tls: broker } ] }\n";

fn policy(body: &str) -> EffectivePolicy {
    let text = format!("apiVersion: lazaret/v1\nkind: SecurityPolicy\n{body}");
    let policy = SecurityPolicy::parse("p.yaml", &text).unwrap();
    EffectivePolicy::of(SecurityLevel::Standard).layer(&policy)
}

/// A policy with one secret, read from there.
fn one(from: &str, more: &str) -> EffectivePolicy {
    policy(&format!(
        "secrets: [ {{ name: key, hosts: [ api.example.com ], from: {{ {from} }}{more} }} ]\n{SEEN}"
    ))
}

fn environment(name: &str) -> Option<OsString> {
    (name == "API_KEY").then(|| OsString::from("s3cr3t"))
}

fn failure(policy: &EffectivePolicy) -> SecretError {
    let Err(error) = Secrets::read(policy, environment) else {
        panic!("it was read");
    };
    error
}

#[test]
fn a_secret_is_handed_out_as_a_placeholder_and_an_exposed_one_as_it_is() {
    let secrets = Secrets::read(&one("env: API_KEY", ""), environment).unwrap();
    let [handout] = &secrets.handouts[..] else {
        panic!("one is handed out");
    };
    assert_eq!(handout.value.reveal(), "s3cr3t");
    assert_eq!(handout.hosts.to_string(), "api.example.com");
    let [given] = &secrets.given()[..] else {
        panic!("one is given");
    };
    assert_eq!(
        (given.name.as_str(), &given.value),
        ("key", &handout.placeholder)
    );
    let shown = format!("{handout:?} {given:?}");
    assert!(!shown.contains("s3cr3t"), "{shown}");

    let secrets = Secrets::read(&one("env: API_KEY", ", expose: true"), environment).unwrap();
    assert!(secrets.handouts.is_empty());
    let [given] = &secrets.given()[..] else {
        panic!("one is given");
    };
    assert_eq!(
        (given.name.as_str(), given.value.as_str()),
        ("key", "s3cr3t")
    );
    assert!(!format!("{given:?}").contains("s3cr3t"));
}

#[test]
fn each_start_has_placeholders_of_its_own() {
    let policy = one("env: API_KEY", "");
    let placeholder = || {
        let secrets = Secrets::read(&policy, environment).unwrap();
        secrets.handouts[0].placeholder.clone()
    };
    assert_ne!(placeholder(), placeholder());
}

#[test]
fn a_variable_that_is_not_set_is_named() {
    let error = failure(&one("env: OTHER", "")).to_string();
    let told = "secret `key` (p.yaml:3:20): the variable `OTHER` is not in the engine's environment\n  hint: ";
    assert!(error.starts_with(told), "{error}");
}

#[test]
fn a_file_is_read_where_it_is_one_that_only_its_owner_writes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    let from = format!("file: {}", path.display());
    let mode = |mode: u32| fs_err::set_permissions(&path, PermissionsExt::from_mode(mode));

    assert!(matches!(
        failure(&one(&from, "")),
        SecretError::Unreadable { .. }
    ));
    fs_err::write(&path, "s3cr3t\n").unwrap();
    mode(0o400).unwrap();
    let secrets = Secrets::read(&one(&from, ""), environment).unwrap();
    assert_eq!(secrets.handouts[0].value.reveal(), "s3cr3t");
    // A link to it is one as well: so do credentials of services lie.
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let linked = format!("file: {}", link.display());
    Secrets::read(&one(&linked, ""), environment).unwrap();

    for (bits, others) in [(0o620, true), (0o602, true), (0o644, false)] {
        mode(bits).unwrap();
        let read = Secrets::read(&one(&from, ""), environment);
        assert_eq!(read.is_err(), others, "{bits:o}");
    }
    mode(0o620).unwrap();
    let error = failure(&one(&from, "")).to_string();
    assert!(
        error.contains("(mode 0620)\n  hint: `chmod go-w "),
        "{error}"
    );

    fs_err::remove_file(&path).unwrap();
    // Would wait for ever for who writes it.
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    assert!(matches!(
        failure(&one(&from, "")),
        SecretError::NoFile { .. }
    ));
}

#[test]
fn what_cannot_be_put_into_a_request_is_refused_without_being_shown() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    let from = format!("file: {}", path.display());
    let long = "s3cr3t".repeat(20_000);
    for (text, why) in [
        ("", "is empty"),
        (
            "s3cr3t\nmore",
            "has a byte, number 7, that is no visible ASCII character",
        ),
        (long.as_str(), "has 65536 bytes, more than 8192"),
    ] {
        fs_err::write(&path, text).unwrap();
        let error = failure(&one(&from, "")).to_string();
        assert!(error.contains(why), "{error}");
        assert!(!error.contains("s3cr3t"), "{error}");
        assert!(
            error.starts_with("secret `key` (p.yaml:3:20): what is in file "),
            "{error}"
        );
    }
    fs_err::write(&path, "s3cr3t\nmore\n").unwrap();
    let secrets = Secrets::read(&one(&from, ", expose: true"), environment).unwrap();
    assert_eq!(secrets.given()[0].value, "s3cr3t\nmore");
}

#[test]
fn a_secret_that_the_policy_does_not_keep_is_not_even_read() {
    let unset = "secrets: [ { name: key, hosts: [ api.example.com ], from: { env: OTHER } } ]\n";
    let error = failure(&policy(unset));
    assert!(matches!(error, SecretError::Misplaced(_)), "{error}");
}
