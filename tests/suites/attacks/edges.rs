//! What a plugin tries outside of its calls: in what it exports, before and after them, and in
//! what is shown to people.

use anyhow::{bail, ensure};
use lazaret::event::EndReason;
use lazaret::supervisor::CallFailure;
use lazaret_protocol::Payload;
use lazaret_tests::attack::{About, Layer, Second, Subject};
use lazaret_tests::case::Case;
use lazaret_tests::command::{command, run};
use lazaret_tests::setup::{Js, Setup, on_disk, plugin_source};
use lazaret_tests::world::{DEADLINE, World};
use serde_json::json;

use super::script::SHORT;

/// What the table says of these, and of what is tried in the suite `hostile`.
pub(crate) const ABOUTS: [About; 11] = [
    about(
        "files of others",
        "reads `/etc/shadow`, `/proc` and its own settings, by many names",
        Layer::Permissions,
        Second::Layer(Layer::Mounts),
    ),
    about(
        "modules from outside",
        "imports by `..`, `%2e%2e`, `data:`, `node:`, `ext:` and as JSON",
        Layer::ModuleLoader,
        Second::Layer(Layer::Mounts),
    ),
    about(
        "hosts",
        "fetches from hosts and addresses",
        Layer::Permissions,
        Second::Layer(Layer::Namespaces),
    ),
    about(
        "names of doors",
        "looks for `process`, `Worker`, `WebAssembly`, shared memory and `Deno.core`",
        Layer::Language,
        Second::Layer(Layer::SecondFilter),
    ),
    about(
        "polluted prototypes",
        "replaces all methods of all prototypes, and the globals",
        Layer::Language,
        Second::Layer(Layer::ChannelBounds),
    ),
    about(
        "log line of 100 MB",
        "logs a line of 100 MB",
        Layer::Language,
        Second::Layer(Layer::ChannelBounds),
    ),
    about(
        "flood of lines",
        "logs 20,000 lines",
        Layer::Language,
        Second::Layer(Layer::ChannelBounds),
    ),
    about(
        "terminal escapes",
        "says what a terminal acts upon in lines, errors, results and names of functions",
        Layer::Escaping,
        NONE_BUT,
    ),
    about(
        "unsendable results",
        "returns cycles, what throws, and more than there may be",
        Layer::Language,
        Second::Layer(Layer::ChannelBounds),
    ),
    about(
        "exports that are none",
        "exports `then`, proxies, getters and names with escapes",
        Layer::Language,
        Second::Layer(Layer::ChannelBounds),
    ),
    about(
        "work left behind",
        "loops and queues microtasks when its call is answered",
        Layer::ShimClocks,
        Second::Layer(Layer::Cgroup),
    ),
];

const NONE_BUT: Second = Second::Nothing("a terminal does what it is told");

const fn about(
    name: &'static str,
    tries: &'static str,
    stopped_by: Layer,
    second: Second,
) -> About {
    About {
        subject: Subject::Internals,
        name,
        tries,
        stopped_by,
        second,
    }
}

pub(crate) fn cases(js: Js) -> Vec<Case> {
    vec![
        Case::on(
            js,
            "attacks: work that stays behind a call is bounded or ends the plugin",
            behind,
        ),
        Case::on(
            js,
            "attacks: exports that are no plain functions are taken as they are",
            exports,
        ),
        Case::new(
            format!("attacks: no name of a function reaches a terminal as it is [{js}]"),
            move |world| names(world, js),
        ),
        Case::new(
            format!("attacks: a result of many levels is no trouble to the command line [{js}]"),
            move |world| levels(world, js),
        ),
    ]
}

async fn behind(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let source = plugin_source("hostile/bridge.js")?;
    let setup = Setup::javascript(js, "hostile", &source).policy(SHORT);
    // A little work now and then is what timers are for.
    let plugin = host.launch(&setup).await?;
    assert_eq!(plugin.call("behind", json!([1, 100])).await?, 42);
    for _ in 0..20 {
        assert_eq!(plugin.call("answer", json!([])).await?, 42);
    }
    plugin.stop().await?;
    for function in ["spinsLater", "stormsLater"] {
        let plugin = host.launch(&setup).await?;
        assert_eq!(plugin.call(function, json!([])).await?, 42);
        let ended = tokio::time::timeout(DEADLINE / 2, plugin.ended()).await?;
        match ended.reason {
            EndReason::Exception { name, message, .. } => {
                ensure!(name == "Interrupted", "{function}: {name}: {message}");
            }
            other => bail!("{function}: {other:?}"),
        }
    }
    Ok(())
}

