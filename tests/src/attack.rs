//! The hostile collection: what an attack is, and the table of all of them in the threat model.

use std::fmt;

/// What an attack is aimed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Reading, writing and filling what is not the plugin's.
    Files,
    /// Reaching anybody at all.
    Network,
    /// Making, ending and looking into processes.
    Processes,
    /// Parts of the kernel that no plugin has any business with.
    Kernel,
    /// Taking memory and time through the language.
    Memory,
    /// The channel between shim and engine.
    Protocol,
    /// The shim's own JavaScript and its bridge to the plugin's.
    Internals,
}

impl Subject {
    /// In the order of the table.
    pub const ALL: [Self; 7] = [
        Self::Files,
        Self::Network,
        Self::Processes,
        Self::Kernel,
        Self::Memory,
        Self::Protocol,
        Self::Internals,
    ];
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Files => "files",
            Self::Network => "network",
            Self::Processes => "processes",
            Self::Kernel => "kernel",
            Self::Memory => "memory",
            Self::Protocol => "protocol",
            Self::Internals => "internals",
        })
    }
}

/// What stands in the way of an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// What the first system call filter refuses, most of it named to the engine.
    FirstFilter,
    /// What the shim's own filter refuses from before plugin code is read.
    SecondFilter,
    /// Process, network, IPC, host name and cgroup namespaces.
    Namespaces,
    /// A mount namespace with a read-only root, nothing of the host's in it, masked paths.
    Mounts,
    /// Ids that are nobody on the host, and no power outside of the container.
    UserNamespace,
    /// No capability in any set, and none to be gained.
    NoPrivileges,
    /// Paths, ports and scopes by Landlock.
    Landlock,
    /// Memory that is no file its owner could open.
    ClosedMemory,
    /// Limits on memory, processes and processor time.
    Cgroup,
    /// Limits on one process: files, file sizes, core dumps, priorities.
    Rlimits,
    /// The size and the number of files that `/tmp` may hold.
    TmpSize,
    /// What the kernel refuses anybody, or anybody without privileges, in every container.
    Kernel,
    /// Globals are an allow-list, and no op can be reached but through them.
    Language,
    /// Ops look at the plugin's permissions.
    Permissions,
    /// Modules are the plugin's own files.
    ModuleLoader,
    /// The JavaScript engine's own limits on heap and stack.
    EngineLimits,
    /// The shim's clocks, which end a call.
    ShimClocks,
    /// The engine's clocks, which end a plugin.
    EngineClocks,
    /// The engine believes no frame: sizes, order and budgets are checked.
    ChannelBounds,
    /// What is shown to people is shown without what a terminal would act upon.
    Escaping,
}

impl fmt::Display for Layer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::FirstFilter => "first filter",
            Self::SecondFilter => "second filter",
            Self::Namespaces => "namespaces",
            Self::Mounts => "mounts",
            Self::UserNamespace => "user namespace",
            Self::NoPrivileges => "no capabilities, no_new_privs",
            Self::Landlock => "Landlock",
            Self::ClosedMemory => "closed memory",
            Self::Cgroup => "cgroup limits",
            Self::Rlimits => "rlimits",
            Self::TmpSize => "size of /tmp",
            Self::Kernel => "the kernel's own checks",
            Self::Language => "language surface",
            Self::Permissions => "permissions of ops",
            Self::ModuleLoader => "module loader",
            Self::EngineLimits => "JavaScript engine's limits",
            Self::ShimClocks => "shim's clocks",
            Self::EngineClocks => "engine's clocks",
            Self::ChannelBounds => "bounds on the channel",
            Self::Escaping => "escaping",
        })
    }
}

/// What holds where the first layer does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Second {
    /// Another layer.
    Layer(Layer),
    /// None, and why.
    Nothing(&'static str),
}

impl fmt::Display for Second {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layer(layer) => layer.fmt(formatter),
            Self::Nothing(reason) => write!(formatter, "none: {reason}"),
        }
    }
}

/// One attack. `Try` is how its half of the collection tries things.
#[derive(Clone, Debug)]
pub struct Attack<Try> {
    /// What the table says of it.
    pub about: About,
    /// The attack itself.
    pub attempt: Try,
    /// The nearest thing that is allowed, and must work.
    pub twin: Try,
}

/// What the table says of an attack.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// What it is aimed at.
    pub subject: Subject,
    /// A few words, unique in the collection.
    pub name: &'static str,
    /// What it tries, as one sentence without a full stop.
    pub tries: &'static str,
    /// The layer that stops it in a whole container.
    pub stopped_by: Layer,
    /// The layer that stops it with the first one switched off.
    pub second: Second,
}

const BEGIN: &str = "<!-- attacks: begin -->";
const END: &str = "<!-- attacks: end -->";

/// The table of a collection, by subject.
pub fn table(attacks: &[About]) -> String {
    let mut table = String::from(
        "| aimed at | attack | what it tries | stopped by | and without that, by |\n\
         | --- | --- | --- | --- | --- |\n",
    );
    for subject in Subject::ALL {
        for attack in attacks.iter().filter(|attack| attack.subject == subject) {
            let About {
                name,
                tries,
                stopped_by,
                second,
                ..
            } = attack;
            table += &format!("| {subject} | {name} | {tries} | {stopped_by} | {second} |\n");
        }
    }
    table
}

/// A document with a table in the place of the one that it has.
///
/// # Errors
/// Where the two lines that enclose it are not there.
pub fn with_table(document: &str, table: &str) -> anyhow::Result<String> {
    let enclosed = document
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let Some((before, after)) = enclosed else {
        anyhow::bail!("no lines `{BEGIN}` and `{END}`");
    };
    Ok(format!("{before}{BEGIN}\n\n{table}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_takes_the_place_of_the_one_before() {
        let attack = About {
            subject: Subject::Kernel,
            name: "mount",
            tries: "mounts over /tmp",
            stopped_by: Layer::FirstFilter,
            second: Second::Nothing("it is one of a kind"),
        };
        let document = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let written = with_table(&document, &table(&[attack])).unwrap();
        assert!(written.contains("| kernel | mount | mounts over /tmp | first filter | none: it"));
        assert!(written.starts_with("before\n") && written.ends_with("\nafter\n"));
        assert!(!written.contains("old"));
        assert_eq!(with_table(&written, &table(&[attack])).unwrap(), written);
        assert!(with_table("no place", "").is_err());
    }
}
