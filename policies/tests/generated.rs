//! What holds for every policy of the language, over all its keys.

mod grammar;

use grammar::{Dice, Grammar, permission, permissions};
use lazaret_policy::{
    Decision, EffectivePolicy, Endpoint, Granted, Origin, Permission, SecurityLevel, SecurityPolicy,
};
use serde_json::{Map, Value, json};

/// Documents in all: some are taken as they are, some are broken first, some are laid over each other.
const DOCUMENTS: u64 = 10_000;

fn parse(name: &str, document: &Value) -> Option<SecurityPolicy> {
    SecurityPolicy::parse(name, &document.to_string()).ok()
}

fn effective(policy: &SecurityPolicy) -> EffectivePolicy {
    EffectivePolicy::of(SecurityLevel::Standard).layer(policy)
}

/// The next valid policy.
fn valid(grammar: &Grammar, dice: &mut Dice, name: &str) -> (Value, SecurityPolicy) {
    loop {
        let document = grammar.document(dice);
        if let Some(policy) = parse(name, &document) {
            return (document, policy);
        }
    }
}

fn allowed(policy: &EffectivePolicy, act: &str) -> bool {
    let act: Permission = act.parse().expect(act);
    policy.decide(&act) != Decision::Denied
}

#[test]
fn most_documents_are_valid_and_reach_every_key() {
    let grammar = Grammar::new();
    let mut taken = 0;
    let mut named: Vec<String> = Vec::new();
    for seed in 0..DOCUMENTS {
        let document = grammar.document(&mut Dice::new(seed));
        let Some(policy) = parse("p.yaml", &document) else {
            continue;
        };
        taken += 1;
        let effective = effective(&policy);
        let keys = effective.keys();
        let own = keys
            .iter()
            .filter(|key| key.origin.to_string().starts_with("p.yaml"));
        for key in own.filter(|key| !key.path.starts_with("requirements.")) {
            if !named.contains(&key.path) {
                named.push(key.path.clone());
            }
        }
        // Who says the same as itself changes nothing.
        assert_eq!(effective.differences(&effective), [], "{document:#}");
        assert_eq!(effective.plan(&effective).change, None);
    }
    assert!(taken > DOCUMENTS / 3, "{taken} are valid");
    for key in lazaret_policy::KEYS {
        assert!(named.iter().any(|path| path == key.path), "{}", key.path);
    }
}

#[test]
fn an_unknown_key_is_refused_wherever_it_stands() {
    let grammar = Grammar::new();
    for seed in 0..DOCUMENTS {
        let mut dice = Dice::new(seed);
        let mut document = grammar.document(&mut dice);
        let known = parse("p", &document).is_some();
        let Some(map) = somewhere(&mut document, &mut dice) else {
            continue;
        };
        map.insert("zzz".to_owned(), json!(1));
        assert!(parse("p", &document).is_none(), "{known} {document:#}");
    }
}

#[test]
fn broken_values_never_panic_and_are_told_in_place() {
    let grammar = Grammar::new();
    for seed in 0..DOCUMENTS {
        let mut dice = Dice::new(seed);
        let mut document = grammar.document(&mut dice);
        let broken = [
            json!(null),
            json!([]),
            json!({}),
            json!(-1),
            json!("\u{1b}"),
            json!("a: b"),
            json!([[1]]),
        ];
        if let Some(map) = somewhere(&mut document, &mut dice) {
            let names: Vec<String> = map.keys().cloned().collect();
            if !names.is_empty() {
                map.insert(dice.one(&names).clone(), dice.one(&broken).clone());
            }
        }
        if let Err(problems) = SecurityPolicy::parse("p", &document.to_string()) {
            let printable = |text: &str| !text.chars().any(char::is_control);
            for problem in &problems.problems {
                assert!(problem.line >= 1 && problem.column >= 1);
                assert!(
                    printable(&problem.message) && problem.hint.as_deref().is_none_or(printable)
                );
            }
        }
    }
}

/// One of the maps of a document whose keys are those of the language.
fn somewhere<'of>(value: &'of mut Value, dice: &mut Dice) -> Option<&'of mut Map<String, Value>> {
    let here = dice.chance(40);
    match value {
        Value::Object(map) => {
            let deeper: Vec<String> = map
                .iter()
                .filter(|(name, value)| {
                    let below =
                        value.is_object() || value.as_array().is_some_and(|list| !list.is_empty());
                    below && *name != "set"
                })
                .map(|(name, _)| name.clone())
                .collect();
            if here || deeper.is_empty() {
                return Some(map);
            }
            let name = dice.one(&deeper).clone();
            somewhere(map.get_mut(&name)?, dice)
        }
        Value::Array(items) => {
            let number = dice.below(items.len().max(1));
            somewhere(items.get_mut(number)?, dice)
        }
        _ => None,
    }
}

/// Whether every way to the network is also one of `outer`.
fn reaches_no_further(inner: &EffectivePolicy, outer: &EffectivePolicy) -> bool {
    let within = |one: &Endpoint, of: &EffectivePolicy| {
        let ways = of.reachable().into_iter().chain(of.observed_endpoints());
        ways.into_iter().any(|other| other.endpoint.covers(one))
    };
    let ways = inner
        .reachable()
        .into_iter()
        .chain(inner.observed_endpoints());
    ways.into_iter().all(|one| within(&one.endpoint, outer))
}

