//! Processor time of single threads, user and system together, as Linux counts it.

use std::fs;

/// A thread of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thread(u32);

impl Thread {
    /// The calling thread; `None` without `/proc`.
    pub fn current() -> Option<Self> {
        let link = fs::read_link("/proc/thread-self").ok()?;
        link.file_name()?.to_str()?.parse().ok().map(Self)
    }

    /// The first thread of this name.
    pub fn named(name: &str) -> Option<Self> {
        let threads = fs::read_dir("/proc/self/task").ok()?;
        threads.filter_map(Result::ok).find_map(|entry| {
            let found = fs::read_to_string(entry.path().join("comm")).ok()?;
            let number = entry.file_name().to_str()?.parse().ok()?;
            (found.trim() == name).then_some(Self(number))
        })
    }

    /// Nanoseconds it has run so far; `None` once it has ended, or where the kernel does not say.
    pub fn nanoseconds(self) -> Option<u64> {
        let line = fs::read_to_string(format!("/proc/self/task/{}/schedstat", self.0)).ok()?;
        line.split(' ').next()?.parse().ok()
    }
}
