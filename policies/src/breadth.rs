use std::collections::BTreeSet;
use std::fmt::Display;

use crate::word::Words;

/// How much the value of a key allows; only comparable with that of the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Breadth {
    /// More is wider.
    Number(u64),
    /// Words each of which adds something.
    Adding(BTreeSet<String>),
    /// Words each of which takes something away.
    Taking(BTreeSet<String>),
}

impl Breadth {
    /// Where a key is not there, nothing is held back by it.
    pub(crate) const UNLIMITED: Self = Self::Number(u64::MAX);

    /// Nothing is allowed by it.
    pub(crate) const NONE: Self = Self::Number(0);

    /// Whether this allows anything that `other` does not.
    pub(crate) fn exceeds(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(mine), Self::Number(theirs)) => mine > theirs,
            (Self::Adding(mine), Self::Adding(theirs)) => !mine.is_subset(theirs),
            (Self::Taking(mine), Self::Taking(theirs)) => !theirs.is_subset(mine),
            _ => true,
        }
    }
}

/// A value with an amount.
pub(crate) trait Measured {
    fn amount(&self) -> u64;
}

macro_rules! measured {
    ($($type:ty: $amount:expr;)+) => {
        $(impl $crate::breadth::Measured for $type {
            fn amount(&self) -> u64 {
                let amount: fn(&Self) -> u64 = $amount;
                amount(self)
            }
        })+
    };
}
pub(crate) use measured;

measured! {
    u32: |count| u64::from(*count);
    crate::units::ByteSize: |size| size.bytes();
    crate::units::TimeLimit: |time| time.millis();
    crate::units::KeepTime: |time| time.hours();
}

/// How a key is held by an operator's floor, and which of two values of it is wider.
pub(crate) trait Rule<T> {
    /// What holds instead of `mine` where that is beyond the floor.
    fn cut(mine: &T, floor: &T) -> Option<T>;

    fn breadth(value: &T) -> Breadth;
}

/// The floor's value is the most.
pub(crate) struct Most;

/// The floor's value is the least.
pub(crate) struct Least;

/// The floor's value is the only one; none is wider than another.
pub(crate) struct Same;

/// A value that may be missing, which allows nothing.
pub(crate) trait Optional: Sized {
    const NONE: Self;

    fn is_none(&self) -> bool;
}

/// The floor's value is the only one beside none, which any other one becomes.
pub(crate) struct Only;

/// The floor's words are all there may be.
pub(crate) struct Adding;

/// The floor's words must be there.
pub(crate) struct Taking;

impl<T: Measured + Clone> Rule<T> for Most {
    fn cut(mine: &T, floor: &T) -> Option<T> {
        (mine.amount() > floor.amount()).then(|| floor.clone())
    }

    fn breadth(value: &T) -> Breadth {
        Breadth::Number(value.amount())
    }
}

impl<T: Measured + Clone> Rule<T> for Least {
    fn cut(mine: &T, floor: &T) -> Option<T> {
        (mine.amount() < floor.amount()).then(|| floor.clone())
    }

    fn breadth(value: &T) -> Breadth {
        Breadth::Number(u64::MAX - value.amount())
    }
}

impl<T: Clone + PartialEq> Rule<T> for Same {
    fn cut(mine: &T, floor: &T) -> Option<T> {
        (mine != floor).then(|| floor.clone())
    }

    fn breadth(_: &T) -> Breadth {
        Breadth::NONE
    }
}

impl<T: Optional + PartialEq + Display> Rule<T> for Only {
    fn cut(mine: &T, floor: &T) -> Option<T> {
        (mine != floor && !mine.is_none()).then_some(T::NONE)
    }

    fn breadth(value: &T) -> Breadth {
        let there = (!value.is_none()).then(|| value.to_string());
        Breadth::Adding(there.into_iter().collect())
    }
}

impl<T: Ord + Clone + Display> Rule<Words<T>> for Adding {
    fn cut(mine: &Words<T>, floor: &Words<T>) -> Option<Words<T>> {
        (!mine.0.is_subset(&floor.0)).then(|| Words(&mine.0 & &floor.0))
    }

    fn breadth(value: &Words<T>) -> Breadth {
        Breadth::Adding(value.iter().map(ToString::to_string).collect())
    }
}

impl<T: Ord + Clone + Display> Rule<Words<T>> for Taking {
    fn cut(mine: &Words<T>, floor: &Words<T>) -> Option<Words<T>> {
        (!floor.0.is_subset(&mine.0)).then(|| Words(&mine.0 | &floor.0))
    }

    fn breadth(value: &Words<T>) -> Breadth {
        Breadth::Taking(value.iter().map(ToString::to_string).collect())
    }
}
