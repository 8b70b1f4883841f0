use std::path::PathBuf;
use std::sync::Arc;

use crate::grants::{Allowance, Lists};
use crate::level::SecurityLevel;
use crate::network::AllowedEndpoint;
use crate::origin::{Granted, Origin, Setting};
use crate::permission::Permission;
use crate::policy::SecurityPolicy;
use crate::preset;
use crate::requirements::Requirements;
use crate::resources::Resources;
use crate::settings::{EngineChoice, Mode, Settings};
use crate::violations::Violations;

/// What holds for a plugin: a value for every key, each with the layer and place it came from.
///
/// Keys a policy file names override those of its level; what it grants comes on top of what the level grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectivePolicy {
    source: Option<Arc<str>>,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) level: Setting<SecurityLevel>,
    pub(crate) lists: Lists,
    pub(crate) resources: Resources,
    pub(crate) settings: Settings,
    pub(crate) requirements: Requirements,
    pub(crate) violations: Violations,
}

/// What a policy says to an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision<'policy> {
    /// It is granted.
    Granted(&'policy Granted),
    /// It is not granted; it goes on and is recorded, in this mode.
    Observed(&'policy Granted, Mode),
    /// It is refused.
    Denied,
}

impl EffectivePolicy {
    /// A built-in level with nothing laid over it.
    #[must_use]
    pub fn of(level: SecurityLevel) -> Self {
        let preset = preset::policy(level);
        let complete = "the built-in policies name every key, a test counts them";
        Self {
            source: None,
            files: Vec::new(),
            level: preset.stated_level().expect(complete).clone(),
            lists: preset.lists.clone(),
            resources: preset.resources().clone().complete().expect(complete),
            settings: preset.settings.clone().complete().expect(complete),
            requirements: preset.requirements().clone(),
            violations: preset.violations().clone().complete().expect(complete),
        }
    }

    /// Lays a policy file over this.
    ///
    /// A file that states a level other than that of `self` stands on its own level: nothing of `self` remains. A file
    /// that states none keeps the level of `self`; where that is `maximum`, nothing is observed.
    #[must_use]
    pub fn layer(self, policy: &SecurityPolicy) -> Self {
        let stated = policy
            .stated_level()
            .filter(|level| level.value != self.level.value);
        let mut result = match stated {
            Some(level) => Self {
                files: self.files,
                ..Self::of(level.value)
            },
            None => self,
        };
        result.files.extend_from_slice(policy.files());
        if let Some(level) = policy.stated_level() {
            result.level = level.clone();
        }
        result.lists.override_by(&policy.lists);
        result.resources.override_by(policy.resources());
        result.settings.override_by(&policy.settings);
        if result.level.value == SecurityLevel::Maximum {
            let modes = preset::policy(SecurityLevel::Maximum).settings.modes;
            result.settings.modes.override_by(&modes);
            result.lists.observe.clear();
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
        self.settings.runtime.engine = Setting { value, origin };
        self
    }

    /// What the policy says to an act: the first grant that allows it, else what lets it through to be observed.
    #[must_use]
    pub fn decide(&self, act: &Permission) -> Decision<'_> {
        let granted = self.lists.allowances().into_iter();
        if let Some(granted) = granted
            .map(|one| (one.permits(act), one.granted))
            .find(|one| one.0)
        {
            return Decision::Granted(granted.1);
        }
        let mode = self.modes().of(act);
        let mut observed = self.lists.observe.iter();
        match observed.find(|granted| Allowance::plain(granted).permits(act)) {
            Some(granted) if mode != Mode::Enforce => Decision::Observed(granted, mode),
            _ => Decision::Denied,
        }
    }

    /// The grant that allows an act, if there is one.
    #[must_use]
    pub fn grants(&self, act: &Permission) -> Option<&Granted> {
        match self.decide(act) {
            Decision::Granted(granted) => Some(granted),
            Decision::Observed(..) | Decision::Denied => None,
        }
    }

    /// Every grant, those under `permissions` first, then those of the sections in the order of the language.
    pub fn all_grants(&self) -> impl Iterator<Item = &Granted> {
        self.lists.granted()
    }

    /// The name of the policy file, if one was laid over the level.
    #[must_use]
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// The files it was read from, by the paths they were opened by: those of every policy and floor in it.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The level.
    #[must_use]
    pub fn level(&self) -> &Setting<SecurityLevel> {
        &self.level
    }

    /// The grants under `permissions`.
    #[must_use]
    pub fn permissions(&self) -> &[Granted] {
        &self.lists.permissions
    }

    /// What is let through where the mode of its section says so.
    #[must_use]
    pub fn observe(&self) -> &[Granted] {
        &self.lists.observe
    }

    /// Every limit.
    #[must_use]
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    /// The grants under `network.endpoints`.
    #[must_use]
    pub fn endpoints(&self) -> &[AllowedEndpoint] {
        &self.lists.endpoints
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Setting<EngineChoice> {
        &self.settings.runtime.engine
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
