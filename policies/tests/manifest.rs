//! What a `plugin.yaml` may say, what is said of its mistakes, and what is published of it.

use lazaret_policy::{
    MANIFEST_KEYS, PluginManifest, manifest_schema, manifest_schema_text, schema_keywords,
};
use serde_json::{Value, json};

fn parse(body: &str) -> Result<PluginManifest, String> {
    let text = format!("apiVersion: lazaret/v1\nkind: Plugin\n{body}\n");
    PluginManifest::parse("plugin.yaml", &text).map_err(|problems| problems.to_string())
}

/// Each mistake alone, and everything that is said of it.
fn report(bodies: &[&str]) -> String {
    let said = bodies.iter().map(|body| match parse(body) {
        Ok(_) => panic!("nothing is said of\n{body}"),
        Err(problems) => format!("{body}\n{problems}\n\n"),
    });
    said.collect()
}

fn parameters(schema: &str) -> String {
    format!("functions: {{ f: {{ parameters: {schema} }} }}")
}

#[test]
fn of_functions_and_needs() {
    let said = report(&[
        "functions: [ f ]",
        "functions: { 1st: {} }",
        "functions: { f: { parameter: {} } }",
        "functions: { f: { description: '' } }",
        "functions: { f: { examples: [ { arguments: {} } ] } }",
        "functions: { f: { examples: { parameters: {} } } }",
        "dependencies: { units: ^1 }",
        "dependencies: { ada/units: latest }",
        "dependencies: { ada/units: { version: ^1 } }",
        "imports: { ./x: ./y.js }",
        "imports: { lodash: lib/lodash.js }",
        "imports: { lodash: https://esm.example/lodash.js }",
        "imports: { lodash/: ./lodash.js }",
        "imports: { lodash: ./../lodash.js }",
        "description: ~",
    ]);
    insta::assert_snapshot!(said);
}

#[test]
fn of_schemas() {
    let bodies: Vec<String> = [
        "{ typ: string }",
        "{ unevaluatedProperties: false }",
        "{ type: text }",
        "{ type: [ string, string ] }",
        "{ type: string, format: e-mail }",
        "{ minLength: -1 }",
        "{ minimum: '1' }",
        "{ multipleOf: 0 }",
        "{ properties: { a: string } }",
        "{ properties: { a: { $ref: https://example.com/a.json } } }",
        "{ $ref: '#/$defs/city' }",
        "{ $defs: { city: true }, $ref: '#/$defs/City' }",
        "{ $defs: { a: { items: { $ref: '#/$defs/a' } } }, $ref: '#/$defs/a' }",
        "{ items: { $defs: { a: true } } }",
        "{ $schema: http://json-schema.org/draft-07/schema# }",
        "{ required: [ a, a ] }",
        "{ enum: [] }",
        "{ enum: [ 0x1F ] }",
        "{ uniqueItems: yes }",
        "string",
    ]
    .map(parameters)
    .to_vec();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    insta::assert_snapshot!(report(&bodies));
}

#[test]
fn everything_is_told_at_once() {
    let said = parse(
        "author: '@'\nfunctions:\n  f: { parameters: { typ: 1 }, result: { type: x } }\nimport: {}",
    );
    insta::assert_snapshot!(said.unwrap_err());
}

#[test]
fn schemas_are_bounded_together() {
    let manifest = |count: usize, schema: &str| {
        let functions: Vec<String> = (0..count)
            .map(|n| format!("f{n}: {{ parameters: {schema} }}"))
            .collect();
        parse(&format!("functions: {{ {} }}\n", functions.join(", "))).map(drop)
    };
    let refused = |count: usize, schema: &str, part: &str| {
        let said = manifest(count, schema).unwrap_err();
        assert!(said.contains(part), "{said}");
    };
    let patterns: Vec<String> = (0..64).map(|n| format!("p{n}: {{ pattern: a }}")).collect();
    let patterns = format!("{{ properties: {{ {} }} }}", patterns.join(", "));
    assert_eq!(manifest(4, &patterns), Ok(()));
    refused(5, &patterns, "more than 256 patterns in all schemas");
    let long = format!("{{ pattern: {} }}", "a".repeat(512));
    assert_eq!(manifest(64, &long), Ok(()));
    refused(65, &long, "32768 bytes of them");
    // Each of the many at the bottom has all the names above it in its pointer.
    let name = "n".repeat(256);
    let down = format!("{{ properties: {{ {name}: ").repeat(6);
    let bottom: Vec<String> = (0..300).map(|n| format!("p{n}: true")).collect();
    let deep = format!(
        "{down}{{ properties: {{ {} }} }}{}",
        bottom.join(", "),
        " } }".repeat(6)
    );
    assert_eq!(manifest(1, &deep), Ok(()));
    refused(3, &deep, "too many long names in each other");
}

