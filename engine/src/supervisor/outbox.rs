//! Frames on their way to a shim: written by a task of their own, so that a shim that does not
//! read holds up nobody, and bounded, so that it cannot fill the engine's memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lazaret_protocol::{ActResult, EngineMessage, MAX_FRAME_BYTES};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use super::calls::CallFailure;
use crate::channel::{Sender, frame};
use crate::programs::MAX_OF_A_PLUGIN;

/// The most bytes of calls, and of all that has no room of its own, that may wait to be written: a frame of
/// any size, and half as much beside it.
const MAX_BYTES: usize = MAX_FRAME_BYTES / 2 * 3;

/// Answers have room of their own, so that calls keep no act waiting. Acts begin while half of it is free, which
/// those under way then fit in: one at a time of what is kept (2 MiB and a little: a list ends with the value that
/// takes it over one), one on windows (256 with two texts of 1 KiB, 0.6 MB), and one on files, whose answer says
/// no more than that it is done or what failed.
const ANSWER_BYTES: usize = MAX_FRAME_BYTES;

/// What programs said has room of its own: a frame for each that runs at a time, which its policy may
/// make as large as any.
const PROGRAM_BYTES: usize = MAX_OF_A_PLUGIN * (MAX_FRAME_BYTES + KEPT_BYTES);

/// What it takes to keep a frame, besides its bytes.
const KEPT_BYTES: usize = 64;

/// There is no room for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// Bytes that wait to be read.
    pub bytes: usize,
    /// The most that may.
    pub limit: usize,
}

/// Where frames are put. Held until the shim has ended: what was not written by then is dropped
/// with it.
pub(super) struct Outbox {
    frames: mpsc::UnboundedSender<(Vec<u8>, Of)>,
    waiting: Arc<Waiting>,
    writer: JoinHandle<()>,
}

/// What a frame is counted with.
#[derive(Clone, Copy)]
enum Of {
    Programs,
    Answers,
    AllElse,
}

/// What is not written yet.
#[derive(Debug, Default)]
struct Waiting {
    programs: AtomicUsize,
    answers: AtomicUsize,
    all_else: AtomicUsize,
    written: Notify,
}

impl Waiting {
    fn bytes(&self, of: Of) -> &AtomicUsize {
        match of {
            Of::Programs => &self.programs,
            Of::Answers => &self.answers,
            Of::AllElse => &self.all_else,
        }
    }
}

impl Outbox {
    /// Starts the writer. It ends with the channel or with the outbox.
    pub(super) fn start(sender: Sender) -> Self {
        let (frames, inbox) = mpsc::unbounded_channel();
        let waiting = Arc::new(Waiting::default());
        let writer = tokio::spawn(write(sender, inbox, Arc::clone(&waiting)));
        Self {
            frames,
            waiting,
            writer,
        }
    }

    /// Whether a message has room.
    pub(super) fn has_room(&self, message: &EngineMessage) -> Result<(), Backlog> {
        let bytes = self.waiting.all_else.load(Ordering::Relaxed);
        // One that fits no frame fits nowhere.
        let room = frame(message).map(|frame| bytes.saturating_add(kept(&frame)) <= MAX_BYTES);
        match room {
            Ok(true) => Ok(()),
            _ => Err(Backlog {
                bytes,
                limit: MAX_BYTES,
            }),
        }
    }

    /// Whether an act may begin: its answer has room, whatever calls take.
    pub(super) fn takes_answers(&self) -> bool {
        let waits = |of| self.waiting.bytes(of).load(Ordering::Relaxed);
        waits(Of::Programs) == 0 && waits(Of::Answers) <= ANSWER_BYTES / 2
    }

    /// Waits until something was written, since it was last waited for. Safe to be dropped while it
    /// waits.
    pub(super) async fn written(&self) {
        self.waiting.written.notified().await;
    }

    /// Puts a message in. Where the channel is gone, that is seen by reading from it.
    pub(super) fn push(&self, message: &EngineMessage) -> Result<(), CallFailure> {
        self.push_within(message, Of::AllElse, MAX_BYTES)
    }

