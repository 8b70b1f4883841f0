//! Sections of keys with a single value each.

mod audit;
mod filesystem;
mod lifecycle;
mod messaging;
mod modes;
mod network;
mod runtime;
pub(crate) mod section;
mod state;
mod syscalls;
mod window;

use crate::document::Value;
use crate::floor::Cuts;
use crate::keys::Key;
use crate::layout::Leaf;
use crate::origin::Source;
use crate::problem::Misplaced;

pub use audit::{Audit, AuditRecords};
pub use filesystem::{FileLimits, NamePattern};
pub use lifecycle::{Bound, Health, HealthFunction, Quarantine, Restart, RestartOn};
pub use messaging::MessagingLimits;
pub use modes::{Mode, Modes, Section};
pub use network::NetworkLimits;
pub use runtime::{EngineChoice, EngineFlag, Runtime};
pub use state::{Kv, Log, LogLevel};
pub use syscalls::{SyscallGroup, Syscalls};
pub use window::{AuthorityFile, DisplayName, WindowDisplay};

macro_rules! settings {
    ($($section:ident: $name:path, $over:path;)+) => {
        /// The value of every such key.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(crate) struct Settings {
            $(pub(crate) $section: $name,)+
        }

        /// What one policy names.
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub(crate) struct SettingOverrides {
            $(pub(crate) $section: $over,)+
        }

        impl SettingOverrides {
            pub(crate) fn leaves() -> Vec<Leaf> {
                [$(<$over>::LEAVES),+].concat()
            }

            /// Reads the value of a key, if it is one of these.
            pub(crate) fn set(
                &mut self,
                path: &str,
                value: &Value,
                source: &Source,
            ) -> Result<(), Misplaced> {
                $(self.$section.set(path, value, source)?;)+
                Ok(())
            }

            /// These, and those of `below` where these say nothing.
            pub(crate) fn or(self, below: Self) -> Self {
                Self { $($section: self.$section.or(below.$section)),+ }
            }

            /// All, if every key is named.
            pub(crate) fn complete(self) -> Option<Settings> {
                Some(Settings { $($section: self.$section.complete()?),+ })
            }
        }

        impl Settings {
            pub(crate) fn override_by(&mut self, over: &SettingOverrides) {
                $(self.$section.override_by(&over.$section);)+
            }

            /// Every key but the modes, which hang on what may be observed.
            pub(crate) fn within(&mut self, floor: &SettingOverrides, cuts: &mut Cuts) {
                $(self.$section.within(&floor.$section, cuts);)+
            }

            pub(crate) fn keys<'policy>(&'policy self, keys: &mut Vec<Key<'policy>>) {
                $(self.$section.keys(keys);)+
            }
        }
    };
}

settings! {
    runtime: runtime::Runtime, runtime::RuntimeOverrides;
    modes: modes::Modes, modes::ModeOverrides;
    network: network::NetworkLimits, network::NetworkLimitOverrides;
    files: filesystem::FileLimits, filesystem::FileLimitOverrides;
    messaging: messaging::MessagingLimits, messaging::MessagingLimitOverrides;
    window: window::WindowDisplay, window::WindowDisplayOverrides;
    kv: state::Kv, state::KvOverrides;
    log: state::Log, state::LogOverrides;
    syscalls: syscalls::Syscalls, syscalls::SyscallOverrides;
    health: lifecycle::Health, lifecycle::HealthOverrides;
    restart: lifecycle::Restart, lifecycle::RestartOverrides;
    quarantine: lifecycle::Quarantine, lifecycle::QuarantineOverrides;
    audit: audit::Audit, audit::AuditOverrides;
}