#[test]
fn schemas_are_bounded() {
    let refused = |schema: String, part: &str| {
        let said = parse(&parameters(&schema)).unwrap_err();
        assert!(said.contains(part), "{said}");
    };
    let nested =
        |levels: usize| format!("{}true{}", "{ items: ".repeat(levels), " }".repeat(levels));
    assert!(parse(&parameters(&nested(15))).is_ok());
    refused(nested(16), "more than 16 deep");
    refused(nested(100), "levels deep");
    refused(
        format!("{{ pattern: {} }}", "a".repeat(513)),
        "longer than 512 bytes",
    );
    let patterns: Vec<String> = (0..65).map(|n| format!("p{n}: {{ pattern: a }}")).collect();
    refused(
        format!("{{ properties: {{ {} }} }}", patterns.join(", ")),
        "more than 64 patterns",
    );
    let many = vec!["true"; 1024].join(", ");
    let wide = format!("{{ allOf: [ {many} ] }}");
    refused(
        format!("{{ anyOf: [ {wide}, {wide}, {wide}, {wide} ] }}"),
        "more than 4096 schemas",
    );
    // Twice as many with each definition, and no more than a few lines of text.
    let doubling = |levels: usize| {
        let each: Vec<String> = (0..levels)
            .map(|n| {
                format!(
                    "d{n}: {{ anyOf: [ {{ $ref: '#/$defs/d{0}' }}, {{ $ref: '#/$defs/d{0}' }} ] }}",
                    n + 1
                )
            })
            .collect();
        format!(
            "{{ $defs: {{ {}, d{levels}: true }}, $ref: '#/$defs/d0' }}",
            each.join(", ")
        )
    };
    assert!(parse(&parameters(&doubling(8))).is_ok());
    refused(doubling(14), "more than 4096 schemas");
    let chain: Vec<String> = (0..4000)
        .map(|n| format!("d{n}: {{ $ref: '#/$defs/d{}' }}", n + 1))
        .collect();
    refused(
        format!(
            "{{ $defs: {{ {}, d4000: true }}, $ref: '#/$defs/d0' }}",
            chain.join(", ")
        ),
        "definitions written out",
    );
}

#[test]
fn the_file_in_the_repository_is_the_schema() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/plugin.v1.json");
    let kept = fs_err::read_to_string(file).unwrap_or_default();
    if kept != manifest_schema_text() && std::env::var_os("LAZARET_WRITE").is_some() {
        fs_err::write(file, manifest_schema_text()).expect("written");
        return;
    }
    assert!(
        kept == manifest_schema_text(),
        "`policies/schema/plugin.v1.json` is not the language's\n  hint: LAZARET_WRITE=1 cargo test -p lazaret-policy --test manifest"
    );
}

#[test]
fn the_published_schema_takes_and_refuses_as_the_program_does() {
    let validator = jsonschema::validator_for(&manifest_schema()).expect("the schema is one");
    let whole = |extra: Value| {
        let mut document = json!({ "apiVersion": "lazaret/v1", "kind": "Plugin" });
        for (key, value) in extra.as_object().expect("a map") {
            document[key] = value.clone();
        }
        document
    };
    let function =
        |schema: Value| json!({ "functions": { "f": { "parameters": schema, "result": true } } });
    let taken = [
        json!({}),
        json!({ "author": "ada", "package": "weather", "version": "1.0.0-rc.1", "entry": "src/main.mjs" }),
        json!({ "permissions": ["env:read:TZ", { "permission": "file:read:/srv", "reason": "tables" }] }),
        json!({ "dependencies": { "ada/units": "^1" }, "imports": { "a": "./a.js" }, "config": {} }),
        function(json!({ "type": ["string", "null"], "enum": ["a", null], "pattern": "^a" })),
        function(
            json!({ "$defs": { "c": false }, "properties": { "a": { "$ref": "#/$defs/c" } } }),
        ),
        function(
            json!({ "dependentRequired": { "a": ["b"] }, "multipleOf": 0.5, "uniqueItems": true }),
        ),
    ];
    let refused = [
        json!({ "kind": "SecurityPolicy" }),
        json!({ "authors": "ada" }),
        json!({ "author": "Ada L" }),
        json!({ "version": "1" }),
        json!({ "functions": ["f"] }),
        json!({ "functions": { "a-b": {} } }),
        json!({ "imports": { "./a": "./a.js" } }),
        json!({ "imports": { "a": "a.js" } }),
        json!({ "dependencies": { "units": "1" } }),
        function(json!({ "typ": "string" })),
        function(json!({ "type": "text" })),
        function(json!({ "$ref": "https://example.com" })),
        function(json!({ "multipleOf": 0 })),
        function(json!([])),
    ];
    for (documents, fits) in [(taken.as_slice(), true), (refused.as_slice(), false)] {
        for extra in documents {
            let document = whole(extra.clone());
            let read = PluginManifest::parse("p", &format!("{document:#}"));
            assert_eq!(
                (validator.is_valid(&document), read.is_ok()),
                (fits, fits),
                "{extra}: {read:?}"
            );
        }
    }
}

const BEGIN: &str = "<!-- keys: written by a test from the language itself -->\n";
const END: &str = "<!-- end of keys -->\n";

#[test]
fn the_reference_is_true() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/plugin.md");
    let text = fs_err::read_to_string(path).expect("read");
    let (before, rest) = text.split_once(BEGIN).expect("the first mark");
    let (kept, after) = rest.split_once(END).expect("the last mark");
    let mut table = "| key | form | what it is for |\n| --- | --- | --- |\n".to_owned();
    for key in MANIFEST_KEYS {
        table.push_str(&format!(
            "| `{}` | {} | {} |\n",
            key.path, key.form, key.text
        ));
    }
    table.push_str(&format!(
        "\nKeywords of a schema: `{}`.\n",
        schema_keywords().join("`, `")
    ));
    if kept != table && std::env::var_os("LAZARET_WRITE").is_some() {
        fs_err::write(path, format!("{before}{BEGIN}{table}{END}{after}")).expect("written");
        return;
    }
    assert!(
        kept == table,
        "the reference in `docs/plugin.md` is not the language's\n  hint: LAZARET_WRITE=1 cargo test -p lazaret-policy --test manifest"
    );
}
