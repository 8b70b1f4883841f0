use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, ClientConnection, RootCertStore, ServerConnection,
};

use super::*;

fn authority(hosts: &[&str]) -> Authority {
    let hosts: Vec<HostPattern> = hosts.iter().map(|host| host.parse().unwrap()).collect();
    Authority::new(&hosts).unwrap()
}

fn client(trusted: &Authority) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let pem = trusted.certificate_pem();
    roots
        .add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// Has a client that trusts the authority meet a server, until both agree or one does not.
fn meet(
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    name: &str,
) -> Result<(), rustls::Error> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(client, name).unwrap();
    let mut server = ServerConnection::new(server).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        server.read_tls(&mut &bytes[..]).unwrap();
        server.process_new_packets()?;
        bytes.clear();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        let mut bytes = &bytes[..];
        while !bytes.is_empty() {
            client.read_tls(&mut bytes).unwrap();
            client.process_new_packets()?;
        }
    }
    Ok(())
}

fn unknown(result: Result<(), rustls::Error>) -> bool {
    matches!(result, Err(rustls::Error::InvalidCertificate(_)))
}

#[test]
fn who_trusts_it_agrees_with_the_broker_for_the_hosts_it_is_for() {
    let authority = authority(&["api.example.com", "*.other.example.com"]);
    let client = client(&authority);
    for name in [
        "api.example.com",
        "x.other.example.com",
        "x.y.other.example.com",
    ] {
        let server = authority.ends(&name.parse().unwrap()).unwrap();
        meet(Arc::clone(&client), Arc::clone(&server), name).unwrap();
        let other = meet(Arc::clone(&client), server, "b.example.com");
        assert!(unknown(other), "{name}");
    }
}

#[test]
fn it_makes_no_certificate_for_another_host_and_would_not_be_believed() {
    let authority = authority(&["api.example.com"]);
    for name in ["example.com", "b.example.com", "xapi.example.com"] {
        let host: Host = name.parse().unwrap();
        assert!(matches!(authority.ends(&host), Err(AuthorityError::Beyond)));
        let made = authority.make(&host, 1, SystemTime::now()).unwrap();
        let told = meet(client(&authority), Arc::new(made), name);
        assert!(unknown(told), "{name}");
    }
}

#[test]
fn one_plugins_authority_is_nobody_to_another() {
    let [ours, theirs] = [0, 1].map(|_| authority(&["a.example.com"]));
    let server = theirs.ends(&"a.example.com".parse().unwrap()).unwrap();
    let told = meet(client(&ours), server, "a.example.com");
    let unknown = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
    let bad = rustls::Error::InvalidCertificate(CertificateError::BadSignature);
    assert!(told == Err(unknown) || told == Err(bad));
}

#[test]
fn a_certificate_is_made_once_a_host_and_again_when_clocks_have_moved() {
    let authority = authority(&["*.example.com"]);
    let host: Host = "a.example.com".parse().unwrap();
    let first = authority.ends(&host).unwrap();
    assert!(Arc::ptr_eq(&first, &authority.ends(&host).unwrap()));
    for moved in [false, true] {
        let now = SystemTime::now();
        let then = if moved { now + SHOWN * 2 } else { now - SHOWN };
        let mut made = authority.made.lock().unwrap();
        made.by_host.get_mut(&host).unwrap().0 = then;
        drop(made);
        assert!(!Arc::ptr_eq(&first, &authority.ends(&host).unwrap()));
    }
    let made = Arc::new(
        authority
            .make(&host, 9, SystemTime::now() - SLACK * 2)
            .unwrap(),
    );
    assert!(
        unknown(meet(client(&authority), made, "a.example.com")),
        "old"
    );
}

#[test]
fn a_plugin_that_names_ever_new_hosts_takes_no_more_room() {
    let authority = authority(&["*.example.com"]);
    for number in 0..KEPT * 2 + 1 {
        let host = format!("h{number}.example.com").parse().unwrap();
        authority.ends(&host).unwrap();
        assert!(authority.made.lock().unwrap().by_host.len() <= KEPT);
    }
}

#[test]
fn it_says_nothing_of_its_keys() {
    let shown = format!("{:?}", authority(&["a.example.com"]));
    assert_eq!(shown, "Authority { hosts: [Host(\"a.example.com\")], .. }");
}
