//! The shim's own JavaScript, and its bridge to the plugin's.

use lazaret_tests::attack::{Layer, Second, Subject};

use super::script::End::{
    Answers, Bytes, Denied, InvalidResult, Lost, OutOfMemory, Throws, Uncaught, WallTime,
};
use super::script::{Call, End, Group, SHORT, Script, row};

const NOTHING: &[End] = &[Answers("[]")];
const SEVEN: &[End] = &[Answers("7")];
const ANSWERS: &[End] = &[Answers("42")];

/// A function that looks for a way, and finds one only where one is planted.
const fn looks(
    name: &'static str,
    tries: &'static str,
    function: &'static str,
    planted: &'static [End],
) -> Script {
    let attempt = Call(function, "[]", NOTHING);
    row(name, tries, attempt, Call(function, "[true]", planted))
}

const DOORS: Group = Group {
    name: "there is no way from the language to the runtime beneath it",
    subject: Subject::Internals,
    stopped_by: Layer::Language,
    second: Second::Layer(Layer::Permissions),
    file: "internals.js",
    policy: "resources: { time: { call: 60s, cpu_per_call: 50s } }",
    attacks: &[
        looks(
            "everything reachable",
            "walks all that can be reached by properties, prototypes and getters, and looks for ops",
            "walk",
            &[Answers(
                r#"["root.core","root.core.ops","root.core.ops.op_planted"]"#,
            )],
        ),
        looks(
            "traps in prototypes",
            "sets getters and setters for all names the runtime looks up and replaces its methods",
            "trap",
            &[Answers(r#"["root.op_planted"]"#)],
        ),
        looks(
            "code from text",
            "makes code by `eval` and each kind of function's constructor",
            "constructors",
            &[Answers(r#"["planted"]"#)],
        ),
        looks(
            "callers",
            "asks sloppy functions for their caller and receiver",
            "callers",
            &[Answers(r#"["object"]"#)],
        ),
        looks(
            "frames",
            "asks for stack frames as objects, with their functions and receivers",
            "sites",
            &[Answers(r#"["object"]"#)],
        ),
    ],
};

const FAKE: &[End] = &[Answers(r#"{"buffer":{},"byteOffset":0,"byteLength":4096}"#)];
const FAR: &[End] = &[Answers(
    r#"{"buffer":{},"byteOffset":1099511627776,"byteLength":4096}"#,
)];
const TWO_BYTES: Call = Call("detached", "[false]", &[Bytes(2)]);

const BUFFERS: Group = Group {
    name: "only what is a buffer is taken for one, as long as it is",
    subject: Subject::Internals,
    stopped_by: Layer::Language,
    second: Second::Layer(Layer::UserNamespace),
    file: "bridge.js",
    policy: SHORT,
    attacks: &[
        row(
            "view by its tag",
            "returns an object tagged as a view, with a length of its own",
            Call("tagged", r#"["DataView"]"#, FAKE),
            TWO_BYTES,
        ),
        row(
            "view of far memory",
            "returns an object tagged as a view of memory a terabyte away",
            Call(
                "tagged",
                r#"["DataView",{"byteOffset":1099511627776}]"#,
                FAR,
            ),
            TWO_BYTES,
        ),
        row(
            "buffer by its tag",
            "returns an object tagged as a buffer",
            Call("tagged", r#"["ArrayBuffer"]"#, FAKE),
            TWO_BYTES,
        ),
        row(
            "view that says it is longer",
            "returns a view whose length and offset are overwritten",
            Call("longer", "[1000000]", &[Bytes(2)]),
            TWO_BYTES,
        ),
        row(
            "other tags for all",
            "has `Object.prototype.toString` call everything a view",
            Call(
                "renamed",
                r#"["DataView"]"#,
                &[Answers(r#"{"plain":true}"#)],
            ),
            TWO_BYTES,
        ),
        row(
            "heir of a buffer",
            "returns an object that only inherits from a buffer",
            Call("inherited", "[]", &[InvalidResult]),
            TWO_BYTES,
        ),
        row(
            "proxy of bytes",
            "returns a proxy of an array of bytes",
            Call("proxied", "[]", &[Answers(r#"{"0":1,"1":2}"#)]),
            TWO_BYTES,
        ),
        row(
            "memory given away",
            "returns a view of memory that it gave away",
            Call("detached", "[]", &[InvalidResult]),
            TWO_BYTES,
        ),
        row(
            "memory taken back",
            "returns a view of more than is left of its buffer",
            Call("shrunk", "[0]", &[Bytes(0), InvalidResult]),
            Call("shrunk", "[8]", &[Bytes(4)]),
        ),
    ],
};

const PLAIN: Call = Call("throwing", r#"["plain"]"#, &[Throws]);
/// Time for work on tens of megabytes on an emulated processor.
const AMPLE: &str = "resources: { time: { call: 10s, cpu_per_call: 10s } }";
const KEPT: Call = Call("twice", "[false]", SEVEN);

const BRIDGE: Group = Group {
    name: "what is no plain result or error is one of the call alone",
    subject: Subject::Internals,
    stopped_by: Layer::Language,
    second: Second::Layer(Layer::ChannelBounds),
    file: "bridge.js",
    policy: AMPLE,
    attacks: &[
        row(
            "thenable that settles twice",
            "settles what it returned once more",
            Call("twice", "[]", SEVEN),
            KEPT,
        ),
        row(
            "promise of itself",
            "settles a promise with itself",
            Call("itself", "[]", &[Throws, WallTime]),
            KEPT,
        ),
        row(
            "heir of a promise",
            "returns an object that only inherits from a promise",
            Call("forged", "[]", &[Throws, Answers("{}")]),
            KEPT,
        ),
        row(
            "promise with a `then` of its own",
            "overwrites `then` on a promise that it returns",
            Call("ownThen", "[]", SEVEN),
            KEPT,
        ),
        row(
            "promise of another kind",
            "returns a promise whose species throws",
            Call("species", "[]", &[Answers("7"), Throws]),
            KEPT,
        ),
        row(
            "error that is its own cause",
            "throws an error whose cause is itself",
            Call("throwing", r#"["cycle"]"#, &[Throws]),
            PLAIN,
        ),
        row(
            "error of getters",
            "throws an error all of whose properties throw",
            Call("throwing", r#"["getters"]"#, &[Throws]),
            PLAIN,
        ),
        row(
            "error of objects",
            "throws an error whose name, message and stack are no texts",
            Call("throwing", r#"["objects"]"#, &[Throws]),
            PLAIN,
        ),
        row(
            "proxy of an error",
            "throws a proxy that answers nothing",
            Call("throwing", r#"["proxy"]"#, &[Throws]),
            PLAIN,
        ),
        row(
            "revoked proxy",
            "throws a proxy that is revoked",
            Call("throwing", r#"["revoked"]"#, &[Throws]),
            PLAIN,
        ),
        row(
            "message of 10 MiB",
            "throws an error with a message of 10 MiB",
            Call("throwing", r#"["huge"]"#, &[Throws]),
            PLAIN,
        ),
        row(
            "console of traps",
            "logs proxies, getters and conversions that never end",
            Call("shown", "[]", ANSWERS),
            Call("shown", "[true]", ANSWERS),
        ),
        row(
            "globals replaced",
            "replaces what the runtime could go by to read `/etc/shadow`",
            Call("replaced", r#"["/etc/shadow"]"#, &[Denied, Throws]),
            PLAIN,
        ),
    ],
};

const UNCAUGHT: &[End] = &[Uncaught, OutOfMemory];

const AT_LARGE: Group = Group {
    name: "what nobody catches ends the plugin by that name",
    subject: Subject::Internals,
    stopped_by: Layer::Language,
    second: Second::Layer(Layer::EngineClocks),
    file: "bridge.js",
    policy: AMPLE,
    attacks: &[
        row(
            "uncaught cycle",
            "throws in a timer what is its own cause",
            Call("uncaught", r#"["cycle"]"#, UNCAUGHT),
            PLAIN,
        ),
        row(
            "uncaught getters",
            "throws in a timer what throws when it is looked at",
            Call("uncaught", r#"["getters"]"#, UNCAUGHT),
            PLAIN,
        ),
        row(
            "uncaught proxy",
            "throws in a timer a proxy that is revoked",
            // QuickJS's binding gives up on it by a panic, which ends the process.
            Call("uncaught", r#"["revoked"]"#, &[Uncaught, Lost]),
            PLAIN,
        ),
        row(
            "unhandled objects",
            "rejects with an error whose name, message and stack are no texts",
            Call("unhandled", r#"["objects"]"#, UNCAUGHT),
            PLAIN,
        ),
        row(
            "unhandled error of 10 MiB",
            "rejects with a message of 10 MiB",
            Call("unhandled", r#"["huge"]"#, UNCAUGHT),
            PLAIN,
        ),
        row(
            "a thousand errors in one",
            "throws a thousand errors as one in a timer",
            Call("uncaught", r#"["aggregate"]"#, UNCAUGHT),
            PLAIN,
        ),
        row(
            "storm of rejections",
            "rejects 10,000 promises that nobody looks at",
            Call("storm", "[]", UNCAUGHT),
            Call("storm", "[0]", ANSWERS),
        ),
    ],
};

pub(crate) const GROUPS: [Group; 4] = [DOORS, BUFFERS, BRIDGE, AT_LARGE];
