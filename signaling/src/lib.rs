//! Signaling and web pages.
