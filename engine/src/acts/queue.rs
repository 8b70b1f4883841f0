//! The asks of one plugin: how many there may be, and whose turn it is. Pure.

use std::collections::{BTreeMap, VecDeque};

use lazaret_protocol::{Act, ActError, AskId, CallId, Failure, MAX_ACT_BYTES, MAX_ASKS};

use crate::programs::MAX_OF_A_PLUGIN as MAX_PROGRAMS;

/// The most bytes all asks of one plugin may hold at a time: one of the largest, and half as much
/// beside it.
const MAX_BYTES: usize = MAX_ACT_BYTES / 2 * 3;

/// Acts of one lane wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lane {
    /// Files: one after the other, in the order they were asked for.
    Files,
    /// Programs: a few at a time.
    Programs,
    /// What the plugin keeps: one after the other as well.
    Kv,
    /// Windows: likewise.
    Windows,
}

impl Lane {
    fn of(act: &Act) -> Self {
        match act {
            Act::Write { .. }
            | Act::Remove { .. }
            | Act::RemoveAll { .. }
            | Act::MakeDirectory { .. }
            | Act::Rename { .. } => Self::Files,
            Act::Run { .. } => Self::Programs,
            Act::Kv(_) => Self::Kv,
            Act::Window(_) => Self::Windows,
        }
    }

    fn most(self) -> usize {
        match self {
            Self::Files | Self::Kv | Self::Windows => 1,
            Self::Programs => MAX_PROGRAMS,
        }
    }
}

/// One ask whose turn has come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) id: AskId,
    pub(crate) act: Act,
}

/// What is known of an ask until it is answered.
#[derive(Debug)]
struct Known {
    call: Option<CallId>,
    lane: Lane,
    bytes: usize,
    under_way: bool,
}

/// The asks of one plugin.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    asks: BTreeMap<AskId, Known>,
    waiting: VecDeque<Ask>,
}

impl Queue {
    /// Whether an ask of this number is not answered yet.
    pub(crate) fn holds(&self, id: AskId) -> bool {
        self.asks.contains_key(&id)
    }

    /// Whether an ask waits for its turn.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes an ask in; its number must not be [held](Self::holds).
    ///
    /// # Errors
    /// The answer, where there are too many.
    pub(crate) fn take(
        &mut self,
        id: AskId,
        call: Option<CallId>,
        act: Act,
    ) -> Result<(), ActError> {
        let busy = |what: String| ActError::Failed {
            failure: Failure::Busy,
            message: what,
        };
        if self.asks.len() >= MAX_ASKS {
            return Err(busy(format!("more than {MAX_ASKS} acts are under way")));
        }
        let bytes = act.bytes();
        let held: usize = self.asks.values().map(|known| known.bytes).sum();
        if held + bytes > MAX_BYTES {
            return Err(busy(format!(
                "acts under way would hold {} bytes, with a limit of {MAX_BYTES}",
                held + bytes
            )));
        }
        let known = Known {
            call,
            lane: Lane::of(&act),
            bytes,
            under_way: false,
        };
        self.asks.insert(id, known);
        self.waiting.push_back(Ask { id, act });
        Ok(())
    }

    /// The next ask whose lane is free; it is under way from here on.
    pub(crate) fn next(&mut self) -> Option<Ask> {
        let place = self.waiting.iter().position(|ask| {
            let lane = Lane::of(&ask.act);
            let under_way = |known: &&Known| known.under_way && known.lane == lane;
            self.asks.values().filter(under_way).count() < lane.most()
        })?;
        let ask = self.waiting.remove(place)?;
        if let Some(known) = self.asks.get_mut(&ask.id) {
            known.under_way = true;
        }
        Some(ask)
    }

    /// An ask that was under way waits again, before all others.
    pub(crate) fn again(&mut self, ask: Ask) {
        if let Some(known) = self.asks.get_mut(&ask.id) {
            known.under_way = false;
            self.waiting.push_front(ask);
        }
    }

    /// An ask that was under way is over.
    pub(crate) fn over(&mut self, id: AskId) {
        self.asks.remove(&id);
    }

    /// Programs that run.
    pub(crate) fn programs(&self) -> Vec<AskId> {
        let programs = |known: &Known| known.under_way && known.lane == Lane::Programs;
        let asks = self.asks.iter().filter(|(_, known)| programs(known));
        asks.map(|(id, _)| *id).collect()
    }

    /// Takes back what a call that is over still waits for.
    pub(crate) fn give_up(&mut self, call: CallId) -> GivenUp {
        let of_call = |known: &Known| known.call == Some(call);
        let mut given_up = GivenUp::default();
        for (id, known) in self.asks.iter().filter(|(_, known)| of_call(known)) {
            match (known.under_way, known.lane) {
                (false, _) => given_up.waiting.push(*id),
                (true, Lane::Programs) => given_up.programs.push(*id),
                (true, Lane::Files | Lane::Kv | Lane::Windows) => {}
            }
        }
        for id in &given_up.waiting {
            self.asks.remove(id);
        }
        self.waiting.retain(|ask| self.asks.contains_key(&ask.id));
        given_up
    }
}

/// The asks of a call that is over.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct GivenUp {
    /// Their turn never came; to be answered.
    pub(crate) waiting: Vec<AskId>,
    /// Programs that run: to be stopped.
    pub(crate) programs: Vec<AskId>,
}

#[cfg(test)]
mod tests {
    use lazaret_protocol::WindowAct;

