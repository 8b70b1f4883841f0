//! That no value is left in a file when the engine crashes.

use std::io;

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, dumpable_behavior, getrlimit, set_dumpable_behavior,
    setrlimit,
};

/// Has the kernel write no image of this process's memory, whatever core(5) is set to do with one, and lets nobody but
/// root trace it (`PR_SET_DUMPABLE`, prctl(2)). What it starts has no core dumps either, and can be traced as ever. To
/// be called before any secret is read.
///
/// # Errors
/// Where the kernel does not do so.
pub fn keep_out_of_dumps() -> io::Result<()> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    match getrlimit(Resource::Core) == none && dumpable_behavior()? == DumpableBehavior::NotDumpable
    {
        true => Ok(()),
        false => Err(io::Error::other("the kernel says otherwise")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_keeps_out_of_dumps_has_none_and_still_reads_what_it_must_of_itself() {
        keep_out_of_dumps().unwrap();
        let limits = fs_err::read_to_string("/proc/self/limits").unwrap();
        let core = limits.lines().find(|line| line.contains("core file"));
        let words: Vec<_> = core.unwrap().split_whitespace().collect();
        assert_eq!(words[4..6], ["0", "0"]);
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        fs_err::read_dir("/proc/self/fd").unwrap();
        fs_err::read_link("/proc/self/ns/user").unwrap();
        // What it starts has no dumps either, and is nobody's but its owner's otherwise.
        let core = std::process::Command::new("sh")
            .args(["-c", "ulimit -Hc"])
            .output();
        assert_eq!(core.unwrap().stdout, b"0\n");
    }
}
