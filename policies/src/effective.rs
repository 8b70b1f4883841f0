use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::level::SecurityLevel;
use crate::network::AllowedEndpoint;
use crate::origin::{Granted, Origin, Setting};
use crate::permission::Permission;
use crate::policy::SecurityPolicy;
use crate::preset;
use crate::requirements::Requirements;
use crate::resources::Resources;
use crate::runtime::EngineChoice;
use crate::violations::Violations;

/// What holds for a plugin: a value for every key, each with the layer and place it came from.
///
/// Keys a policy file names override those of its level; what it grants comes on top of what the level grants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EffectivePolicy {
    #[serde(serialize_with = "as_text")]
    source: Option<Arc<str>>,
    pub(crate) level: Setting<SecurityLevel>,
    pub(crate) permissions: Vec<Granted>,
    pub(crate) resources: Resources,
    pub(crate) endpoints: Vec<AllowedEndpoint>,
    pub(crate) engine: Setting<EngineChoice>,
    pub(crate) requirements: Requirements,
    pub(crate) violations: Violations,
}

fn as_text<S: Serializer>(name: &Option<Arc<str>>, serializer: S) -> Result<S::Ok, S::Error> {
    name.as_deref().serialize(serializer)
}

impl EffectivePolicy {
    /// A built-in level with nothing laid over it.
    #[must_use]
    pub fn of(level: SecurityLevel) -> Self {
        let preset = preset::policy(level);
        let complete = "the built-in policies name every key, a test counts them";
        Self {
            source: None,
            level: preset.stated_level().expect(complete).clone(),
            permissions: preset.permissions().to_vec(),
            resources: preset.resources().clone().complete().expect(complete),
            endpoints: preset.endpoints().to_vec(),
            engine: preset.engine().expect(complete).clone(),
            requirements: preset.requirements().clone(),
            violations: preset.violations().clone().complete().expect(complete),
        }
    }

    /// Lays a policy file over this.
    ///
    /// A file that states a level other than that of `self` stands on its own level: nothing of `self` remains. A file
    /// that states none keeps the level of `self`.
    #[must_use]
    pub fn layer(self, policy: &SecurityPolicy) -> Self {
        let stated = policy
            .stated_level()
            .filter(|level| level.value != self.level.value);
        let mut result = match stated {
            Some(level) => Self::of(level.value),
            None => self,
        };
        if let Some(level) = policy.stated_level() {
            result.level = level.clone();
        }
        result.permissions.retain(|old| {
            policy
                .permissions()
                .iter()
                .all(|new| new.permission != old.permission)
        });
        result.permissions.extend_from_slice(policy.permissions());
        let same = |old: &AllowedEndpoint, new: &AllowedEndpoint| {
            old.granted.permission == new.granted.permission
        };
        result
            .endpoints
            .retain(|old| policy.endpoints().iter().all(|new| !same(old, new)));
        result.endpoints.extend_from_slice(policy.endpoints());
        result.resources.override_by(policy.resources());
        if let Some(engine) = policy.engine() {
            result.engine = engine.clone();
        }
        result.requirements.override_by(policy.requirements());
        result.violations.override_by(policy.violations());
        result.source = Some(policy.name().into());
        result
    }

    /// The same with another engine, that an option of the command line asks for. To be called before
    /// [`Self::within`], or a floor does not hold it.
    #[must_use]
    pub fn with_engine(mut self, value: EngineChoice, option: &'static str) -> Self {
        let origin = Origin::Option { name: option };
        self.engine = Setting { value, origin };
        self
    }

    /// The grant that allows an act, if there is one: from `permissions`, else from `network.endpoints`.
    #[must_use]
    pub fn grants(&self, act: &Permission) -> Option<&Granted> {
        self.all_grants()
            .find(|granted| granted.permission.covers(act))
    }

    /// The grants under `permissions`, then those under `network.endpoints`.
    pub fn all_grants(&self) -> impl Iterator<Item = &Granted> {
        let endpoints = self.endpoints.iter().map(|allowed| &allowed.granted);
        self.permissions.iter().chain(endpoints)
    }

    /// The name of the policy file, if one was laid over the level.
    #[must_use]
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// The level.
    #[must_use]
    pub fn level(&self) -> &Setting<SecurityLevel> {
        &self.level
    }

    /// The grants under `permissions`.
    #[must_use]
    pub fn permissions(&self) -> &[Granted] {
        &self.permissions
    }

    /// Every limit.
    #[must_use]
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    /// The grants under `network.endpoints`.
    #[must_use]
    pub fn endpoints(&self) -> &[AllowedEndpoint] {
        &self.endpoints
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Setting<EngineChoice> {
        &self.engine
    }

    /// What a host must be able to hold.
    #[must_use]
    pub fn requirements(&self) -> &Requirements {
        &self.requirements
    }

    /// What is done about violations.
    #[must_use]
    pub fn violations(&self) -> &Violations {
        &self.violations
    }
}
