//! How much memory this process may still take. Looked at beforehand: when an allocation fails
//! there is nobody left to write a report.

use std::path::Path;

/// Bytes left under the tightest of the limits that hold for this process. `None` where none can
/// be read.
pub(crate) fn left() -> Option<u64> {
    let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
    let machine = available(&read(Path::new("/proc/meminfo")));
    let process = Path::new("/proc/self");
    let limits = (read(&process.join("limits")), read(&process.join("status")));
    let group = read(&process.join("cgroup"));
    let group = group.lines().find_map(|line| line.strip_prefix("0::/")).map(|name| {
        let folder = Path::new("/sys/fs/cgroup").join(name);
        (read(&folder.join("memory.max")), read(&folder.join("memory.current")))
    });
    let group = group.and_then(|(most, used)| difference(&most, &used));
    [machine, under_limit(&limits.0, &limits.1), group].into_iter().flatten().min()
}

/// What the machine could give, from `/proc/meminfo`.
fn available(meminfo: &str) -> Option<u64> {
    kibibytes(meminfo, "MemAvailable:")
}

/// What the limit on address space leaves, from `/proc/self/limits` and `/proc/self/status`.
fn under_limit(limits: &str, status: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    let most: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(most.saturating_sub(kibibytes(status, "VmSize:")?))
}

/// What a control group leaves.
fn difference(most: &str, used: &str) -> Option<u64> {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    Some(number(most)?.saturating_sub(number(used)?))
}

fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    value.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_read_and_no_limit_is_none() {
        assert_eq!(available("MemTotal: 9 kB\nMemAvailable:    2 kB\n"), Some(2_048));
        let status = "VmPeak:\t 90 kB\nVmSize:\t 3 kB\n";
        let limits = |most| format!("Limit  Soft\nMax address space  {most}  unlimited  bytes\n");
        assert_eq!(under_limit(&limits("4096"), status), Some(1_024));
        assert_eq!(under_limit(&limits("1"), status), Some(0));
        assert_eq!(under_limit(&limits("unlimited"), status), None);
        assert_eq!(difference("4096\n", "96\n"), Some(4_000));
        assert_eq!(difference("max\n", "96\n"), None);
        assert!(left().is_some_and(|bytes| bytes > 0), "this machine says something");
    }
}
