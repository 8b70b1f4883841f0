//! Acts on files against hostile trees.
