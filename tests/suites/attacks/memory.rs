//! Taking memory through the language.

use lazaret_tests::attack::{Layer, Second, Subject};
use lazaret_tests::case::Case;
use lazaret_tests::setup::Js;

use super::script::End::{Answers, InvalidResult, Lost, OutOfMemory, Stuck, Throws};
use super::script::{Call, End, Group, SHORT, Script, row};

/// The engine's own limits may come first: on the length of a text, or of a buffer.
const FULL: &[End] = &[OutOfMemory, Throws];
/// Clocks that are far away, so that it is memory that ends it.
const SLOW: &str = "resources: { memory: { max: 64MiB }, time: { call: 60s, cpu_per_call: 60s } }";
/// Memory that is far away, so that it is the shim's clock that ends it.
const LARGE: &str = "resources: { memory: { max: 1GiB }, time: { call: 20s, cpu_per_call: 50ms } }";

/// A function that goes on for ever, or three times.
const fn grows(name: &'static str, tries: &'static str, function: &'static str) -> Script {
    let twin = Call(function, "[3]", &[Answers("3")]);
    row(name, tries, Call(function, "[]", FULL), twin)
}

const GROWS: Group = Group {
    name: "what a plugin keeps ends it at its own limit of memory",
    subject: Subject::Memory,
    stopped_by: Layer::Cgroup,
    second: Second::Layer(Layer::ShimClocks),
    file: "memory.js",
    policy: SLOW,
    attacks: &[
        grows("arrays", "keeps arrays and objects for ever", "arrays"),
        grows("texts", "keeps long texts for ever", "strings"),
        grows("buffers", "keeps buffers of 1 MiB for ever", "buffers"),
        grows(
            "property names",
            "gives one object new properties for ever",
            "names",
        ),
        grows("maps and sets", "fills a map and a set for ever", "maps"),
        grows(
            "weak references",
            "keeps weak references and asks to be told of each end",
            "weak",
        ),
        grows(
            "generators",
            "keeps generators that are half done",
            "generators",
        ),
        grows(
            "promises",
            "keeps promises that nobody settles, with continuations",
            "promises",
        ),
        grows("timers kept", "starts timers for ever", "timers"),
        grows("stacks", "keeps errors with their stacks", "errors"),
        grows("programs", "compiles another function for ever", "programs"),
        grows(
            "registered symbols",
            "registers symbols, which nothing takes back",
            "symbols",
        ),
    ],
};

const AT_ONCE: Group = Group {
    name: "what a plugin takes at once is refused by its engine or ends it",
    subject: Subject::Memory,
    stopped_by: Layer::Cgroup,
    second: Second::Layer(Layer::EngineLimits),
    file: "memory.js",
    policy: SLOW,
    attacks: &[
        row(
            "microtask storm",
            "leaves two microtasks behind in each",
            Call("storm", "[]", FULL),
            Call("storm", "[100]", &[Answers("42")]),
        ),
        row(
            "one large buffer",
            "writes a buffer of 1 GiB",
            Call("atOnce", "[]", FULL),
            Call("atOnce", "[1000]", &[Answers("1000")]),
        ),
        row(
            "buffer made larger",
            "resizes a buffer to 1 GiB",
            Call("resized", "[]", FULL),
            Call("resized", "[1000]", &[Answers("1000")]),
        ),
        row(
            "doubled text",
            "doubles a text 30 times and reads its end",
            Call("doubled", "[]", FULL),
            Call("doubled", "[10]", &[Answers("120")]),
        ),
        row(
            "quoted text",
            "makes JSON of JSON of JSON",
            Call("quoted", "[]", FULL),
            Call("quoted", "[1]", &[Answers("9")]),
        ),
        row(
            "longest list",
            "fills the longest list there may be",
            Call("listed", "[]", FULL),
            Call("listed", "[10]", &[Answers("10")]),
        ),
        row(
            "arguments without number",
            "calls a function with ten million arguments",
            Call("spread", "[]", FULL),
            Call("spread", "[10]", &[Answers("1")]),
        ),
        row(
            "text in pieces",
            "splits 50 million characters",
            Call("split", "[]", FULL),
            Call("split", "[10]", &[Answers("10")]),
        ),
        row(
            "pattern that remembers",
            "has a regular expression remember ten million steps",
            Call("pattern", "[]", FULL),
            Call("pattern", "[10]", &[Answers("false")]),
        ),
        row(
            "packed bytes",
            "unpacks 256 MiB of zeros with gzip",
            Call("inflated", "[]", FULL),
            Call("inflated", "[100000]", &[Answers("100000")]),
        ),
        row(
            "packed bytes by brotli",
            "unpacks 256 MiB of zeros with brotli",
            Call("brotli", "[]", FULL),
            Call("brotli", "[100000]", &[Answers("100000")]),
        ),
        row(
            "result of a gigabyte",
            "returns what is a gigabyte as JSON",
            Call("result", "[]", &[OutOfMemory, InvalidResult, Throws]),
            Call("result", "[0]", &[Answers("[]")]),
        ),
    ],
};

const GIVES_UP: Group = Group {
    name: "an engine that gives up ends its own plugin alone",
    subject: Subject::Memory,
    stopped_by: Layer::EngineLimits,
    second: Second::Layer(Layer::Cgroup),
    file: "memory.js",
    policy: SHORT,
    attacks: &[row(
        "sort of what is not there",
        "sorts a list of 2^53 items, which V8 has no room to try",
        Call("sorted", "[]", &[Stuck, Lost, OutOfMemory]),
        Call("sorted", "[3]", &[Answers("3")]),
    )],
};

pub(crate) const GROUPS: [Group; 3] = [GROWS, AT_ONCE, GIVES_UP];

/// What grows, where the limit of memory is far away: the second layer is the shim's clock.
pub(crate) fn without(js: Js) -> Case {
    GROWS.without("a limit of memory near enough", LARGE, &[Stuck], js)
}
