use std::collections::HashMap;

use super::Checker;
use crate::document::Item;
use crate::grants::Terms;
use crate::network::{
    AllowedEndpoint, Endpoint, HostPattern, Methods, Paths, Port, Protocol, TlsEnd,
};
use crate::origin::Granted;
use crate::permission::Permission;
use crate::policy::SecurityPolicy;
use crate::problem::{Invalid, Problem};
use crate::word::Words;

const LIST: &str = "network.endpoints";

/// Most entries for one host and port: each may name many methods and paths.
const MOST_OF_A_HOST: usize = 64;

impl Checker<'_> {
    pub(super) fn endpoints(&mut self, items: &[Item]) -> Vec<AllowedEndpoint> {
        let mut allowed = Vec::new();
        let mut of_a_host: HashMap<Permission, usize> = HashMap::new();
        for item in items {
            let Some(endpoint) = self.endpoint(item) else {
                continue;
            };
            let count = of_a_host
                .entry(endpoint.granted.permission.clone())
                .or_default();
            *count += 1;
            if *count == MOST_OF_A_HOST + 1 {
                let Endpoint { host, port, .. } = &endpoint.endpoint;
                let message = format!("`{host}:{port}` has more than {MOST_OF_A_HOST} entries");
                let hint = "say more with fewer entries: `methods` and `paths` are lists";
                self.report(Invalid::new(message).hint(hint), item.place);
            }
            allowed.push(endpoint);
        }
        allowed
    }

    fn endpoint(&mut self, item: &Item) -> Option<AllowedEndpoint> {
        let (host, port) = (item.one("host")?, item.one("port")?);
        let place = host.place;
        let host: Option<HostPattern> = self.parsed(host, "network.endpoints[].host");
        let number: Option<Port> = match port.plain {
            true => self.parsed(port, "network.endpoints[].port"),
            false => {
                let invalid = Invalid::new("a number in quotes is text");
                let invalid = invalid.hint("take the quotes away");
                self.keep(Err(invalid), "network.endpoints[].port", port.place)
            }
        };
        let protocol = self.or_usual(item, (LIST, "protocol"), Protocol::Https, |written| {
            written.text.parse()
        });
        let tls = self.or_usual(item, (LIST, "tls"), TlsEnd::Plugin, |written| {
            written.text.parse()
        });
        let methods = self.words(item, (LIST, "methods")).map(Methods);
        let paths = self.words(item, (LIST, "paths")).map(Paths);
        let addresses = self.words(item, (LIST, "addresses"));
        let reason = self.reason(item.one("reason"));
        let endpoint = Endpoint {
            host: host?,
            port: number?,
            protocol: protocol?,
            tls: tls?,
            methods: methods?,
            paths: paths?,
            addresses: addresses?.unwrap_or_else(Words::usual),
        };
        if let Some(written) = item.one("tls")
            && endpoint.protocol != Protocol::Https
        {
            let message = format!(
                "`{LIST}[].tls`: there is no TLS to end in `protocol: {}`",
                endpoint.protocol
            );
            let hint = "take `tls` away, or write `protocol: https`";
            self.report(Invalid::new(message).hint(hint), written.place);
        }
        for key in ["methods", "paths"] {
            if let Some((_, place)) = item.many(key)
                && endpoint.protocol == Protocol::Tcp
            {
                let message = format!("`{LIST}[].{key}`: nobody sees them in `protocol: tcp`");
                let hint = format!("take `{key}` away, or write `protocol: https`");
                self.report(Invalid::new(message).hint(hint), place);
            }
        }
        let Endpoint { host, port, .. } = &endpoint;
        let permission = Permission::NetworkConnect(host.clone(), *port);
        let shown = format!("{host}:{port}");
        // The same host and port may be there again for other methods and paths.
        let kind = format!("{:?} {:?}", endpoint.methods, endpoint.paths);
        self.is_new(&kind, &shown, place);
        let origin = self.source.at(place);
        let granted = Granted {
            permission,
            reason,
            origin,
        };
        Some(AllowedEndpoint { endpoint, granted })
    }
}

/// Where any bytes may be sent nobody can tell those of TLS that the broker is to end.
pub(crate) fn tls_problems(policy: &SecurityPolicy) -> Vec<(Option<String>, Problem)> {
    let allowances = policy.lists.allowances();
    let endpoints = allowances.iter().filter_map(|one| match &one.terms {
        Terms::Endpoint(endpoint) => Some((&**endpoint, one.granted)),
        _ => None,
    });
    let mut opaque: HashMap<Port, Vec<(&Endpoint, &Granted)>> = HashMap::new();
    let mut ended = Vec::new();
    for (endpoint, granted) in endpoints {
        match (endpoint.protocol, endpoint.tls) {
            (Protocol::Tcp, _) => opaque
                .entry(endpoint.port)
                .or_default()
                .push((endpoint, granted)),
            (_, TlsEnd::Broker) => ended.push((endpoint, granted)),
            (_, TlsEnd::Plugin) => {}
        }
    }
    let mut problems = Vec::new();
    for (endpoint, granted) in ended {
        let Endpoint { host, port, .. } = endpoint;
        let mut same_port = opaque.get(port).into_iter().flatten();
        let Some((_, other)) =
            same_port.find(|(other, _)| other.host.covers(host) || host.covers(&other.host))
        else {
            continue;
        };
        let message = format!(
            "`{LIST}[].tls`: the broker cannot end TLS at `{host}:{port}`, where `{}` ({}) lets any bytes through",
            other.permission, other.origin
        );
        let hint = "take one of the two away, or write `protocol: https` in the other";
        let file = granted.origin.file().map(str::to_owned);
        let problem = Invalid::new(message).hint(hint).at(granted.origin.place());
        problems.push((file, problem));
    }
    problems
}
