/// What a keyword of a JSON Schema takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// A schema for the value itself.
    Same,
    /// Schemas for the value itself.
    SameList,
    /// Schemas by the names that `$ref` calls them by; only at the top.
    Definitions,
    /// A schema for what is in the value.
    Inner,
    /// Schemas for what is in the value.
    InnerList,
    /// Schemas for what is in the value, by name.
    InnerNamed,
    /// Schemas for what is in the value, by pattern of the name.
    InnerMatched,
    /// The name of a definition, as `#/$defs/NAME`.
    Reference,
    /// The name of the language's version.
    Version,
    /// A text for people.
    Text,
    /// A regular expression.
    Pattern,
    /// The name of a form of texts.
    Format,
    /// The name of a kind of values, or a list of some.
    Types,
    /// A whole number from 0 on.
    Count,
    /// A number.
    Number,
    /// A number above 0.
    Step,
    /// `true` or `false`.
    Flag,
    /// Names, each once.
    Names,
    /// Names, each once, by name.
    NamesNamed,
    /// Any value.
    Any,
    /// A list of at least one value.
    Anys,
}

/// The keywords there are. What is not among them needs to know what other keywords have looked at, or looks elsewhere.
pub(super) const KEYWORDS: &[(&str, Takes)] = &[
    ("$schema", Takes::Version),
    ("$defs", Takes::Definitions),
    ("$ref", Takes::Reference),
    ("$comment", Takes::Text),
    ("title", Takes::Text),
    ("description", Takes::Text),
    ("default", Takes::Any),
    ("examples", Takes::Anys),
    ("deprecated", Takes::Flag),
    ("type", Takes::Types),
    ("enum", Takes::Anys),
    ("const", Takes::Any),
    ("allOf", Takes::SameList),
    ("anyOf", Takes::SameList),
    ("oneOf", Takes::SameList),
    ("not", Takes::Same),
    ("if", Takes::Same),
    ("then", Takes::Same),
    ("else", Takes::Same),
    ("properties", Takes::InnerNamed),
    ("patternProperties", Takes::InnerMatched),
    ("additionalProperties", Takes::Inner),
    ("propertyNames", Takes::Inner),
    ("required", Takes::Names),
    ("dependentRequired", Takes::NamesNamed),
    ("minProperties", Takes::Count),
    ("maxProperties", Takes::Count),
    ("prefixItems", Takes::InnerList),
    ("items", Takes::Inner),
    ("contains", Takes::Inner),
    ("minContains", Takes::Count),
    ("maxContains", Takes::Count),
    ("minItems", Takes::Count),
    ("maxItems", Takes::Count),
    ("uniqueItems", Takes::Flag),
    ("minLength", Takes::Count),
    ("maxLength", Takes::Count),
    ("pattern", Takes::Pattern),
    ("format", Takes::Format),
    ("minimum", Takes::Number),
    ("maximum", Takes::Number),
    ("exclusiveMinimum", Takes::Number),
    ("exclusiveMaximum", Takes::Number),
    ("multipleOf", Takes::Step),
];

/// Kinds of values.
pub(super) const TYPES: &[&str] = &[
    "null", "boolean", "object", "array", "number", "integer", "string",
];

/// Forms of texts that are checked.
pub(super) const FORMATS: &[&str] = &[
    "date",
    "date-time",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "json-pointer",
    "time",
    "uri",
    "uri-reference",
    "uuid",
];

/// What the keyword takes, if there is one of that name.
pub(super) fn takes(keyword: &str) -> Option<Takes> {
    let found = KEYWORDS.iter().find(|(name, _)| *name == keyword);
    found.map(|(_, takes)| *takes)
}
