use crate::network::{AllowedEndpoint, Protocol};
use crate::origin::Granted;
use crate::permission::Permission;

/// A grant, wherever it is written, with what may be spoken where it leads to the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance<'policy> {
    pub(crate) granted: &'policy Granted,
    /// `None` where anything may be spoken, and for what is not the network.
    protocol: Option<Protocol>,
}

impl<'policy> Allowance<'policy> {
    pub(crate) fn of_permission(granted: &'policy Granted) -> Self {
        let protocol = matches!(granted.permission, Permission::NetworkRead(_));
        Self {
            granted,
            protocol: protocol.then_some(Protocol::Https),
        }
    }

    pub(crate) fn of_endpoint(allowed: &'policy AllowedEndpoint) -> Self {
        let protocol = allowed.endpoint.protocol;
        Self {
            granted: &allowed.granted,
            protocol: (protocol != Protocol::Tcp).then_some(protocol),
        }
    }

    /// Everything that is granted: `permissions`, then `network.endpoints`.
    pub(crate) fn all(
        permissions: &'policy [Granted],
        endpoints: &'policy [AllowedEndpoint],
    ) -> Vec<Self> {
        let permissions = permissions.iter().map(Self::of_permission);
        permissions
            .chain(endpoints.iter().map(Self::of_endpoint))
            .collect()
    }

    /// Whether who has this may do all that `other` allows.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.granted.permission.covers(&other.granted.permission)
            && (self.protocol.is_none() || self.protocol == other.protocol)
    }

    /// Whether both say the same, wherever they say it.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.granted.permission == other.granted.permission && self.protocol == other.protocol
    }

    /// `granted`, or `granted for https`.
    pub(crate) fn value(&self) -> String {
        match (&self.granted.permission, self.protocol) {
            (Permission::NetworkConnect(..), Some(protocol)) => format!("granted for {protocol}"),
            _ => "granted".to_owned(),
        }
    }
}