const EXPORTS: &str = "\
    export function then(done) { done({ answer: () => 'not the plugin' }); }
    export default new Proxy(function () {}, {
      apply: (_, self, values) => [typeof self, values.length],
      get() { throw new Error('get'); },
    });
    export const bound = then.bind(null, (found) => found);
    export class Kind {}
    export const object = { call: () => 7 };
    export { answer as \"\\u202e \\u001b[2J\\n[other] all is well\", answer as __proto__ };
    export let late = () => 1;
    setTimeout(() => { late = () => 2; }, 1);
    export const answer = () => 42;";

async fn exports(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let setup = Setup::javascript(js, "hostile", EXPORTS).policy(SHORT);
    let plugin = host.launch(&setup).await?;
    let odd = "\u{202e} \u{1b}[2J\n[other] all is well";
    let expected = [
        "Kind",
        "__proto__",
        "answer",
        "bound",
        "default",
        "late",
        "then",
        odd,
    ];
    assert_eq!(plugin.functions(), expected);
    for name in ["answer", "__proto__", odd] {
        assert_eq!(plugin.call(name, json!([])).await?, 42);
    }
    let applied = plugin.call("default", json!([1, 2])).await?;
    assert_eq!(applied, json!(["undefined", 2]));
    plugin.thrown("Kind", json!([])).await?;
    for name in ["object", "toString", "constructor", ""] {
        let arguments = Payload::Json("[]".to_owned());
        match plugin.try_call(name, arguments).await {
            Err(CallFailure::Call(lazaret_protocol::CallError::NoSuchFunction { .. })) => {}
            other => bail!("{name}: {other:?}"),
        }
    }
    plugin.stop().await?;
    Ok(())
}

/// What `lazaret run` writes, on both of its outputs.
fn shown(world: &World, setup: &Setup, options: &[&str]) -> anyhow::Result<(Option<i32>, String)> {
    let directory = on_disk(world, setup)?;
    let path = directory.path().join("hostile").display().to_string();
    let arguments = [&["run", path.as_str()], options].concat();
    let finished = run(command(&world.parts.lazaret(), arguments))?;
    Ok((finished.code, finished.output + &finished.errors))
}

fn names(world: &World, js: Js) -> anyhow::Result<()> {
    let policy = format!("{SHORT}\nruntime: {{ engine: {js} }}");
    let setup = Setup::javascript(js, "hostile", EXPORTS).policy(&policy);
    for options in [&["--call", "none"][..], &["--call", "none", "--json"]] {
        let (_, written) = shown(world, &setup, options)?;
        ensure!(written.contains("answer"), "it names none: {written}");
        ensure!(!written.contains(['\u{1b}', '\u{202e}']), "{written:?}");
        ensure!(
            !written.lines().any(|line| line.starts_with("[other]")),
            "{written:?}"
        );
    }
    let (code, written) = shown(world, &setup, &["--call", "answer"])?;
    ensure!(
        (code, written.as_str()) == (Some(0), "42\n"),
        "{code:?}: {written}"
    );
    Ok(())
}

fn levels(world: &World, js: Js) -> anyhow::Result<()> {
    let source = plugin_source("hostile/depth.js")?;
    let policy = format!("resources: {{ memory: {{ max: 256MiB }} }}\nruntime: {{ engine: {js} }}");
    let setup = Setup::javascript(js, "hostile", &source).policy(&policy);
    for depth in ["1000", "100000"] {
        for json in [&[][..], &["--json"]] {
            let options = [&["--call", "result", "--args", depth], json].concat();
            let (code, written) = shown(world, &setup, &options)?;
            // Whether it is shown or refused: it is the command that says so.
            ensure!(code.is_some(), "a signal ended it: {written:.300}");
        }
    }
    let (code, written) = shown(world, &setup, &["--call", "result", "--args", "3"])?;
    ensure!(
        (code, written.as_str()) == (Some(0), "[[[null]]]\n"),
        "{code:?}: {written}"
    );
    Ok(())
}
