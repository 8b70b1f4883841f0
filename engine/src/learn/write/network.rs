//! Endpoints: those that were reached, as narrow as what was seen there.

use std::collections::{BTreeMap, BTreeSet};

use lazaret_policy::{AllowedEndpoint, EffectivePolicy, HostPattern, Permission, Protocol, TlsEnd};
use serde_json::Value;

use super::seen_times;
use super::tree::{flow, quoted};
use crate::learn::Request;

/// Of one endpoint, so many different paths are named; where there are more, what they begin with
/// is.
const PATHS_OF_ONE_ENDPOINT: usize = 8;

/// The endpoint, as lines of a list, for a permission of the network that was used so often.
pub(super) fn endpoint(
    policy: &EffectivePolicy,
    requests: &BTreeMap<Request, u64>,
    permission: &Permission,
    times: u64,
) -> Option<Vec<String>> {
    let (host, port) = match permission {
        Permission::NetworkRead(host) => (host.to_string(), 443),
        Permission::NetworkConnect(host, port) => (host.to_string(), port.number()),
        _ => return None,
    };
    let there: Vec<&Request> = requests
        .keys()
        .filter(|request| request.host == host && request.port == port)
        .collect();
    let granted = granting(policy, permission)?.endpoint;
    let methods = all(&there, |request| request.method.as_deref());
    let protocol = match granted.protocol {
        // Of whatever may be spoken there, only requests in the clear have a method here.
        Protocol::Tcp if methods.is_some() => Protocol::Http,
        granted => granted,
    };
    let mut lines = vec![
        format!("host: {}  # {}", quoted(&host), seen_times(times)),
        format!("port: {port}"),
        format!("protocol: {protocol}"),
    ];
    if granted.tls != TlsEnd::Plugin {
        lines.push(format!("tls: {}", granted.tls));
    }
    let methods = all(&there, |request| request.method.as_deref());
    let methods = methods.map_or_else(|| words(&granted.methods), |seen| Some(owned(seen)));
    if let Some(methods) = methods {
        lines.push(format!("methods: {}", list(&methods)));
    }
    let paths = all(&there, |request| request.path.as_deref());
    let paths = paths.map_or_else(|| words(&granted.paths), |seen| Some(few(&seen)));
    if let Some(paths) = paths {
        lines.push(format!("paths: {}", list(&paths)));
    }
    let addresses = all(&there, |request| request.addresses.as_deref());
    let addresses = addresses.map_or_else(|| words(&granted.addresses), |seen| Some(owned(seen)));
    if let Some(addresses) = addresses.filter(|addresses| addresses != &["public"]) {
        lines.push(format!("addresses: {}", list(&addresses)));
    }
    Some(lines)
}

/// The hosts of these permissions where the broker sees what is asked.
pub(super) fn seen_hosts(
    policy: &EffectivePolicy,
    used: &[(Permission, u64)],
) -> BTreeSet<HostPattern> {
    let hosts = used.iter().filter_map(|(permission, _)| match permission {
        Permission::NetworkRead(host) | Permission::NetworkConnect(host, _) => {
            let seen = granting(policy, permission)?.endpoint.is_seen();
            seen.then(|| host.clone())
        }
        _ => None,
    });
    hosts.collect()
}

/// The endpoint that grants it, or lets it through.
fn granting(policy: &EffectivePolicy, permission: &Permission) -> Option<AllowedEndpoint> {
    let all = policy.reachable().into_iter();
    let mut all = all.chain(policy.observed_endpoints());
    all.find(|allowed| allowed.endpoint.permits(permission))
}

/// The words of a list as a policy writes it; `None` where it is left out.
fn words<T: serde::Serialize>(list: &T) -> Option<Vec<String>> {
    match serde_json::to_value(list) {
        Ok(Value::Array(words)) => {
            let words = words.iter().filter_map(Value::as_str);
            Some(words.map(str::to_owned).collect())
        }
        _ => None,
    }
}

/// What every request says, if there is one and every one does.
fn all<'a>(
    seen: &[&'a Request],
    part: impl Fn(&'a Request) -> Option<&'a str>,
) -> Option<BTreeSet<&'a str>> {
    if seen.is_empty() {
        return None;
    }
    seen.iter().map(|request| part(request)).collect()
}

fn owned(words: BTreeSet<&str>) -> Vec<String> {
    words.into_iter().map(str::to_owned).collect()
}

fn list(words: &[String]) -> String {
    flow(words.iter().map(String::as_str))
}

/// The paths, or what they all begin with where there are many.
fn few(paths: &BTreeSet<&str>) -> Vec<String> {
    let (Some(first), Some(last)) = (paths.first(), paths.last()) else {
        return Vec::new();
    };
    if paths.len() <= PATHS_OF_ONE_ENDPOINT {
        return owned(paths.clone());
    }
    // Sorted, so what the first and the last share is shared by all.
    let shared = first
        .char_indices()
        .zip(last.chars())
        .take_while(|((_, one), other)| one == other)
        .map(|((at, one), _)| at + one.len_utf8())
        .last()
        .unwrap_or(0);
    // Whole segments: `/v1/a1` and `/v1/a2` do not stand for `/v1/attic`.
    let shared = first[..shared]
        .rfind('/')
        .map_or("/", |slash| &first[..=slash]);
    vec![format!("{shared}*")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_paths_of_an_endpoint_are_told_by_what_they_begin_with() {
        let few = |paths: &[&str]| few(&paths.iter().copied().collect());
        assert_eq!(few(&["/b", "/a"]), ["/a", "/b"]);
        let many: Vec<String> = (0..9).map(|number| format!("/v1/item{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(few(&many), ["/v1/*"]);
        assert_eq!(few(&[&many[..], &["/x"]].concat()), ["/*"]);
    }
}
