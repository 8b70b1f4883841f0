use super::Checker;
use crate::document::Item;
use crate::grants::{Secret, SecretName, SecretSource};
use crate::problem::{Invalid, quoted};

const LIST: &str = "secrets";

impl Checker<'_> {
    pub(super) fn secrets(&mut self, items: &[Item]) -> Vec<Secret> {
        items.iter().filter_map(|item| self.secret(item)).collect()
    }

    fn secret(&mut self, item: &Item) -> Option<Secret> {
        let written = item.one("name")?;
        let name: Option<SecretName> = self.parsed(written, "secrets[].name");
        let hosts = self.words(item, (LIST, "hosts"));
        let from = self.secret_source(item);
        let expose = self.or_usual(item, (LIST, "expose"), false, |written| {
            match (written.text.as_str(), written.plain) {
                ("true", true) => Ok(true),
                ("false", true) => Ok(false),
                (text, _) => Err(Invalid::new(format!("{} is neither of two", quoted(text)))
                    .hint("write `true` or `false`, without quotes")),
            }
        });
        let reason = self.reason(item.one("reason"));
        let name = name?;
        self.is_new(LIST, name.as_str(), written.place);
        Some(Secret {
            name,
            hosts: hosts??,
            from: from?,
            expose: expose?,
            reason,
            origin: self.source.at(written.place),
        })
    }

    fn secret_source(&mut self, item: &Item) -> Option<SecretSource> {
        let refuse = |what: &str| {
            let hint = "write `from: { env: NAME }` or `from: { file: /PATH }`";
            Invalid::new(format!("`secrets[].from` {what}")).hint(hint)
        };
        match (item.one("from.env"), item.one("from.file")) {
            (Some(name), None) => self
                .parsed(name, "secrets[].from.env")
                .map(SecretSource::Env),
            (None, Some(path)) => self
                .parsed(path, "secrets[].from.file")
                .map(SecretSource::File),
            (Some(_), Some(path)) => {
                self.report(refuse("names two places"), path.place);
                None
            }
            (None, None) => {
                self.report(refuse("is missing"), item.place);
                None
            }
        }
    }
}
