//! What the shim is told: limits, grants, and what it must find in force.

use std::fmt;

use lazaret_launcher_wire::ID_BLOCK_SIZE;
use lazaret_policy::{EffectivePolicy, Permission, Protocol};
use lazaret_protocol::{
    EGRESS_SOCKET_PATH, Expected, ExpectedMount, FileGrant, FileLimits, HttpsEndpoint, Landlock,
    LogLevel, ShimSettings, StateLimits, TimeLimits,
};

use super::mounts::{DEVICES, MASKED_PATHS, READ_ONLY_PATHS, granted_target};
use super::{BundleError, BundleRequest, HOSTNAME, MAX_GRANTS, PLUGIN_ID, limits};

/// A grant this version has no means to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnheldGrant {
    /// As in the policy.
    pub permission: String,
    /// File and line, or the level.
    pub origin: String,
    /// What is missing.
    pub why: &'static str,
}

impl fmt::Display for UnheldGrant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "`{}` ({}): {}",
            self.permission, self.origin, self.why
        )
    }
}

/// Why no grant of this kind can be held yet; `None` where it can.
pub fn unheld_reason(permission: &Permission) -> Option<&'static str> {
    match permission {
        Permission::FileRead(_)
        | Permission::FileWrite(_)
        | Permission::NetworkRead(_)
        | Permission::NetworkConnect(..)
        | Permission::ExecRun(_)
        | Permission::EnvRead(_)
        | Permission::Window(..) => None,
        Permission::MessageSend(_) => Some("there is no messaging between plugins yet"),
    }
}

/// Why a plugin under this policy cannot be given this grant of it; `None` where it can.
pub(crate) fn refused_grant(
    permission: &Permission,
    policy: &EffectivePolicy,
) -> Option<&'static str> {
    unheld_reason(permission).or_else(|| undescribed(permission, policy))
}

/// Why a granted program cannot be run.
fn undescribed(permission: &Permission, policy: &EffectivePolicy) -> Option<&'static str> {
    match permission {
        Permission::ExecRun(name) if policy.exec().program(name.as_str()).is_none() => {
            Some("no entry of `exec.programs` says what program that is")
        }
        Permission::Window(..) if policy.window().at.display.value.number().is_none() => {
            Some("`window.display` names no display")
        }
        _ => None,
    }
}

const ALONE: &str = "the engine does this for its plugins, and this bundle runs without one";

/// Why a grant cannot be held where there is no engine to do what it allows.
fn unheld_alone(permission: &Permission) -> Option<&'static str> {
    match permission {
        Permission::FileWrite(_)
        | Permission::NetworkRead(_)
        | Permission::NetworkConnect(..)
        | Permission::ExecRun(_)
        | Permission::Window(..) => Some(ALONE),
        _ => None,
    }
}

/// The host paths the policy lets the plugin read, in the policy's order.
pub(super) fn file_grants(request: &BundleRequest<'_>) -> Result<Vec<FileGrant>, BundleError> {
    let policy = request.policy;
    let unheld_reason = |permission: &Permission| {
        let alone = !request.listener;
        refused_grant(permission, policy).or_else(|| unheld_alone(permission).filter(|_| alone))
    };
    let mut unheld = Vec::new();
    if !request.listener {
        let secrets = request.policy.secrets().iter();
        unheld.extend(secrets.map(|secret| UnheldGrant {
            permission: format!("secrets.{}", secret.name),
            origin: secret.origin.to_string(),
            why: ALONE,
        }));
    }
    let mut paths = Vec::new();
    for granted in policy.all_grants() {
        match (&granted.permission, unheld_reason(&granted.permission)) {
            (_, Some(why)) => unheld.push(UnheldGrant {
                permission: granted.permission.to_string(),
                origin: granted.origin.to_string(),
                why,
            }),
            (Permission::FileRead(path), None) if !paths.contains(&path.as_str()) => {
                paths.push(path.as_str());
            }
            (_, None) => {}
        }
    }
    if !unheld.is_empty() {
        return Err(BundleError::Unheld(unheld));
    }
    if paths.len() > MAX_GRANTS {
        return Err(BundleError::TooManyGrants {
            found: paths.len(),
            limit: MAX_GRANTS,
        });
    }
    paths
        .into_iter()
        .enumerate()
        .map(|(number, path)| {
            let metadata = fs_err::metadata(path).map_err(|source| BundleError::Grant {
                path: path.to_owned(),
                source,
            })?;
            Ok(FileGrant {
                path: path.to_owned(),
                mounted_at: granted_target(number),
                directory: metadata.is_dir(),
            })
        })
        .collect()
}

