//! The media worker.
