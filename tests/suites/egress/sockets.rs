//! `Deno.connect` from a real plugin, through every layer and the engine's own broker.

use lazaret_tests::case::Case;
use lazaret_tests::setup::{Js, Setup};
use lazaret_tests::world::World;
use serde_json::json;

use super::Echo;

pub(super) fn case(js: Js) -> Case {
    let name = "egress: a plugin speaks bytes with the host it is granted, and with no other";
    Case::on(js, name, bytes)
}

const PLUGIN: &str = "
    const hello = new TextEncoder().encode('hello');
    export const said = async (port) => {
      const conn = await Deno.connect({ hostname: 'localhost', port });
      await conn.write(hello);
      await conn.closeWrite();
      let all = '';
      for await (const part of conn.readable) all += new TextDecoder().decode(part);
      return all;
    };
    export const refused = async (hostname, port) => {
      try { await Deno.connect({ hostname, port }); }
      catch (error) { return [error.name, error.permission ?? error.message]; }
    };
    export const leave = async (port) => {
      await (await Deno.connect({ hostname: 'localhost', port })).write(hello);
    };";

async fn bytes(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    let echo = Echo::start(2)?;
    let port = echo.port;
    let nobody = "    - { host: localhost, port: 9, protocol: tcp, addresses: [loopback] }\n";
    let policy = echo.granted() + nobody;
    let setup = Setup::javascript(js, "speaks", PLUGIN).policy(&policy);
    let plugin = host.launch(&setup).await?;
    assert_eq!(plugin.call("said", json!([port])).await?, "hello");
    let other = format!("network:connect:other.example:{port}");
    for (name, port, told) in [
        ("other.example", port, json!(["PermissionDenied", other])),
        (
            "localhost",
            9,
            json!(["ConnectionRefused", "failed to connect: connection refused"]),
        ),
    ] {
        let refused = plugin.call("refused", json!([name, port])).await?;
        assert_eq!(refused, told, "{name}:{port}");
    }
    let address = plugin.call("refused", json!(["127.0.0.1", port])).await?;
    assert_eq!(address[0], "TypeError", "{address}");
    plugin.call("leave", json!([port])).await?;
    // What it left open ends with it: the server waits for that.
    assert_eq!(plugin.stop().await?.violation_count, 2);
    drop(echo);
    Ok(())
}
