use serde::{Serialize, Serializer};

use crate::effective::EffectivePolicy;
use crate::grants::{EnvValue, Program, Receive, Secret, Send, Terms, Write};
use crate::level::SecurityLevel;
use crate::network::{AllowedEndpoint, Endpoint};
use crate::origin::{Granted, Setting};
use crate::permission::Permission;
use crate::requirements::Requirements;
use crate::resources::Resources;
use crate::settings::{
    Audit, FileLimits, Health, Kv, Log, MessagingLimits, Mode, Modes, NetworkLimits, Quarantine,
    Restart, Runtime, Syscalls, WindowDisplay,
};
use crate::violations::Violations;

/// The section `network`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Network<'policy> {
    /// `mode`
    pub mode: &'policy Setting<Mode>,
    /// `endpoints`; permissions for the network are not among them.
    pub endpoints: &'policy [AllowedEndpoint],
    /// `limits`
    pub limits: &'policy NetworkLimits,
}

/// The section `filesystem`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Filesystem<'policy> {
    /// `mode`
    pub mode: &'policy Setting<Mode>,
    /// `read`; permissions for files are not among them.
    pub read: &'policy [Granted],
    /// `write`; permissions for files are not among them.
    pub write: &'policy [Write],
    /// `ignore` and `sizes`
    pub limits: &'policy FileLimits,
}

/// The section `exec`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Exec<'policy> {
    /// `mode`
    pub mode: &'policy Setting<Mode>,
    /// `programs`
    pub programs: &'policy [Program],
}

impl<'policy> Exec<'policy> {
    /// Where the program of that name lies and what it may take, if a policy says so.
    #[must_use]
    pub fn program(&self, name: &str) -> Option<&'policy Program> {
        self.programs
            .iter()
            .find(|program| match &program.granted.permission {
                Permission::ExecRun(one) => one.as_str() == name,
                _ => false,
            })
    }
}

/// The section `env`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Env<'policy> {
    /// `mode`
    pub mode: &'policy Setting<Mode>,
    /// `read`; permissions for variables are not among them.
    pub read: &'policy [Granted],
    /// `set`
    pub set: &'policy [EnvValue],
}

/// The section `messaging`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Messaging<'policy> {
    /// `mode`
    pub mode: &'policy Setting<Mode>,
    /// `send`; permissions for messages are not among them.
    pub send: &'policy [Send],
    /// `receive`
    pub receive: &'policy [Receive],
    /// `queue`
    pub limits: &'policy MessagingLimits,
}

/// The section `window`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Window<'policy> {
    /// `mode`
    pub mode: &'policy Setting<Mode>,
    /// `display` and `authority`
    pub at: &'policy WindowDisplay,
}

impl EffectivePolicy {
    /// The section `runtime`.
    #[must_use]
    pub fn runtime(&self) -> &Runtime {
        &self.settings.runtime
    }

