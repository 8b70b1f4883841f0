//! What does not fit, in words.

use std::fmt;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use crate::event::escape;

/// Most letters of a value, a name or a rule that are repeated.
const SHOWN: usize = 60;

/// Most words of a choice that are repeated.
const SHOWN_CHOICES: usize = 8;

/// Most things that are told at once.
pub(super) const MOST_TOLD: usize = 5;

/// Longest name of a function that others are compared with: no function has a longer one.
const LONGEST_COMPARED: usize = 128;

/// Why arguments or a result do not fit: the first few things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit(pub Vec<Misfit>);

/// One thing that does not fit. Names and values are the caller's or the plugin's own text, cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Where, as a JSON pointer (RFC 6901); empty for the whole.
    pub path: String,
    /// What stands there; `None` where it is of no use to know.
    pub found: Option<String>,
    /// What is wrong with it.
    pub rule: String,
}

impl Unfit {
    pub(super) fn whole(rule: impl Into<String>) -> Self {
        Self(vec![Misfit {
            path: String::new(),
            found: None,
            rule: rule.into(),
        }])
    }
}

impl fmt::Display for Unfit {
    /// One line for each.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, misfit) in self.0.iter().enumerate() {
            let line = if index == 0 { "" } else { "\n" };
            write!(out, "{line}{misfit}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, found, rule } = self;
        let place = match path.as_str() {
            "" => "it".to_owned(),
            path => format!("`{path}`"),
        };
        match found {
            Some(found) => write!(out, "{place} is {found}: {rule}"),
            None => write!(out, "{place} {rule}"),
        }
    }
}

/// What is said of a call whose arguments or result do not fit.
pub(crate) fn unfit_text(call: &str, what: &str, unfit: &Unfit) -> String {
    let one = |misfit: &Misfit| format!("\n  {}", escape(&misfit.to_string()));
    let parts: String = unfit.0.iter().map(one).collect();
    let verb = if what == "arguments" { "are" } else { "is" };
    format!("{call}: the {what} {verb} not what its `plugin.yaml` says{parts}")
}

/// What is said of a call of a function that a plugin does not list.
pub(crate) fn unlisted(plugin: &str, function: &str, exported: bool, listed: &[String]) -> String {
    let function = escape(function);
    if exported {
        return format!(
            "plugin `{plugin}` exports `{function}`, and its `plugin.yaml` does not list it\n  hint: add it to `functions` there"
        );
    }
    let known: Vec<&str> = listed.iter().map(String::as_str).collect();
    let compared = function.len() <= LONGEST_COMPARED;
    let near = known
        .iter()
        .filter(|_| compared)
        .map(|name| (strsim::jaro_winkler(&function, name), *name))
        .filter(|(similarity, _)| *similarity > 0.7)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    let hint = match near {
        Some((_, near)) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "its `plugin.yaml` lists none".to_owned(),
        None => format!("it has `{}`", known.join("`, `")),
    };
    format!("plugin `{plugin}` has no function `{function}`\n  hint: {hint}")
}

/// What one error of a validator comes to: one thing, or several.
pub(super) fn misfits(error: &ValidationError<'_>) -> Vec<Misfit> {
    let path = error.instance_path().as_str();
    let one = |rule: String| {
        vec![Misfit {
            path: cut(path, SHOWN * 4),
            found: Some(shown(error.instance())),
            rule,
        }]
    };
    let bare = |below: &str, rule: &str| Misfit {
        path: cut(&joined(path, below), SHOWN * 4),
        found: None,
        rule: rule.to_owned(),
    };
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            vec![bare(property.as_str().unwrap_or_default(), "is missing")]
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let names = unexpected.iter().take(MOST_TOLD);
            names.map(|name| bare(name, "is not known")).collect()
        }
        // Where no property is known, none is told apart.
        ValidationErrorKind::FalseSchema
            if error
                .schema_path()
                .as_str()
                .ends_with("/additionalProperties") =>
        {
            let names = error.instance().as_object().into_iter().flatten();
            let names = names.take(MOST_TOLD).map(|(name, _)| name);
            names.map(|name| bare(name, "is not known")).collect()
        }
        ValidationErrorKind::FalseSchema => vec![Misfit {
            path: cut(path, SHOWN * 4),
            found: None,
            rule: "is not known".to_owned(),
        }],
        ValidationErrorKind::PropertyNames { error } => {
            let name = error.instance();
            one(format!("the name {} does not fit", shown(name)))
        }
        kind => one(rule(kind)),
    }
}

