//! How much memory of a process is resident, and the most that was.

use anyhow::Context;

/// By how much the engine may grow beside an attack, in bytes.
pub const MOST_GROWTH: u64 = 20_000_000;

/// The memory of this process, in which the engine runs, before something happens.
#[derive(Clone, Copy, Debug)]
pub struct Idle {
    /// What was resident, in bytes.
    pub bytes: u64,
}

impl Idle {
    /// Looks now, and has the kernel note the most from now on: nothing in between is missed.
    ///
    /// # Errors
    /// Where `/proc` does not tell.
    pub fn now() -> anyhow::Result<Self> {
        give_back_free_memory();
        // Anew with what is resident now (proc_pid_clear_refs(5)).
        fs_err::write("/proc/self/clear_refs", "5")?;
        Ok(Self {
            bytes: bytes("self", "VmRSS:")?,
        })
    }

    /// By how much more than that was resident at any time since, in bytes.
    ///
    /// # Errors
    /// Where `/proc` does not tell.
    pub fn growth(self) -> anyhow::Result<u64> {
        Ok(bytes("self", "VmHWM:")?.saturating_sub(self.bytes))
    }
}

/// What is resident of a process and no file's, in bytes.
///
/// # Errors
/// Where it is gone.
pub fn private(process: u32) -> anyhow::Result<u64> {
    bytes(&process.to_string(), "RssAnon:")
}

/// A line of proc_pid_status(5).
fn bytes(process: &str, line: &str) -> anyhow::Result<u64> {
    let text = fs_err::read_to_string(format!("/proc/{process}/status"))?;
    let mut lines = text.lines();
    let value = lines.find_map(|text| text.strip_prefix(line)?.trim().strip_suffix(" kB"));
    let value = value.with_context(|| format!("no line `{line}` with kB"))?;
    Ok(value.parse::<u64>()? * 1024)
}

/// Memory that was freed and kept for later would hide as much growth.
#[cfg(target_env = "gnu")]
pub fn give_back_free_memory() {
    #[expect(unsafe_code, reason = "there is no safe wrapper")]
    // SAFETY: takes a number and touches no memory in use (malloc_trim(3)).
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Memory that was freed and kept for later would hide as much growth.
#[cfg(not(target_env = "gnu"))]
pub fn give_back_free_memory() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_noticed_also_when_it_is_over() {
        let idle = Idle::now().unwrap();
        drop(std::hint::black_box(vec![1_u8; 30 << 20]));
        let grown = idle.growth().unwrap();
        assert!((29 << 20..40 << 20).contains(&grown), "{grown}");
    }
}
