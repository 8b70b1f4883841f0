use std::collections::HashMap;
use std::sync::LazyLock;

use crate::manifest::{MOST_DEPENDENCIES, MOST_IMPORTS};
use crate::resource_key::ResourceKey;
use crate::settings::SettingOverrides;
use crate::violations::Violations;

/// What stands at a path of the language.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// One value.
    One,
    /// A list of at most so many single values.
    Words(usize),
    /// A list of entries.
    Entries(&'static Entries),
    /// A map of names that the writer chooses.
    Names(&'static Names),
    /// What is read elsewhere.
    Apart,
}

/// A list whose entries are maps.
#[derive(Debug)]
pub(crate) struct Entries {
    /// The key an entry that is one value stands for.
    pub(crate) main: Option<&'static str>,
    /// The keys of an entry; those of a map within it with a dot.
    pub(crate) leaves: &'static [Leaf],
    /// Keys that must be there.
    pub(crate) required: &'static [&'static str],
    /// Most entries.
    pub(crate) most: usize,
}

/// A map of names that the writer chooses, with one value each.
#[derive(Debug)]
pub(crate) struct Names {
    /// What its names are.
    pub(crate) what: &'static str,
    /// What to do where one of them holds a map.
    pub(crate) hint: &'static str,
    /// Most names.
    pub(crate) most: usize,
}

/// A path without further paths below it, and what stands there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leaf {
    pub(crate) path: &'static str,
    pub(crate) form: Form,
}

const fn one(path: &'static str) -> Leaf {
    let form = Form::One;
    Leaf { path, form }
}

const fn words(path: &'static str, most: usize) -> Leaf {
    let form = Form::Words(most);
    Leaf { path, form }
}

const fn entries(path: &'static str, entries: &'static Entries) -> Leaf {
    let form = Form::Entries(entries);
    Leaf { path, form }
}

const PERMISSIONS: Entries = Entries {
    main: Some("permission"),
    leaves: &[one("permission"), one("reason")],
    required: &["permission"],
    most: 2048,
};

const ENDPOINTS: Entries = Entries {
    main: None,
    leaves: &[
        one("host"),
        one("port"),
        one("protocol"),
        one("tls"),
        words("methods", 7),
        words("paths", 64),
        words("addresses", 6),
        one("reason"),
    ],
    required: &["host", "port"],
    most: 2048,
};

const READ: Entries = Entries {
    main: Some("path"),
    leaves: &[one("path"), one("reason")],
    required: &["path"],
    most: 256,
};

const WRITE: Entries = Entries {
    main: Some("path"),
    leaves: &[one("path"), one("size"), one("reason")],
    required: &["path"],
    most: 256,
};

const PROGRAMS: Entries = Entries {
    main: None,
    leaves: &[
        one("name"),
        one("rootfs"),
        one("path"),
        one("limits.memory"),
        one("limits.cpu"),
        one("limits.pids"),
        one("limits.time"),
        one("limits.input"),
        one("limits.output"),
        one("reason"),
    ],
    required: &["name", "rootfs", "path"],
    most: 64,
};

const ENV: Entries = Entries {
    main: Some("name"),
    leaves: &[one("name"), one("reason")],
    required: &["name"],
    most: 256,
};

const ENV_SET: Names = Names {
    what: "names of variables",
    hint: "give each name one value, such as `MODE: batch`",
    most: 64,
};

const SECRETS: Entries = Entries {
    main: None,
    leaves: &[
        one("name"),
        words("hosts", 64),
        one("from.env"),
        one("from.file"),
        one("expose"),
        one("reason"),
    ],
    required: &["name", "hosts"],
    most: 64,
};

const SEND: Entries = Entries {
    main: Some("plugin"),
    leaves: &[
        one("plugin"),
        words("types", 64),
        one("rate"),
        one("size"),
        one("reason"),
    ],
    required: &["plugin"],
    most: 256,
};

const RECEIVE: Entries = Entries {
    main: Some("plugin"),
    leaves: &[one("plugin"), words("types", 64), one("reason")],
    required: &["plugin"],
    most: 256,
};

const OBSERVE: Entries = Entries {
    main: Some("permission"),
    leaves: &[one("permission"), one("reason")],
    required: &["permission"],
    most: 256,
};

