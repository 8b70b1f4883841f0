use super::Checker;
use crate::document::Item;
use crate::fields::Written;
use crate::origin::Granted;
use crate::permission::Permission;

impl Checker<'_> {
    pub(crate) fn permissions(&mut self, items: &[Item]) -> Vec<Granted> {
        let granted = items.iter().filter_map(|item| {
            let written = item.one("permission")?;
            let permission = self.parsed(written, "permissions");
            self.granted(item, written, permission, "")
        });
        granted.collect()
    }

    /// `env.read`.
    pub(super) fn variables(&mut self, items: &[Item]) -> Vec<Granted> {
        let granted = items.iter().filter_map(|item| {
            let written = item.one("name")?;
            let name = self.parsed(written, "env.read[].name");
            self.granted(item, written, name.map(Permission::EnvRead), "")
        });
        granted.collect()
    }

    /// A permission with the reason and the place of its entry, `kind` being the list it must not be in twice.
    pub(super) fn granted(
        &mut self,
        item: &Item,
        written: &Written,
        permission: Option<Permission>,
        kind: &str,
    ) -> Option<Granted> {
        let reason = self.reason(item.one("reason"));
        let permission = permission?;
        self.is_new(kind, &permission.to_string(), written.place);
        Some(Granted {
            permission,
            reason,
            origin: self.source.at(written.place),
        })
    }
}
