use std::collections::HashMap;

use super::Checker;
use crate::document::Item;
use crate::network::{AllowedEndpoint, Endpoint, HostPattern, Methods, Paths, Port, Protocol};
use crate::origin::Granted;
use crate::permission::Permission;
use crate::problem::Invalid;
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
        let methods = self.words(item, (LIST, "methods")).map(Methods);
        let paths = self.words(item, (LIST, "paths")).map(Paths);
        let addresses = self.words(item, (LIST, "addresses"));
        let reason = self.reason(item.one("reason"));
        let endpoint = Endpoint {
            host: host?,
            port: number?,
            protocol: protocol?,
            methods: methods?,
            paths: paths?,
            addresses: addresses?.unwrap_or_else(Words::usual),
        };
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