/// `settings.json`.
pub(super) fn settings(
    request: &BundleRequest<'_>,
    grants: &[FileGrant],
    mounts: Vec<ExpectedMount>,
) -> ShimSettings {
    let resources = request.policy.resources();
    let id_map = vec![(0, request.first_host_id, ID_BLOCK_SIZE)];
    ShimSettings {
        plugin: request.plugin.to_owned(),
        entry: request.entry.to_owned(),
        expected: Expected {
            uid: PLUGIN_ID,
            gid: PLUGIN_ID,
            uid_map: id_map.clone(),
            gid_map: id_map,
            mounts,
            masked: owned(MASKED_PATHS),
            read_only: owned(READ_ONLY_PATHS),
            devices: owned(DEVICES),
            limits: limits::expected(resources),
            hostname: HOSTNAME.to_owned(),
        },
        files: grants.to_vec(),
        file_limits: file_limits(request.policy),
        environment: request.environment.clone(),
        config: request.config.text(),
        state: StateLimits {
            // Without an engine there is nobody to keep anything or to ask a display.
            kv: request.listener && state_limits(request.policy).kv,
            windows: request.listener && state_limits(request.policy).windows,
            ..state_limits(request.policy)
        },
        https: https(request.policy),
        connections: request.policy.network().limits.connections.value,
        egress: request.egress(),
        time: TimeLimits {
            startup_ms: resources.time.startup.value.millis(),
            call_ms: resources.time.call.value.millis(),
            cpu_per_call_ms: resources.time.cpu_per_call.value.millis(),
        },
        log_line_bytes: resources.output.line.value.bytes(),
        log_bytes_per_second: resources.output.log.value.bytes(),
        result_bytes: resources.output.result.value.bytes(),
        deny_executable_memory: !request.executable_memory,
        learns: request.learns,
        landlock: landlock(request.landlock, grants, request.egress()),
    }
}

/// What the shim is to hold reading to.
pub(crate) fn file_limits(policy: &EffectivePolicy) -> FileLimits {
    let limits = policy.filesystem().limits;
    FileLimits {
        ignore: limits
            .ignore
            .value
            .iter()
            .map(ToString::to_string)
            .collect(),
        read_bytes: limits.read.value.bytes(),
    }
}

/// What the shim is to hold what the plugin keeps and logs to.
pub(crate) fn state_limits(policy: &EffectivePolicy) -> StateLimits {
    StateLimits {
        kv: policy.kv().size.value.bytes() > 0,
        windows: crate::acts::sees_windows(policy),
        log_level: log_level(policy),
    }
}

/// The lowest level of lines that are told.
pub(crate) fn log_level(policy: &EffectivePolicy) -> LogLevel {
    match policy.log().level.value {
        lazaret_policy::LogLevel::Debug => LogLevel::Debug,
        lazaret_policy::LogLevel::Info => LogLevel::Info,
        lazaret_policy::LogLevel::Warn => LogLevel::Warn,
        lazaret_policy::LogLevel::Error => LogLevel::Error,
    }
}

/// What the policy lets the plugin ask of hosts by HTTPS where only the shim sees it. A grant of any
/// bytes is one of all of HTTPS, and where the broker ends TLS it is the one to decide.
pub(crate) fn https(policy: &EffectivePolicy) -> Vec<HttpsEndpoint> {
    let endpoints = policy.endpoints().iter().map(|allowed| &allowed.endpoint);
    let secure = endpoints.filter(|endpoint| endpoint.protocol != Protocol::Http);
    let listed = secure.map(|endpoint| {
        let seen = endpoint.is_seen();
        let methods = endpoint.methods.named().filter(|_| !seen);
        let paths = endpoint.paths.named().filter(|_| !seen);
        HttpsEndpoint {
            host: endpoint.host.to_string(),
            port: endpoint.port.number(),
            methods: methods.map(|all| all.map(ToString::to_string).collect()),
            paths: paths.map(|all| all.map(ToString::to_string).collect()),
        }
    });
    listed.collect()
}

/// What Landlock leaves to the process: reading what the plugin is made of, what is granted, and
/// `/dev/urandom`, where V8 takes the seeds of its tables from; where there is egress, also the
/// certificates to trust. It need write nothing.
fn landlock(abi: u32, grants: &[FileGrant], egress: bool) -> Landlock {
    let granted = grants.iter().map(|grant| grant.mounted_at.as_str());
    let own = ["/plugin", "/tmp", "/dev/urandom"].into_iter();
    let trusted = egress.then_some(lazaret_rootfs::CERTIFICATES_PATH);
    Landlock {
        abi,
        readable: own
            .chain(trusted)
            .chain(granted)
            .map(str::to_owned)
            .collect(),
        sockets: owned(if egress { &[EGRESS_SOCKET_PATH] } else { &[] }),
    }
}

fn owned(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|&path| path.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn landlock_leaves_the_plugin_what_is_granted_at_the_place_it_is_mounted_at() {
        let grant = FileGrant {
            path: "/srv/data".to_owned(),
            mounted_at: "/granted/0".to_owned(),
            directory: true,
        };
        let own = ["/plugin", "/tmp", "/dev/urandom"];
        assert_eq!(landlock(7, &[], false).readable, own);
        let rules = landlock(7, &[grant], false);
        assert_eq!(rules.readable[..3], own);
        assert_eq!(rules.readable[3..], ["/granted/0"]);
        assert_eq!(rules.abi, 7);
        assert!(rules.sockets.is_empty());
        let rules = landlock(7, &[], true);
        assert_eq!(rules.readable[..3], own);
        assert_eq!(
            rules.readable[3..],
            [lazaret_rootfs::CERTIFICATES_PATH],
            "TLS is ended in the shim"
        );
        assert_eq!(rules.sockets, [EGRESS_SOCKET_PATH]);
    }
}
