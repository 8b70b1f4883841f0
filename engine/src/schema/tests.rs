use std::time::Duration;

use lazaret_policy::PluginManifest;
use lazaret_protocol::Payload;
use serde_json::json;

use super::{Contract, SchemaError, Unfit};

fn compile(body: &str) -> Result<Contract, SchemaError> {
    let text = format!("apiVersion: lazaret/v1\nkind: Plugin\n{body}\n");
    let manifest = PluginManifest::parse("plugin.yaml", &text).expect("a manifest");
    Contract::compile(&manifest).map(|contract| contract.expect("functions are listed"))
}

fn contract(parameters: &str) -> Contract {
    compile(&format!(
        "functions: {{ f: {{ parameters: {parameters} }} }}"
    ))
    .expect("schemas")
}

fn block<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.expect("a runtime").block_on(future)
}

fn given(contract: &Contract, text: &str) -> Result<(), Unfit> {
    let payload = Payload::Json(text.to_owned());
    let given = block(contract.arguments("f", payload.clone()));
    given.map(|back| assert_eq!(back, payload))
}

fn said(contract: &Contract, text: &str) -> String {
    given(contract, text).expect_err(text).to_string()
}

const CITIES: &str = "{ type: object, properties: { city: { type: array, maxItems: 2, items: { type: object, properties: { \
                      name: { type: string, minLength: 1, maxLength: 5, pattern: '^[A-Z]' }, kind: { enum: [ port, inland ] }, \
                      size: { type: [ integer, 'null' ], minimum: 1 }, on: { type: string, format: date } }, required: [ name \
                      ], additionalProperties: false } } }, required: [ city ] }";

#[test]
fn arguments_that_fit_pass_as_they_are() {
    let contract = contract(CITIES);
    let text = r#"{"city":[{"name":"Kobe","kind":"port","size":null,"on":"2026-01-31"}],"more":1}"#;
    assert_eq!(given(&contract, text), Ok(()));
    assert_eq!(given(&contract, &format!(" [ {text} ] ")), Ok(()));
}

