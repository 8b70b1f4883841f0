//! How much of a stream may be sent: both ends count alike.

use crate::message::Payload;

/// What an item costs beside its bytes, so that nothing goes on for ever at no cost.
pub const ITEM_BYTES: u64 = 64;

impl Payload {
    /// Bytes of the text, or the bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Json(text) => text.len() as u64,
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }

    /// What it costs as an item of a stream, in bytes.
    #[must_use]
    pub fn cost(&self) -> u64 {
        self.bytes().saturating_add(ITEM_BYTES)
    }
}

/// What was granted of one stream and what was spent. An item may be sent as long as there is
/// anything left: the last one may cost more than that, so that none is too large for any window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credit {
    granted: u64,
    spent: u64,
}

impl Credit {
    /// So many bytes granted, none spent.
    #[must_use]
    pub fn new(window: u64) -> Self {
        Self {
            granted: window,
            spent: 0,
        }
    }

    /// Grants so many bytes more.
    pub fn grant(&mut self, bytes: u64) {
        self.granted = self.granted.saturating_add(bytes);
    }

    /// Whether another item may be sent.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.spent < self.granted
    }

    /// Counts an item; false where it may not be sent.
    #[must_use]
    pub fn spend(&mut self, item: &Payload) -> bool {
        let may = self.has_room();
        self.spent = self.spent.saturating_add(item.cost());
        may
    }

    /// What all items have cost, in bytes.
    #[must_use]
    pub fn spent(&self) -> u64 {
        self.spent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_may_go_past_what_is_left_and_none_comes_after_it() {
        let mut credit = Credit::new(100);
        assert!(credit.spend(&Payload::Json("1".into())));
        assert!(credit.spend(&Payload::Bytes(vec![0; 1000])));
        assert_eq!(credit.spent(), 65 + 1064);
        assert!(!credit.has_room());
        assert!(!credit.spend(&Payload::Bytes(Vec::new())));
        credit.grant(credit.spent() - 100);
        assert!(!credit.has_room(), "all that was granted is spent");
        credit.grant(1);
        assert!(credit.spend(&Payload::Json("2".into())));
    }

    #[test]
    fn items_without_bytes_use_credit_up() {
        let mut credit = Credit::new(10 * ITEM_BYTES);
        let empty = Payload::Bytes(Vec::new());
        let sent = (0..100).filter(|_| credit.spend(&empty)).count();
        assert_eq!(sent, 10);
    }
}
