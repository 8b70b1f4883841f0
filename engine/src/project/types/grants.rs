//! What a policy grants, as types.

use std::collections::BTreeSet;

use lazaret_policy::{
    AllowedEndpoint, Decision, EffectivePolicy, HostPattern, Permission, Protocol,
};

use super::literal;

/// What is granted or let through, by name.
pub(super) struct Grants {
    pub(super) programs: BTreeSet<String>,
    pub(super) variables: BTreeSet<String>,
    pub(super) urls: BTreeSet<String>,
    pub(super) secrets: BTreeSet<String>,
    /// Hosts and ports that anything may be said to.
    pub(super) places: BTreeSet<String>,
    pub(super) writes: bool,
}

impl Grants {
    pub(super) fn of(policy: &EffectivePolicy) -> Self {
        let observed = policy
            .observe()
            .iter()
            .filter(|granted| !matches!(policy.decide(&granted.permission), Decision::Denied));
        let mut grants = Self {
            programs: BTreeSet::new(),
            variables: policy
                .env()
                .set
                .iter()
                .map(|set| literal(set.name.as_str()))
                .collect(),
            secrets: policy
                .secrets()
                .iter()
                .map(|secret| literal(secret.name.as_str()))
                .collect(),
            urls: BTreeSet::new(),
            places: BTreeSet::new(),
            writes: !policy.writable().is_empty(),
        };
        for granted in policy.all_grants().chain(observed) {
            match &granted.permission {
                Permission::ExecRun(program) => grants.programs.extend([literal(program.as_str())]),
                Permission::EnvRead(name) => grants.variables.extend([literal(name.as_str())]),
                Permission::FileWrite(_) => grants.writes = true,
                _ => {}
            }
        }
        for endpoint in policy
            .reachable()
            .iter()
            .chain(&policy.observed_endpoints())
        {
            grants.urls.extend(urls(endpoint));
            if endpoint.endpoint.protocol == Protocol::Tcp {
                grants.places.extend(places(endpoint));
            }
        }
        grants
    }

    /// The names as types, where there are any.
    pub(super) fn names(&self) -> Option<String> {
        let lists = [
            ("Place", &self.places),
            ("Program", &self.programs),
            ("Secret", &self.secrets),
            ("Url", &self.urls),
            ("Variable", &self.variables),
        ];
        let types: String = lists
            .iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(name, names)| {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                format!("  type {name} =\n    | {};\n", names.join("\n    | "))
            })
            .collect();
        (!types.is_empty()).then(|| {
            format!(
                "/** What the policy grants, by name. */\ndeclare namespace Granted {{\n{types}}}\n"
            )
        })
    }
}

/// Types of the URLs of an endpoint: with nothing behind the host, or a path or a query.
fn urls(allowed: &AllowedEndpoint) -> Vec<String> {
    let endpoint = &allowed.endpoint;
    let schemes: &[(&str, u16)] = match endpoint.protocol {
        Protocol::Https => &[("https", 443)],
        Protocol::Http => &[("http", 80)],
        Protocol::Tcp => &[("http", 80), ("https", 443)],
    };
    let hosts = hosts(&endpoint.host);
    let port = endpoint.port.number();
    let mut urls = Vec::new();
    for (scheme, usual) in schemes {
        let port = if port == *usual {
            String::new()
        } else {
            format!(":{port}")
        };
        for host in &hosts {
            urls.push(format!(
                "`{scheme}://{host}{port}${{\"\" | `/${{string}}` | `?${{string}}`}}`"
            ));
        }
    }
    urls
}

/// Types of what is said to connect to an endpoint.
fn places(allowed: &AllowedEndpoint) -> Vec<String> {
    let port = allowed.endpoint.port.number();
    let hosts = hosts(&allowed.endpoint.host);
    let place = |host| format!("{{ hostname: `{host}`; port: {port} }}");
    hosts.into_iter().map(place).collect()
}

/// The hosts of a pattern, as parts of types.
fn hosts(pattern: &HostPattern) -> Vec<String> {
    let base = pattern.base();
    match pattern {
        HostPattern::Exact(_) => vec![base.to_string()],
        HostPattern::Below(_) => vec![format!("${{string}}.{base}")],
        HostPattern::Domain(_) => vec![base.to_string(), format!("${{string}}.{base}")],
    }
}
