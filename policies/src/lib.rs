//! The SecurityPolicy language: read, checked and laid over a built-in level.
//!
//! ```text
//! text ─yaml→ tree ─document→ PolicyDocument ─policy→ SecurityPolicy ─effective→ EffectivePolicy
//! ```
//!
//! Everything is pure but [`SecurityPolicy::load`], which reads a file and those it extends. A policy with any problem is refused
//! as a whole, and all its problems are told at once ([`PolicyProblems`]).

/// Grants as they compare with each other.
mod allowance;
/// From values as written to values the language allows.
mod check;
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
/// What an operator lets no policy go beyond.
mod floor;
/// Host names a plugin may reach.
mod host;
/// The keys of an effective policy, one by one.
mod keys;
/// The three built-in levels.
mod level;
/// Policy files read from disk.
mod load;
/// Names of programs, environment variables and plugins.
mod name;
/// Endpoints on the network.
mod network;
/// Where a value came from, and values that carry it.
mod origin;
/// The limits one policy names, and the values each may take.
mod overrides;
/// Paths a file permission may name.
mod path;
/// Permission strings and which of them covers which.
mod permission;
/// `SecurityPolicy`: one file, checked.
mod policy;
/// The policies of the built-in levels.
mod preset;
/// Problems of a policy file and how they read.
mod problem;
/// The keys described, for the schema and the reference.
mod reference;
/// What a host must be able to hold.
mod requirements;
/// The keys under `resources`.
mod resource_key;
/// Limits on memory, CPU, processes, files, output and time.
mod resources;
/// The JavaScript engine.
mod runtime;
/// The JSON Schema of policy files.
mod schema;
/// How much a policy exposes.
mod score;
/// Sizes, times and shares with their units.
mod units;
/// What is done about violations.
mod violations;
/// YAML events to a small tree with places, with everything a policy does not need refused.
mod yaml;

pub use difference::{Difference, Side};
pub use effective::EffectivePolicy;
pub use floor::Cut;
pub use host::Host;
pub use keys::Key;
pub use level::SecurityLevel;
pub use name::{EnvName, PluginName, ProgramName};
pub use network::{AllowedEndpoint, Endpoint, Port, Protocol};
pub use origin::{Granted, Origin, Setting};
pub use overrides::ResourceOverrides;
pub use path::GrantPath;
pub use permission::Permission;
pub use policy::{LoadError, SecurityPolicy};
pub use problem::{Invalid, PolicyProblems, Problem};
pub use reference::{Described, KEYS, Shape};
pub use requirements::{Requirement, RequirementKey, Requirements};
pub use resource_key::ResourceKey;
pub use resources::{Cpu, CpuWeight, Files, Memory, Output, Pids, Resources, Time, Tmp};
pub use runtime::EngineChoice;
pub use schema::{schema, schema_text};
pub use score::{Part, Score};
pub use units::{ByteSize, CpuShare, TimeLimit};
pub use violations::{
    ActReaction, Handling, HandlingOverrides, LimitReaction, Severity, ViolationOverrides,
    Violations,
};
