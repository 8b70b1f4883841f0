//! The section `violations` as people write it.

use lazaret_policy::{
    ActReaction, EffectivePolicy, LimitReaction, SecurityLevel, SecurityPolicy, Severity,
};

const HEAD: &str = "apiVersion: lazaret/v1\nkind: SecurityPolicy\n";

fn effective(level: SecurityLevel, body: &str) -> EffectivePolicy {
    let policy = SecurityPolicy::parse("policy.yaml", &format!("{HEAD}{body}"))
        .unwrap_or_else(|problems| panic!("{problems}"));
    EffectivePolicy::of(level).layer(&policy)
}

fn refusal(body: &str) -> String {
    SecurityPolicy::parse("policy.yaml", &format!("{HEAD}{body}"))
        .expect_err(body)
        .to_string()
}

#[test]
fn every_key_is_taken_with_its_origin() {
    let policy = effective(
        SecurityLevel::Standard,
        "violations:\n  syscall: { severity: critical, reaction: quarantine }\n  \
         permission: { severity: high, reaction: kill }\n  \
         network: { severity: low, reaction: deny }\n  \
         memory: { severity: high, reaction: kill }\n  \
         pids: { severity: critical, reaction: quarantine }\n  \
         cpu: { severity: medium, reaction: log }\n",
    );
    let violations = policy.violations();
    assert_eq!(violations.syscall.severity.value, Severity::Critical);
    assert_eq!(violations.syscall.reaction.value, ActReaction::Quarantine);
    assert_eq!(
        violations.syscall.reaction.origin.to_string(),
        "policy.yaml:4:44"
    );
    assert_eq!(violations.permission.reaction.value, ActReaction::Kill);
    assert_eq!(violations.network.severity.value, Severity::Low);
    assert_eq!(violations.memory.reaction.value, LimitReaction::Kill);
    assert_eq!(violations.pids.reaction.value, LimitReaction::Quarantine);
    assert_eq!(violations.cpu.severity.value, Severity::Medium);
}

#[test]
fn what_a_file_does_not_name_is_the_levels() {
    let policy = effective(
        SecurityLevel::Minimal,
        "level: minimal\nviolations: { syscall: { severity: critical }, cpu: {} }\n",
    );
    let level = EffectivePolicy::of(SecurityLevel::Minimal);
    let (found, below) = (policy.violations(), level.violations());
    assert_eq!(found.syscall.severity.value, Severity::Critical);
    assert_eq!(found.syscall.reaction, below.syscall.reaction);
    assert_eq!(found.cpu, below.cpu);
    assert_eq!(found.syscall.reaction.origin.to_string(), "`minimal` level");
}

#[test]
fn mistakes_are_named_with_what_to_write_instead() {
    let cases = [
        (
            "violations: { syscall: { reaction: log } }",
            "3:36: `violations.syscall.reaction`: `log` is for what a limit holds; an act outside \
             the policy is always recorded and never let go on\n  hint: use `deny` to record and \
             refuse it, or `kill` or `quarantine`",
        ),
        (
            "violations: { network: { reaction: log } }",
            "`violations.network.reaction`: `log` is for what a limit holds",
        ),
        (
            "violations: { pids: { reaction: deny } }",
            "3:33: `violations.pids.reaction`: `deny` is for acts; there is nothing to refuse \
             where the kernel holds a limit already\n  hint: use `log` to record it, or `kill` or \
             `quarantine`",
        ),
        (
            "violations: { syscall: { reaction: allow } }",
            "`allow` is no reaction to a refused act\n  hint: use `deny`, `kill` or `quarantine`",
        ),
        (
            "violations: { memory: { reaction: quarantined } }",
            "`quarantined` is no reaction to an event at a limit\n  hint: did you mean `quarantine`?",
        ),
        (
            "violations: { cpu: { severity: hgih } }",
            "`hgih` is no severity\n  hint: did you mean `high`?",
        ),
        (
            "violations: { sycall: { reaction: kill } }",
            "unknown key `sycall` in `violations`\n  hint: did you mean `syscall`?",
        ),
        (
            "violations: { cpu: { action: kill } }",
            "unknown key `action` in `violations.cpu`",
        ),
        (
            "violations: { cpu: kill }",
            "`violations.cpu` is `kill`\n  hint: write a map of keys and values",
        ),
        ("violations: [ kill ]", "`violations` is a list"),
        ("violations:", "`violations` has no value"),
        (
            "violations: { cpu: { reaction: log }, cpu: { reaction: kill } }",
            "key `cpu` is given twice",
        ),
        ("violation: {}", "did you mean `violations`?"),
    ];
    for (body, expected) in cases {
        let report = refusal(body);
        assert!(report.contains(expected), "{body}\n{report}");
    }
}
