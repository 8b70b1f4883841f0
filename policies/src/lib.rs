//! The SecurityPolicy language: read, checked and laid over a built-in level.
//!
//! ```text
//! text ─yaml→ tree ─document→ PolicyDocument ─policy→ SecurityPolicy ─effective→ EffectivePolicy
//! ```
//!
//! Everything is pure but [`SecurityPolicy::load`], which reads a file and those it extends. A policy with any problem is refused
//! as a whole, and all its problems are told at once ([`PolicyProblems`]).

/// How much the value of a key allows, and how a floor holds it.
mod breadth;
/// What it takes for a change to hold.
mod change;
/// From values as written to values the language allows.
mod check;
/// What an operator gives a plugin.
mod config;
/// What changes from one policy to another.
mod difference;
/// `PolicyDocument`: the keys and values as they were written, with their places.
mod document;
/// What holds for a plugin: a level with a policy file laid over it.
mod effective;
/// What a policy file stands on.
mod extends;
/// Maps of known keys, lists and single values taken out of the tree.
mod fields;
/// What an operator lets no policy go beyond, and what a plugin asks for itself.
mod floor;
/// Policy files written one way.
mod format;
/// What is granted, and grants as they compare with each other.
mod grants;
/// The keys of an effective policy, one by one.
mod keys;
/// Every path of the language, and what stands there.
mod layout;
/// The three built-in levels.
mod level;
/// Policy files read from disk.
mod load;
/// What a plugin says of itself.
mod manifest;
/// Secrets that a policy does not keep from its plugin, or leaves nowhere to go.
mod misplaced_secret;
/// Names of programs, environment variables and plugins.
mod name;
/// Hosts, and what may be spoken to them.
mod network;
/// Where a value came from, and values that carry it.
mod origin;
/// The limits one policy names, and the values each may take.
mod overrides;
/// Paths a file permission may name.
mod path;
/// Permission strings and which of them covers which.
mod permission;
/// What putting another policy in force takes.
mod plan;
/// `SecurityPolicy`: one file, checked.
mod policy;
/// The policies of the built-in levels.
mod preset;
/// Problems of a policy file and how they read.
mod problem;
/// Numbers, sizes and times within their bounds.
mod range;
/// The keys described, for the schema and the reference.
mod reference;
/// What a host must be able to hold.
mod requirements;
/// The keys under `resources`.
mod resource_key;
/// Limits on memory, CPU, processes, files, output and time.
mod resources;
/// The JSON Schema of policy files.
mod schema;
/// The lists of a policy in its schema.
mod schema_lists;
/// How much a policy exposes.
mod score;
/// An effective policy by its sections.
mod sections;
/// Sections of keys with a single value each.
mod settings;
/// Sizes, times and shares with their units.
mod units;
/// What is done about violations.
mod violations;
/// Closed sets of words, and lists of them.
mod word;
/// YAML events to a small tree with places, with everything a policy does not need refused.
mod yaml;

pub use change::Change;
pub use config::plugin_config;
pub use difference::{Difference, Side};
pub use effective::{Decision, EffectivePolicy};
pub use floor::{Cut, CutBy};
pub use format::format;
pub use grants::{
    EnvValue, MessageTerms, MessageType, Program, ProgramLimits, Receive, Secret, SecretName,
    SecretSource, Send, Types, Write,
};
pub use keys::Key;
pub use level::SecurityLevel;
pub use manifest::{
    Dependency, DepthCost, EntryPath, Example, FunctionName, Import, KeyOfManifest, MANIFEST_KEYS,
    ManifestName, PluginFunction, PluginManifest, SchemaCost, ValueSchema, manifest_schema,
    manifest_schema_text, schema_keywords,
};
pub use misplaced_secret::MisplacedSecret;
pub use name::{EnvName, PluginName, ProgramName, WindowClass};
pub use network::{
    AddressClass, AllowedEndpoint, Endpoint, Host, HostPattern, Method, Methods, PathPattern,
    Paths, Port, Protocol, TlsEnd,
};
pub use origin::{Granted, Origin, Setting};
pub use overrides::ResourceOverrides;
pub use path::GrantPath;
pub use permission::{Permission, WindowAct};
pub use plan::Plan;
pub use policy::{LoadError, SecurityPolicy};
pub use problem::{Invalid, PolicyProblems, Problem};
pub use reference::{Described, KEYS, Shape};
pub use requirements::{Requirement, RequirementKey, Requirements};
pub use resource_key::ResourceKey;
pub use resources::{Cpu, CpuWeight, Files, Memory, Output, Pids, Resources, Time, Tmp};
pub use schema::{schema, schema_text};
pub use score::{Part, Score};
pub use sections::{Env, Exec, Filesystem, Messaging, Network, Window};
pub use settings::{
    Audit, AuditRecords, AuthorityFile, Bound, DisplayName, EngineChoice, EngineFlag, FileLimits,
    Health, HealthFunction, Kv, Log, LogLevel, MessagingLimits, Mode, Modes, NamePattern,
    NetworkLimits, Quarantine, Restart, RestartOn, Runtime, Section, SyscallGroup, Syscalls,
    WindowDisplay,
};
pub use units::{ByteSize, CpuShare, KeepTime, TimeLimit};
pub use violations::{
    ActReaction, Handling, HandlingOverrides, LimitReaction, Severity, ViolationOverrides,
    Violations,
};
pub use word::Words;