    use super::*;

    fn remove() -> Act {
        Act::Remove { path: "/a".into() }
    }

    fn run() -> Act {
        Act::Run {
            program: "p".into(),
            arguments: vec![],
            input: vec![],
        }
    }

    fn taken(acts: impl IntoIterator<Item = (u64, Option<u64>, Act)>) -> Queue {
        let mut queue = Queue::default();
        for (id, call, act) in acts {
            queue.take(AskId(id), call.map(CallId), act).unwrap();
        }
        queue
    }

    fn next(queue: &mut Queue) -> Option<u64> {
        queue.next().map(|ask| ask.id.0)
    }

    #[test]
    fn files_come_one_after_the_other_in_the_order_they_were_asked_for() {
        let mut queue = taken([(7, None, remove()), (3, None, remove())]);
        assert_eq!(next(&mut queue), Some(7));
        assert_eq!(next(&mut queue), None);
        queue.over(AskId(7));
        assert_eq!(next(&mut queue), Some(3));
    }

    #[test]
    fn what_is_to_be_decided_again_keeps_its_turn_and_is_given_up_like_the_rest() {
        let mut queue = taken([(7, Some(1), remove()), (3, None, remove())]);
        let ask = queue.next().unwrap();
        queue.again(ask);
        assert_eq!(next(&mut queue), Some(7));
        assert_eq!(next(&mut queue), None);
        let act = remove();
        queue.again(Ask { id: AskId(7), act });
        assert_eq!(queue.give_up(CallId(1)).waiting, [AskId(7)]);
        assert_eq!(next(&mut queue), Some(3));
        let act = remove();
        queue.again(Ask { id: AskId(7), act });
        queue.over(AskId(3));
        assert_eq!(next(&mut queue), None, "it was given up");
    }

    #[test]
    fn a_program_that_lasts_keeps_no_file_waiting_and_a_few_run_at_a_time() {
        let programs = (0..=MAX_PROGRAMS as u64).map(|id| (id, None, run()));
        let mut queue = taken(programs.chain([(99, None, remove())]));
        for id in 0..MAX_PROGRAMS as u64 {
            assert_eq!(next(&mut queue), Some(id));
        }
        assert_eq!(next(&mut queue), Some(99));
        assert_eq!(next(&mut queue), None);
        queue.over(AskId(0));
        assert_eq!(next(&mut queue), Some(MAX_PROGRAMS as u64));
    }

    #[test]
    fn windows_come_one_after_the_other_and_keep_nothing_else_waiting() {
        let list = || Act::Window(WindowAct::List);
        let close = Act::Window(WindowAct::Close { id: 1 });
        let mut queue = taken([
            (7, Some(1), list()),
            (3, Some(1), close),
            (4, None, remove()),
            (5, None, run()),
            (6, None, list()),
        ]);
        assert_eq!([next(&mut queue), next(&mut queue)], [Some(7), Some(4)]);
        assert_eq!([next(&mut queue), next(&mut queue)], [Some(5), None]);
        assert!(queue.is_waiting());
        // The one that is under way is done to its end.
        let given_up = queue.give_up(CallId(1));
        assert_eq!(
            (given_up.waiting, given_up.programs),
            (vec![AskId(3)], vec![])
        );
        assert_eq!(next(&mut queue), None);
        queue.over(AskId(7));
        assert_eq!(next(&mut queue), Some(6));
        assert!(!queue.is_waiting());
    }

    #[test]
    fn more_than_may_be_under_way_are_answered_at_once() {
        let mut queue = taken((0..MAX_ASKS as u64).map(|id| (id, None, remove())));
        let busy = queue.take(AskId(1000), None, remove()).unwrap_err();
        assert!(matches!(
            busy,
            ActError::Failed {
                failure: Failure::Busy,
                ..
            }
        ));
        queue.next();
        queue.over(AskId(0));
        queue.take(AskId(1000), None, remove()).unwrap();
    }

    #[test]
    fn what_is_asked_for_holds_no_more_than_so_much_memory() {
        let large = || Act::Run {
            program: "p".into(),
            arguments: vec![],
            input: vec![0; MAX_ACT_BYTES],
        };
        let mut queue = taken([(0, None, large())]);
        let busy = queue.take(AskId(1), None, large()).unwrap_err();
        assert!(
            matches!(busy, ActError::Failed { failure: Failure::Busy, message } if message.contains("16777218 bytes"))
        );
        assert!(!queue.holds(AskId(1)));
    }

    #[test]
    fn what_a_call_asked_for_is_given_up_with_it() {
        let mut queue = taken([
            (1, Some(1), remove()),
            (2, Some(1), remove()),
            (3, Some(2), remove()),
            (4, None, remove()),
        ]);
        assert_eq!(next(&mut queue), Some(1));
        let given_up = queue.give_up(CallId(1));
        assert_eq!(given_up.waiting, [AskId(2)]);
        assert_eq!(given_up.programs, []);
        assert!(queue.holds(AskId(1)) && !queue.holds(AskId(2)));
        queue.over(AskId(1));
        assert_eq!(next(&mut queue), Some(3));
        queue.over(AskId(3));
        assert_eq!(next(&mut queue), Some(4));
        queue.take(AskId(5), Some(CallId(2)), run()).unwrap();
        assert_eq!(next(&mut queue), Some(5));
        assert_eq!(queue.give_up(CallId(2)).programs, [AskId(5)]);
    }
}
