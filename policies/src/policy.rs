use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::check::Checker;
use crate::document::PolicyDocument;
use crate::extends::whole_problems;
use crate::grants::Lists;
use crate::level::SecurityLevel;
use crate::network::AllowedEndpoint;
use crate::origin::{Granted, Setting, Source};
use crate::overrides::ResourceOverrides;
use crate::problem::{Invalid, PolicyProblems, Problem};
use crate::requirements::Requirements;
use crate::settings::{EngineChoice, SettingOverrides};
use crate::violations::ViolationOverrides;
use crate::yaml;

/// One policy file, checked as a whole: every value in it is one the language allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityPolicy {
    pub(crate) name: Arc<str>,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) level: Option<Setting<SecurityLevel>>,
    /// The file it extends; `None` once that is laid under it.
    pub(crate) extends: Option<Setting<PathBuf>>,
    /// A list of grants is there, be it empty, or a section that has one and names nothing.
    pub(crate) states_grants: bool,
    pub(crate) lists: Lists,
    pub(crate) resources: ResourceOverrides,
    pub(crate) settings: SettingOverrides,
    pub(crate) requirements: Requirements,
    pub(crate) violations: ViolationOverrides,
}

/// Why a policy file was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// The file is read and refused.
    #[error(transparent)]
    Problems(#[from] PolicyProblems),
}

impl SecurityPolicy {
    /// Reads the text of a policy that extends no file; `name` stands for the file in problems and origins.
    ///
    /// # Errors
    /// Every problem of the text at once.
    pub fn parse(name: &str, text: &str) -> Result<Self, PolicyProblems> {
        let policy = Self::read(&Source::File(name.into()), text)
            .map_err(|problems| PolicyProblems::new(name, problems))?;
        match &policy.extends {
            None => Ok(policy),
            Some(base) => {
                let message = "`extends` names a file, and this text is in none";
                let invalid = Invalid::new(message).hint("put the policy in a file beside it");
                let place = base.origin.place();
                Err(PolicyProblems::new(name, vec![invalid.at(place)]))
            }
        }
    }

    pub(crate) fn read(source: &Source, text: &str) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        // Where the text is no YAML there is nothing more to say about it than the place.
        let root = yaml::read(text, &mut problems).map_err(|problem| vec![problem])?;
        let document = PolicyDocument::read(&root, &mut problems);
        let policy = Checker {
            source,
            problems: &mut problems,
            seen: HashMap::new(),
        }
        .policy(&document);
        // What a file stands on that is still to be read is judged with it.
        if problems.is_empty() && policy.extends.is_none() {
            let whole = whole_problems(&policy).into_iter();
            problems.extend(whole.map(|(_, problem)| problem));
        }
        if problems.is_empty() {
            Ok(policy)
        } else {
            Err(problems)
        }
    }

    /// The name the file was given by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The files it was read from, by the paths they were opened by: itself, then those it extends. None where it was
    /// read from a text.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The level the policy stands on: what it says, else `standard`.
    #[must_use]
    pub fn level(&self) -> SecurityLevel {
        self.level
            .as_ref()
            .map(|level| level.value)
            .unwrap_or_default()
    }

    /// The level with its place, where the policy says one.
    #[must_use]
    pub fn stated_level(&self) -> Option<&Setting<SecurityLevel>> {
        self.level.as_ref()
    }

    /// What it grants under `permissions`, in the order of the file; no permission twice.
    #[must_use]
    pub fn permissions(&self) -> &[Granted] {
        &self.lists.permissions
    }

    /// The limits it names.
    #[must_use]
    pub fn resources(&self) -> &ResourceOverrides {
        &self.resources
    }

    /// What it grants under `network.endpoints`, in the order of the file.
    #[must_use]
    pub fn endpoints(&self) -> &[AllowedEndpoint] {
        &self.lists.endpoints
    }

    /// The engine it names.
    #[must_use]
    pub fn engine(&self) -> Option<&Setting<EngineChoice>> {
        self.settings.runtime.engine.as_ref()
    }

    /// What it says about keys a host may be unable to hold.
    #[must_use]
    pub fn requirements(&self) -> &Requirements {
        &self.requirements
    }

    /// What it says about violations.
    #[must_use]
    pub fn violations(&self) -> &ViolationOverrides {
        &self.violations
    }
}
