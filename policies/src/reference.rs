use crate::change::Change;
use crate::effective::EffectivePolicy;
use crate::level::SecurityLevel;

/// What the value of a key looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A whole number and `B`, `KiB`, `MiB` or `GiB`: `64MiB`.
    Size,
    /// A whole number and `ms`, `s` or `m`: `30s`.
    Time,
    /// A whole number and `h` or `d`: `30d`.
    Keep,
    /// A whole number of percent of one CPU: `50%`.
    Share,
    /// A whole number, without quotes, from this one on.
    Count(u32),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of some of these words.
    Words(&'static [&'static str]),
    /// A name.
    Name,
    /// `:` and the number of a display, or `none`.
    Display,
    /// A path, or `none`.
    Path,
    /// A list of names, `*` in them standing for any run of characters.
    Names,
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

const MODE: Shape = Shape::Word(&["enforce", "audit", "learn"]);
const MODE_TEXT: &str = "What becomes of an act that no grant covers: `enforce` refuses it; `audit` and `learn` let through what `observe` \
     covers, and record it as a violation or count it.";
const GROUPS: Shape = Shape::Words(&[
    "children",
    "descriptors",
    "directory-changes",
    "file-attributes",
    "file-copies",
    "file-locks",
    "file-sizes",
    "file-sync",
    "inotify",
    "machine-facts",
    "memory-locks",
    "page-cache",
    "pipes",
    "positioned-io",
    "scheduling",
    "signals",
    "sockets",
    "timers",
    "waiting",
]);

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
    "resources.cpu.weight" Shape::Count(1), "100":
        "The share against others where all want to run; 100 is usual.";
    "resources.pids.max" Shape::Count(1), "32":
        "The most processes and threads at a time.";
    "resources.files.open" Shape::Count(1), "256":
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
    "runtime.flags" Shape::Words(&["jitless"]), "jitless":
        "What the engine is told; each takes something away. `jitless`: V8 interprets and needs no executable memory.";
    "runtime.modules.files" Shape::Count(1), "1000":
        "The most files of the plugin's directory, which is copied before the plugin starts.";
    "runtime.modules.size" Shape::Size, "16MiB":
        "The most bytes of the plugin's directory.";
    "network.mode" MODE, "enforce": MODE_TEXT;
    "network.limits.connections" Shape::Count(1), "64":
        "The most connections at a time.";
    "network.limits.connects" Shape::Count(1), "100":
        "The most new connections a second.";
    "network.limits.sent" Shape::Size, "64MiB":
        "The most bytes sent in a plugin's life.";
    "network.limits.received" Shape::Size, "256MiB":
        "The most bytes received in a plugin's life.";
    "network.limits.bandwidth" Shape::Size, "16MiB":
        "The most bytes a second, both ways together.";
    "filesystem.mode" MODE, "enforce": MODE_TEXT;
    "filesystem.ignore" Shape::Names, "*.pem":
        "Names of files and directories that do not exist for the plugin below any grant.";
    "filesystem.sizes.read" Shape::Size, "8MiB":
        "The most bytes of one read.";
    "filesystem.sizes.write" Shape::Size, "8MiB":
        "The most bytes of one write.";
    "exec.mode" MODE, "enforce": MODE_TEXT;
    "env.mode" MODE, "enforce": MODE_TEXT;
    "messaging.mode" MODE, "enforce": MODE_TEXT;
    "messaging.queue" Shape::Count(1), "100":
        "The most messages that wait for the plugin; further ones are refused.";
    "window.mode" MODE, "enforce": MODE_TEXT;
    "window.display" Shape::Display, ":0":
        "The X display, of this machine, whose windows `window:` permissions are about; `none` is no display.";
    "window.authority" Shape::Path, "/home/ada/.Xauthority":
        "The file with the display's key, as `xauth` writes it; `none` for a display that takes none. The engine reads it, \
         and the plugin never sees it.";
    "kv.size" Shape::Size, "16MiB":
        "The most bytes of all keys and values that the plugin keeps; `0B` is nothing, and `lazaret.kv` does not exist.";
    "kv.keys" Shape::Count(1), "10000":
        "The most keys.";
    "kv.value" Shape::Size, "64KiB":
        "The most bytes of one value.";
    "log.level" Shape::Word(&["debug", "info", "warn", "error"]), "info":
        "Lines of a lower level are dropped.";
    "syscalls.mode" Shape::Word(&["enforce", "learn"]), "enforce":
        "`learn` counts the optional groups that the plugin uses. Neither lets a call on that is not allowed.";
    "syscalls.level" Shape::Word(&["minimal", "standard", "maximum"]), "standard":
        "Whose filters hold; that of `level` where it is left out.";
    "syscalls.allow" GROUPS, "timers":
        "Groups of system calls that are allowed beyond the level's.";
    "syscalls.deny" GROUPS, "sockets":
        "Groups of system calls that are refused, whatever else allows them.";
    "health.interval" Shape::Time, "10s":
        "How often the plugin is asked how it is.";
    "health.timeout" Shape::Time, "2s":
        "How long its answer may take.";
    "health.failures" Shape::Count(1), "3":
        "So many failures in a row end the plugin.";
    "health.function" Shape::Name, "health":
        "Which function of the plugin is called to ask; `none` asks nothing.";
    "restart.on" Shape::Word(&["never", "failure", "always"]), "failure":
        "After which end a plugin is started again.";
    "restart.first" Shape::Time, "500ms":
        "The wait before the first start; each further wait is twice as long.";
    "restart.most" Shape::Time, "60s":
        "The longest wait.";
    "restart.attempts" Shape::Count(1), "5":
        "So many starts in a row that fail are the last.";
    "restart.stable" Shape::Time, "60s":
        "A plugin that runs this long is counted from nought again.";
    "quarantine.violations" Shape::Count(0), "10":
        "So many violations end the plugin and keep it from starting again; 0 is no bound.";
    "quarantine.errors" Shape::Count(0), "10":
        "So many failed calls end the plugin and keep it from starting again; 0 is no bound.";
    "quarantine.within" Shape::Time, "60s":
        "The span of time in which they are counted.";
    "audit.records" Shape::Words(&["calls", "violations", "lifecycle", "policy"]), "violations":
        "What is recorded to be kept.";
    "audit.keep" Shape::Keep, "30d":
        "How long it is kept.";
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

    /// What it takes for another value to hold.
    #[must_use]
    pub fn change(&self) -> Change {
        let policy = EffectivePolicy::of(SecurityLevel::default());
        let key = policy.keys().into_iter().find(|key| key.path == self.path);
        // The only key that no level names can be changed as memory can.
        key.map_or(Change::Live, |key| key.change)
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
                Shape::Word(words) | Shape::Words(words) => words,
                _ => &[key.example],
            };
            assert!(words.contains(&key.example), "{}", key.path);
            for word in words {
                let value = match key.shape {
                    Shape::Words(_) | Shape::Names => format!("[ '{word}' ]"),
                    _ => (*word).to_owned(),
                };
                let mut text = document(key.path, &value);
                // A mode that lets something through needs something to let through.
                if key.path.ends_with(".mode") && *word != "enforce" {
                    text.push_str(
                        "observe: [ 'network:read:a.example', 'file:read:/srv', 'exec:run:jq', 'env:read:TZ', 'message:send:a', 'window:list' ]\n",
                    );
                }
                let problems = match SecurityPolicy::parse("p", &text) {
                    Ok(_) => Vec::new(),
                    Err(problems) => problems.problems,
                };
                let of_observe =
                    |problem: &crate::Problem| problem.message.starts_with("`observe`");
                assert!(problems.iter().all(of_observe), "{text}: {problems:?}");
            }
        }
    }

    #[test]
    fn every_group_of_calls_is_described() {
        let Shape::Words(words) = GROUPS else {
            panic!("a list of words")
        };
        assert_eq!(
            words,
            crate::SyscallGroup::ALL.map(crate::SyscallGroup::as_str)
        );
    }
}
