use super::*;

fn parts(method: &str, target: &str, hosts: &[&str]) -> Parts {
    let mut request = Request::builder().method(method).uri(target);
    for host in hosts {
        request = request.header(HOST, *host);
    }
    request.body(()).unwrap().into_parts().0
}

#[test]
fn a_request_in_absolute_form_names_its_host_and_path() {
    for (target, host, name, number, path) in [
        ("http://h.example/a?b", "h.example", "h.example", 80, "/a"),
        (
            "http://H.example:8080",
            "h.example:8080",
            "h.example",
            8080,
            "/",
        ),
        ("http://h.example:80/x", "h.example", "h.example", 80, "/x"),
    ] {
        let purpose = read(&parts("GET", target, &[host])).unwrap();
        assert_eq!(
            (purpose.host.as_str(), purpose.port.number()),
            (name, number)
        );
        assert_eq!(purpose.request, Some(("GET".into(), path.into())));
    }
}

#[test]
fn a_request_that_names_no_host_or_two_is_refused() {
    for (method, target, hosts) in [
        ("GET", "/a", &["h.example"][..]),
        ("GET", "http://h.example/", &[]),
        ("GET", "http://h.example/", &["g.example"]),
        ("GET", "http://h.example/", &["h.example", "h.example"]),
        ("GET", "http://h.example/", &["h.example", "g.example"]),
        ("GET", "http://h.example:81/", &["h.example"]),
        ("GET", "http://u@h.example/", &["h.example"]),
        ("GET", "http://h.example@g.example/", &["h.example"]),
        ("GET", "http://127.0.0.1/", &["127.0.0.1"]),
        ("GET", "http://[::1]/", &["[::1]"]),
        ("GET", "https://h.example/", &["h.example"]),
        ("GET", "ftp://h.example/", &["h.example"]),
        ("CONNECT", "h.example:443", &["h.example"]),
        ("CONNECT", "http://h.example/", &["h.example"]),
        ("OPTIONS", "*", &["h.example"]),
    ] {
        let refused = read(&parts(method, target, hosts));
        assert!(refused.is_err(), "{method} {target} {hosts:?}");
    }
}
