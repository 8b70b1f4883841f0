//! A program's standard input, output and error: pipes, fed and emptied as it goes.

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe::{Receiver, Sender};

/// The most bytes read at a time.
const CHUNK: usize = 16 * 1024;

/// The engine's ends of the pipes.
pub(super) struct Streams {
    input: Sender,
    output: Receiver,
    error: Receiver,
}

/// What a program wrote, or that it was more than it may.
pub(super) type Collected = Option<(Vec<u8>, Vec<u8>)>;

/// Makes the pipes. Beside the engine's ends the program's: input, output, error. They block.
pub(super) fn pipes() -> io::Result<(Streams, [OwnedFd; 3])> {
    let (their_input, input) = io::pipe()?;
    let (output, their_output) = io::pipe()?;
    let (error, their_error) = io::pipe()?;
    let streams = Streams {
        input: Sender::from_owned_fd(input.into())?,
        output: Receiver::from_owned_fd(output.into())?,
        error: Receiver::from_owned_fd(error.into())?,
    };
    Ok((
        streams,
        [their_input.into(), their_output.into(), their_error.into()],
    ))
}

impl Streams {
    /// Gives the program its input as it takes it, and takes what it writes, until it has closed
    /// all of them. `None` as soon as it has written more than `limit` bytes to one.
    pub(super) async fn exchange(self, input: &[u8], limit: u64) -> io::Result<Collected> {
        let fed = async {
            feed(self.input, input).await;
            Ok(())
        };
        let (output, error) = (collect(self.output, limit), collect(self.error, limit));
        let collected = async { tokio::try_join!(output, error) };
        // A program that wrote too much may never take the rest of its input.
        let both = async { tokio::try_join!(collected, fed) };
        match both.await {
            Ok((written, ())) => Ok(Some(written)),
            Err(Stopped::TooMuch) => Ok(None),
            Err(Stopped::Failed(error)) => Err(error),
        }
    }
}

enum Stopped {
    TooMuch,
    Failed(io::Error),
}

/// Writes what there is, waiting while the pipe is full. A program need not read it.
async fn feed(mut pipe: Sender, input: &[u8]) {
    drop(pipe.write_all(input).await);
}

async fn collect(mut pipe: Receiver, limit: u64) -> Result<Vec<u8>, Stopped> {
    let mut collected = Vec::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = pipe.read(&mut chunk).await.map_err(Stopped::Failed)?;
        if count == 0 {
            return Ok(collected);
        }
        if (collected.len() + count) as u64 > limit {
            return Err(Stopped::TooMuch);
        }
        collected.extend_from_slice(&chunk[..count]);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    /// What comes of an exchange with a program that is a thread.
    fn exchange(
        input: &[u8],
        limit: u64,
        program: impl FnOnce([std::fs::File; 3]) + Send + 'static,
    ) -> Collected {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (streams, theirs) = pipes().unwrap();
            let thread = std::thread::spawn(move || program(theirs.map(std::fs::File::from)));
            let collected = streams.exchange(input, limit).await.unwrap();
            thread.join().unwrap();
            collected
        })
    }

    #[test]
    fn more_than_a_pipe_holds_goes_through_both_ways() {
        let input = vec![7; 1_000_000];
        let echoed = exchange(&input, 1_000_000, |[mut input, mut output, _]| {
            std::io::copy(&mut input, &mut output).unwrap();
        });
        assert_eq!(echoed, Some((input, Vec::new())));
    }

    #[test]
    fn output_and_error_have_the_limit_each() {
        let both = |[_, mut output, mut error]: [std::fs::File; 3]| {
            output.write_all(b"abcd").unwrap();
            // Nobody reads any more where the one before was too much.
            error.write_all(b"efg").ok();
        };
        let all = Some((b"abcd".to_vec(), b"efg".to_vec()));
        assert_eq!(exchange(b"", 4, both), all);
        assert_eq!(exchange(b"", 3, both), None);
        let error = |[_, _, mut error]: [std::fs::File; 3]| error.write_all(b"efgh").unwrap();
        assert_eq!(exchange(b"", 3, error), None);
    }

    #[test]
    fn a_program_that_reads_nothing_ends_all_the_same() {
        let input = vec![7; 1_000_000];
        let said = exchange(&input, 10, |[_, mut output, _]| {
            output.write_all(b"no").unwrap();
        });
        assert_eq!(said, Some((b"no".to_vec(), Vec::new())));
    }

    #[test]
    fn what_writes_without_end_is_stopped_while_it_writes() {
        let written = exchange(
            b"",
            100_000,
            |[_, mut output, _]| {
                while output.write_all(&[0; 1000]).is_ok() {}
            },
        );
        assert_eq!(written, None);
    }

    #[test]
    fn the_input_ends_where_it_ends() {
        let said = exchange(b"abc", 10, |[mut input, mut output, _]| {
            let mut text = String::new();
            input.read_to_string(&mut text).unwrap();
            output.write_all(text.to_uppercase().as_bytes()).unwrap();
        });
        assert_eq!(said, Some((b"ABC".to_vec(), Vec::new())));
    }
}
