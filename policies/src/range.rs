use std::fmt::Display;
use std::ops::RangeInclusive;

use crate::fields::Written;
use crate::problem::Invalid;
use crate::units::{ByteSize, TimeLimit, whole_number};

/// A whole number without quotes.
pub(crate) fn count(
    written: &Written,
    range: RangeInclusive<u32>,
    why: &str,
) -> Result<u32, Invalid> {
    count_of(&written.text, written.plain, range, why)
}

pub(crate) fn count_of(
    text: &str,
    plain: bool,
    range: RangeInclusive<u32>,
    why: &str,
) -> Result<u32, Invalid> {
    if !plain {
        return Err(Invalid::new("a number in quotes is text").hint("take the quotes away"));
    }
    let wide = within(
        whole_number(text)?,
        u64::from(*range.start())..=u64::from(*range.end()),
        why,
    )?;
    Ok(u32::try_from(wide).expect("the range ends below 2^32"))
}

/// An amount of bytes.
pub(crate) fn size(
    written: &Written,
    range: RangeInclusive<ByteSize>,
    why: &str,
) -> Result<ByteSize, Invalid> {
    within(written.text.parse()?, range, why)
}

/// A span of time, in milliseconds.
pub(crate) fn time(
    written: &Written,
    range: RangeInclusive<u64>,
    why: &str,
) -> Result<TimeLimit, Invalid> {
    let (least, most) = range.into_inner();
    let range = TimeLimit::from_millis(least)..=TimeLimit::from_millis(most);
    within(written.text.parse()?, range, why)
}

pub(crate) fn within<T: Ord + Display>(
    value: T,
    range: RangeInclusive<T>,
    why: &str,
) -> Result<T, Invalid> {
    let (least, most) = range.into_inner();
    let message = if value < least {
        format!("`{value}` is below the least allowed `{least}`")
    } else if value > most {
        format!("`{value}` is above the most allowed `{most}`")
    } else {
        return Ok(value);
    };
    let hint = if why.is_empty() {
        String::new()
    } else {
        format!("; {why}")
    };
    Err(Invalid::new(message).hint(format!("choose from `{least}` to `{most}`{hint}")))
}
