use super::Checker;
use crate::document::Item;
use crate::grants::Write;
use crate::origin::Granted;
use crate::permission::Permission;
use crate::range::size;
use crate::units::ByteSize;

impl Checker<'_> {
    /// `filesystem.read`.
    pub(super) fn readable(&mut self, items: &[Item]) -> Vec<Granted> {
        let granted = items.iter().filter_map(|item| {
            let written = item.one("path")?;
            let path = self.parsed(written, "filesystem.read[].path");
            self.granted(item, written, path.map(Permission::FileRead), "")
        });
        granted.collect()
    }

    /// `filesystem.write`.
    pub(super) fn writable(&mut self, items: &[Item]) -> Vec<Write> {
        let list = "filesystem.write";
        let granted = items.iter().filter_map(|item| {
            let written = item.one("path")?;
            let path = self.parsed(written, "filesystem.write[].path");
            let most = self.or_usual(item, (list, "size"), Write::USUAL_SIZE, |written| {
                let range = ByteSize::from_kib(1)..=ByteSize::from_mib(16 << 20);
                size(written, range, "it counts the bytes of a plugin's life")
            });
            let granted = self.granted(item, written, path.map(Permission::FileWrite), "");
            Some(Write {
                granted: granted?,
                size: most?,
            })
        });
        granted.collect()
    }
}
