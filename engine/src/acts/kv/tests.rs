use lazaret_protocol::{KvEntry, Payload};

use super::*;
use crate::store::KvDirectory;

const LIMITS: Limits = Limits {
    bytes: 1000,
    keys: 10,
    value: 500,
};

fn json(text: &str) -> Payload {
    Payload::Json(text.to_owned())
}

fn put(key: &str, value: Option<Payload>) -> KvAct {
    let key = key.to_owned();
    KvAct::Put { key, value }
}

fn swap(key: &str, expected: Option<Payload>, value: Option<Payload>) -> KvAct {
    KvAct::Swap {
        key: key.to_owned(),
        expected,
        value,
    }
}

fn get(place: &Place, key: &str) -> Option<Payload> {
    let key = key.to_owned();
    match perform(&KvAct::Get { key }, place, &LIMITS) {
        Ok(ActResult::Value(value)) => value,
        other => panic!("{other:?}"),
    }
}

fn found(place: &Place, act: &KvAct) -> bool {
    match perform(act, place, &LIMITS) {
        Ok(ActResult::Found(found)) => found,
        other => panic!("{other:?}"),
    }
}

fn keys(place: &Place, prefix: &str, after: Option<&str>) -> (Vec<String>, bool) {
    let act = KvAct::List {
        prefix: prefix.to_owned(),
        after: after.map(str::to_owned),
    };
    match perform(&act, place, &LIMITS) {
        Ok(ActResult::Entries { entries, more }) => {
            let key = |entry: KvEntry| entry.key;
            (entries.into_iter().map(key).collect(), more)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn values_are_kept_over_the_end_of_an_engine_and_by_the_plugins_name() {
    let root = tempfile::tempdir().unwrap();
    let state = root.path().join("state");
    let engine = KvDirectory::new(state.clone());
    let one = Some(engine.of("one"));
    assert!(!found(&one, &put("a", Some(json("1")))));
    assert!(found(&one, &put("a", Some(Payload::Bytes(vec![0, 255])))));
    assert!(!found(&one, &put("b\0\u{e9}", Some(json("{}")))));
    assert_eq!(get(&Some(engine.of("other")), "a"), None);
    drop((one, engine));
    let engine = KvDirectory::new(state);
    let one = Some(engine.of("one"));
    assert_eq!(get(&one, "a"), Some(Payload::Bytes(vec![0, 255])));
    assert_eq!(get(&one, "b\0\u{e9}"), Some(json("{}")));
    assert!(found(&one, &put("a", None)));
    assert!(!found(&one, &put("a", None)));
    assert_eq!(get(&one, "a"), None);
}

#[test]
fn what_is_kept_is_counted_anew_by_another_engine() {
    let root = tempfile::tempdir().unwrap();
    let state = root.path().join("state");
    let place = Some(KvDirectory::new(state.clone()).of("one"));
    found(&place, &put("a", Some(json(&"1".repeat(499)))));
    found(&place, &put("b", Some(json(&"1".repeat(498)))));
    drop(place);
    let place = Some(KvDirectory::new(state).of("one"));
    let over = perform(&put("c", Some(json("1"))), &place, &LIMITS);
    assert!(
        matches!(
            over,
            Err(ActError::Limit {
                asked: 1001,
                limit: 1000,
                ..
            })
        ),
        "{over:?}"
    );
    assert_eq!(get(&place, "c"), None);
    assert!(!found(&place, &put("c", Some(json("")))));
}

#[test]
fn a_value_is_swapped_only_for_what_it_is_said_to_be() {
    let root = tempfile::tempdir().unwrap();
    let place = Some(KvDirectory::new(root.path().join("state")).of("one"));
    assert!(!found(&place, &swap("a", Some(json("1")), Some(json("2")))));
    assert!(found(&place, &swap("a", None, Some(json("1")))));
    assert!(!found(&place, &swap("a", None, Some(json("2")))));
    assert!(!found(
        &place,
        &swap("a", Some(Payload::Bytes(b"1".to_vec())), None)
    ));
    assert!(found(&place, &swap("a", Some(json("1")), Some(json("2")))));
    assert_eq!(get(&place, "a"), Some(json("2")));
    assert!(found(&place, &swap("a", Some(json("2")), None)));
    assert!(found(&place, &swap("a", None, None)));
    assert_eq!(get(&place, "a"), None);
}

#[test]
fn keys_are_listed_in_order_by_their_prefix_a_page_at_a_time() {
    let root = tempfile::tempdir().unwrap();
    let place = Some(KvDirectory::new(root.path().join("state")).of("one"));
    for key in ["b/2", "a", "b/10", "b/1", "c", "b0", "\u{10ffff}x"] {
        found(&place, &put(key, Some(json("0"))));
    }
    let named = |names: &[&str]| (names.iter().map(|&name| name.to_owned()).collect(), false);
    assert_eq!(keys(&place, "b/", None), named(&["b/1", "b/10", "b/2"]));
    assert_eq!(keys(&place, "b/", Some("b/1")), named(&["b/10", "b/2"]));
    assert_eq!(keys(&place, "\u{10ffff}", None), named(&["\u{10ffff}x"]));
    assert_eq!(keys(&place, "d", None), named(&[]));
    let all = named(&["a", "b/1", "b/10", "b/2", "b0", "c", "\u{10ffff}x"]);
    assert_eq!(keys(&place, "", None), all);
}

#[test]
fn one_answer_has_no_more_entries_and_bytes_than_it_may() {
    let root = tempfile::tempdir().unwrap();
    let place = Some(KvDirectory::new(root.path().join("state")).of("one"));
    let limits = Limits {
        bytes: 1 << 30,
        keys: 1000,
        value: 1 << 20,
    };
    for number in 0..=MAX_ENTRIES {
        perform(
            &put(&format!("{number:04}"), Some(json("0"))),
            &place,
            &limits,
        )
        .unwrap();
    }
    let (first, more) = keys(&place, "", None);
    assert_eq!((first.len(), more), (MAX_ENTRIES, true));
    assert_eq!(
        keys(&place, "", first.last().map(String::as_str)).0.len(),
        1
    );
    for name in ["x1", "x2", "x3"] {
        let large = Payload::Bytes(vec![1; 1 << 20]);
        perform(&put(name, Some(large)), &place, &limits).unwrap();
    }
    assert_eq!(keys(&place, "x", None), (vec!["x1".to_owned()], true));
}

#[test]
fn a_key_of_no_bytes_or_too_many_is_refused_and_one_of_the_most_is_not() {
    let root = tempfile::tempdir().unwrap();
    let place = Some(KvDirectory::new(root.path().join("state")).of("one"));
    for key in ["", &"k".repeat(MAX_KEY_BYTES + 1)] {
        assert!(perform(&put(key, Some(json("0"))), &place, &LIMITS).is_err());
    }
    assert!(!found(
        &place,
        &put(&"k".repeat(MAX_KEY_BYTES), Some(json("0")))
    ));
    assert!(perform(&put("a", None), &None, &LIMITS).is_err());
}

#[test]
fn two_engines_never_have_the_same_values_open_and_another_plugin_is_none_the_worse() {
    let root = tempfile::tempdir().unwrap();
    let state = root.path().join("state");
    let (here, there) = (KvDirectory::new(state.clone()), KvDirectory::new(state));
    let mine = Some(here.of("one"));
    found(&mine, &put("a", Some(json("1"))));
    let theirs = Some(there.of("one"));
    let refused = perform(&put("a", None), &theirs, &LIMITS);
    assert!(
        matches!(refused, Err(ActError::Failed { .. })),
        "{refused:?}"
    );
    assert!(!found(&Some(there.of("other")), &put("a", Some(json("1")))));
    drop(mine);
    // It is not tried again at once.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert!(found(&theirs, &put("a", None)), "it was let go");
}

#[test]
fn a_disk_that_is_full_changes_nothing_and_is_used_again_when_it_is_not() {
    let root = tempfile::tempdir().unwrap();
    let place = KvDirectory::new(root.path().join("state")).of("one");
    let kept = Some(Arc::clone(&place));
    found(&kept, &put("a", Some(json("1"))));
    // SQLite takes a file that may not grow for a full disk.
    let full = |pages: u32| {
        let mut place = place.lock().unwrap();
        place.with(|kv| kv.limit_pages(pages)).unwrap();
    };
    full(1);
    let large = put("b", Some(json(&"1".repeat(400))));
    let limits = Limits {
        value: 1 << 20,
        bytes: 1 << 30,
        ..LIMITS
    };
    let huge = put("b", Some(Payload::Bytes(vec![1; 100_000])));
    let refused = perform(&huge, &kept, &limits);
    assert!(
        matches!(&refused, Err(ActError::Failed { message, .. }) if message.contains("full")),
        "{refused:?}"
    );
    assert_eq!(get(&kept, "a"), Some(json("1")));
    assert_eq!(get(&kept, "b"), None);
    full(1 << 20);
    assert!(!found(&kept, &large));
    assert!(perform(&huge, &kept, &limits).is_ok(), "now it may grow");
}
