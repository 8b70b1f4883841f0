//! Going deeper than a stack.

use lazaret_tests::attack::{Layer, Second, Subject};

use super::script::End::{Answers, InvalidResult, OutOfMemory, Throws};
use super::script::{Call, End, Group, Script, row};

/// Room and time for what is deep and no more than that.
const ROOMY: &str =
    "resources: { memory: { max: 256MiB }, time: { call: 60s, cpu_per_call: 50s } }";
const SEVEN: &[End] = &[Answers("7")];
const YES: &[End] = &[Answers("true")];

/// A function that goes as deep as it can, or three levels deep.
const fn deep(
    name: &'static str,
    tries: &'static str,
    function: &'static str,
    attempt: &'static [End],
    twin: &'static str,
    answer: &'static [End],
) -> Script {
    row(
        name,
        tries,
        Call(function, "[]", attempt),
        Call(function, twin, answer),
    )
}

const THREE: &[End] = &[Answers("3")];

pub(crate) const DEEP: Group = Group {
    name: "what goes too deep is an error, and the plugin goes on",
    subject: Subject::Memory,
    stopped_by: Layer::EngineLimits,
    second: Second::Layer(Layer::Kernel),
    file: "depth.js",
    policy: ROOMY,
    attacks: &[
        deep(
            "calls",
            "calls itself for ever",
            "calls",
            &[Throws],
            "[3]",
            THREE,
        ),
        deep(
            "getters",
            "has a getter get itself",
            "getters",
            &[Throws],
            "[3]",
            THREE,
        ),
        deep(
            "conversions",
            "has a conversion convert itself",
            "conversions",
            &[Throws],
            "[3]",
            THREE,
        ),
        deep(
            "proxies of proxies",
            "reads through 100,000 proxies",
            "proxies",
            &[Throws],
            "[3]",
            SEVEN,
        ),
        deep(
            "proxies as a result",
            "returns 100,000 proxies",
            "proxiedResult",
            &[Throws, InvalidResult],
            "[3]",
            &[Answers("{\"own\":7}")],
        ),
        deep(
            "bound functions",
            "calls through 100,000 bound functions",
            "bound",
            &[Throws, OutOfMemory, Answers("true")],
            "[3]",
            YES,
        ),
        deep(
            "lists as text",
            "makes text of 100,000 lists in lists",
            "text",
            &[Throws],
            "[3]",
            &[Answers("\"\"")],
        ),
        deep(
            "lists made flat",
            "makes 100,000 lists in lists one",
            "flat",
            &[Throws, Answers("1")],
            "[3]",
            &[Answers("1")],
        ),
        deep(
            "JSON read",
            "reads JSON of 100,000 levels",
            "parsed",
            &[Throws, Answers("1")],
            "[3]",
            &[Answers("1")],
        ),
        deep(
            "JSON written",
            "writes JSON of 100,000 levels",
            "stringified",
            &[Throws, Answers("true")],
            "[3]",
            YES,
        ),
        deep(
            "toJSON of toJSON",
            "has each `toJSON` give another",
            "endlessJson",
            &[InvalidResult],
            "[2]",
            &[Answers("[[7]]")],
        ),
        deep(
            "generators in generators",
            "delegates 100,000 times",
            "generators",
            &[Throws],
            "[2]",
            THREE,
        ),
        deep(
            "awaits in awaits",
            "awaits itself for ever",
            "awaits",
            &[Throws, OutOfMemory],
            "[3]",
            THREE,
        ),
        deep(
            "groups in a pattern",
            "compiles a regular expression of 100,000 levels",
            "patterns",
            &[Throws, Answers("true")],
            "[3]",
            YES,
        ),
        deep(
            "programs of many levels",
            "compiles eight kinds of programs of 100,000 levels",
            "compiled",
            &[Answers("8")],
            "[3]",
            &[Answers("8")],
        ),
        deep(
            "causes of causes",
            "throws an error with 20,000 causes",
            "causes",
            &[Throws],
            "[2]",
            &[Throws],
        ),
    ],
};