#[test]
fn what_is_wrong_is_named_by_its_path_its_value_and_the_rule() {
    let contract = contract(CITIES);
    let long = format!(r#"{{"city":[{{"name":"{}"}}]}}"#, "K".repeat(100_000));
    let cases = [
        "{}",
        r#"{"city":"Kobe"}"#,
        r#"{"city":[{"name":5}]}"#,
        r#"{"city":[{"name":"kobe"},{"size":0}]}"#,
        r#"{"city":[{"name":"Kobe","kind":"Port"}]}"#,
        r#"{"city":[{"name":"Kobe","kin~d/":"port"}]}"#,
        r#"{"city":[{"name":"Kobe","on":"2026-02-31","size":1.5}]}"#,
        r#"{"city":[{},{},{}]}"#,
        &long,
        "[]",
        "[{},{}]",
        "[[1]]",
        "[{]",
        "null",
    ];
    let told = cases.map(|text| {
        let shown: String = text.chars().take(60).collect();
        format!("{shown}\n{}\n", said(&contract, text))
    });
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn functions_without_parameters_take_none_and_those_not_listed_nothing() {
    let contract = compile("functions: { f: {} }").unwrap();
    assert_eq!(given(&contract, "[]"), Ok(()));
    assert_eq!(
        said(&contract, "{}"),
        "it is not taken: the function has no parameters"
    );
    assert!(contract.lists("f") && !contract.lists("g"));
    let bytes = Payload::Bytes(vec![1]);
    assert!(block(contract.arguments("f", bytes.clone())).is_err());
    assert!(block(contract.arguments("g", Payload::Json("[]".to_owned()))).is_err());
    // A result that nothing is said of may be anything.
    assert_eq!(block(contract.result("f", bytes.clone())), Ok(bytes));
}

#[test]
fn results_are_held_as_well() {
    let contract = compile("functions: { f: { result: { type: number } } }").unwrap();
    let held = |payload| block(contract.result("f", payload)).map(drop);
    assert_eq!(held(Payload::Json("31".to_owned())), Ok(()));
    let unfit = held(Payload::Json("\"warm\"".to_owned())).unwrap_err();
    assert_eq!(
        unfit.to_string(),
        "it is `\"warm\"`: it must be of type `number`"
    );
    for payload in [Payload::Bytes(Vec::new()), Payload::Json("{".to_owned())] {
        assert!(held(payload).is_err());
    }
}

#[test]
fn a_pattern_that_cannot_be_looked_for_in_linear_time_is_refused_in_its_place() {
    for pattern in [
        "'(a)\\1'",
        "'(?=a)'",
        "'['",
        "'(\\w{200}){200}'",
        "'[ab]*a[ab]{1000}'",
    ] {
        let body =
            format!("functions:\n  f:\n    parameters:\n      items:\n        pattern: {pattern}");
        let error = compile(&body).unwrap_err();
        assert_eq!((error.line, error.column), (7, 18), "{error}");
        assert!(
            error
                .to_string()
                .starts_with("plugin.yaml:7:18: `functions.f.parameters`: `pattern`"),
            "{error}"
        );
    }
    // Of exponential time where it is backtracked.
    let contract = contract("{ pattern: '^(a+)+$' }");
    let text = json!(format!("{}!", "a".repeat(100_000))).to_string();
    assert!(given(&contract, &text).is_err());
}

#[test]
fn definitions_are_referred_to_and_nothing_is_fetched() {
    let contract = contract(
        "{ $defs: { a: { items: { type: string } } }, prefixItems: [ { $ref: '#/$defs/a' } ] }",
    );
    assert_eq!(given(&contract, r#"[[["x"]]]"#), Ok(()));
    assert!(said(&contract, "[[[1]]]").contains("`/0/0` is `1`"));
}

#[test]
fn alternatives_of_alternatives_are_tried_within_bounds() {
    // Each of 1,024 ways is tried where none fits, and none of what was found on the way is kept.
    let levels: String = (0..9)
        .map(|n| {
            format!(
                "d{n}: {{ anyOf: [ {{ $ref: '#/$defs/d{0}' }}, {{ $ref: '#/$defs/d{0}' }} ] }}, ",
                n + 1
            )
        })
        .collect();
    let schema = format!(
        "{{ $defs: {{ {levels}d9: {{ items: {{ type: string }} }} }}, $ref: '#/$defs/d0' }}"
    );
    let contract = contract(&schema);
    let list = |count: usize| format!("[[{}1]]", "\"x\",".repeat(count));
    assert!(said(&contract, &list(3)).contains("fits nothing that `anyOf` names"));
    assert_eq!(
        said(&contract, &list(10_000)),
        "it does not fit, and is too large to tell where"
    );
    assert!(said(&contract, &list(100_000)).contains("steps to check"));
}

#[test]
fn what_takes_a_while_is_done_elsewhere_and_others_go_on() {
    let contract = contract("{ items: { items: { type: integer }, uniqueItems: true } }");
    let large = format!(
        "[[[{}0]]]",
        (1..100_000).map(|n| format!("{n},")).collect::<String>()
    );
    block(async {
        let mut long = Box::pin(contract.arguments("f", Payload::Json(large)));
        // It has been handed on, or waits for its turn, and is not done.
        let looked = futures_poll_once(&mut long).await;
        assert!(looked.is_none(), "{looked:?}");
        let short = contract.arguments("f", Payload::Json("[[[1]]]".to_owned()));
        assert!(short.await.is_ok());
        assert!(long.await.is_ok());
    });
}

/// What a future gives when it is looked at once.
async fn futures_poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    tokio::time::timeout(Duration::ZERO, future).await.ok()
}

#[test]
fn a_name_in_the_arguments_forges_no_line() {
    let contract = contract("{ additionalProperties: false }");
    let text = json!({ "a\nerror: all is well\u{1b}[2J": 1 }).to_string();
    let unfit = given(&contract, &text).unwrap_err();
    let told = super::unfit_text("call `f` of plugin `p`", "arguments", &unfit);
    insta::assert_snapshot!(told);
}

const TOO_LARGE: &str = "it does not fit, and is too large to tell where";

#[test]
fn a_value_is_not_kept_for_each_of_many_alternatives() {
    let integers = vec![r#"{"type":"integer"}"#; 1000].join(",");
    let four = vec![format!(r#"{{"anyOf":[{integers}]}}"#); 4].join(",");
    let contract = compile(&format!(
        "functions: {{ f: {{ parameters: {{ anyOf: [{four}] }} }} }}"
    ))
    .expect("schemas");
    // 48 GB if it were.
    let zeros = format!("[[{}0]]", "0,".repeat(500_000));
    assert_eq!(said(&contract, &zeros), TOO_LARGE);
    // Small enough to be done at once.
    let zeros = format!("[[{}0]]", "0,".repeat(10_000));
    assert_eq!(said(&contract, &zeros), TOO_LARGE);
}

#[test]
fn a_long_path_is_not_kept_for_each_of_many_values() {
    let contract = contract("{ additionalProperties: { items: { type: string } } }");
    // 18 GB if it were.
    let name = "n".repeat(900_000);
    let text = format!(r#"{{"{name}":[{}0]}}"#, "0,".repeat(20_000));
    let told = said(&contract, &text);
    assert!(told.ends_with("it must be of type `string`"), "{told}");
    assert_eq!(told.lines().count(), 1);
    let several = said(&contract, r#"{"n":[0,0]}"#);
    assert_eq!(several.lines().count(), 2, "{several}");
}

#[test]
fn what_is_asked_for_is_not_kept_for_each_of_many_values() {
    let one = "c".repeat(100_000);
    let contract = contract(&format!("{{ items: {{ const: {one} }} }}"));
    // 300 MB if it were.
    let told = said(&contract, &format!("[[{}0]]", "0,".repeat(3_000)));
    assert_eq!(told.lines().count(), 1);
}

#[test]
fn a_check_goes_on_in_its_turn_when_nobody_waits_for_it() {
    let contract = contract("{ items: { type: integer } }");
    block(async {
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let mut first = Box::pin(contract.long(move || Ok(wait.recv().is_ok())));
        assert_eq!(futures_poll_once(&mut first).await, None);
        drop(first);
        let mut second = Box::pin(contract.long(|| Ok(true)));
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(2)).await;
            assert_eq!(futures_poll_once(&mut second).await, None);
        }
        go.send(()).unwrap();
        assert_eq!(second.await, Ok(true));
    });
}

#[test]
fn a_pattern_counts_by_all_its_states() {
    let text = json!("ab".repeat(1_000_000)).to_string();
    assert!(said(&contract("{ pattern: '[ab]*a[ab]{150}c' }"), &text).contains("steps to check"));
    for pattern in [
        r"^[^\s@]+@[^\s@]+\.[^\s@]+$",
        "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        r"^\w{1,64}$",
    ] {
        contract(&format!("{{ pattern: '{pattern}' }}"));
    }
}