    /// Puts an answer in, for which there is room whatever calls take, as long as acts begin only where
    /// [answers are taken](Self::takes_answers).
    pub(super) fn answer(&self, message: &EngineMessage) -> Result<(), CallFailure> {
        match message {
            EngineMessage::Answer {
                result: Ok(ActResult::Ran { .. }),
                ..
            } => self.push_within(message, Of::Programs, PROGRAM_BYTES),
            _ => self.push_within(message, Of::Answers, ANSWER_BYTES),
        }
    }

    fn push_within(
        &self,
        message: &EngineMessage,
        of: Of,
        limit: usize,
    ) -> Result<(), CallFailure> {
        let frame = frame(message).map_err(|error| CallFailure::TooLarge {
            message: error.to_string(),
        })?;
        let (bytes, waiting) = (kept(&frame), self.waiting.bytes(of));
        let before = waiting.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > limit {
            waiting.fetch_sub(bytes, Ordering::Relaxed);
            return Err(CallFailure::Backlog {
                bytes: before,
                limit,
            });
        }
        self.frames.send((frame, of)).ok();
        Ok(())
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        // A shim can send its own end of the channel along it. That end then lies unread in ours,
        // is never closed, and writing to it waits for ever.
        self.writer.abort();
    }
}

fn kept(frame: &[u8]) -> usize {
    frame.len() + KEPT_BYTES
}

