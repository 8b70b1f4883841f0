use std::collections::BTreeSet;

use crate::word::{Words, words};

words! {
    /// What kind of address a name may resolve to.
    AddressClass, "class of addresses" {
        /// What is reached over the internet, and nothing of the other classes.
        Public = "public",
        /// Networks of one's own: RFC 1918, RFC 4193, RFC 6598.
        Private = "private",
        /// The host itself: 127.0.0.0/8, ::1.
        Loopback = "loopback",
        /// The same link: 169.254.0.0/16, fe80::/10, without the metadata addresses.
        LinkLocal = "link_local",
        /// Groups of hosts: 224.0.0.0/4, ff00::/8.
        Multicast = "multicast",
        /// Where clouds tell a machine its secrets, such as 169.254.169.254.
        Metadata = "metadata",
    }
}

impl Words<AddressClass> {
    /// What holds where an endpoint names no class.
    pub(crate) fn usual() -> Self {
        Self(BTreeSet::from([AddressClass::Public]))
    }

    /// Every class.
    pub(crate) fn every() -> Self {
        Self(AddressClass::ALL.iter().copied().collect())
    }
}
