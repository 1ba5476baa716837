//! What a process uses, from the files of Linux about it.

use std::path::PathBuf;
use std::time::Instant;

/// What a process has used so far.
#[derive(Clone, Copy, Debug)]
pub struct ProcessSample {
    at: Instant,
    /// All threads together, in nanoseconds.
    cpu: u64,
    user: u64,
    system: u64,
    resident_kib: u64,
    switches: u64,
    /// Threads it has.
    pub threads: usize,
    /// Descriptors it has open.
    pub descriptors: usize,
}

/// What a process used between two samples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProcessUse {
    /// Processor time in seconds.
    pub cpu_seconds: f64,
    /// Share of one core, 0 to 1 and above.
    pub cores: f64,
    /// Of the processor time, the share spent in the kernel.
    pub system_share: f64,
    /// Memory it holds at the end, in MiB.
    pub resident_mib: f64,
    /// Times a thread gave way to another.
    pub context_switches: u64,
}

impl ProcessSample {
    /// Reads what process `pid` has used; `None` when it is gone.
    pub fn of(pid: u32) -> Option<Self> {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
        // The name in parentheses may hold spaces; utime and stime are fields 14 and 15.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split_whitespace().collect();
        if matches!(fields.first(), Some(&("Z" | "X"))) {
            return None;
        }
        let (user, system) = (fields.get(11)?.parse().ok()?, fields.get(12)?.parse().ok()?);
        let status = std::fs::read_to_string(folder.join("status")).ok()?;
        let mut sample = Self {
            at: Instant::now(),
            cpu: 0,
            user,
            system,
            resident_kib: number(&status, "VmRSS:").unwrap_or(0),
            switches: 0,
            threads: 0,
            descriptors: std::fs::read_dir(folder.join("fd")).map_or(0, Iterator::count),
        };
        for task in std::fs::read_dir(folder.join("task")).ok()?.flatten() {
            let read = |name| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
            sample.threads += 1;
            let used =
                read("schedstat").split(' ').next().and_then(|used| used.parse::<u64>().ok());
            sample.cpu += used.unwrap_or(0);
            let status = read("status");
            for name in ["voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"] {
                sample.switches += number(&status, name).unwrap_or(0);
            }
        }
        Some(sample)
    }

    /// Memory it holds, in MiB.
    pub fn resident_mib(&self) -> f64 {
        self.resident_kib as f64 / 1024.0
    }

    /// What was used since an earlier sample.
    pub fn since(&self, earlier: &Self) -> ProcessUse {
        let cpu_seconds = self.cpu.saturating_sub(earlier.cpu) as f64 / 1e9;
        let ticks = |now: u64, before: u64| now.saturating_sub(before) as f64;
        let (user, system) = (ticks(self.user, earlier.user), ticks(self.system, earlier.system));
        ProcessUse {
            cpu_seconds,
            cores: cpu_seconds / (self.at - earlier.at).as_secs_f64().max(1e-9),
            system_share: if user + system > 0.0 { system / (user + system) } else { 0.0 },
            resident_mib: self.resident_mib(),
            context_switches: self.switches.saturating_sub(earlier.switches),
        }
    }
}

fn number(status: &str, name: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    value.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something_and_one_that_is_gone_nothing() {
        let pid = std::process::id();
        let before = ProcessSample::of(pid).unwrap();
        let sum: u64 = (0..3_000_000_u64).map(|n| std::hint::black_box(n) ^ 5).sum();
        assert!(sum > 0);
        let after = ProcessSample::of(pid).unwrap();
        assert!(after.threads > 0 && after.descriptors > 2 && after.resident_mib() > 0.5);
        let used = after.since(&before);
        assert!(used.cpu_seconds > 0.0 && used.resident_mib > 0.5, "{used:?}");
        assert!(ProcessSample::of(u32::MAX).is_none());
    }
}
