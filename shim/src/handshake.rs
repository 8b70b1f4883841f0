//! The first two messages: which version both ends speak.

use std::time::{Duration, Instant};

use lazaret_protocol::{EngineMessage, Given, PROTOCOL_VERSION, ShimMessage};

use crate::channel::{Channel, ChannelError, Reader};

/// How long the engine may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why the two ends do not speak.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The channel failed.
    #[error("failed to greet the engine")]
    Channel(#[from] ChannelError),
    /// The engine did not answer in time.
    #[error("the engine did not answer within `{}` s", PATIENCE.as_secs())]
    Silent,
    /// The first message was no hello.
    #[error("the engine's first message is no hello")]
    OutOfTurn,
    /// The engine speaks a version this shim does not know.
    #[error("the engine speaks version `{theirs}`, this shim speaks `{PROTOCOL_VERSION}`")]
    Version {
        /// The engine's version.
        theirs: u16,
    },
}

/// Says hello and waits for the engine's, with what it gives the plugin.
///
/// # Errors
///
/// [`HandshakeError`].
pub fn greet(channel: &Channel, reader: &mut Reader) -> Result<Given, HandshakeError> {
    let hello = ShimMessage::Hello {
        version: PROTOCOL_VERSION,
        engine: crate::ENGINE.to_owned(),
    };
    channel.post(&hello).map_err(ChannelError::from)?;
    let end = Instant::now() + PATIENCE;
    loop {
        match reader.message()? {
            // There is one version so far, so the lower of the two must be it.
            Some(EngineMessage::Hello { version, given }) if version >= PROTOCOL_VERSION => {
                return Ok(given);
            }
            Some(EngineMessage::Hello { version, .. }) => {
                return Err(HandshakeError::Version { theirs: version });
            }
            Some(_) => return Err(HandshakeError::OutOfTurn),
            None => {}
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(HandshakeError::Silent);
        }
        if channel.wait(Some(left), true)?.readable {
            reader.read(channel)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use lazaret_protocol::encode;

    use super::*;

    fn greet_with(answer: &[u8]) -> Result<Given, HandshakeError> {
        let (ours, mut theirs) = UnixStream::pair().expect("socket pair");
        theirs.write_all(answer).expect("answer");
        drop(theirs.shutdown(std::net::Shutdown::Write));
        greet(
            &Channel::new(ours.into()).expect("channel"),
            &mut Reader::default(),
        )
    }

    fn given() -> Given {
        Given {
            secrets: Vec::new(),
            authority: Some("the broker's".to_owned()),
        }
    }

    fn hello(version: u16) -> Vec<u8> {
        encode(&EngineMessage::Hello {
            version,
            given: given(),
        })
        .expect("frame")
    }

    #[test]
    fn the_same_or_a_newer_version_is_agreed_upon() {
        for version in [PROTOCOL_VERSION, PROTOCOL_VERSION + 1] {
            assert_eq!(greet_with(&hello(version)).expect("agreed"), given());
        }
    }

    #[test]
    fn an_older_version_ends_it() {
        let error = greet_with(&hello(0)).expect_err("refused");
        assert!(matches!(error, HandshakeError::Version { theirs: 0 }));
    }

    #[test]
    fn any_other_first_message_ends_it() {
        let shutdown = encode(&EngineMessage::Shutdown).expect("frame");
        assert!(matches!(
            greet_with(&shutdown),
            Err(HandshakeError::OutOfTurn)
        ));
        assert!(matches!(greet_with(&[]), Err(HandshakeError::Channel(_))));
        assert!(matches!(
            greet_with(&[0xff; 64]),
            Err(HandshakeError::Channel(_))
        ));
    }
}