fn rule(kind: &ValidationErrorKind) -> String {
    match kind {
        ValidationErrorKind::Type { kind } => format!("it must be {}", types(kind)),
        ValidationErrorKind::Enum { options } => format!("it must be {}", choices(options)),
        ValidationErrorKind::Constant { expected_value } => {
            format!("it must be {}", shown(expected_value))
        }
        ValidationErrorKind::Minimum { limit } => format!("it must be at least {limit}"),
        ValidationErrorKind::Maximum { limit } => format!("it must be at most {limit}"),
        ValidationErrorKind::ExclusiveMinimum { limit } => format!("it must be above {limit}"),
        ValidationErrorKind::ExclusiveMaximum { limit } => format!("it must be below {limit}"),
        ValidationErrorKind::MultipleOf { multiple_of } => {
            format!("it must be a multiple of {multiple_of}")
        }
        ValidationErrorKind::MinLength { limit } => {
            format!("it must have at least {limit} letters")
        }
        ValidationErrorKind::MaxLength { limit } => format!("it must have at most {limit} letters"),
        ValidationErrorKind::MinItems { limit } => format!("it must have at least {limit} items"),
        ValidationErrorKind::MaxItems { limit } => format!("it must have at most {limit} items"),
        ValidationErrorKind::AdditionalItems { limit } => {
            format!("it must have at most {limit} items")
        }
        ValidationErrorKind::MinProperties { limit } => {
            format!("it must have at least {limit} properties")
        }
        ValidationErrorKind::MaxProperties { limit } => {
            format!("it must have at most {limit} properties")
        }
        ValidationErrorKind::UniqueItems => "no item may be there twice".to_owned(),
        ValidationErrorKind::Pattern { pattern } => {
            format!("it must match `{}`", cut(pattern, SHOWN))
        }
        ValidationErrorKind::Format { format } => format!("it must be of the format `{format}`"),
        ValidationErrorKind::Contains => "it has not the items that `contains` asks for".to_owned(),
        ValidationErrorKind::AnyOf { .. } => "it fits nothing that `anyOf` names".to_owned(),
        ValidationErrorKind::OneOfNotValid { .. } => {
            "it fits nothing that `oneOf` names".to_owned()
        }
        ValidationErrorKind::OneOfMultipleValid { .. } => {
            "it fits more than one of what `oneOf` names".to_owned()
        }
        ValidationErrorKind::Not { .. } => "it is what `not` excludes".to_owned(),
        kind => format!("it breaks `{}`", kind.keyword()),
    }
}

fn types(kind: &TypeKind) -> String {
    let name = |one: JsonType| format!("`{}`", one.as_str());
    match kind {
        TypeKind::Single(one) => format!("of type {}", name(*one)),
        TypeKind::Multiple(several) => {
            let names: Vec<_> = several.iter().map(name).collect();
            format!("of type {}", names.join(" or "))
        }
    }
}

fn choices(options: &Value) -> String {
    let options = options.as_array().map_or(&[][..], Vec::as_slice);
    let mut words: Vec<_> = options.iter().take(SHOWN_CHOICES).map(shown).collect();
    if options.len() > SHOWN_CHOICES {
        words.push(format!("one of {} more", options.len() - SHOWN_CHOICES));
    }
    words.join(" or ")
}

/// A value, cut; of what holds others only how many.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{}`", cut_quoted(text)),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(map) => format!("an object of {}", map.len()),
        other => format!("`{other}`"),
    }
}

fn cut_quoted(text: &str) -> String {
    let short = cut(text, SHOWN);
    let (head, dots) = match short.strip_suffix('…') {
        Some(head) if short.len() < text.len() || head.len() < text.len() => (head, "…"),
        _ => (short.as_str(), ""),
    };
    let quoted = Value::String(head.to_owned()).to_string();
    format!("{quoted}{dots}")
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// A JSON pointer with one more part.
fn joined(path: &str, part: &str) -> String {
    format!("{path}/{}", part.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_no_function_can_have_is_compared_with_none() {
        let listed = ["a".repeat(LONGEST_COMPARED)];
        let near = unlisted("p", &"a".repeat(LONGEST_COMPARED - 1), false, &listed);
        assert!(near.contains("did you mean"), "{near}");
        let far = unlisted("p", &"a".repeat(LONGEST_COMPARED + 1), false, &listed);
        assert!(!far.contains("did you mean"), "{far}");
    }
}
