//! What TypeScript becomes.

use lazaret_compile::{compile, serve};
use lazaret_protocol::{Compiled, FrameDecoder, MAX_FRAME_BYTES, Problem, Source, encode};

fn source(text: &str) -> Source {
    Source {
        path: "lib/a.ts".to_owned(),
        text: text.to_owned(),
    }
}

/// Its code without layout, and its source map.
fn compiled(text: &str) -> (String, serde_json::Value) {
    match compile(&source(text)) {
        Compiled::Module { path, code, map } => {
            assert_eq!(path, "lib/a.ts");
            let code = code.split_whitespace().collect::<Vec<_>>().join(" ");
            (code, serde_json::from_str(&map).expect("JSON"))
        }
        refused => panic!("{text}: {refused:?}"),
    }
}

fn refused(text: &str) -> Problem {
    match compile(&source(text)) {
        Compiled::Refused { problem, .. } => problem,
        compiled => panic!("{text}: {compiled:?}"),
    }
}

#[test]
fn only_what_is_marked_as_a_type_is_erased() {
    for (text, code) in [
        (
            "import type { A } from './a.ts'; export const x: A = 1;",
            "export const x = 1;",
        ),
        (
            "import { type A, b } from './a.ts';",
            "import { b } from \"./a.ts\";",
        ),
        // Whoever imports nothing by name still runs the module.
        ("import { type A } from './a.ts';", "import \"./a.ts\";"),
        (
            "import { a } from './a.ts';",
            "import { a } from \"./a.ts\";",
        ),
        ("import './a.ts';", "import \"./a.ts\";"),
        (
            "export type { A } from './a.ts'; export const x = 1;",
            "export const x = 1;",
        ),
        (
            "export { type A, b } from './a.ts';",
            "export { b } from \"./a.ts\";",
        ),
        (
            "import type B from './b.ts'; export let x: B | undefined;",
            "export let x;",
        ),
        (
            "import d from './d.json' with { type: 'json' };",
            "import d from \"./d.json\" with { type: \"json\" };",
        ),
        (
            "export const f = <T,>(x: T) => x as unknown as number; f<number>(1)!;",
            "export const f = (x) => x; f(1);",
        ),
        (
            "interface I {} type T = I; declare const g: T; declare module 'x' {} export {};",
            "export {};",
        ),
        (
            "abstract class A { declare x: number; private y?: number; abstract f(): void; constructor(readonly z: number) {} }",
            "class A { y; constructor(z) { this.z = z; } }",
        ),
    ] {
        let found = compiled(text).0.replace("z; y;", "y;");
        assert_eq!(found, code, "{text}");
    }
}

#[test]
fn enums_namespaces_and_parameter_properties_become_code() {
    let (code, _) = compiled("export enum Color { Red, Green = Red + 4, Name = 'n' }");
    assert!(
        code.contains("Color[Color[\"Green\"] = 4] = \"Green\""),
        "{code}"
    );
    let (code, _) = compiled("const enum Size { Big = 'big' } export const x = Size.Big;");
    assert!(code.contains("Size[\"Big\"] = \"big\""), "{code}");
    let (code, _) = compiled("export namespace N { export const a = 1; }");
    assert!(
        code.contains("N.a = 1") || code.contains("_N.a = 1"),
        "{code}"
    );
    let (code, _) = compiled("class P { constructor(private readonly x = 1) { this.x; } }");
    assert!(code.contains("this.x = x"), "{code}");
}

#[test]
fn what_would_run_as_something_else_is_refused_by_name_and_place() {
    for (text, part, place) in [
        ("class A {\n  @log f() {}\n}", "decorators", (2, 3)),
        ("@log class A {}", "decorators", (1, 1)),
        ("class A {\n accessor x = 1;\n}", "accessor", (2, 2)),
        ("\nimport x = require('x');", "`require`", (2, 12)),
        ("export = 1;", "`export =`", (1, 1)),
        (
            "export namespace N { export let a = 1; }",
            "amespace",
            (1, 33),
        ),
    ] {
        let problem = refused(text);
        assert!(problem.message.contains(part), "{problem:?}");
        assert_eq!((problem.line, problem.column), place, "{problem:?}");
        assert_eq!(
            Some(problem.text.as_str()),
            text.lines().nth(place.0 as usize - 1)
        );
    }
}

#[test]
fn a_syntax_error_has_its_place_and_line() {
    let problem = refused("const a: number = 1;\n  const b = ;\n");
    assert_eq!((problem.line, problem.column), (2, 13), "{problem:?}");
    assert_eq!(problem.text, "  const b = ;");
    assert!(!problem.message.is_empty());
    // Found by the checks that follow the parser.
    let problem = refused("let a = 1;\nlet a = 2;");
    assert!(problem.message.contains("`a`"), "{problem:?}");
    refused("const x = <div/>;");
}

#[test]
fn the_source_map_names_the_module_and_carries_no_text() {
    let (_, map) = compiled("type A = number;\n\nexport const secret: A = 1;");
    assert_eq!(
        map["sources"],
        serde_json::json!(["file:///plugin/lib/a.ts"])
    );
    assert_eq!(map["version"], 3);
    assert!(!map.to_string().contains("number"), "{map}");
    assert_ne!(map["mappings"], "");
}

#[test]
fn every_source_is_answered_in_its_order() {
    let mut input = Vec::new();
    for text in [
        "export const a = 1;",
        "const = 1;",
        "export const c: number = 3;",
    ] {
        input.extend(encode(&source(text)).expect("frame"));
    }
    let mut output = Vec::new();
    serve(input.as_slice(), &mut output).expect("served");
    let mut decoder = FrameDecoder::new(MAX_FRAME_BYTES);
    decoder.push(&output);
    let mut answers = Vec::new();
    while let Some(answer) = decoder.next::<Compiled>().expect("frame") {
        answers.push(matches!(answer, Compiled::Module { .. }));
    }
    assert_eq!(answers, [true, false, true]);
    serve(&b"no frame at all"[..], Vec::new()).expect_err("no frame");
}

#[test]
fn no_source_is_compiled_to_nothing() {
    assert_eq!(compiled("").0, "");
    assert_eq!(compiled("\u{feff}export {};").0, "export {};");
}
