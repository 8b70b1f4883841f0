//! Addresses of this host that look like anybody's, in a network namespace that has some.

use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::process::Command;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{LinkFlags, LinkMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

use crate::dns::addresses;
use crate::plugin::{Plugin, echoed, endpoints};
use crate::server;

/// Set in a process that is in a namespace of its own.
const APART: &str = "LAZARET_TEST_APART";

/// The interface that each namespace begins with.
const LOOPBACK: u32 = 1;

/// Two addresses of one network: the second one is no interface's first.
const OWN: [Ipv4Addr; 2] = [
    Ipv4Addr::new(93, 184, 216, 34),
    Ipv4Addr::new(93, 184, 216, 35),
];

/// Has the kernel do something with interfaces.
fn ask(message: RouteNetlinkMessage) {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE;
    let mut request = NetlinkMessage::new(header, message.into());
    request.finalize();
    let mut bytes = vec![0; request.buffer_len()];
    request.serialize(&mut bytes);
    let socket = Socket::new(NETLINK_ROUTE).unwrap();
    socket.connect(&SocketAddr::new(0, 0)).unwrap();
    socket.send(&bytes, 0).unwrap();
    let mut answer = Vec::with_capacity(4096);
    socket.recv(&mut answer, 0).unwrap();
    let answer = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&answer).unwrap();
    match answer.payload {
        NetlinkPayload::Error(told) => assert!(told.code.is_none(), "{told:?}"),
        other => panic!("{other:?}"),
    }
}

fn add_addresses() {
    let mut link = LinkMessage::default();
    link.header.index = LOOPBACK;
    link.header.flags = LinkFlags::Up;
    link.header.change_mask = LinkFlags::Up;
    ask(RouteNetlinkMessage::SetLink(link));
    for own in OWN {
        let mut address = AddressMessage::default();
        address.header.family = AddressFamily::Inet;
        address.header.prefix_len = 24;
        address.header.index = LOOPBACK;
        address.attributes.push(AddressAttribute::Local(own.into()));
        ask(RouteNetlinkMessage::NewAddress(address));
    }
}

#[test]
fn an_address_of_this_host_is_loopback_whatever_it_looks_like() {
    if std::env::var_os(APART).is_none() {
        let mut command = Command::new("unshare");
        let test = "own::an_address_of_this_host_is_loopback_whatever_it_looks_like";
        let command = command
            .args(["--user", "--map-root-user", "--net"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", test])
            .env(APART, "1");
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        let wrong = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && told.contains("1 passed"),
            "{told}{wrong}"
        );
        return;
    }
    add_addresses();
    for own in OWN {
        let six = |start: [u16; 6]| {
            let bits = own.to_bits();
            let start = start
                .into_iter()
                .fold(0, |all, part| all << 16 | u128::from(part));
            std::net::Ipv6Addr::from_bits(start << 32 | u128::from(bits))
        };
        let written = [
            IpAddr::from(own),
            six([0, 0, 0, 0, 0, 0xffff]).into(),
            six([0x64, 0xff9b, 0, 0, 0, 0]).into(),
            six([0x2606, 0, 0, 0, 0, 0x5efe]).into(),
        ];
        let listener = TcpListener::bind((own, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        for address in written {
            let granted = "[public, private, link_local, multicast, metadata]";
            let policy = endpoints(&[format!(
                "{{ host: a.example, port: {port}, protocol: tcp, addresses: {granted} }}"
            )]);
            let text = address.to_string();
            let mut plugin = Plugin::with_dns(&policy, move |_, _| addresses(&[&text]));
            let told = plugin.refusal("a.example", port);
            assert!(told.contains("class `loopback`"), "{address}: {told}");
        }
        // The twins: where that class is granted, and where the address is another's.
        let server = server::on(listener);
        let policy = |class| {
            endpoints(&[format!(
                "{{ host: a.example, port: {port}, protocol: tcp, addresses: [{class}] }}"
            )])
        };
        let text = own.to_string();
        let plugin = Plugin::with_dns(&policy("loopback"), move |_, _| addresses(&[&text]));
        let mut stream = plugin.connect("a.example", server);
        assert_eq!(echoed(&mut stream, "own"), "own\n");
        let plugin = Plugin::with_dns(&policy("public"), |_, _| addresses(&["93.184.217.1"]));
        let (_, head) = plugin.ask("a.example", port);
        assert!(head.starts_with("HTTP/1.1 502 "), "{head}");
    }
}
