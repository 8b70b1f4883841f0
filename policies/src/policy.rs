use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use crate::check::Checker;
use crate::document::PolicyDocument;
use crate::level::SecurityLevel;
use crate::network::AllowedEndpoint;
use crate::origin::{Granted, Setting, Source};
use crate::overrides::ResourceOverrides;
use crate::problem::{Invalid, Place, PolicyProblems, Problem};
use crate::requirements::Requirements;
use crate::runtime::EngineChoice;
use crate::violations::ViolationOverrides;
use crate::yaml::{self, MAX_BYTES};

/// One policy file, checked as a whole: every value in it is one the language allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityPolicy {
    pub(crate) name: Arc<str>,
    pub(crate) level: Option<Setting<SecurityLevel>>,
    pub(crate) permissions: Vec<Granted>,
    pub(crate) resources: ResourceOverrides,
    pub(crate) endpoints: Vec<AllowedEndpoint>,
    pub(crate) engine: Option<Setting<EngineChoice>>,
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
    /// Reads the text of a policy; `name` stands for the file in problems and origins.
    ///
    /// # Errors
    /// Every problem of the text at once.
    pub fn parse(name: &str, text: &str) -> Result<Self, PolicyProblems> {
        Self::read(&Source::File(name.into()), text)
            .map_err(|problems| PolicyProblems::new(name, problems))
    }

    /// Reads a policy file, at most 256 KiB of it.
    ///
    /// # Errors
    /// The file cannot be read, is too large, is not UTF-8, or has problems.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let name = path.to_string_lossy();
        let mut bytes = Vec::new();
        let limit = u64::try_from(MAX_BYTES).expect("a small constant") + 1;
        fs_err::File::open(path)?
            .take(limit)
            .read_to_end(&mut bytes)?;
        let refuse = |invalid: Invalid, place| PolicyProblems::new(&name, vec![invalid.at(place)]);
        if bytes.len() > MAX_BYTES {
            let message = format!("the policy is above the most allowed {MAX_BYTES} bytes");
            return Err(refuse(Invalid::new(message), Place::START).into());
        }
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let invalid =
                Invalid::new("a byte here is not UTF-8").hint("save the file as UTF-8 text");
            refuse(invalid, end_of(&before))
        })?;
        Ok(Self::parse(&name, text)?)
    }

    pub(crate) fn read(source: &Source, text: &str) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        // Where the text is no YAML there is nothing more to say about it than the place.
        let root = yaml::read(text, &mut problems).map_err(|problem| vec![problem])?;
        let document = PolicyDocument::read(&root, &mut problems);
        let policy = Checker {
            source,
            problems: &mut problems,
        }
        .policy(&document);
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
        &self.permissions
    }

    /// The limits it names.
    #[must_use]
    pub fn resources(&self) -> &ResourceOverrides {
        &self.resources
    }

    /// What it grants under `network.endpoints`, in the order of the file; no host and port twice.
    #[must_use]
    pub fn endpoints(&self) -> &[AllowedEndpoint] {
        &self.endpoints
    }

    /// The engine it names.
    #[must_use]
    pub fn engine(&self) -> Option<&Setting<EngineChoice>> {
        self.engine.as_ref()
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

/// The place just behind a text.
fn end_of(text: &str) -> Place {
    let line = text.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = text
        .rsplit('\n')
        .next()
        .map_or(0, |last| last.chars().count())
        + 1;
    Place { line, column }
}
