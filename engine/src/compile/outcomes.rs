//! What the compiler answers, believed in nothing.

use lazaret_protocol::{Compiled, FrameDecoder, FrameError, MAX_FRAME_BYTES};

use crate::event::escape;

/// The largest code or source map of one file in bytes.
const MAX_PART_BYTES: usize = 8 * 1024 * 1024;

/// The longest message of a problem, and the longest line with it, in bytes.
const MAX_TEXT_BYTES: usize = 1024;

/// Why an answer is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// It is no sequence of frames.
    #[error("it is not framed as it should be")]
    Frame(#[from] FrameError),
    /// Something else was asked for at this place.
    #[error("it names `{}` where `{}` was asked for", found.escape_debug(), escape(wanted))]
    Name {
        /// The name asked for.
        wanted: String,
        /// The name in the answer, cut.
        found: String,
    },
    /// There is more than was asked for.
    #[error("it has more in it than was asked for")]
    More,
    /// There is less than was asked for.
    #[error("it ends before `{}`", escape(.0))]
    Less(String),
    /// A part of it is larger than any may be.
    #[error(
        "its {what} of `{}` has {bytes} bytes, more than {limit}",
        escape(name)
    )]
    TooLarge {
        /// Code, source map or problem.
        what: &'static str,
        /// Of which file.
        name: String,
        /// Its size.
        bytes: usize,
        /// The most there may be.
        limit: usize,
    },
}

/// Reads an answer to the sources of these names: one outcome for each, in their order, within bounds.
pub(super) fn read<'a>(
    bytes: &[u8],
    names: impl Iterator<Item = &'a str>,
) -> Result<Vec<Compiled>, AnswerError> {
    let mut decoder = FrameDecoder::new(MAX_FRAME_BYTES);
    decoder.push(bytes);
    let mut outcomes = Vec::new();
    for name in names {
        let Some(outcome) = decoder.next::<Compiled>()? else {
            return Err(AnswerError::Less(name.to_owned()));
        };
        check(&outcome, name)?;
        outcomes.push(outcome);
    }
    // A frame that has only begun is more, too.
    if after(bytes, outcomes.len()).is_none_or(|rest| !rest.is_empty()) {
        return Err(AnswerError::More);
    }
    Ok(outcomes)
}

/// What comes after so many frames.
fn after(mut bytes: &[u8], frames: usize) -> Option<&[u8]> {
    for _ in 0..frames {
        let (length, rest) = bytes.split_first_chunk()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        bytes = rest.get(length..)?;
    }
    Some(bytes)
}

fn check(outcome: &Compiled, name: &str) -> Result<(), AnswerError> {
    let (path, parts) = match outcome {
        Compiled::Module { path, code, map } => (
            path,
            [
                ("code", code.len(), MAX_PART_BYTES),
                ("source map", map.len(), MAX_PART_BYTES),
            ],
        ),
        Compiled::Refused { path, problem } => (
            path,
            [
                ("problem", problem.message.len(), MAX_TEXT_BYTES),
                ("line", problem.text.len(), MAX_TEXT_BYTES),
            ],
        ),
    };
    if path != name {
        let end = path.floor_char_boundary(MAX_TEXT_BYTES);
        return Err(AnswerError::Name {
            wanted: name.to_owned(),
            found: path[..end].to_owned(),
        });
    }
    match parts.into_iter().find(|(_, bytes, limit)| bytes > limit) {
        None => Ok(()),
        Some((what, bytes, limit)) => Err(AnswerError::TooLarge {
            what,
            name: name.to_owned(),
            bytes,
            limit,
        }),
    }
}

#[cfg(test)]
mod tests {
    use lazaret_protocol::{Problem, encode};

    use super::*;

    fn module(path: &str, code: &str) -> Vec<u8> {
        let (path, code) = (path.to_owned(), code.to_owned());
        let map = "{}".to_owned();
        encode(&Compiled::Module { path, code, map }).unwrap()
    }

    fn read_all(bytes: &[u8]) -> Result<usize, AnswerError> {
        read(bytes, ["a.ts", "lib/b.ts"].into_iter()).map(|outcomes| outcomes.len())
    }

    #[test]
    fn an_answer_to_each_source_in_its_order_is_taken() {
        let problem = Problem {
            line: 1,
            column: 2,
            message: "no".to_owned(),
            text: "const".to_owned(),
        };
        let path = "lib/b.ts".to_owned();
        let refused = encode(&Compiled::Refused { path, problem }).unwrap();
        let bytes = [module("a.ts", "1"), refused].concat();
        assert_eq!(read_all(&bytes), Ok(2));
    }

    #[test]
    fn an_answer_to_anything_else_is_refused() {
        let (a, b) = (module("a.ts", "1"), module("lib/b.ts", "2"));
        let good = [a.clone(), b.clone()].concat();
        assert_eq!(
            read_all(&[b.clone(), a.clone()].concat())
                .unwrap_err()
                .to_string(),
            "it names `lib/b.ts` where `a.ts` was asked for"
        );
        assert_eq!(read_all(&a), Err(AnswerError::Less("lib/b.ts".to_owned())));
        assert_eq!(read_all(b""), Err(AnswerError::Less("a.ts".to_owned())));
        for more in [&a[..], &a[..5], &[0][..]] {
            let refused = read_all(&[&good[..], more].concat());
            assert_eq!(refused, Err(AnswerError::More), "{more:?}");
        }
        for name in ["../../etc/passwd", "a.ts\0", "/plugin/a.ts", ""] {
            let refused = read_all(&[module(name, "1"), b.clone()].concat());
            assert!(matches!(refused, Err(AnswerError::Name { .. })), "{name}");
        }
    }

    #[test]
    fn an_answer_that_is_too_large_or_no_text_is_refused() {
        let large = module("a.ts", &"x".repeat(MAX_PART_BYTES + 1));
        assert!(matches!(
            read_all(&large),
            Err(AnswerError::TooLarge { what: "code", .. })
        ));
        let long = module(&"x".repeat(100_000), "");
        let Err(AnswerError::Name { found, .. }) = read_all(&long) else {
            panic!("a name that was not asked for");
        };
        assert_eq!(found.len(), MAX_TEXT_BYTES);
        // A length of 4 GiB, and code that is no UTF-8.
        assert!(matches!(read_all(&[0xff; 64]), Err(AnswerError::Frame(_))));
        let mut spoilt = module("a.ts", "xyz");
        let place = spoilt.windows(3).position(|three| three == b"xyz").unwrap();
        spoilt[place] = 0xff;
        assert!(matches!(read_all(&spoilt), Err(AnswerError::Frame(_))));
    }
}
