use super::Checker;
use crate::document::Item;
use crate::grants::{MessageTerms, Receive, Send, Types};
use crate::name::PluginName;
use crate::permission::Permission;
use crate::range::{count, size};
use crate::units::ByteSize;

const SEND: &str = "messaging.send";
const RECEIVE: &str = "messaging.receive";

impl Checker<'_> {
    pub(super) fn sent(&mut self, items: &[Item]) -> Vec<Send> {
        let usual = MessageTerms::usual();
        let sent = items.iter().filter_map(|item| {
            let written = item.one("plugin")?;
            let plugin = self.parsed(written, "messaging.send[].plugin");
            let types = self.words(item, (SEND, "types")).map(Types);
            let rate = self.or_usual(item, (SEND, "rate"), usual.rate, |written| {
                count(written, 1..=100_000, "it counts messages a second")
            });
            let most = self.or_usual(item, (SEND, "size"), usual.size, |written| {
                let range = ByteSize::from_bytes(1)..=ByteSize::from_mib(4);
                size(
                    written,
                    range,
                    "a message of the protocol holds 8MiB, escaped text included",
                )
            });
            let granted = self.granted(item, written, plugin.map(Permission::MessageSend), "");
            let terms = MessageTerms {
                types: types?,
                rate: rate?,
                size: most?,
            };
            Some(Send {
                granted: granted?,
                terms,
            })
        });
        sent.collect()
    }

    pub(super) fn received(&mut self, items: &[Item]) -> Vec<Receive> {
        let received = items.iter().filter_map(|item| {
            let written = item.one("plugin")?;
            let plugin: Option<PluginName> = self.parsed(written, "messaging.receive[].plugin");
            let types = self.words(item, (RECEIVE, "types")).map(Types);
            let reason = self.reason(item.one("reason"));
            let plugin = plugin?;
            self.is_new(RECEIVE, plugin.as_str(), written.place);
            Some(Receive {
                plugin,
                types: types?,
                reason,
                origin: self.source.at(written.place),
            })
        });
        received.collect()
    }
}
