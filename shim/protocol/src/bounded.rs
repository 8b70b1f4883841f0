//! Lists with a most number of items, held to it while they are read.
//!
//! An empty text is one byte of a frame and many in memory: a list that is compared with its
//! bound only once it is whole has taken that memory already.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use crate::measure::{MAX_LABELS, MAX_MEASURES, Measure};
use crate::message::Difference;

/// The most functions a message may name.
const FUNCTIONS: usize = 1024;

/// The most differences a refusal may tell of.
const DIFFERENCES: usize = 1024;

/// The most arguments a program may be given.
const ARGUMENTS: usize = 1024;

thread_local! {
    /// Which list was too long. postcard's error has no room for it.
    static TOO_LONG: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Which list the message was refused for that was read last on this thread, if for one. Told
/// once.
pub(crate) fn too_long() -> Option<&'static str> {
    TOO_LONG.take()
}

pub(crate) fn functions<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<String>, D::Error> {
    source.deserialize_seq(List::new(FUNCTIONS, "list of functions"))
}

pub(crate) fn arguments<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<String>, D::Error> {
    source.deserialize_seq(List::new(ARGUMENTS, "list of arguments"))
}

pub(crate) fn differences<'de, D: Deserializer<'de>>(
    source: D,
) -> Result<Vec<Difference>, D::Error> {
    source.deserialize_seq(List::new(DIFFERENCES, "list of differences"))
}

pub(crate) fn labels<'de, D: Deserializer<'de>>(
    source: D,
) -> Result<Vec<(String, String)>, D::Error> {
    source.deserialize_seq(List::new(MAX_LABELS, "list of labels"))
}

pub(crate) fn measures<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<Measure>, D::Error> {
    source.deserialize_seq(List::new(MAX_MEASURES, "list of measures"))
}

struct List<T> {
    most: usize,
    name: &'static str,
    items: PhantomData<T>,
}

impl<T> List<T> {
    fn new(most: usize, name: &'static str) -> Self {
        Self {
            most,
            name,
            items: PhantomData,
        }
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
    type Value = Vec<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a {} of at most {} items", self.name, self.most)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = source.next_element()? {
            if items.len() == self.most {
                TOO_LONG.set(Some(self.name));
                return Err(A::Error::custom(format_args!(
                    "the {} is too large",
                    self.name
                )));
            }
            items.push(item);
        }
        Ok(items)
    }
}
