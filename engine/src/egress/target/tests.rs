use super::*;

/// Ways to write an address that is not for plugins; each must be refused as a host.
const ADDRESSES: [&str; 129] = [
    // 127.0.0.1 and its likes, as inet_aton(3) and browsers read them.
    "127.0.0.1",
    "127.0.1",
    "127.1",
    "127.0.0.1.",
    "127.1.",
    "0177.0.0.1",
    "0177.1",
    "00177.0.0.1",
    "0177.0.0.01",
    "0x7f.0.0.1",
    "0X7F.0.0.1",
    "0x7f.1",
    "0x7f.0x0.0x0.0x1",
    "0x7f000001",
    "0X7F000001",
    "2130706433",
    "02130706433",
    "017700000001",
    "0x07f000001",
    "127.0.0.0x1",
    "127.0x1",
    "127.0.01",
    "127.000.000.001",
    "0127.0.0.1",
    "127.255.255.254",
    "127.0.0.1%00",
    "127.0.0.1%20",
    "127.0.0.1%2e",
    "%31%32%37.0.0.1",
    "127%2e0%2e0%2e1",
    "127.0.0.1#",
    "127.0.0.1?",
    "127.0.0.1/",
    "127.0.0.1\\",
    "user@127.0.0.1",
    "127.0.0.1@x",
    "0",
    "0.0.0.0",
    "0.0",
    "00000000",
    "0x0",
    "0x",
    "1",
    "0.1",
    "256",
    "4294967295",
    "4294967296",
    "0xffffffff",
    "255.255.255.255",
    "999.999.999.999",
    "1.2.3.4.5",
    "1.2.3.4.5.6.7",
    // Other letters that are read as digits and dots.
    "１２７.０.０.１",
    "127。0。0。1",
    "127．0．0．1",
    "127｡0｡0｡1",
    "①②⑦.⓪.⓪.①",
    "𝟏𝟐𝟕.𝟎.𝟎.𝟏",
    "١٢٧.٠.٠.١",
    "०.०.०.०",
    "1２7.0.0.1",
    "0ｘ7f.1",
    "²¹³⁰",
    "127.0.0.\u{200b}1",
    "\u{feff}127.0.0.1",
    "127.0.0.1\u{0}",
    "127.0.0\u{ad}.1",
    " 127.0.0.1",
    "127.0.0.1 ",
    "127.0.0.1\t",
    "\r\n127.0.0.1",
    // The sixth version, with and without brackets.
    "::1",
    "[::1]",
    "[::1",
    "::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000::0001]",
    "0:0:0:0:0:0:0:1",
    "[::]",
    "::",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::]",
    "[fe80::1%25eth0]",
    "[fe80::1%eth0]",
    "[::1%lo]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "[v1.x]",
    "[::FFFF:7F00:0001]",
    "[::1].",
    "%5b::1%5d",
    "⟦::1⟧",
    "0000:0000:0000:0000:0000:0000:0000:0001",
    "1::",
    "fe80::1%1",
    // Where clouds and networks keep what is theirs.
    "169.254.169.254",
    "169.254.43518",
    "169.16689662",
    "2852039166",
    "0xa9fea9fe",
    "0xA9.0xFE.0xA9.0xFE",
    "0251.0376.0251.0376",
    "025177524776",
    "169.254.169.254.",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "169。254。169。254",
    "10.0.0.1",
    "10.1",
    "012.1",
    "0xa.1",
    "167772161",
    "192.168.1.1",
    "192.168.257",
    "0xc0a80101",
    "172.16.1",
    "100.64.0.1",
    "224.0.0.1",
    "0300.0250.1.1",
    // Names that end in a number are addresses to whoever reads URLs.
    "localhost.1",
    "example.com.0x7f",
    "a.0",
    "x.127.0.0.1",
];

#[test]
fn no_spelling_of_an_address_is_a_host() {
    for address in ADDRESSES {
        for text in [format!("{address}:443"), format!("{address}:80")] {
            let refusal = read(&text, None).expect_err(&text);
            let told = refusal.to_string();
            let plain = told
                .bytes()
                .all(|byte| byte == b' ' || byte.is_ascii_graphic());
            assert!(plain && refusal.permission.is_ascii(), "{told}");
        }
        assert!(read(address, Port::new(80)).is_err(), "{address}");
    }
}

#[test]
fn all_of_them_are_different() {
    let mut all = ADDRESSES.to_vec();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), ADDRESSES.len());
}

#[test]
fn names_are_hosts_whatever_their_case() {
    for (text, name) in [
        ("example.com:443", "example.com"),
        ("EXAMPLE.Com:443", "example.com"),
        ("localhost:443", "localhost"),
        ("127.0.0.1.nip.io:443", "127.0.0.1.nip.io"),
        ("xn--bcher-kva.example:443", "xn--bcher-kva.example"),
        ("1.com:443", "1.com"),
        ("0x7f.1.com:443", "0x7f.1.com"),
    ] {
        let (host, port) = read(text, None).expect(text);
        assert_eq!((host.as_str(), port.number()), (name, 443));
    }
}

#[test]
fn a_port_is_a_plain_number() {
    for port in [
        "",
        "0",
        "00443",
        "+443",
        "-1",
        "65536",
        "443x",
        "0x1bb",
        "4 43",
        "４４３",
        "443:443",
    ] {
        assert!(
            read(&format!("example.com:{port}"), None).is_err(),
            "{port}"
        );
    }
    assert!(read("example.com", None).is_err());
    let (_, port) = read("example.com", Port::new(80)).unwrap();
    assert_eq!(port.number(), 80);
}

proptest::proptest! {
    #[test]
    fn what_is_read_as_an_address_by_anybody_is_no_host(bits: u32, sixth: u128) {
        let fourth = std::net::Ipv4Addr::from_bits(bits);
        let sixth = std::net::Ipv6Addr::from_bits(sixth);
        for text in [
            fourth.to_string(),
            format!("{bits}"),
            format!("{bits:#x}"),
            format!("0{bits:o}"),
            format!("{sixth}"),
            format!("[{sixth}]"),
        ] {
            proptest::prop_assert!(read(&text, Port::new(80)).is_err(), "{}", text);
        }
    }

    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,80}") {
        if let Ok((host, _)) = read(&text, None) {
            proptest::prop_assert!(host.as_str().parse::<std::net::IpAddr>().is_err());
        }
    }
}
