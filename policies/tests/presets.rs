//! The policies of the three levels.

use std::fmt::Debug;

use lazaret_policy::{
    ActReaction, EffectivePolicy, EngineChoice, Handling, LimitReaction, Requirement,
    RequirementKey, Resources, SecurityLevel, SecurityPolicy, Severity, Violations,
};

const TEXTS: [(SecurityLevel, &str); 3] = [
    (
        SecurityLevel::Minimal,
        include_str!("../presets/minimal.yaml"),
    ),
    (
        SecurityLevel::Standard,
        include_str!("../presets/standard.yaml"),
    ),
    (
        SecurityLevel::Maximum,
        include_str!("../presets/maximum.yaml"),
    ),
];

#[test]
fn each_level_is_complete_states_itself_and_grants_nothing() {
    for (level, text) in TEXTS {
        let written =
            SecurityPolicy::parse("preset", text).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(
            written.stated_level().map(|stated| stated.value),
            Some(level)
        );
        let effective = EffectivePolicy::of(level);
        assert_eq!(effective.level().value, level);
        assert_eq!(effective.source(), None);
        assert!(effective.permissions().is_empty() && effective.endpoints().is_empty());
        assert_eq!(effective.requirements().iter().count(), 1);
        assert_eq!(effective.engine().value, EngineChoice::QuickJs);
        assert!(
            effective.resources().memory.high.is_none(),
            "cgroup v1 hosts cannot hold memory.high"
        );
        assert_eq!(
            effective.resources().memory.max.origin.to_string(),
            format!("`{level}` level")
        );
    }
}

#[test]
fn every_line_with_a_value_has_its_reason() {
    for (level, text) in TEXTS {
        for line in text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with(['#', 'a', 'k', 'l']))
        {
            let is_section = line.ends_with(':');
            assert!(is_section || line.contains("  # "), "{level}: {line}");
        }
    }
}

#[test]
fn a_stricter_level_is_nowhere_looser() {
    fn at_most<T: PartialOrd + Debug>(stricter: T, looser: T) {
        assert!(stricter <= looser, "{stricter:?} is above {looser:?}");
    }
    for pair in SecurityLevel::ALL.windows(2) {
        let (loose, strict) = (EffectivePolicy::of(pair[0]), EffectivePolicy::of(pair[1]));
        let Resources {
            memory,
            cpu,
            pids,
            files,
            tmp,
            output,
            time,
        } = strict.resources();
        let loose = loose.resources();
        at_most(memory.max.value, loose.memory.max.value);
        at_most(cpu.max.value, loose.cpu.max.value);
        at_most(cpu.weight.value, loose.cpu.weight.value);
        at_most(pids.max.value, loose.pids.max.value);
        at_most(files.open.value, loose.files.open.value);
        at_most(tmp.size.value, loose.tmp.size.value);
        at_most(output.log.value, loose.output.log.value);
        at_most(output.line.value, loose.output.line.value);
        at_most(output.result.value, loose.output.result.value);
        at_most(time.startup.value, loose.time.startup.value);
        at_most(time.call.value, loose.time.call.value);
        at_most(time.cpu_per_call.value, loose.time.cpu_per_call.value);
    }
}

#[test]
fn a_stricter_level_widens_no_key_at_all() {
    for pair in SecurityLevel::ALL.windows(2) {
        let (loose, strict) = (EffectivePolicy::of(pair[0]), EffectivePolicy::of(pair[1]));
        let wider: Vec<_> = loose
            .differences(&strict)
            .into_iter()
            .filter(|one| one.widens)
            .collect();
        assert_eq!(wider, []);
    }
}

#[test]
fn a_stricter_level_takes_no_violation_lighter() {
    fn at_least<R: PartialOrd + Debug>(stricter: &Handling<R>, looser: &Handling<R>) {
        assert!(stricter.severity.value >= looser.severity.value);
        assert!(stricter.reaction.value >= looser.reaction.value);
    }
    for pair in SecurityLevel::ALL.windows(2) {
        let (loose, strict) = (EffectivePolicy::of(pair[0]), EffectivePolicy::of(pair[1]));
        let Violations {
            syscall,
            permission,
            network,
            memory,
            pids,
            cpu,
        } = strict.violations();
        let loose = loose.violations();
        at_least(syscall, &loose.syscall);
        at_least(permission, &loose.permission);
        at_least(network, &loose.network);
        at_least(memory, &loose.memory);
        at_least(pids, &loose.pids);
        at_least(cpu, &loose.cpu);
    }
}

#[test]
fn a_forbidden_system_call_ends_every_plugin_but_those_of_the_loosest_level() {
    for (level, reaction) in [
        (SecurityLevel::Minimal, ActReaction::Deny),
        (SecurityLevel::Standard, ActReaction::Kill),
        (SecurityLevel::Maximum, ActReaction::Kill),
    ] {
        let policy = EffectivePolicy::of(level);
        let violations = policy.violations();
        assert_eq!(violations.syscall.reaction.value, reaction, "{level}");
        assert!(violations.syscall.severity.value >= Severity::High);
        assert_eq!(violations.permission.reaction.value, ActReaction::Deny);
        assert_eq!(violations.memory.reaction.value, LimitReaction::Log);
    }
}

#[test]
fn only_the_loosest_level_does_without_landlock() {
    for (level, requirement) in [
        (SecurityLevel::Minimal, Requirement::BestEffort),
        (SecurityLevel::Standard, Requirement::Required),
        (SecurityLevel::Maximum, Requirement::Required),
    ] {
        let policy = EffectivePolicy::of(level);
        let found = policy.requirements().of(RequirementKey::Landlock);
        assert_eq!(found, requirement, "{level}");
    }
}