const REQUIREMENTS: Names = Names {
    what: "paths of keys",
    hint: "write the path as one key, such as `memory.high: best_effort`",
    most: 256,
};

/// Lists of what is granted: a floor that has one of them holds every grant.
pub(crate) const GRANTS: [&str; 9] = [
    "permissions",
    "network.endpoints",
    "filesystem.read",
    "filesystem.write",
    "exec.programs",
    "env.read",
    "secrets",
    "messaging.send",
    "messaging.receive",
];

const DEPENDENCIES: Names = Names {
    what: "plugins, each with the versions of it that will do",
    hint: "give each plugin one requirement, such as `ada/units: ^1.2`",
    most: MOST_DEPENDENCIES,
};

const IMPORTS: Names = Names {
    what: "names to import by, each with a path",
    hint: "give each name one path, such as `lodash: ./lib/lodash.js`",
    most: MOST_IMPORTS,
};

/// Every path of a `plugin.yaml`.
pub(crate) static MANIFEST: [Leaf; 12] = [
    one("apiVersion"),
    one("kind"),
    one("author"),
    one("package"),
    one("version"),
    one("entry"),
    one("description"),
    Leaf {
        path: "functions",
        form: Form::Apart,
    },
    entries("permissions", &PERMISSIONS),
    Leaf {
        path: "config",
        form: Form::Apart,
    },
    Leaf {
        path: "dependencies",
        form: Form::Names(&DEPENDENCIES),
    },
    Leaf {
        path: "imports",
        form: Form::Names(&IMPORTS),
    },
];

/// Every path of the language, in the order of its description.
pub(crate) static LEAVES: LazyLock<Vec<Leaf>> = LazyLock::new(|| {
    let mut leaves = ["apiVersion", "kind", "level", "extends"].map(one).to_vec();
    leaves.push(entries("permissions", &PERMISSIONS));
    leaves.extend(ResourceKey::PATHS.map(one));
    leaves.push(entries("network.endpoints", &ENDPOINTS));
    leaves.push(entries("filesystem.read", &READ));
    leaves.push(entries("filesystem.write", &WRITE));
    leaves.push(entries("exec.programs", &PROGRAMS));
    leaves.push(entries("env.read", &ENV));
    leaves.push(Leaf {
        path: "env.set",
        form: Form::Names(&ENV_SET),
    });
    leaves.push(entries("messaging.send", &SEND));
    leaves.push(entries("messaging.receive", &RECEIVE));
    leaves.extend(SettingOverrides::leaves());
    leaves.push(entries("secrets", &SECRETS));
    leaves.push(entries("observe", &OBSERVE));
    leaves.push(Leaf {
        path: "requirements",
        form: Form::Names(&REQUIREMENTS),
    });
    leaves.extend(Violations::PATHS.map(one));
    // Sections in their order, the mode of each first; within that as above.
    leaves.sort_by_cached_key(|leaf| {
        let section = leaf.path.split('.').next();
        let rank = SECTIONS.iter().position(|known| section == Some(known));
        (rank, !leaf.path.ends_with(".mode"))
    });
    leaves
});

/// The sections of a policy, in the order of the language's description.
const SECTIONS: [&str; 24] = [
    "apiVersion",
    "kind",
    "level",
    "extends",
    "permissions",
    "resources",
    "runtime",
    "network",
    "filesystem",
    "exec",
    "env",
    "secrets",
    "messaging",
    "window",
    "kv",
    "log",
    "syscalls",
    "health",
    "restart",
    "quarantine",
    "audit",
    "observe",
    "requirements",
    "violations",
];

/// Where a path, or the first part of one that its writer chose, stands in the order of the language.
pub(crate) fn position(path: &str) -> usize {
    static POSITIONS: LazyLock<HashMap<&'static str, usize>> = LazyLock::new(|| {
        let numbered = LEAVES.iter().enumerate();
        numbered.map(|(number, leaf)| (leaf.path, number)).collect()
    });
    let section = path.split('.').next().unwrap_or(path);
    let position = POSITIONS.get(path).or_else(|| POSITIONS.get(section));
    position.copied().unwrap_or(usize::MAX)
}
