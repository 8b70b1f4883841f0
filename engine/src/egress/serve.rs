//! The listener of one plugin and its connections.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::descriptors::END;
use super::head::CONNECT;
use super::metered::Prefixed;
use super::plugin::Plugin;
use super::{http, tunnel};

/// Connections beyond the plugin's limit that may be there to be told so, or to say what they are
/// for. More are not taken yet.
const WAITING: usize = 64;

/// How long none is taken where one cannot be: descriptors are used up, the plugin's or all.
const REST: Duration = Duration::from_millis(50);

/// Serves until nobody holds the plugin any more; then everything of it is closed.
pub(super) async fn serve(listener: UnixListener, plugin: Plugin) {
    let mut rules = plugin.rules.clone();
    let plugin = Arc::new(plugin);
    let mut connections = JoinSet::new();
    let mut rest_until = Instant::now();
    loop {
        let most = plugin.account.limits().connections as usize + WAITING;
        let taken = async {
            sleep_until(rest_until).await;
            let share = loop {
                match plugin.descriptors.take(END) {
                    Some(share) => break share,
                    None => sleep(REST).await,
                }
            };
            listener.accept().await.map(|(stream, _)| (stream, share))
        };
        tokio::select! {
            changed = rules.changed() => match changed {
                // The limits may be others now.
                Ok(()) => {}
                Err(_) => return,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            taken = taken, if connections.len() < most => match taken {
                Ok((stream, share)) => {
                    let plugin = Arc::clone(&plugin);
                    connections.spawn(async move {
                        connection(&plugin, stream).await;
                        drop(share);
                    });
                }
                Err(_) => rest_until = Instant::now() + REST,
            },
        }
    }
}

async fn connection(plugin: &Plugin, mut stream: UnixStream) {
    let Some(Some(bytes)) = plugin.soon(begins(&mut stream)).await else {
        return;
    };
    if bytes == CONNECT {
        tunnel::serve(plugin, stream, bytes).await;
    } else {
        let moved = Arc::default();
        let stream = Prefixed::new(bytes, stream, Arc::clone(&moved));
        http::serve(plugin, stream, &moved, None).await;
    }
}

/// As many bytes as tell the two kinds of requests apart; `None` where it ends before.
async fn begins(stream: &mut UnixStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while bytes.len() < CONNECT.len() && CONNECT.starts_with(&bytes) {
        let left = (CONNECT.len() - bytes.len()) as u64;
        let read = (&mut *stream).take(left).read_buf(&mut bytes).await;
        read.ok().filter(|read| *read > 0)?;
    }
    Some(bytes)
}
