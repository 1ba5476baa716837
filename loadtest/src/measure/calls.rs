//! System calls of a process, counted by the kernel for the program `perf`, where that is there
//! and may.

use std::io::Read;
use std::process::{Child, Command, Stdio};

/// A count under way.
#[derive(Debug)]
pub(crate) struct SystemCalls(Child);

impl SystemCalls {
    /// Begins to count the calls of process `pid` for so many seconds. `None` where it cannot.
    pub(crate) fn count(pid: u32, seconds: u32) -> Option<Self> {
        let counting = Command::new("perf")
            .args(["stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-p", &pid.to_string()])
            .args(["--", "sleep", &seconds.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        counting.ok().map(Self)
    }

    /// Calls a second over the time that was asked for; `None` when it could not count, or the
    /// time is not over.
    pub(crate) fn finish(mut self, seconds: u32) -> Option<f64> {
        let mut said = String::new();
        if self.0.try_wait().is_ok_and(|status| status.is_none()) {
            // The run was cut short; what was counted until then is told on an interrupt only.
            return None;
        }
        self.0.stderr.take()?.read_to_string(&mut said).ok()?;
        Some(read(&said)? / f64::from(seconds))
    }
}

impl Drop for SystemCalls {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The count in a line of `perf stat -x ,`; one that was not counted is in brackets.
fn read(said: &str) -> Option<f64> {
    let line = said.lines().find(|line| line.contains("raw_syscalls:sys_enter"))?;
    line.split(',').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_read_and_one_that_was_not_made_is_none() {
        assert_eq!(read("1234,,raw_syscalls:sys_enter,1000,100.00,,\n"), Some(1_234.0));
        assert_eq!(read("<not counted>,,raw_syscalls:sys_enter,0,100.00,,\n"), None);
        assert_eq!(read("event syntax error: 'raw_syscalls:sys_enter'\n"), None);
        assert_eq!(read("No permission to enable raw_syscalls\n"), None);
    }
}
