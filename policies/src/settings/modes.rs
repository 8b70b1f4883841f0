use crate::breadth::measured;
use crate::fields::Written;
use crate::permission::Permission;
use crate::problem::Invalid;
use crate::settings::section::section;
use crate::word::words;

words! {
    /// What becomes of an act of a section that no grant covers; a later one is wider.
    Mode, "mode" {
        /// It is refused.
        Enforce = "enforce",
        /// What `observe` covers goes on and is recorded as a violation; the rest is refused.
        Audit = "audit",
        /// What `observe` covers goes on and is counted; the rest is refused.
        Learn = "learn",
    }
}

measured! {
    Mode: |mode| u64::from(*mode as u8);
}

section! {
    /// The mode of every section that has one.
    Modes, ModeOverrides {
        /// Hosts.
        network: Mode = "network.mode", one, Most, Live, mode;
        /// Files.
        filesystem: Mode = "filesystem.mode", one, Most, Live, mode;
        /// Programs.
        exec: Mode = "exec.mode", one, Most, Live, mode;
        /// The host's environment.
        env: Mode = "env.mode", one, Most, Live, mode;
        /// Messages to other plugins.
        messaging: Mode = "messaging.mode", one, Most, Live, mode;
        /// Windows of a display.
        window: Mode = "window.mode", one, Most, Live, mode;
        /// System calls: `learn` counts the groups that are used, and lets nothing on that is not allowed.
        syscalls: Mode = "syscalls.mode", one, Most, Recreate, syscall_mode;
    }
}

fn mode(written: &Written) -> Result<Mode, Invalid> {
    written.text.parse()
}

fn syscall_mode(written: &Written) -> Result<Mode, Invalid> {
    match written.text.parse()? {
        Mode::Audit => Err(Invalid::new(
            "`audit` would let a forbidden system call go on, which no mode does",
        )
        .hint("use `learn` to count the groups that are used, or `enforce`")),
        mode => Ok(mode),
    }
}

impl Modes {
    /// The mode of the section an act belongs to.
    #[must_use]
    pub fn of(&self, act: &Permission) -> Mode {
        self.setting(act.section()).1.value
    }

    /// Path and mode of a section whose acts may be observed.
    pub(crate) fn setting(
        &self,
        section: Section,
    ) -> (&'static str, &crate::origin::Setting<Mode>) {
        match section {
            Section::Network => ("network.mode", &self.network),
            Section::Filesystem => ("filesystem.mode", &self.filesystem),
            Section::Exec => ("exec.mode", &self.exec),
            Section::Env => ("env.mode", &self.env),
            Section::Messaging => ("messaging.mode", &self.messaging),
            Section::Window => ("window.mode", &self.window),
        }
    }

    pub(crate) fn setting_mut(&mut self, section: Section) -> &mut crate::origin::Setting<Mode> {
        match section {
            Section::Network => &mut self.network,
            Section::Filesystem => &mut self.filesystem,
            Section::Exec => &mut self.exec,
            Section::Env => &mut self.env,
            Section::Messaging => &mut self.messaging,
            Section::Window => &mut self.window,
        }
    }
}

impl ModeOverrides {
    pub(crate) fn of(&self, section: Section) -> Option<&crate::origin::Setting<Mode>> {
        match section {
            Section::Network => self.network.as_ref(),
            Section::Filesystem => self.filesystem.as_ref(),
            Section::Exec => self.exec.as_ref(),
            Section::Env => self.env.as_ref(),
            Section::Messaging => self.messaging.as_ref(),
            Section::Window => self.window.as_ref(),
        }
    }
}

words! {
    /// A section whose acts may be observed.
    Section, "section" {
        /// `network`
        Network = "network",
        /// `filesystem`
        Filesystem = "filesystem",
        /// `exec`
        Exec = "exec",
        /// `env`
        Env = "env",
        /// `messaging`
        Messaging = "messaging",
        /// `window`
        Window = "window",
    }
}
