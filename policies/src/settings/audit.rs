use crate::fields::Written;
use crate::problem::Invalid;
use crate::range::within;
use crate::settings::section::section;
use crate::units::KeepTime;
use crate::word::{Words, words};

words! {
    /// A kind of record that is kept.
    AuditRecords, "kind of record" {
        /// Each call, without its arguments and result.
        Calls = "calls",
        /// Each violation.
        Violations = "violations",
        /// Starts and ends.
        Lifecycle = "lifecycle",
        /// Each policy that was put in force.
        Policy = "policy",
    }
}

section! {
    /// The section `audit`.
    Audit, AuditOverrides {
        /// What is recorded to be kept.
        records: Words<AuditRecords> = "audit.records", many, Taking, Live, Words::read;
        /// How long.
        keep: KeepTime = "audit.keep", one, Least, Live, keep;
    }
}

fn keep(written: &Written) -> Result<KeepTime, Invalid> {
    let range = KeepTime::from_hours(1)..=KeepTime::from_hours(24 * 3660);
    within(written.text.parse()?, range, "`30d` is a month")
}
