use crate::effective::EffectivePolicy;
use crate::grants::{Secret, SecretName, SecretSource};
use crate::network::HostPattern;
use crate::permission::Permission;

/// A secret of a policy that its plugin could not be kept from, or that could not be put into any request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}\n  hint: {hint}")]
pub struct MisplacedSecret {
    /// Which secret.
    pub secret: SecretName,
    /// What is wrong, in one line.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

impl EffectivePolicy {
    /// What is wrong with its secrets, all layers taken together. The plugin handles a placeholder: each host that a
    /// secret may go to needs an endpoint where the broker sees requests, and no grant may let the plugin read the
    /// secret where the engine has it from. One that is exposed is the plugin's to use.
    #[must_use]
    pub fn misplaced_secrets(&self) -> Vec<MisplacedSecret> {
        let kept = self.secrets().iter().filter(|secret| !secret.expose);
        kept.flat_map(|secret| {
            let unseen = secret
                .hosts
                .iter()
                .filter_map(|host| self.unseen(secret, host));
            self.readable(secret).into_iter().chain(unseen)
        })
        .collect()
    }

    fn unseen(&self, secret: &Secret, host: &HostPattern) -> Option<MisplacedSecret> {
        let all = self.reachable();
        let mut there = all.iter().filter(|one| one.endpoint.host.covers(host));
        if there.clone().any(|one| one.endpoint.is_seen()) {
            return None;
        }
        let Secret { name, origin, .. } = secret;
        let why = match there.next() {
            Some(one) => format!(
                "where only the plugin sees what it sends ({})",
                one.granted.origin
            ),
            None => "and no endpoint leads there".to_owned(),
        };
        Some(MisplacedSecret {
            secret: name.clone(),
            message: format!("secret `{name}` ({origin}) may go to `{host}`, {why}"),
            hint: format!(
                "grant an endpoint for `{host}` with `protocol: https` and `tls: broker`, or write `expose: true` to hand \
                 the secret to the plugin"
            ),
        })
    }

    fn readable(&self, secret: &Secret) -> Option<MisplacedSecret> {
        let act = match &secret.from {
            SecretSource::Env(name) => Permission::EnvRead(name.clone()),
            SecretSource::File(path) => Permission::FileRead(path.clone()),
        };
        let granted = self.grants(&act)?;
        let Secret { name, origin, .. } = secret;
        Some(MisplacedSecret {
            secret: name.clone(),
            message: format!(
                "secret `{name}` ({origin}) is open to the plugin by `{}` ({})",
                granted.permission, granted.origin
            ),
            hint: "take that grant away, or write `expose: true` to hand the secret to the plugin"
                .to_owned(),
        })
    }
}
