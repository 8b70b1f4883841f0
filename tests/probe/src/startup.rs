//! The first messages, and ways to get them wrong.

use lazaret_protocol::{
    Difference, EngineMessage, LogLevel, PROTOCOL_VERSION, Payload, PluginError, ShimMessage,
};

use crate::channel::{Channel, send, send_bytes};

/// The behaviour the plugin's file names; plain where it names none.
fn behaviour() -> String {
    let text = crate::files::whole("/plugin/main.js").unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("// probe: ")
        .unwrap_or_default()
        .to_owned()
}

fn hello(version: u16) -> ShimMessage {
    ShimMessage::Hello {
        version,
        engine: "probe".to_owned(),
    }
}

fn wait_for_engine(channel: &mut Channel) {
    if !matches!(channel.next(), Some(EngineMessage::Hello { .. })) {
        std::process::exit(92);
    }
}

fn refuse_nothing() {
    send(&ShimMessage::Refused {
        differences: Vec::new(),
    });
}

fn for_ever() -> ! {
    loop {
        std::thread::park();
    }
}

/// Greets the engine and says `Ready`, unless the plugin's file says otherwise.
pub(crate) fn greet(channel: &mut Channel, functions: Vec<String>) {
    let behaviour = behaviour();
    match behaviour.as_str() {
        "silent" => for_ever(),
        "exit before hello" => std::process::exit(7),
        "words on standard error" => {
            // The words are what is tried; there is nobody to tell that they were not taken.
            drop(std::io::Write::write_all(
                &mut std::io::stderr(),
                b"\x1b[2Jlast words\n",
            ));
            std::process::exit(7);
        }
        "garbage before hello" => {
            send_bytes(&[0xa5; 4096]);
            for_ever();
        }
        "log before hello" => {
            send(&ShimMessage::Log {
                level: LogLevel::Info,
                fields: None,
                text: "early".to_owned(),
                dropped: 0,
            });
            for_ever();
        }
        "ready before hello" => {
            send(&ShimMessage::Ready { functions });
            for_ever();
        }
        "wrong version" => {
            send(&hello(PROTOCOL_VERSION + 1));
            for_ever();
        }
        _ => {}
    }
    send(&hello(PROTOCOL_VERSION));
    wait_for_engine(channel);
    match behaviour.as_str() {
        "silent after hello" => for_ever(),
        "reply before ready" => {
            send(&ShimMessage::Reply {
                id: lazaret_protocol::CallId(1),
                result: Ok(Payload::Json("1".to_owned())),
            });
            for_ever();
        }
        "refuse" => {
            send(&ShimMessage::Refused {
                differences: vec![Difference {
                    what: "NoNewPrivs".to_owned(),
                    expected: "1".to_owned(),
                    found: "0\u{1b}[2J".to_owned(),
                }],
            });
            std::process::exit(70);
        }
        "refuse and stay" => {
            refuse_nothing();
            for_ever();
        }
        "refuse twice" => {
            refuse_nothing();
            refuse_nothing();
            for_ever();
        }
        "refuse, then ready" => {
            refuse_nothing();
            send(&ShimMessage::Ready { functions });
            for_ever();
        }
        "ready once told to stop" => {
            while channel.next() != Some(EngineMessage::Shutdown) {}
            send(&ShimMessage::Ready { functions });
            for_ever();
        }
        "too many functions" => {
            send(&ShimMessage::Ready {
                functions: vec!["f".to_owned(); 2000],
            });
            for_ever();
        }
        "flood" => crate::flood::flood(&crate::flood::line(0, u64::MAX)),
        "crash" => {
            send(&ShimMessage::Crash {
                error: PluginError {
                    name: "TypeError".to_owned(),
                    message: "made up\u{1b}[2J".to_owned(),
                    stack: "    at f (file:///plugin/main.js:3:9)".to_owned(),
                    location: Some("main.js:3:9".to_owned()),
                },
            });
            std::process::exit(1);
        }
        "forbidden call" => {
            crate::calls::mount();
            for_ever();
        }
        _ => send(&ShimMessage::Ready { functions }),
    }
}
