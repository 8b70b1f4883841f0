use crate::effective::EffectivePolicy;
use crate::level::SecurityLevel;

/// What the value of a key looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A whole number and `B`, `KiB`, `MiB` or `GiB`: `64MiB`.
    Size,
    /// A whole number and `ms`, `s` or `m`: `30s`.
    Time,
    /// A whole number of percent of one CPU: `50%`.
    Share,
    /// A whole number, without quotes.
    Count,
    /// One of these words.
    Word(&'static [&'static str]),
}

/// A key of the language, described.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Described {
    /// From the top, as `resources.memory.max`.
    pub path: &'static str,
    /// What its value looks like.
    pub shape: Shape,
    /// What it is for, in a sentence or two.
    pub text: &'static str,
    /// A value it may have.
    pub example: &'static str,
}

const SEVERITY: Shape = Shape::Word(&["low", "medium", "high", "critical"]);
const ACT: Shape = Shape::Word(&["deny", "kill", "quarantine"]);
const LIMIT: Shape = Shape::Word(&["log", "kill", "quarantine"]);
const HOW_GRAVE: &str = "How grave they are, for whoever reads the records.";
const AFTER_AN_ACT: &str = "What follows. The act itself is refused in any case: `deny` goes on, `kill` ends the plugin, `quarantine` ends it \
     and does not start it again.";
const AFTER_A_LIMIT: &str = "What follows. The limit holds in any case: `log` goes on, `kill` ends the plugin, `quarantine` ends it and does \
     not start it again.";

macro_rules! keys {
    ($($path:literal $shape:expr, $example:literal: $text:expr;)*) => {
        &[$(Described { path: $path, shape: $shape, example: $example, text: $text }),*]
    };
}

/// Every key with a single value, in the order of the language. Grants, `extends` and `requirements` have forms of their
/// own.
pub const KEYS: &[Described] = keys! {
    "level" Shape::Word(&["minimal", "standard", "maximum"]), "standard":
        "How strictly a plugin is isolated before the file says more: a key the file leaves out has the level's value. \
         `minimal` is the loosest, `maximum` is for plugins nobody has read.";
    "resources.memory.max" Shape::Size, "64MiB":
        "The most memory of all the plugin's processes together, files in `/tmp` included; there is no swap. Above it the \
         plugin is ended.";
    "resources.memory.high" Shape::Size, "48MiB":
        "Above this the plugin is slowed down, at most `memory.max`. Needs cgroup version 2.";
    "resources.cpu.max" Shape::Share, "50%":
        "The most CPU time for time, `100%` being one CPU.";
    "resources.cpu.weight" Shape::Count, "100":
        "The share against others where all want to run; 100 is usual.";
    "resources.pids.max" Shape::Count, "32":
        "The most processes and threads at a time.";
    "resources.files.open" Shape::Count, "256":
        "The most open files of a process.";
    "resources.tmp.size" Shape::Size, "16MiB":
        "The size of `/tmp`, which is in memory and counts as such.";
    "resources.output.log" Shape::Size, "64KiB":
        "The most log bytes a second; further lines are dropped and counted.";
    "resources.output.line" Shape::Size, "8KiB":
        "The longest log line; a longer one is cut.";
    "resources.output.result" Shape::Size, "1MiB":
        "The largest result of a call.";
    "resources.time.startup" Shape::Time, "10s":
        "How long a plugin may take until it is ready.";
    "resources.time.call" Shape::Time, "30s":
        "How long a call may take.";
    "resources.time.cpu_per_call" Shape::Time, "5s":
        "How long a call may compute; waiting does not count.";
    "runtime.engine" Shape::Word(&["quickjs", "v8", "auto"]), "quickjs":
        "The JavaScript engine: `quickjs` is small and needs no executable memory, `v8` is for plugins that compute, \
         `auto` is what is installed.";
    "violations.syscall.severity" SEVERITY, "high": HOW_GRAVE;
    "violations.syscall.reaction" ACT, "kill": AFTER_AN_ACT;
    "violations.permission.severity" SEVERITY, "medium": HOW_GRAVE;
    "violations.permission.reaction" ACT, "deny": AFTER_AN_ACT;
    "violations.network.severity" SEVERITY, "medium": HOW_GRAVE;
    "violations.network.reaction" ACT, "deny": AFTER_AN_ACT;
    "violations.memory.severity" SEVERITY, "medium": HOW_GRAVE;
    "violations.memory.reaction" LIMIT, "log": AFTER_A_LIMIT;
    "violations.pids.severity" SEVERITY, "medium": HOW_GRAVE;
    "violations.pids.reaction" LIMIT, "log": AFTER_A_LIMIT;
    "violations.cpu.severity" SEVERITY, "low": HOW_GRAVE;
    "violations.cpu.reaction" LIMIT, "log": AFTER_A_LIMIT;
};

impl Described {
    /// What a level says, as a policy would.
    #[must_use]
    pub fn at(&self, level: SecurityLevel) -> Option<String> {
        let policy = EffectivePolicy::of(level);
        let key = policy.keys().into_iter().find(|key| key.path == self.path);
        key.map(|key| key.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::SecurityPolicy;
    use crate::resource_key::ResourceKey;

    /// `a.b.c` and a value as a policy with this key alone.
    fn document(path: &str, value: &str) -> String {
        let depth = path.matches('.').count();
        let open = path.replace('.', ": {");
        let close = "}".repeat(depth);
        format!("apiVersion: lazaret/v1\nkind: SecurityPolicy\n{open}: {value}{close}\n")
    }

    #[test]
    fn every_key_there_is_is_described_and_no_other() {
        let described: Vec<&str> = KEYS.iter().map(|key| key.path).collect();
        let mut there: Vec<String> = EffectivePolicy::of(SecurityLevel::Standard)
            .keys()
            .into_iter()
            .map(|key| key.path)
            .filter(|path| !path.starts_with("requirements."))
            .collect();
        // The only one that no level names.
        there.insert(2, format!("resources.{}", ResourceKey::MemoryHigh));
        assert_eq!(described, there);
    }

    #[test]
    fn every_example_and_every_word_is_taken() {
        for key in KEYS {
            let words = match key.shape {
                Shape::Word(words) => words,
                _ => &[key.example],
            };
            assert!(words.contains(&key.example), "{}", key.path);
            for word in words {
                let text = document(key.path, word);
                let read = SecurityPolicy::parse("p", &text);
                assert!(read.is_ok(), "{text}: {read:?}");
            }
        }
    }
}
