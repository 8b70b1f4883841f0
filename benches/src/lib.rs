//! What all benches share.

/// On what it was measured, and with which programs.
pub mod machine;
