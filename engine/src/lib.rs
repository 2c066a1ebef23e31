//! Runs a compiled mapping over a block of KubeArmor's events.
//!
//! ```text
//! block -> lines -> JSON -> raw fields -> derived fields -> rules -> hits -> message
//! block.rs          json.rs reading.rs    split, classify,   rules.rs       convert.rs, format.rs,
//!                                         activity, derive                  leftovers, shedding, syslog
//! ```
//!
//! The table that Python compiles a mapping to (`cef_bridge/mapping/program/table`) holds the facts: fields, calls,
//! verbs, classes, keys, rules (`facts.rs`, `program.rs`). This crate holds the algorithms, and
//! remembers nothing from one event to the next. It uses nothing but the standard library, so that it
//! builds wherever cargo is. What it does not know for certain it leaves to Python, the reference.

pub mod abi;
mod activity;
pub mod api;
pub mod arena;
pub mod block;
mod classify;
pub mod clock;
mod conditions;
mod convert;
mod derive;
mod event;
mod facts;
mod format;
pub mod glob;
mod guard;
mod index;
pub mod json;
mod leftovers;
pub mod numbers;
mod of_class;
mod program;
mod reading;
pub mod redact;
mod rules;
mod scan;
pub mod sha1;
mod shedding;
pub mod sorts;
mod split;
mod summary;
mod syslog;
pub mod table;
pub mod text;
pub mod transforms;
mod words;
