//! From a name to addresses: `/etc/hosts`, then the host's name servers.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig,
    ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::{TokioResolver, system_conf};
use lazaret_policy::Host;

/// The most addresses of a name that are looked at.
const MOST: usize = 16;

/// How many answers are kept, for all plugins of an engine together.
const KEPT: u64 = 1024;

/// The longest an answer is kept, whatever it says itself.
const KEPT_FOR: Duration = Duration::from_secs(300);

/// Whom names are asked of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NameServers {
    /// Those of the host (resolv.conf(5)), as they are when the broker starts.
    #[default]
    System,
    /// These.
    These(Vec<SocketAddr>),
}

/// Asks for addresses.
pub(super) struct Resolver(TokioResolver);

/// No addresses.
#[derive(Debug, thiserror::Error)]
#[error("failed to resolve the name")]
pub(super) struct ResolveError(#[source] hickory_resolver::net::NetError);

impl Resolver {
    /// To be made within the runtime that uses it.
    pub(super) fn new(servers: &NameServers) -> Result<Self, ResolveError> {
        let (servers, mut options) = match servers {
            NameServers::System => {
                let text = match fs_err::read_to_string("/etc/resolv.conf") {
                    Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
                    read => read.map_err(|error| ResolveError(error.into()))?,
                };
                let (config, options) =
                    system_conf::parse_resolv_conf(with_local(text)).map_err(ResolveError)?;
                (config.name_servers().to_vec(), options)
            }
            NameServers::These(servers) => {
                let servers = servers.iter().map(server).collect();
                (servers, ResolverOpts::default())
            }
        };
        options.use_hosts_file = ResolveHosts::Always;
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.cache_size = KEPT;
        options.positive_max_ttl = Some(KEPT_FOR);
        options.negative_max_ttl = Some(KEPT_FOR);
        // Neither domain nor search list: a name is the name it is.
        let config = ResolverConfig::from_parts(None, Vec::new(), servers);
        let provider = TokioRuntimeProvider::default();
        let mut builder = TokioResolver::builder_with_config(config, provider);
        *builder.options_mut() = options;
        Ok(Self(builder.build().map_err(ResolveError)?))
    }

    /// The addresses of a name, a few at the most.
    pub(super) async fn addresses(&self, host: &Host) -> Result<Vec<IpAddr>, ResolveError> {
        let found = self.0.lookup_ip(format!("{host}.")).await;
        let mut addresses: Vec<IpAddr> = found.map_err(ResolveError)?.iter().take(MOST).collect();
        // First what most networks have.
        addresses.sort_by_key(IpAddr::is_ipv6);
        Ok(addresses)
    }
}

/// Where no name server is named, or there is no file, it is the one on the machine itself
/// (resolv.conf(5)).
fn with_local(mut text: String) -> String {
    let named = |line: &str| line.trim_start().starts_with("nameserver");
    if !text.lines().any(named) {
        text.push_str("\nnameserver 127.0.0.1\n");
    }
    text
}

fn server(address: &SocketAddr) -> NameServerConfig {
    let at = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    let connections = vec![at(ConnectionConfig::udp()), at(ConnectionConfig::tcp())];
    NameServerConfig::new(address.ip(), true, connections)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_names_no_name_server_asks_its_own() {
        for (text, asked) in [
            ("", "127.0.0.1"),
            ("# nameserver 192.0.2.1\nsearch example.com", "127.0.0.1"),
            ("nameserver 192.0.2.1\n", "192.0.2.1"),
        ] {
            let (config, _) = system_conf::parse_resolv_conf(with_local(text.to_owned())).unwrap();
            let servers = config.name_servers().iter();
            let asks: Vec<_> = servers.map(|server| server.ip.to_string()).collect();
            assert_eq!(asks, [asked], "{text}");
        }
    }
}
