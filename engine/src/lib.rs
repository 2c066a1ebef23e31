//! Runs a compiled mapping over a block of KubeArmor's events.
//!
//! The table that Python compiles a mapping to (`cef_bridge/mapping/table`) holds the facts: fields,
//! calls, verbs, classes, keys, rules. This crate holds the algorithms. It uses nothing but the
//! standard library, so that it builds wherever cargo is.

pub mod abi;
pub mod clock;
pub mod glob;
pub mod numbers;
pub mod redact;
pub mod text;
pub mod transforms;
