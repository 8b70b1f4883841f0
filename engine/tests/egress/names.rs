//! Names and the addresses they lead to: a name server that lies, rebinds, or says nothing.

use crate::dns::{Answer, Record, addresses};
use crate::plugin::{Plugin, echoed, endpoints, local};
use crate::server;

#[test]
fn a_name_that_leads_to_an_address_of_another_class_is_refused() {
    // By default only public addresses are granted.
    let policy = endpoints(&["{ host: a.example, port: 443 }".to_owned()]);
    for (address, class) in [
        ("127.0.0.1", "loopback"),
        ("127.8.8.8", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::127.0.0.1", "loopback"),
        ("64:ff9b::127.0.0.1", "loopback"),
        ("2002:7f00:1::1", "loopback"),
        ("::ffff:0:127.0.0.1", "loopback"),
        // Teredo: by its client, and by its server.
        ("2001:0:808:808::80ff:fffe", "loopback"),
        ("2001:0:7f00:1::f7f7:f7f7", "loopback"),
        ("2606::5efe:127.0.0.1", "loopback"),
        ("64:ff9b::10.1.2.3", "private"),
        ("64:ff9b::169.254.169.254", "metadata"),
        ("64:ff9b:1::1", "reserved"),
        ("2002:a9fe:a9fe::1", "metadata"),
        ("10.1.2.3", "private"),
        ("192.168.0.1", "private"),
        ("172.16.0.1", "private"),
        ("100.64.0.1", "private"),
        ("fd12::1", "private"),
        ("::ffff:10.0.0.1", "private"),
        ("169.254.7.7", "link_local"),
        ("fe80::1", "link_local"),
        ("169.254.169.254", "metadata"),
        ("::ffff:169.254.169.254", "metadata"),
        ("fd00:ec2::254", "metadata"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("0.0.0.0", "reserved"),
        ("::", "reserved"),
        ("255.255.255.255", "reserved"),
        ("203.0.113.9", "reserved"),
    ] {
        let mut plugin = Plugin::with_dns(&policy, move |_, _| addresses(&[address]));
        let told = plugin.refusal("a.example", 443);
        let class = format!("the name leads to an address of class `{class}`");
        assert!(told.starts_with(&class), "{address}: {told}");
    }
}

#[test]
fn what_is_reserved_is_reached_by_no_grant() {
    let all = "[public, private, loopback, link_local, multicast, metadata]";
    let policy = endpoints(&[format!(
        "{{ host: a.example, port: 443, addresses: {all} }}"
    )]);
    for address in ["0.0.0.0", "::", "255.255.255.255", "240.0.0.1"] {
        let mut plugin = Plugin::with_dns(&policy, move |_, _| addresses(&[address]));
        let told = plugin.refusal("a.example", 443);
        assert!(told.contains("class `reserved`"), "{told}");
    }
}

#[test]
fn a_name_is_asked_for_once_and_what_was_judged_is_what_is_connected_to() {
    let server = server::echo();
    let policy = endpoints(&[local("a.example", server, "protocol: tcp")]);
    // It leads where it may, and the next time elsewhere.
    let mut plugin = Plugin::with_dns(&policy, |_, before| match before {
        0 => addresses(&["127.0.0.1"]),
        _ => addresses(&["10.0.0.1"]),
    });
    let mut stream = plugin.connect("a.example", server);
    assert_eq!(echoed(&mut stream, "judged"), "judged\n");
    assert_eq!(plugin.dns.asked(), 1);
    let told = plugin.refusal("a.example", server.port());
    assert!(told.contains("class `private`"), "{told}");
    assert_eq!(plugin.dns.asked(), 2);
    // What was connected stays where it is.
    assert_eq!(echoed(&mut stream, "still"), "still\n");
}

#[test]
fn of_several_addresses_only_those_that_are_granted_are_tried() {
    let server = server::echo();
    let policy = endpoints(&[local("a.example", server, "protocol: tcp")]);
    let answer = [
        "169.254.169.254",
        "10.0.0.1",
        "0.0.0.0",
        "127.0.0.1",
        "8.8.8.8",
    ];
    let plugin = Plugin::with_dns(&policy, move |_, _| addresses(&answer));
    let mut stream = plugin.connect("a.example", server);
    assert_eq!(echoed(&mut stream, "here"), "here\n");
}

#[test]
fn an_alias_is_judged_by_where_it_leads() {
    let server = server::echo();
    let alias = |address: &'static str| {
        move |_: &str, _: usize| {
            Answer::Records(vec![Record::Alias(
                "inside.corp.example",
                address.parse().unwrap(),
            )])
        }
    };
    let granted = endpoints(&[local("a.example", server, "protocol: tcp")]);
    let plugin = Plugin::with_dns(&granted, alias("127.0.0.1"));
    let mut stream = plugin.connect("a.example", server);
    assert_eq!(echoed(&mut stream, "granted"), "granted\n");
    let public = endpoints(&["{ host: a.example, port: 443 }".to_owned()]);
    for address in ["127.0.0.1", "10.9.9.9", "::ffff:169.254.169.254"] {
        let mut plugin = Plugin::with_dns(&public, alias(address));
        let told = plugin.refusal("a.example", 443);
        assert!(told.starts_with("the name leads to"), "{told}");
    }
}

#[test]
fn a_name_without_an_address_is_no_violation() {
    let policy = endpoints(&["{ host: a.example, port: 443 }".to_owned()]);
    let answers: [fn() -> Answer; 5] = [
        || Answer::Error(3),
        || Answer::Error(2),
        || Answer::Error(5),
        || Answer::Nothing,
        || Answer::Records(Vec::new()),
    ];
    for answer in answers {
        let mut plugin = Plugin::with_dns(&policy, move |_, _| answer());
        let (_, head) = plugin.ask("a.example", 443);
        assert!(head.starts_with("HTTP/1.1 502 "), "{head}");
        assert!(plugin.reports.try_recv().is_err());
    }
}

#[test]
fn of_thousands_of_addresses_a_few_are_looked_at() {
    let server = server::echo();
    let policy = endpoints(&[local("a.example", server, "protocol: tcp")]);
    let many = |first: &'static str, rest: &'static str| {
        move |_: &str, _: usize| {
            let all = std::iter::once(first).chain([rest; 3000]);
            addresses(&all.collect::<Vec<_>>())
        }
    };
    let mut plugin = Plugin::with_dns(&policy, many("10.0.0.1", "10.0.0.2"));
    let told = plugin.refusal("a.example", server.port());
    assert!(told.contains("class `private`"), "{told}");
    let plugin = Plugin::with_dns(&policy, many("127.0.0.1", "10.0.0.2"));
    let mut stream = plugin.connect("a.example", server);
    assert_eq!(echoed(&mut stream, "here"), "here\n");
}

#[test]
fn each_of_two_kinds_of_addresses_is_judged_by_itself() {
    let server = server::echo();
    let granted = endpoints(&[local("a.example", server, "protocol: tcp")]);
    let public = endpoints(&["{ host: a.example, port: 443 }".to_owned()]);
    // Both kinds in each answer, of which a question takes its own.
    let both = |_: &str, _: usize| addresses(&["169.254.169.254", "::ffff:127.0.0.1"]);
    let mut plugin = Plugin::with_dns(&public, both);
    assert!(
        plugin
            .refusal("a.example", 443)
            .starts_with("the name leads to")
    );
    let plugin = Plugin::with_dns(&granted, both);
    let mut stream = plugin.connect("a.example", server);
    assert_eq!(echoed(&mut stream, "mapped"), "mapped\n");
}

#[test]
fn the_hosts_file_is_honoured() {
    let server = server::echo();
    let list = [local("localhost", server, "protocol: tcp")];
    // The name server would lead it elsewhere.
    let plugin = Plugin::with_dns(&endpoints(&list), |_, _| addresses(&["10.0.0.1"]));
    let mut stream = plugin.connect("localhost", server);
    assert_eq!(echoed(&mut stream, "home"), "home\n");
    assert_eq!(plugin.dns.asked(), 0);
}
