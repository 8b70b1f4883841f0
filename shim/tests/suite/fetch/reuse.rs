//! Connections that serve more than one request.

use lazaret_protocol::EngineMessage;

use super::broker::Broker;
use super::{plugin, rule};
use crate::harness::Plugin;

const PLUGIN: &str = "
    export const get = async (url) => (await (await fetch(url)).text()).length;
    export const post = async (url) =>
      (await (await fetch(url, { method: 'POST', body: 'x' })).json()).body;
    export const caught = async (url, method) => {
      try { return (await fetch(url, { method })).status; } catch (error) { return error.name; }
    };
    export const some = async (url) => {
      const reader = (await fetch(url)).body.getReader();
      await reader.read();
      await reader.cancel();
    };
    export const together = async (url) =>
      (await Promise.all([1, 2, 3].map(() => get(url)))).length;";

#[test]
fn a_second_request_to_the_same_place_opens_no_second_connection() {
    let broker = Broker::start();
    let mut shim = plugin(&broker, PLUGIN);
    for base in ["http://a.example", "https://a.example"] {
        let on = |path: &str| format!("[\"{base}{path}\"]");
        for path in ["/bytes?100000", "/chunks", "/bytes?0", "/packed?gzip"] {
            shim.json("get", &on(path));
        }
        assert_eq!(shim.json("post", &on("/echo")), "\"x\"");
        assert_eq!(broker.seen(), (1, 5), "{base}");
        // Each of three at once needs its own; then one of them is used.
        shim.json("together", &on("/bytes?10"));
        shim.json("get", &on("/bytes?10"));
        assert_eq!(broker.seen(), (2, 4), "{base}");
    }
    assert_eq!(broker.tunnels().len(), 3);
    shim.json("get", r#"["http://a.example:81/bytes?1"]"#);
    shim.json("get", r#"["http://b.example/bytes?1"]"#);
    assert_eq!(broker.seen(), (2, 2));
}

#[test]
fn a_connection_is_not_used_again_after_an_error_or_a_body_that_was_left() {
    let broker = Broker::start();
    let mut shim = plugin(&broker, PLUGIN);
    for base in ["http://a.example", "https://a.example"] {
        let on = |path: &str| format!("[\"{base}{path}\"]");
        shim.json("some", &on("/bytes?3000000"));
        shim.json("get", &on("/close"));
        for path in ["/garbage", "/fields", "/long"] {
            let text = shim.json("caught", &format!("[\"{base}{path}\", \"GET\"]"));
            assert_eq!(text, "\"TypeError\"", "{base}{path}");
        }
        shim.json("get", &on("/bytes?1"));
        assert_eq!(broker.seen(), (6, 6), "{base}");
    }
}

#[test]
fn what_a_stale_connection_lost_is_asked_again_where_that_may_be_asked_twice() {
    let broker = Broker::start();
    let mut shim = plugin(&broker, PLUGIN);
    for base in ["http://a.example", "https://a.example"] {
        let ask = |path: &str, method: &str| format!("[\"{base}{path}\", \"{method}\"]");
        shim.json("get", &format!("[\"{base}/last\"]"));
        assert_eq!(shim.json("caught", &ask("/bytes?1", "GET")), "200");
        // One connection more for the answer; it is read no further here.
        assert_eq!(broker.seen(), (2, 2), "{base}");
        shim.json("get", &format!("[\"{base}/last\"]"));
        let text = shim.json("caught", &ask("/echo", "POST"));
        assert_eq!(text, "\"TypeError\"", "{base}");
        // Where it is asked once and lost again, that is an error.
        shim.json("get", &format!("[\"{base}/last\"]"));
        let text = shim.json("caught", &ask("/garbage", "GET"));
        assert_eq!(text, "\"TypeError\"", "{base}");
        broker.seen();
    }
}

#[test]
fn other_rules_and_connections_that_need_the_room_end_those_that_nobody_uses() {
    let broker = Broker::start();
    let mut plugin = Plugin::new(PLUGIN);
    let mut egress = broker.egress(Vec::new());
    egress.connections = 1;
    plugin.egress = Some(egress);
    let mut shim = plugin.ready();
    let mut get = |url: &str, of: usize| {
        assert_eq!(shim.json("get", &format!("[\"{url}/bytes?1\"]")), "1");
        assert_eq!(broker.seen().0, of, "{url}");
    };
    get("http://a.example", 1);
    get("http://a.example", 0);
    get("http://b.example", 1);
    get("http://a.example", 1);
    get("http://a.example", 0);
    shim.send(&EngineMessage::Limits(lazaret_protocol::LiveLimits {
        https: vec![rule(Some(&["GET"]), None)],
        ..crate::limits::generous()
    }));
    // Held for each request, whatever connection it takes.
    let ask = |method: &str| format!("[\"https://a.example/bytes?1\", \"{method}\"]");
    assert_eq!(shim.json("caught", &ask("GET")), "200");
    assert_eq!(shim.json("get", r#"["http://a.example/bytes?1"]"#), "1");
    assert_eq!(broker.seen().0, 2);
    assert_eq!(shim.json("caught", &ask("POST")), "\"PermissionDenied\"");
    assert_eq!(broker.seen(), (0, 0));
}
