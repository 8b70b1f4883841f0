use crate::breadth::measured;
use crate::fields::Written;
use crate::problem::Invalid;
use crate::range::{count, size};
use crate::settings::section::section;
use crate::units::ByteSize;
use crate::word::{Words, words};

words! {
    /// Which JavaScript engine runs a plugin.
    EngineChoice, "engine" {
        /// An interpreter: small, and it needs no executable memory.
        QuickJs = "quickjs",
        /// A compiler: fast, larger, and it writes machine code at run time.
        V8 = "v8",
        /// Whichever of the two the host prefers.
        Auto = "auto",
    }
}

measured! {
    // Anything but QuickJS needs memory that is both written and executed.
    EngineChoice: |engine| u64::from(*engine != EngineChoice::QuickJs);
}

words! {
    /// What an engine is told beyond its name; each takes something away.
    EngineFlag, "flag of an engine" {
        /// V8 interprets and never compiles: it needs no executable memory.
        Jitless = "jitless",
    }
}

section! {
    /// The section `runtime`.
    Runtime, RuntimeOverrides {
        /// Which JavaScript engine.
        engine: EngineChoice = "runtime.engine", one, Most, Recreate, engine;
        /// What it is told.
        flags: Words<EngineFlag> = "runtime.flags", many, Taking, Recreate, Words::read;
        /// Most files of the plugin's directory.
        module_files: u32 = "runtime.modules.files", one, Most, Restart, module_files;
        /// Most bytes of the plugin's directory.
        module_size: ByteSize = "runtime.modules.size", one, Most, Restart, module_size;
    }
}

fn engine(written: &Written) -> Result<EngineChoice, Invalid> {
    written.text.parse()
}

fn module_files(written: &Written) -> Result<u32, Invalid> {
    count(
        written,
        1..=100_000,
        "each is copied before the plugin starts",
    )
}

fn module_size(written: &Written) -> Result<ByteSize, Invalid> {
    let range = ByteSize::from_kib(1)..=ByteSize::from_mib(64);
    size(written, range, "it is copied before the plugin starts")
}
