use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::fields::Written;
use crate::problem::{Invalid, Misplaced, quoted};

/// A closed set of words as an enum: in the order given, each written as its word.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $noun:literal { $($(#[$word_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$word_doc])* $variant,)+
        }

        impl $name {
            /// Every one, in the order of the language's description.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            /// The word for it in a policy.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::problem::Invalid;

            fn from_str(text: &str) -> Result<Self, $crate::problem::Invalid> {
                $crate::problem::choice(text, $noun, &[$(($word, Self::$variant)),+])
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.pad(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

/// A set of words, written as a list; in the order of the language's description.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Words<T>(pub(crate) BTreeSet<T>);

impl<T: Ord> Words<T> {
    /// Whether the word is one of them.
    #[must_use]
    pub fn contains(&self, word: &T) -> bool {
        self.0.contains(word)
    }

    /// The words.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Ord + FromStr<Err = Invalid>> Words<T> {
    /// Each item is a word of its own; none is there twice.
    pub(crate) fn read(items: &[Written]) -> Result<Self, Misplaced> {
        let mut words = BTreeSet::new();
        for item in items {
            let at = |invalid: Invalid| Misplaced(item.place, invalid);
            if !words.insert(item.text.parse().map_err(at)?) {
                let twice = Invalid::new(format!("{} is given twice", quoted(&item.text)));
                return Err(at(twice.hint("keep one of the two")));
            }
        }
        Ok(Self(words))
    }
}

impl<T: fmt::Display> fmt::Display for Words<T> {
    /// `GET, HEAD`, or `none`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        out.pad(&match words.as_slice() {
            [] => "none".to_owned(),
            words => words.join(", "),
        })
    }
}

impl<T: fmt::Display> Serialize for Words<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(ToString::to_string))
    }
}
