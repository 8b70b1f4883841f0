//! The one argument of a call.

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// What a call's arguments are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Argument<'text> {
    None,
    One(&'text str),
    More,
}

/// As the shim takes them: a list is the list of arguments, anything else the only one.
pub(super) fn argument(text: &str) -> serde_json::Result<Argument<'_>> {
    if !text.trim_ascii_start().starts_with('[') {
        return Ok(Argument::One(text));
    }
    let List(first, more) = serde_json::from_str(text)?;
    Ok(match first {
        None => Argument::None,
        Some(_) if more => Argument::More,
        Some(first) => Argument::One(first.get()),
    })
}

/// The first item of a list, and whether there are more; nothing else of it is kept.
struct List<'text>(Option<&'text RawValue>, bool);

impl<'de> Deserialize<'de> for List<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(First)
    }
}

struct First;

impl<'de> Visitor<'de> for First {
    type Value = List<'de>;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a list of arguments")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let first = items.next_element()?;
        let mut more = false;
        while items.next_element::<IgnoredAny>()?.is_some() {
            more = true;
        }
        Ok(List(first, more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_the_list_of_arguments_and_anything_else_the_only_one() {
        let of = |text| argument(text).unwrap();
        assert_eq!(of(" { \"a\": 1 } "), Argument::One(" { \"a\": 1 } "));
        assert_eq!(of("[]"), Argument::None);
        assert_eq!(of("\n[ {\"a\":1} ]"), Argument::One("{\"a\":1}"));
        assert_eq!(of("[[]]"), Argument::One("[]"));
        assert_eq!(of("[1,2]"), Argument::More);
        assert!(argument("[1").is_err());
    }
}
