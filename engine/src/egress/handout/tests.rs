use base64::engine::general_purpose::STANDARD as PADDED;
use lazaret_policy::{EffectivePolicy, SecurityLevel, SecurityPolicy};
use proptest::prelude::*;

use super::*;
use crate::secrets::SecretValue;

const KEY: &str = "lazaret-secret-key-00112233445566778899aabbccddeeff";
const OTHER: &str = "lazaret-secret-other.one-ffeeddccbbaa99887766554433221100";

fn secret(placeholder: &str, host: &str, value: &str) -> Arc<Handout> {
    let name = placeholder.strip_prefix("lazaret-secret-").unwrap();
    let name = &name[..name.len() - 33];
    let text = format!(
        "apiVersion: lazaret/v1\nkind: SecurityPolicy\n\
         secrets: [ {{ name: {name}, hosts: ['{host}'], from: {{ env: A }} }} ]\n"
    );
    let policy = SecurityPolicy::parse("policy.yaml", &text).unwrap();
    let policy = EffectivePolicy::of(SecurityLevel::Standard).layer(&policy);
    let secret = &policy.secrets()[0];
    Arc::new(Handout {
        name: secret.name.clone(),
        placeholder: placeholder.to_owned(),
        hosts: secret.hosts.clone(),
        value: SecretValue::for_requests(value.as_bytes()).unwrap(),
    })
}

fn secrets() -> [Arc<Handout>; 2] {
    [
        secret(KEY, "api.example.com", "s3:c/r%t"),
        secret(OTHER, "*.example.com", "0ther"),
    ]
}

