//! The whole report of a policy with much wrong in it, as a user sees it.

use lazaret_policy::{EffectivePolicy, SecurityLevel, SecurityPolicy};

const BROKEN: &str = r#"apiVersion: lazaret/v2
kind: SecurityPolicy
levle: standard
level: paranoid
permissions:
  - file:read:/srv/../etc
  - file:raed:/srv
  - network:read:https://api.example.com
  - network:connect:api.example.com
  - file:read: /data
  - file:read:/proc/1/environ
  - { permission: "env:read:TZ", reson: "time zone" }
  - env:read:TZ
resources:
  memory: { max: 8MiB, high: 64MB }
  memory: { max: 64MiB }
  cpu: { max: 1.5%, weight: 0 }
  pids: { max: 100000 }
  tmp: 16MiB
  time: { call: 30, startup: &start 10s, cpu-per-call: *start }
  disk: { size: 1GiB }
network:
  endpoints:
    - { host: 10.0.0.1, port: 443 }
    - { host: "*.example.com", port: 443 }
    - { host: API.example.com, port: 70000, protocol: htps }
    - { port: 443 }
runtime: { engine: quick }
requirements: { memory.hihg: best_effort, memory.high: perhaps }
violations:
  syscall: { severity: grave, reaction: log }
  permission: kill
  memory: { severty: low, reaction: deny }
  network: { reaction: quarantined }
  seccomp: { reaction: kill }
"#;

#[test]
fn every_problem_is_told_at_once_with_its_place_and_what_to_do() {
    let problems = SecurityPolicy::parse("policy.yaml", BROKEN).expect_err("much is wrong");
    insta::assert_snapshot!(problems);
}

#[test]
fn an_effective_policy_is_written_as_json_with_the_origin_of_every_value() {
    let text = "apiVersion: lazaret/v1\nkind: SecurityPolicy\n\
        permissions: [ { permission: 'file:read:/data', reason: the cities } ]\n\
        resources: { memory: { max: 32MiB, high: 24MiB } }\n\
        network: { endpoints: [ { host: a.example, port: 443 } ] }\n\
        requirements: { memory.high: best_effort }\n";
    let policy = SecurityPolicy::parse("policy.yaml", text).expect("valid");
    insta::assert_json_snapshot!(EffectivePolicy::of(SecurityLevel::Standard).layer(&policy));
}
