//! The root file system as its users see it: built, verified, tampered with.

mod build;
mod disk_full;
mod fixtures;
mod image;
mod manifest;
mod shims;
mod verify;