/// What goes on of these fields and this target to a host.
fn sent(
    host: &str,
    fields: &[(&'static str, &str)],
    target: &str,
) -> Result<(Vec<String>, String), Withheld> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    let mut target = target.to_owned();
    let host = host.parse().unwrap();
    hand_out(&secrets(), Some(&host), &mut headers, &mut target)?;
    let values = headers
        .values()
        .map(|value| value.to_str().unwrap().to_owned());
    Ok((values.collect(), target))
}

fn value(name: &'static str, value: &str) -> Result<String, Withheld> {
    sent("api.example.com", &[(name, value)], "/").map(|(mut values, _)| values.remove(0))
}

#[test]
fn a_secret_is_put_into_fields_as_it_is() {
    let told = value("authorization", &format!("Bearer {KEY}"));
    assert_eq!(told.as_deref(), Ok("Bearer s3:c/r%t"));
    let told = value("x-both", &format!("{KEY}{OTHER},lazaret-secret-,{KEY}"));
    assert_eq!(
        told.as_deref(),
        Ok("s3:c/r%t0ther,lazaret-secret-,s3:c/r%t")
    );
    let fields = [("x-a", KEY), ("x-a", "plain"), ("x-a", OTHER)];
    let (values, _) = sent("api.example.com", &fields, "/").unwrap();
    assert_eq!(values, ["s3:c/r%t", "plain", "0ther"]);
}

#[test]
fn a_secret_is_put_into_a_target_so_that_its_parts_stay_what_they_are() {
    let target = format!("/bot{KEY}/send?b={OTHER}");
    let (_, target) = sent("api.example.com", &[], &target).unwrap();
    assert_eq!(target, "/bots3%3Ac%2Fr%25t/send?b=0ther");
}

#[test]
fn a_secret_is_put_into_a_name_and_password() {
    for (scheme, text) in [
        ("Basic", format!("user:{KEY}")),
        ("bAsIc", format!("{KEY}:")),
    ] {
        let sent = value(
            "authorization",
            &format!("{scheme} {}", PADDED.encode(&text)),
        );
        let expected = PADDED.encode(text.replace(KEY, "s3:c/r%t"));
        assert_eq!(sent, Ok(format!("Basic {expected}")));
    }
    let unpadded = PADDED.encode(format!("u:{OTHER}"));
    let unpadded = unpadded.trim_end_matches('=');
    let told = value("authorization", &format!("Basic {unpadded}"));
    assert_eq!(told, Ok(format!("Basic {}", PADDED.encode("u:0ther"))));
    let encoded = PADDED.encode(KEY);
    for (name, same) in [
        ("authorization", format!("Digest {encoded}")),
        ("authorization", format!("Basic {}", PADDED.encode("u:p"))),
        ("authorization", "Basic ???".to_owned()),
        ("authorization", "Basic".to_owned()),
        ("x-basic", format!("Basic {encoded}")),
    ] {
        assert_eq!(value(name, &same), Ok(same));
    }
}

#[test]
fn what_is_no_placeholder_of_this_plugin_stays_what_it_is() {
    let (start, end) = KEY.split_at(20);
    for same in [
        format!("{start} {end}"),
        start.to_owned(),
        format!("{start}%{end}"),
        KEY.to_uppercase(),
        KEY.replace("ff", "fe"),
        "lazaret-secret-".repeat(3),
    ] {
        assert_eq!(value("x-a", &same), Ok(same));
    }
    let escaped = format!("/%6c{}", &KEY[1..]);
    let (_, target) = sent("api.example.com", &[], &escaped).unwrap();
    assert_eq!(target, escaped);
}

#[test]
fn a_request_with_a_secret_to_another_host_is_refused_wherever_it_is() {
    let refused = Err(Withheld::NotThere("key".to_owned()));
    let basic = format!("Basic {}", PADDED.encode(format!("u:{KEY}")));
    for host in [
        "b.example.com",
        "example.com",
        "xapi.example.com",
        "api.example.com.evil.example",
    ] {
        for (fields, target) in [
            (&[("x-a", KEY)][..], "/"),
            (&[("x-a", "plain"), ("x-a", &format!("a{KEY}a"))], "/"),
            (&[("authorization", &basic)], "/"),
            (&[], &format!("/{KEY}")),
            (&[], &format!("/?{KEY}")),
        ] {
            assert_eq!(sent(host, fields, target), refused.clone(), "{host}");
        }
    }
    let (values, _) = sent("b.example.com", &[("x-a", OTHER)], "/").unwrap();
    assert_eq!(values, ["0ther"]);
}

#[test]
fn where_nothing_is_granted_no_secret_goes() {
    let mut headers = HeaderMap::new();
    headers.insert("x-a", KEY.parse().unwrap());
    let told = hand_out(&secrets(), None, &mut headers, &mut "/".to_owned());
    assert_eq!(told, Err(Withheld::NotThere("key".to_owned())));
    assert_eq!(headers["x-a"], KEY);
}

#[test]
fn a_request_has_a_few_secrets_however_long_they_are() {
    let longest = "k".repeat(crate::secrets::MAX_VALUE_BYTES);
    let secrets = [secret(KEY, "api.example.com", &longest)];
    let host: Host = "api.example.com".parse().unwrap();
    for (times, goes) in [(MOST, true), (MOST + 1, false)] {
        let mut headers = HeaderMap::new();
        headers.insert("x-a", KEY.repeat(times - 1).parse().unwrap());
        let mut target = format!("/{KEY}");
        let told = hand_out(&secrets, Some(&host), &mut headers, &mut target);
        assert_eq!(told.is_ok(), goes, "{times}");
        if goes {
            assert_eq!(headers["x-a"].len(), longest.len() * (MOST - 1));
        } else {
            assert_eq!(told, Err(Withheld::TooMany));
        }
    }
}

#[test]
fn how_long_a_secret_is_makes_no_difference_to_a_target() {
    let host = "api.example.com".parse().unwrap();
    let at_most = MAX_TARGET_BYTES - 2 * 3 * MAX_VALUE_BYTES;
    let target = |length: usize| {
        let keys = format!("/{KEY}/{KEY}/");
        format!("{keys}{}", "x".repeat(length - keys.len()))
    };
    for value in ["s".to_owned(), "%".repeat(MAX_VALUE_BYTES)] {
        let secrets = [secret(KEY, "api.example.com", &value)];
        let hand = |target: &str| {
            let mut filled = target.to_owned();
            let told = hand_out(&secrets, Some(&host), &mut HeaderMap::new(), &mut filled);
            told.map(|_| filled.parse::<hyper::Uri>().unwrap())
        };
        hand(&target(at_most)).unwrap();
        assert_eq!(hand(&target(at_most + 1)), Err(Withheld::TooLong));
        let three = format!("/{KEY}").repeat(3);
        assert_eq!(hand(&three), Err(Withheld::TooLong));
    }
}

#[test]
fn what_is_learned_of_a_path_ends_where_a_secret_begins() {
    let path = without_placeholders(format!("/bot{KEY}/send"));
    assert_eq!(path, "/bot*");
    assert_eq!(without_placeholders("/bot/send".to_owned()), "/bot/send");
}

/// Pieces of a field or target: placeholders, parts of them, and what is around them.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(KEY.to_owned()),
        Just(OTHER.to_owned()),
        Just(KEY[..30].to_owned()),
        Just(BEGINS.to_owned()),
        "[!-~]{0,8}",
    ];
    proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn whatever_a_request_is_made_of_secrets_go_to_their_hosts_only(
        field in pieces(),
        user in pieces(),
        target in pieces(),
        host in prop_oneof![Just("api.example.com"), Just("b.example.com"), Just("c.example.org")],
    ) {
        let basic = format!("Basic {}", PADDED.encode(&user));
        let whole = [&field, &user, &target].map(String::as_str).concat();
        let there = |stands: &str| [&field, &user, &target].iter().any(|text| text.contains(stands));
        let count = |stands: &str| {
            [&field, &user, &target].iter().map(|text| text.matches(stands).count()).sum::<usize>()
        };
        let in_target = target.matches(KEY).count() + target.matches(OTHER).count();
        let strays = (there(KEY) && host != "api.example.com")
            || (there(OTHER) && host == "c.example.org");
        let may = !strays && count(KEY) + count(OTHER) <= MOST && in_target <= 2;
        let fields = [("x-a", field.as_str()), ("authorization", &basic)];
        match sent(host, &fields, &target) {
            Err(_) => prop_assert!(!may, "{whole}"),
            Ok((values, sent)) => {
                prop_assert!(may, "{whole}");
                let puts = |text: &str, key: &str| text.replace(KEY, key).replace(OTHER, "0ther");
                prop_assert_eq!(&values[0], &puts(&field, "s3:c/r%t"));
                let user = BASE64.decode(&values[1]["Basic ".len()..]).unwrap();
                let expected = puts(&String::from_utf8(PADDED.decode(&basic[6..]).unwrap()).unwrap(), "s3:c/r%t");
                prop_assert_eq!(String::from_utf8(user).unwrap(), expected);
                prop_assert_eq!(sent, puts(&target, "s3%3Ac%2Fr%25t"));
            }
        }
    }
}

#[test]
fn what_was_filled_is_shown_nowhere() {
    let secrets = secrets();
    let mut headers = HeaderMap::new();
    headers.insert("x-a", KEY.parse().unwrap());
    let host = "api.example.com".parse().unwrap();
    hand_out(&secrets, Some(&host), &mut headers, &mut "/".to_owned()).unwrap();
    for shown in [format!("{headers:?}"), format!("{secrets:?}")] {
        assert!(!shown.contains("s3:c"), "{shown}");
    }
}