async fn write(
    mut sender: Sender,
    mut inbox: mpsc::UnboundedReceiver<(Vec<u8>, Of)>,
    waiting: Arc<Waiting>,
) {
    while let Some((frame, of)) = inbox.recv().await {
        if sender.send(&frame).await.is_err() {
            return;
        }
        let bytes = kept(&frame);
        drop(frame);
        waiting.bytes(of).fetch_sub(bytes, Ordering::Relaxed);
        waiting.written.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::io::IoSlice;
    use std::mem::MaybeUninit;
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
    use std::time::Duration;

    use lazaret_protocol::{AskId, CallId, CallLimits, MAX_ACT_BYTES, Payload, ProgramStatus};
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

    use super::*;

    /// Far longer than anything here takes: a test that waits for ever tells nobody why.
    const PATIENCE: Duration = Duration::from_secs(60);

    fn large_call() -> EngineMessage {
        EngineMessage::Call {
            id: CallId(1),
            function: "f".into(),
            arguments: Payload::Bytes(vec![0; 4 << 20]),
            limits: CallLimits {
                wall_ms: 1,
                cpu_ms: 1,
            },
            window: None,
        }
    }

    /// Sends descriptors along a socket.
    fn pass(socket: &OwnedFd, passed: &[BorrowedFd<'_>]) {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(passed)));
        let garbage = [IoSlice::new(&[0xa5; 64])];
        sendmsg(socket, &garbage, &mut control, SendFlags::empty()).unwrap();
    }

    #[tokio::test]
    async fn a_shim_that_sends_its_own_end_along_leaves_nothing_behind() {
        let (ours, theirs) = crate::channel::pair().unwrap();
        let (receiver, sender) = crate::channel::split(ours, 0);
        let outbox = Outbox::start(sender);
        let (mut reader, writer) = std::io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&reader, true).unwrap();
        // The pipe ends with the socket in whose queue it lies.
        pass(&theirs, &[theirs.as_fd(), writer.as_fd()]);
        drop((theirs, writer));
        outbox.push(&large_call()).unwrap();
        let waiting = Arc::downgrade(&outbox.waiting);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let full = std::io::Read::read(&mut reader, &mut [0]).unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::WouldBlock);

        drop((outbox, receiver));
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(waiting.strong_count(), 0, "the writer waits for ever");
        assert_eq!(std::io::Read::read(&mut reader, &mut [0]).unwrap(), 0);
    }

    #[tokio::test]
    async fn a_shim_that_does_not_read_cannot_fill_the_memory() {
        let (ours, _theirs) = crate::channel::pair().unwrap();
        let (_receiver, sender) = crate::channel::split(ours, 0);
        let outbox = Outbox::start(sender);
        let call = large_call();
        let accepted = (0..20).filter(|_| outbox.push(&call).is_ok()).count();
        assert_eq!(accepted, 3);
        assert!(outbox.has_room(&call).is_err());
        assert_eq!(outbox.has_room(&EngineMessage::Shutdown), Ok(()));
        assert!(matches!(
            outbox.push(&call),
            Err(CallFailure::Backlog { .. })
        ));
    }

    fn answer(id: u64, result: ActResult) -> EngineMessage {
        let (id, result) = (AskId(id), Ok(result));
        EngineMessage::Answer { id, result }
    }

    fn said_by_a_program(id: u64) -> EngineMessage {
        let said = ActResult::Ran {
            status: ProgramStatus::Code(0),
            stdout: vec![0; MAX_ACT_BYTES / 2],
            stderr: vec![0; MAX_ACT_BYTES / 2],
        };
        answer(id, said)
    }

    fn kept_value(bytes: usize) -> EngineMessage {
        let value = Payload::Bytes(vec![0; bytes]);
        answer(1, ActResult::Value(Some(value)))
    }

    #[tokio::test]
    async fn the_answers_of_all_programs_at_a_time_have_room_whatever_calls_take() {
        let (ours, _theirs) = crate::channel::pair().unwrap();
        let (_receiver, sender) = crate::channel::split(ours, 0);
        let outbox = Outbox::start(sender);
        while outbox.push(&large_call()).is_ok() {}
        let programs = MAX_OF_A_PLUGIN as u64;
        for id in 0..programs {
            assert_eq!(outbox.answer(&said_by_a_program(id)), Ok(()), "{id}");
        }
        assert!(outbox.answer(&said_by_a_program(programs)).is_err());
    }

    #[tokio::test]
    async fn no_other_answers_take_the_room_of_what_programs_said() {
        let (ours, _theirs) = crate::channel::pair().unwrap();
        let (_receiver, sender) = crate::channel::split(ours, 0);
        let outbox = Outbox::start(sender);
        for bytes in [0, 1 << 20] {
            while outbox.answer(&kept_value(bytes)).is_ok() {}
            let kept = outbox.waiting.answers.load(Ordering::Relaxed);
            assert!(kept <= 33 << 18, "{kept}");
        }
        assert_eq!(outbox.answer(&said_by_a_program(1)), Ok(()));
        // Nor that of calls.
        assert_eq!(outbox.push(&large_call()), Ok(()));
    }

    #[tokio::test]
    async fn calls_that_take_all_their_room_keep_no_act_waiting() {
        let (ours, _theirs) = crate::channel::pair().unwrap();
        let (_receiver, sender) = crate::channel::split(ours, 0);
        let outbox = Outbox::start(sender);
        while outbox.push(&large_call()).is_ok() {}
        while outbox.push(&EngineMessage::Shutdown).is_ok() {}
        let mut begun = 0;
        while outbox.takes_answers() {
            assert_eq!(outbox.answer(&kept_value(1 << 20)), Ok(()));
            begun += 1;
        }
        assert_eq!(begun, 5);
        // Those that were under way, the largest there are.
        for bytes in [(2 << 20) + (64 << 10), 600_000, 4096] {
            assert_eq!(outbox.answer(&kept_value(bytes)), Ok(()), "{bytes}");
        }
    }

    #[tokio::test]
    async fn acts_begin_where_their_answers_have_room_and_are_waited_for_where_not() {
        for (large, fit) in [(said_by_a_program(1), 1), (kept_value(2 << 20), 3)] {
            let (ours, theirs) = crate::channel::pair().unwrap();
            let (receiver, sender) = crate::channel::split(ours, 0);
            let outbox = Outbox::start(sender);
            for _ in 0..fit {
                assert!(outbox.takes_answers());
                outbox.answer(&large).unwrap();
            }
            assert!(!outbox.takes_answers());
            let reader = tokio::task::spawn_blocking(move || {
                let mut theirs = std::os::unix::net::UnixStream::from(theirs);
                rustix::io::ioctl_fionbio(&theirs, false).unwrap();
                std::io::copy(&mut theirs, &mut std::io::sink())
            });
            let room = async {
                while !outbox.takes_answers() {
                    outbox.written().await;
                }
            };
            tokio::time::timeout(PATIENCE, room).await.unwrap();
            drop((outbox, receiver));
            reader.await.unwrap().unwrap();
        }
    }
}
