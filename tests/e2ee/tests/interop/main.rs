//! Two implementations of MLS and of our rules: OpenMLS and `e2ee-member` here, and the page's own
//! modules (ts-mls) in Node.

mod circles;
mod delivery;
mod pages;
mod sequences;
mod words;
