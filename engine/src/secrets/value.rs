use zeroize::Zeroizing;

/// The longest value, in bytes: servers take no header field that is longer.
pub const MAX_VALUE_BYTES: usize = 8 * 1024;

/// A secret. Nothing shows it, and its memory is wiped when it goes.
pub struct SecretValue(Zeroizing<String>);

/// Why a value is not taken. Says nothing of it but its length and places in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// There is nothing.
    #[error("is empty")]
    Empty,
    /// More than any secret has.
    #[error("has {bytes} bytes, more than {limit}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// [`MAX_VALUE_BYTES`].
        limit: usize,
    },
    /// It could not be put into a header field (RFC 9110, section 5.5).
    #[error("has a byte, number {at}, that is no visible ASCII character")]
    Invisible {
        /// Where, from 1.
        at: usize,
    },
    /// JavaScript has no such text.
    #[error("is no UTF-8 from byte {at} on")]
    NotText {
        /// Where, from 1.
        at: usize,
    },
}

impl SecretValue {
    /// A value that the broker puts into requests: visible ASCII, without the one line end that editors put after it.
    ///
    /// # Errors
    /// [`ValueError`].
    pub fn for_requests(bytes: &[u8]) -> Result<Self, ValueError> {
        let bytes = bounded(bytes)?;
        match bytes.iter().position(|byte| !byte.is_ascii_graphic()) {
            Some(place) => Err(ValueError::Invisible { at: place + 1 }),
            None => text(bytes),
        }
    }

    /// A value that the plugin itself gets: any text, without the one line end that editors put after it.
    ///
    /// # Errors
    /// [`ValueError`].
    pub fn for_plugin(bytes: &[u8]) -> Result<Self, ValueError> {
        text(bounded(bytes)?)
    }

    /// The secret.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

fn bounded(bytes: &[u8]) -> Result<&[u8], ValueError> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    match bytes.len() {
        0 => Err(ValueError::Empty),
        1..=MAX_VALUE_BYTES => Ok(bytes),
        bytes => Err(ValueError::TooLong {
            bytes,
            limit: MAX_VALUE_BYTES,
        }),
    }
}

fn text(bytes: &[u8]) -> Result<SecretValue, ValueError> {
    let text = std::str::from_utf8(bytes).map_err(|error| ValueError::NotText {
        at: error.valid_up_to() + 1,
    })?;
    Ok(SecretValue(Zeroizing::new(text.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_end_is_cut_and_what_no_header_carries_is_refused() {
        let taken = |bytes: &[u8]| {
            let value = SecretValue::for_requests(bytes);
            value.map(|value| value.reveal().to_owned())
        };
        assert_eq!(taken(b"k3y~!\n").as_deref(), Ok("k3y~!"));
        assert_eq!(
            taken(&[b'k'; MAX_VALUE_BYTES]).map(|value| value.len()),
            Ok(MAX_VALUE_BYTES)
        );
        let limit = MAX_VALUE_BYTES;
        for (bytes, error) in [
            (&b""[..], ValueError::Empty),
            (b"\n", ValueError::Empty),
            (b"a b", ValueError::Invisible { at: 2 }),
            (b"ab\n\n", ValueError::Invisible { at: 3 }),
            (b"ab\r\n", ValueError::Invisible { at: 3 }),
            (b"a\0", ValueError::Invisible { at: 2 }),
            ("né".as_bytes(), ValueError::Invisible { at: 2 }),
            (
                &[b'k'; MAX_VALUE_BYTES + 1],
                ValueError::TooLong {
                    bytes: limit + 1,
                    limit,
                },
            ),
        ] {
            assert_eq!(taken(bytes), Err(error));
        }
    }

    #[test]
    fn what_the_plugin_gets_is_any_text() {
        let taken = |bytes: &[u8]| {
            let value = SecretValue::for_plugin(bytes);
            value.map(|value| value.reveal().to_owned())
        };
        let key = "-----BEGIN KEY-----\nMII\n-----END KEY-----\n";
        assert_eq!(taken(key.as_bytes()).as_deref(), Ok(key.trim_end()));
        assert_eq!(taken(b"ab\xff"), Err(ValueError::NotText { at: 3 }));
        assert_eq!(taken(b"\n"), Err(ValueError::Empty));
    }
}