    /// The section `network`.
    #[must_use]
    pub fn network(&self) -> Network<'_> {
        Network {
            mode: &self.settings.modes.network,
            endpoints: &self.lists.endpoints,
            limits: &self.settings.network,
        }
    }

    /// The section `filesystem`.
    #[must_use]
    pub fn filesystem(&self) -> Filesystem<'_> {
        Filesystem {
            mode: &self.settings.modes.filesystem,
            read: &self.lists.read,
            write: &self.lists.write,
            limits: &self.settings.files,
        }
    }

    /// The section `exec`.
    #[must_use]
    pub fn exec(&self) -> Exec<'_> {
        Exec {
            mode: &self.settings.modes.exec,
            programs: &self.lists.programs,
        }
    }

    /// The section `env`.
    #[must_use]
    pub fn env(&self) -> Env<'_> {
        Env {
            mode: &self.settings.modes.env,
            read: &self.lists.env,
            set: &self.lists.set,
        }
    }

    /// The section `secrets`.
    #[must_use]
    pub fn secrets(&self) -> &[Secret] {
        &self.lists.secrets
    }

    /// The section `messaging`.
    #[must_use]
    pub fn messaging(&self) -> Messaging<'_> {
        Messaging {
            mode: &self.settings.modes.messaging,
            send: &self.lists.send,
            receive: &self.lists.receive,
            limits: &self.settings.messaging,
        }
    }

    /// The section `window`.
    #[must_use]
    pub fn window(&self) -> Window<'_> {
        Window {
            mode: &self.settings.modes.window,
            at: &self.settings.window,
        }
    }

    /// The section `kv`.
    #[must_use]
    pub fn kv(&self) -> &Kv {
        &self.settings.kv
    }

    /// The section `log`.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.settings.log
    }

    /// The section `syscalls`, but for its mode.
    #[must_use]
    pub fn syscalls(&self) -> &Syscalls {
        &self.settings.syscalls
    }

    /// The section `health`.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.settings.health
    }

    /// The section `restart`.
    #[must_use]
    pub fn restart(&self) -> &Restart {
        &self.settings.restart
    }

    /// The section `quarantine`.
    #[must_use]
    pub fn quarantine(&self) -> &Quarantine {
        &self.settings.quarantine
    }

    /// The section `audit`.
    #[must_use]
    pub fn audit(&self) -> &Audit {
        &self.settings.audit
    }

    /// The mode of every section that has one.
    #[must_use]
    pub fn modes(&self) -> &Modes {
        &self.settings.modes
    }

    /// Every way to the network that is granted, be it an endpoint or a permission.
    #[must_use]
    pub fn reachable(&self) -> Vec<AllowedEndpoint> {
        let all = self.lists.allowances().into_iter();
        let endpoints = all.filter_map(|one| match one.terms {
            Terms::Endpoint(endpoint) => Some(AllowedEndpoint {
                endpoint: endpoint.into_owned(),
                granted: one.granted.clone(),
            }),
            _ => None,
        });
        endpoints.collect()
    }

    /// Every way to the network that is let through to be observed.
    #[must_use]
    pub fn observed_endpoints(&self) -> Vec<AllowedEndpoint> {
        if self.modes().network.value == Mode::Enforce {
            return Vec::new();
        }
        let endpoints = self.lists.observe.iter().filter_map(|granted| {
            Some(AllowedEndpoint {
                endpoint: Endpoint::of(&granted.permission)?,
                granted: granted.clone(),
            })
        });
        endpoints.collect()
    }

    /// Whether there is any way to the network, be it to be observed.
    #[must_use]
    pub fn has_network(&self) -> bool {
        let network = |granted: &Granted| Endpoint::of(&granted.permission).is_some();
        self.all_grants().any(network) || !self.observed_endpoints().is_empty()
    }

    /// Everything that may be written, be it by `filesystem.write` or a permission.
    #[must_use]
    pub fn writable(&self) -> Vec<Write> {
        let all = self.lists.allowances().into_iter();
        let writable = all.filter_map(|one| match one.terms {
            Terms::Write(size) => Some(Write {
                granted: one.granted.clone(),
                size,
            }),
            _ => None,
        });
        writable.collect()
    }

    /// Every plugin that messages may be sent to, be it by `messaging.send` or a permission.
    #[must_use]
    pub fn sendable(&self) -> Vec<Send> {
        let all = self.lists.allowances().into_iter();
        let sendable = all.filter_map(|one| match one.terms {
            Terms::Send(terms) => Some(Send {
                granted: one.granted.clone(),
                terms: terms.into_owned(),
            }),
            _ => None,
        });
        sendable.collect()
    }
}

impl Serialize for EffectivePolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Whole<'policy> {
            source: Option<&'policy str>,
            level: &'policy Setting<SecurityLevel>,
            permissions: &'policy [Granted],
            resources: &'policy Resources,
            runtime: &'policy Runtime,
            network: Network<'policy>,
            filesystem: Filesystem<'policy>,
            exec: Exec<'policy>,
            env: Env<'policy>,
            secrets: &'policy [Secret],
            messaging: Messaging<'policy>,
            window: Window<'policy>,
            kv: &'policy Kv,
            log: &'policy Log,
            syscalls: &'policy Syscalls,
            modes: &'policy Modes,
            health: &'policy Health,
            restart: &'policy Restart,
            quarantine: &'policy Quarantine,
            audit: &'policy Audit,
            observe: &'policy [Granted],
            requirements: &'policy Requirements,
            violations: &'policy Violations,
        }
        let whole = Whole {
            source: self.source(),
            level: self.level(),
            permissions: self.permissions(),
            resources: self.resources(),
            runtime: self.runtime(),
            network: self.network(),
            filesystem: self.filesystem(),
            exec: self.exec(),
            env: self.env(),
            secrets: self.secrets(),
            messaging: self.messaging(),
            window: self.window(),
            kv: self.kv(),
            log: self.log(),
            syscalls: self.syscalls(),
            modes: self.modes(),
            health: self.health(),
            restart: self.restart(),
            quarantine: self.quarantine(),
            audit: self.audit(),
            observe: self.observe(),
            requirements: self.requirements(),
            violations: self.violations(),
        };
        whole.serialize(serializer)
    }
}
