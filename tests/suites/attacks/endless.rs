//! Taking time through the language.

use lazaret_tests::attack::{Layer, Second, Subject};

use super::script::End::{Answers, CpuTime, Denied, OutOfMemory, Stuck, Throws, WallTime};
use super::script::{Call, End, Group, SHORT, Script, row};

/// On a busy machine the time that passes may be over first.
const TIMED: &[End] = &[CpuTime, WallTime];

/// A function that goes round for ever, or twice.
const fn round(
    name: &'static str,
    tries: &'static str,
    function: &'static str,
    twin: &'static [End],
) -> Script {
    row(
        name,
        tries,
        Call(function, "[]", TIMED),
        Call(function, "[2]", twin),
    )
}

const TWICE: &[End] = &[Answers("2")];
const SEVEN: &[End] = &[Answers("7")];
const YES: &[End] = &[Answers("true")];

pub(crate) const ENDLESS: Group = Group {
    name: "what never ends is ended by the shim, and the plugin goes on",
    subject: Subject::Memory,
    stopped_by: Layer::ShimClocks,
    second: Second::Layer(Layer::EngineClocks),
    file: "endless.js",
    policy: SHORT,
    attacks: &[
        round("loop", "loops for ever", "loop", TWICE),
        round("promise chain", "awaits for ever", "chain", TWICE),
        row(
            "timer chain",
            "starts a timer in each timer",
            Call("timers", "[]", TIMED),
            Call("timers", "[2]", TWICE),
        ),
        round(
            "microtask chain",
            "queues a microtask in each microtask",
            "microtasks",
            TWICE,
        ),
        round(
            "loop that catches",
            "loops in `catch` and `finally`",
            "stubborn",
            TWICE,
        ),
        round("sort", "compares for ever", "sort", &[Answers("1000")]),
        round("generator", "yields for ever", "generator", &[Answers("1")]),
        round(
            "iterator",
            "never says that it is done",
            "iterator",
            &[Answers("0")],
        ),
        round(
            "species",
            "loops where a list asks for its kind",
            "species",
            &[Answers("3")],
        ),
        round("reviver", "loops while JSON is read", "reviver", TWICE),
        round(
            "replacer",
            "loops while JSON is written",
            "replacer",
            &[Answers("\"2\"")],
        ),
        round(
            "replacement",
            "loops while text is replaced",
            "replaced",
            &[Answers("\"2\"")],
        ),
        row(
            "promise never kept",
            "returns a promise that nobody settles",
            Call("never", "[]", &[WallTime]),
            Call("never", "[7]", SEVEN),
        ),
        row(
            "pattern that goes back",
            "matches `(a+)+` with what it does not match",
            Call("pattern", "[]", &[CpuTime, WallTime, Throws]),
            Call("pattern", "[5]", &[Answers("false")]),
        ),
        row(
            "list without items",
            "turns round a list of 2^53 items that are not there",
            Call("turned", "[]", &[Stuck, OutOfMemory, Throws]),
            Call("turned", "[3]", &[Answers("1")]),
        ),
        row(
            "search without end",
            "looks for one item among 2^53 that are not there",
            Call("sought", "[]", &[Stuck]),
            Call("sought", "[3]", &[Answers("-1")]),
        ),
        row(
            "search in one text",
            "has the engine's own search compare 2^46 characters, which is not interrupted",
            Call("search", "[]", &[Stuck, OutOfMemory, Answers("-1")]),
            Call("search", "[8]", &[Answers("-1")]),
        ),
        round(
            "path that loops",
            "loops where a path is made text",
            "inPath",
            YES,
        ),
        round(
            "address that loops",
            "loops where an address is made text",
            "inAddress",
            &[Answers("\"TypeError\"")],
        ),
        round(
            "delay that loops",
            "loops where a delay is made a number",
            "inDelay",
            SEVEN,
        ),
        round(
            "specifier that loops",
            "loops where a module's name is made text",
            "inSpecifier",
            YES,
        ),
        round(
            "attributes that loop",
            "loops where an import is asked for its kind",
            "inAttributes",
            SEVEN,
        ),
        round(
            "toJSON that loops",
            "loops while the result is made JSON",
            "inJson",
            SEVEN,
        ),
        round(
            "trap that loops",
            "loops where a result is asked for its keys",
            "inTrap",
            &[Answers("{}")],
        ),
        row(
            "tag that loops",
            "loops where a result is asked for its tag, which nobody does",
            Call("inTag", "[]", &[Answers("{}")]),
            Call("inTag", "[2]", &[Answers("{}")]),
        ),
        round(
            "then that loops",
            "loops where a result is asked for `then`",
            "inThen",
            &[Answers("{}")],
        ),
        round(
            "thenable that loops",
            "loops in the `then` of a result",
            "inThenable",
            SEVEN,
        ),
        round(
            "name that loops",
            "loops where an error is asked for its name",
            "inName",
            &[Throws],
        ),
        round(
            "message that loops",
            "loops where an error is asked for its message",
            "inMessage",
            &[Throws],
        ),
        round(
            "stack that loops",
            "loops where an error is asked for its stack",
            "inStack",
            &[Throws],
        ),
        round(
            "permission that loops",
            "loops where a refusal is asked for its permission",
            "inPermission",
            &[Throws, Denied],
        ),
    ],
};
