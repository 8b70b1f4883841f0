//! The policies of the three levels.

use std::fmt::Debug;

use lazaret_policy::{EffectivePolicy, EngineChoice, Resources, SecurityLevel, SecurityPolicy};

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
        assert_eq!(effective.requirements().iter().count(), 0);
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
            .filter(|line| !line.starts_with(['#', 'a', 'k', 'l']))
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