#[test]
fn no_layer_is_ever_exceeded() {
    let grammar = Grammar::new();
    for seed in 0..DOCUMENTS / 40 {
        let mut dice = Dice::new(seed);
        let (text, policy) = valid(&grammar, &mut dice, "p.yaml");
        let (floor_text, floor) = valid(&grammar, &mut dice, "floor.yaml");
        let shown = || format!("{text:#}\nfloor: {floor_text:#}");
        let asked = effective(&policy);
        let most = EffectivePolicy::of(floor.level()).layer(&floor);
        let (held, cuts) = asked.clone().within(&floor);

        // No wider than the file.
        let plan = asked.plan(&held);
        assert!(!plan.widens, "{plan:#?}\n{cuts:#?}\n{}", shown());
        // No wider than the floor, in what it names.
        let grants = [
            "permissions",
            "network",
            "filesystem",
            "exec",
            "env",
            "messaging",
            "secrets",
        ];
        let lists = ["endpoints", "read", "write", "programs", "send", "receive"];
        let states = grants.iter().any(|section| match &floor_text[*section] {
            Value::Object(map) => {
                map.is_empty() || lists.iter().any(|list| map.contains_key(*list))
            }
            Value::Array(_) => true,
            _ => false,
        });
        let stated_level = !floor_text["level"].is_null();
        for one in most.differences(&held).iter().filter(|one| one.widens) {
            let named = most.keys().iter().any(|key| {
                key.path == one.what
                    && (stated_level || key.origin.to_string().starts_with("floor.yaml"))
            });
            let is_key = asked.keys().iter().any(|key| key.path == one.what);
            assert!(
                !named && (is_key || !states),
                "{one}\n{cuts:#?}\n{}",
                shown()
            );
        }
        for act in permissions() {
            assert!(
                !allowed(&held, act) || allowed(&asked, act),
                "{act}\n{}",
                shown()
            );
            assert!(
                !states || !allowed(&held, act) || allowed(&most, act),
                "{act}\n{}",
                shown()
            );
        }
        assert!(reaches_no_further(&held, &asked), "{}", shown());
        assert!(!states || reaches_no_further(&held, &most), "{}", shown());
        // Nothing is told where nothing is cut, and the other way round.
        assert_eq!(
            cuts.is_empty(),
            asked.differences(&held).iter().all(|one| {
                // What the floor asks for beyond the policy is no cut.
                one.before.is_none()
            }),
            "{cuts:#?}\n{:#?}\n{}",
            asked.differences(&held),
            shown()
        );
        // Once cut there is nothing more to cut.
        let (again, none) = held.clone().within(&floor);
        assert_eq!((&again, none.len()), (&held, 0), "{none:#?}\n{}", shown());

        // No wider than what the plugin asks for.
        let count = dice.below(6);
        let request: Vec<Granted> = (0..count)
            .map(|line| Granted {
                permission: permission(&mut dice).parse().expect("a permission"),
                reason: None,
                origin: Origin::File {
                    name: "plugin.yaml".into(),
                    line: line + 1,
                    column: 1,
                },
            })
            .collect();
        let (wanted, _) = held.clone().requested(&request);
        assert!(!held.plan(&wanted).widens, "{}", shown());
        for act in permissions().iter().filter(|act| allowed(&wanted, act)) {
            let act: Permission = act.parse().expect("a permission");
            let asks = |one: &Granted| one.permission.covers(&act);
            assert!(request.iter().any(asks), "{act} {request:?}\n{}", shown());
        }
        let (again, none) = wanted.clone().requested(&request);
        assert_eq!((again, none), (wanted, Vec::new()), "{}", shown());
    }
}

#[test]
fn a_plan_widens_where_anything_more_is_allowed() {
    let grammar = Grammar::new();
    for seed in 0..DOCUMENTS / 40 {
        let mut dice = Dice::new(seed);
        let (one_text, one) = valid(&grammar, &mut dice, "one.yaml");
        let (other_text, other) = valid(&grammar, &mut dice, "other.yaml");
        let (one, other) = (effective(&one), effective(&other));
        let shown = || format!("{one_text:#}\nother: {other_text:#}");
        for (before, after) in [(&one, &other), (&other, &one)] {
            let plan = before.plan(after);
            let more = permissions()
                .iter()
                .any(|act| allowed(after, act) && !allowed(before, act));
            assert!(!more || plan.widens, "{plan:#?}\n{}", shown());
            assert!(
                plan.widens || reaches_no_further(after, before),
                "{}",
                shown()
            );
            // The other way round the same things differ.
            assert_eq!(plan.change.is_some(), after.plan(before).change.is_some());
            // Who cuts back to what held before widens nothing.
            let scores = (before.score().tenths, after.score().tenths);
            assert!(plan.change.is_some() || scores.0 == scores.1, "{}", shown());
        }
    }
}
