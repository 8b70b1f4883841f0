//! `fetch`, through a broker of the test's own.

pub(crate) mod broker;
mod reuse;

use lazaret_protocol::{CallError, EngineMessage, HttpsEndpoint, LiveLimits, Payload, ShimMessage};

use crate::harness::{GENEROUS, Plugin, Shim};
use broker::Broker;

fn plugin(broker: &Broker, source: &str) -> Shim {
    let mut plugin = Plugin::new(source);
    plugin.egress = Some(broker.egress(Vec::new()));
    plugin.ready()
}

fn rule(methods: Option<&[&str]>, paths: Option<&[&str]>) -> HttpsEndpoint {
    let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
    HttpsEndpoint {
        host: "a.example".to_owned(),
        port: 443,
        methods: methods.map(owned),
        paths: paths.map(owned),
    }
}

#[test]
fn requests_and_answers_go_through_the_broker_in_the_clear_and_by_tls() {
    let broker = Broker::start();
    let mut shim = plugin(
        &broker,
        "export const f = async (base) => {
           const answer = await fetch(`${base}/echo?q#hash`, {
             method: 'POST', body: 'hello', headers: { 'x-mine': 'yes', host: 'other', 'content-length': '99' },
           });
           const { method, target, fields, body } = await answer.json();
           return [answer.status, answer.url, answer.headers.get('x-theirs'), method, target,
             fields.host, fields['x-mine'], fields['content-length'], body];
         };",
    );
    assert_eq!(
        shim.json("f", r#"["http://a.example:8080"]"#),
        r#"[200,"http://a.example:8080/echo?q","theirs","POST","http://a.example:8080/echo?q","a.example:8080","yes","5","hello"]"#
    );
    assert_eq!(
        shim.json("f", r#"["https://a.example"]"#),
        r#"[200,"https://a.example/echo?q","theirs","POST","/echo?q","a.example","yes","5","hello"]"#
    );
    assert_eq!(broker.tunnels(), ["a.example:443"]);
}

#[test]
fn what_the_broker_refuses_is_an_error_that_names_the_permission() {
    let broker = Broker::start();
    let mut shim = plugin(
        &broker,
        "export const f = (url) => fetch(url);
         export const caught = async (url) => {
           try { await fetch(url); } catch (error) { return [error.name, error.message]; }
         };",
    );
    for (url, permission) in [
        ("https://denied.example/", "network:read:denied.example"),
        (
            "http://denied.example/",
            "network:connect:denied.example:80",
        ),
    ] {
        match shim.call("f", &format!("[\"{url}\"]")) {
            Err(CallError::Denied {
                permission: denied,
                error,
            }) => {
                assert_eq!(denied, permission);
                assert_eq!(error.name, "PermissionDenied");
            }
            other => panic!("{url}: {other:?}"),
        }
        let reason = url.replace("denied", "private");
        assert_eq!(
            shim.json("caught", &format!("[\"{reason}\"]")),
            r#"["TypeError","request refused: 10.0.0.1 is private"]"#
        );
    }
    assert!(shim.seen.is_empty(), "the broker tells the engine itself");
}

#[test]
fn methods_and_paths_of_https_are_held_here_also_after_a_redirect() {
    let broker = Broker::start();
    let mut plugin = Plugin::new(
        "export const f = async (url, method) => (await fetch(url, { method })).status;",
    );
    plugin.egress = Some(broker.egress(vec![rule(Some(&["GET"]), Some(&["/v1/*", "/move"]))]));
    let mut shim = plugin.ready();
    assert_eq!(
        shim.json("f", r#"["https://a.example/v1/x", "GET"]"#),
        "200"
    );
    for (url, method) in [
        ("https://a.example/v1/x", "POST"),
        ("https://a.example/other", "GET"),
        ("https://a.example/move?to=https://a.example/other", "GET"),
    ] {
        shim.seen.clear();
        let answer = shim.call("f", &format!("[\"{url}\", \"{method}\"]"));
        assert!(
            matches!(&answer, Err(CallError::Denied { permission, .. })
            if permission == "network:read:a.example"),
            "{url}: {answer:?}"
        );
        assert!(
            matches!(shim.seen.as_slice(), [ShimMessage::Violation { .. }]),
            "{url}"
        );
    }
    let to = "https://a.example/move?to=https://a.example/v1/y";
    assert_eq!(shim.json("f", &format!("[\"{to}\", \"GET\"]")), "200");
    shim.send(&EngineMessage::Limits(LiveLimits {
        https: vec![rule(None, None)],
        ..crate::limits::generous()
    }));
    assert_eq!(
        shim.json("f", r#"["https://a.example/other", "POST"]"#),
        "200"
    );
}

#[test]
fn where_a_redirect_leads_is_decided_anew() {
    let broker = Broker::start();
    let mut shim = plugin(
        &broker,
        "export const f = async (url, init) => {
           try { return (await fetch(url, init)).url; } catch (error) { return [error.name, error.message]; }
         };",
    );
    let mut follow = |base: &str, to: &str| shim.json("f", &format!("[\"{base}/move?to={to}\"]"));
    for base in ["http://a.example", "https://a.example"] {
        for (to, permission) in [
            ("https://denied.example/", "network:read:denied.example"),
            (
                "http://denied.example/",
                "network:connect:denied.example:80",
            ),
        ] {
            let told = follow(base, to);
            assert!(told.contains("\"PermissionDenied\""), "{base} {to}: {told}");
            assert!(told.contains(permission), "{base} {to}: {told}");
        }
        let told = follow(base, "http://private.example/");
        assert!(told.contains("10.0.0.1 is private"), "{told}");
        for to in ["http://gone.example/", "https://gone.example/"] {
            let told = follow(base, to);
            assert!(told.contains("nobody listens"), "{base} {to}: {told}");
        }
        let told = follow(base, "/bytes?1");
        assert_eq!(told, format!("\"{base}/bytes?1\""));
    }
}

#[test]
fn a_certificate_of_another_name_or_authority_is_refused() {
    let broker = Broker::start();
    let source = "export const f = async (url) => {
        try { await fetch(url); } catch (error) { return [error.name, error.message]; }
      };";
    let mut shim = plugin(&broker, source);
    let text = shim.json("f", r#"["https://other.example/"]"#);
    assert!(text.contains("TLS failed"), "{text}");
    let mut plugin = Plugin::new(source);
    let mut egress = broker.egress(Vec::new());
    egress.authorities.clear();
    plugin.egress = Some(egress);
    let text = plugin.ready().json("f", r#"["https://a.example/"]"#);
    assert!(text.contains("TLS failed"), "{text}");
}

#[test]
fn bodies_come_as_they_are_read_and_can_be_left() {
    let broker = Broker::start();
    let mut shim = plugin(
        &broker,
        "export const whole = async (url) => (await (await fetch(url)).bytes()).length;
         export const some = async (url) => {
           const reader = (await fetch(url)).body.getReader();
           const { value } = await reader.read();
           await reader.cancel();
           return value.length > 0;
         };
         export const aborted = async (url) => {
           const controller = new AbortController();
           const answer = await fetch(url, { signal: controller.signal });
           setTimeout(() => controller.abort(), 1);
           try { for await (const _ of answer.body); } catch (error) { return error.name; }
         };
         export const late = async (url) => {
           try { await fetch(url, { signal: AbortSignal.timeout(10) }); }
           catch (error) { return error.name; }
         };
         export const sent = async (url) => {
           const body = new ReadableStream({ type: 'bytes', start(to) {
             for (const part of ['a', 'b', 'c']) to.enqueue(new TextEncoder().encode(part));
             to.close();
           } });
           return (await (await fetch(url, { method: 'POST', body })).json()).body;
         };
         export const form = async (url) => {
           const body = new FormData();
           body.append('name', 'value');
           body.append('file', new File(['x'], 'a.txt'));
           const { fields, body: text } = await (await fetch(url, { method: 'POST', body })).json();
           const copy = await new Response(text, { headers: fields }).formData();
           return [copy.get('name'), copy.get('file').name];
         };",
    );
    for base in ["http://a.example", "https://a.example"] {
        let on = |path: &str| format!("[\"{base}{path}\"]");
        assert_eq!(shim.json("whole", &on("/bytes?3000000")), "3000000");
        assert_eq!(shim.json("some", &on("/endless")), "true");
        assert_eq!(shim.json("aborted", &on("/endless")), "\"AbortError\"");
        assert_eq!(shim.json("late", &on("/never")), "\"TimeoutError\"");
        assert_eq!(shim.json("sent", &on("/echo")), "\"abc\"");
        assert_eq!(shim.json("form", &on("/echo")), r#"["value","a.txt"]"#);
    }
}

#[test]
fn a_call_that_is_given_up_gives_its_requests_up() {
    let broker = Broker::start();
    let mut shim = plugin(
        &broker,
        "const pause = () => new Promise((go) => setTimeout(go, 1));
         export const answer = async (url) => {
           await pause();
           try { await fetch(url, { method: 'POST' }); } catch (error) { console.log(error.name); }
         };
         export const body = async (url) => {
           await pause();
           const { body } = await fetch(new Request(url));
           try { for await (const _ of body) console.log('begun'); } catch (error) { console.log(error.name); }
         };
         export const ok = () => 1;",
    );
    for (function, path, lines) in [
        ("answer", "/never", &["AbortError"][..]),
        // What comes of it is read once: JavaScript that runs is interrupted.
        ("body", "/begun", &["begun", "AbortError"]),
    ] {
        let arguments = Payload::Json(format!("[\"https://a.example{path}\"]"));
        let id = shim.begin(function, arguments, GENEROUS);
        // JavaScript that still runs for a call is interrupted with it: it waits for the host by now.
        while broker.seen().1 == 0 {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        while lines.len() > 1 && shim.lines().is_empty() {
            let message = shim.next();
            shim.seen.push(message);
        }
        assert_eq!(shim.json("ok", "[]"), "1");
        shim.send(&EngineMessage::Cancel { id });
        assert_eq!(shim.next_reply(), (id, Err(CallError::Cancelled)));
        while shim.lines().len() < lines.len() {
            let message = shim.next();
            shim.seen.push(message);
        }
        let said: Vec<_> = shim.lines().iter().map(|line| line.1).collect();
        assert_eq!(said, lines, "{function}");
        shim.seen.clear();
    }
}

#[test]
fn packed_answers_are_unpacked_as_they_are_read() {
    let broker = Broker::start();
    let mut shim = plugin(
        &broker,
        "export const text = async (url) => {
           const answer = await fetch(url);
           return [await answer.text(), answer.headers.has('content-encoding')];
         };
         export const asked = async (url, headers) =>
           (await (await fetch(url, { headers })).json()).fields['accept-encoding'];
         export const part = async (url) => {
           const answer = await fetch(url, { headers: { range: 'bytes=0-99' } });
           return [(await answer.bytes())[0], answer.headers.get('content-encoding')];
         };
         export const some = async (url) => {
           const reader = (await fetch(url)).body.getReader();
           let [all, most] = [0, 0];
           while (all < 1e6) {
             const { value } = await reader.read();
             most = Math.max(most, value.length);
             all += value.length;
           }
           await reader.cancel();
           return most <= 65536;
         };
         export const cut = (url) => fetch(url).then((answer) => answer.text()).catch((error) => error.name);",
    );
    for way in ["gzip", "deflate", "br"] {
        let told = shim.json("text", &format!("[\"https://a.example/packed?{way}\"]"));
        assert_eq!(told, r#"["hello, hello, hello",true]"#, "{way}");
    }
    let told = shim.json("text", r#"["http://a.example/packed?identity"]"#);
    assert_eq!(told, r#"["hello, hello, hello",true]"#);
    for (headers, asked) in [
        ("{}", "gzip, deflate, br"),
        (r#"{"range":"bytes=0-1"}"#, "identity"),
        (r#"{"accept-encoding":"br"}"#, "br"),
    ] {
        let told = shim.json("asked", &format!("[\"http://a.example/echo\",{headers}]"));
        assert_eq!(told, format!("\"{asked}\""));
    }
    // A part is given as it came.
    let told = shim.json("part", r#"["http://a.example/packed?gzip"]"#);
    assert_eq!(told, r#"[31,"gzip"]"#);
    assert_eq!(
        shim.json("some", r#"["http://a.example/packed?bomb"]"#),
        "true"
    );
    let told = shim.json("cut", r#"["http://a.example/packed?cut"]"#);
    assert_eq!(told, "\"TypeError\"");
}

#[test]
fn a_data_url_is_answered_with_what_it_says_and_takes_no_grant() {
    let source = "export const f = async (url) => {
        const answer = await fetch(url);
        return [answer.status, answer.url, answer.headers.get('content-type'), await answer.text()];
      };
      export const broken = (url) => fetch(url).catch((error) => error.name);";
    let broker = Broker::start();
    for mut shim in [Plugin::new(source).ready(), plugin(&broker, source)] {
        assert_eq!(
            shim.json("f", r#"["data:text/plain;base64,aGVsbG8="]"#),
            r#"[200,"data:text/plain;base64,aGVsbG8=","text/plain","hello"]"#
        );
        let told = shim.json("f", r#"["data:,a%20b"]"#);
        assert!(
            told.contains("text/plain;charset=US-ASCII") && told.contains("a b"),
            "{told}"
        );
        assert_eq!(
            shim.json("broken", r#"["data:;base64,!"]"#),
            "\"TypeError\""
        );
        assert!(shim.seen.is_empty());
    }
}

#[test]
fn a_broken_peer_is_an_error() {
    let broker = Broker::start();
    let mut shim = plugin(
        &broker,
        "export const f = async (url) => {
           try { return (await (await fetch(url)).text()).length; } catch (error) { return error.name; }
         };
         export const schemes = () => Promise.allSettled(
           ['ftp://a.example', 'file:///etc/passwd', 'data:x', 'http://u:p@a.example/', 'http://a.example:22/', 'blob:x', ''].map((url) => fetch(url)),
         ).then((all) => all.map(({ status }) => status));",
    );
    for path in ["/cut", "/garbage", "/fields", "/long"] {
        for base in ["http://a.example", "https://a.example"] {
            let text = shim.json("f", &format!("[\"{base}{path}\"]"));
            assert_eq!(text, "\"TypeError\"", "{base}{path}");
        }
    }
    let rejected = shim.json("schemes", "[]");
    assert_eq!(rejected.matches("rejected").count(), 7, "{rejected}");
    assert_eq!(shim.json("f", r#"["http://a.example/bytes?1"]"#), "1");
}
