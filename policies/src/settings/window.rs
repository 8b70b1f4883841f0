use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::breadth::Optional;
use crate::fields::Written;
use crate::path::GrantPath;
use crate::problem::{Invalid, quoted};
use crate::settings::section::section;

section! {
    /// The section `window`, but for its mode: where the windows are that permissions speak of.
    WindowDisplay, WindowDisplayOverrides {
        /// Which display.
        display: DisplayName = "window.display", one, Only, Live, display;
        /// Where its key is.
        authority: AuthorityFile = "window.authority", one, Only, Live, authority;
    }
}

/// What is said of something that may be missing.
const NONE: &str = "none";

/// A display of this machine, if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DisplayName(Option<u16>);

impl DisplayName {
    /// Its number.
    #[must_use]
    pub const fn number(self) -> Option<u16> {
        self.0
    }
}

impl FromStr for DisplayName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text == NONE {
            return Ok(Self(None));
        }
        let number = text
            .strip_prefix(':')
            .and_then(|number| number.parse().ok());
        // One spelling: no sign, no zero before it.
        match number.filter(|number: &u16| text[1..] == number.to_string()) {
            Some(number) => Ok(Self(Some(number))),
            None => {
                let hint = "write `:` and a number, such as `\":0\"`: a display of this machine, without a screen; or `none`";
                Err(Invalid::new(format!("{} is no display", quoted(text))).hint(hint))
            }
        }
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => out.pad(NONE),
            Some(number) => out.pad(&format!(":{number}")),
        }
    }
}

impl Serialize for DisplayName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.map(|_| self.to_string()).serialize(serializer)
    }
}

/// The file with a display's key, as `xauth` writes it, if it takes one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct AuthorityFile(Option<GrantPath>);

impl AuthorityFile {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> Option<&GrantPath> {
        self.0.as_ref()
    }
}

impl FromStr for AuthorityFile {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            NONE => Ok(Self(None)),
            path => path.parse().map(|path| Self(Some(path))),
        }
    }
}

impl fmt::Display for AuthorityFile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.0.as_ref().map_or(NONE, GrantPath::as_str))
    }
}

impl Optional for DisplayName {
    const NONE: Self = Self(None);

    fn is_none(&self) -> bool {
        self.0.is_none()
    }
}

impl Optional for AuthorityFile {
    const NONE: Self = Self(None);

    fn is_none(&self) -> bool {
        self.0.is_none()
    }
}

fn display(written: &Written) -> Result<DisplayName, Invalid> {
    written.text.parse()
}

fn authority(written: &Written) -> Result<AuthorityFile, Invalid> {
    written.text.parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_is_one_of_this_machine_or_none() {
        for text in [":0", ":99", ":65535", "none"] {
            assert_eq!(text.parse::<DisplayName>().expect(text).to_string(), text);
        }
        for text in [
            "", ":", "0", ":65536", ":-1", ":+1", ":01", ":0.0", "host:0", "unix:0", ":x", "None",
        ] {
            assert!(text.parse::<DisplayName>().is_err(), "{text}");
        }
    }
}
