//! What waits to be sent: sealed datagrams side by side in one reused buffer, in runs that one
//! segmented send can take (UDP generic segmentation offload).

use crate::path::Path;
use crate::stats::Stats;

/// The buffer and its runs. Filled by the core, emptied by whoever owns the socket.
#[derive(Debug, Default)]
pub struct Egress {
    bytes: Vec<u8>,
    used: usize,
    runs: Vec<Run>,
}

/// One run of datagrams to one path: all of `segment` bytes, only the last may be shorter.
#[derive(Clone, Copy, Debug)]
pub struct Transmit<'a> {
    /// Where to.
    pub path: Path,
    /// Length of each datagram but the last.
    pub segment: usize,
    /// The datagrams, one behind the other.
    pub bytes: &'a [u8],
}

/// Where what is sent goes, and where it is counted.
pub(crate) struct Outlet<'a> {
    pub(crate) egress: &'a mut Egress,
    pub(crate) stats: &'a mut Stats,
}

impl Egress {
    /// The runs, in the order in which they are to be sent.
    pub fn transmits(&self) -> impl Iterator<Item = Transmit<'_>> {
        self.runs.iter().map(|run| Transmit {
            path: run.path,
            segment: run.segment,
            bytes: &self.bytes[run.start..run.end],
        })
    }

    /// True when nothing waits.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Bytes that wait.
    pub(crate) fn len(&self) -> usize {
        self.used
    }

    /// Forgets what was sent; the memory stays.
    pub(crate) fn clear(&mut self) {
        self.used = 0;
        self.runs.clear();
    }

    /// Room for one datagram of up to `len` bytes, to be filled and then committed. Without a
    /// commit it was never there.
    pub(crate) fn reserve(&mut self, len: usize) -> &mut [u8] {
        let end = self.used + len;
        if self.bytes.len() < end {
            self.bytes.resize(end.next_multiple_of(GROWTH), 0);
        }
        &mut self.bytes[self.used..end]
    }

    /// Adds the first `len` reserved bytes as one datagram to `path`.
    pub(crate) fn commit(&mut self, path: Path, len: usize) {
        let (start, end) = (self.used, self.used + len);
        self.used = end;
        if let Some(run) = self.runs.last_mut()
            && run.path == path
            && run.takes(len)
        {
            run.end = end;
            return;
        }
        self.runs.push(Run { path, segment: len, start, end });
    }

    /// Adds a ready datagram.
    pub(crate) fn push(&mut self, path: Path, datagram: &[u8]) {
        self.reserve(datagram.len()).copy_from_slice(datagram);
        self.commit(path, datagram.len());
    }
}

/// The buffer grows in steps of this size and never shrinks.
const GROWTH: usize = 64 * 1024;

/// Most datagrams in one run (the kernel's `UDP_MAX_SEGMENTS`).
const MAX_SEGMENTS: usize = 64;

/// Most bytes in one run: what fits the length field of one UDP datagram over IPv4.
const MAX_RUN_BYTES: usize = 65_507;

#[derive(Debug)]
struct Run {
    path: Path,
    segment: usize,
    start: usize,
    end: usize,
}

impl Run {
    fn takes(&self, len: usize) -> bool {
        let bytes = self.end - self.start;
        // A shorter datagram may only be the last: then the run is no multiple of its segment.
        bytes.is_multiple_of(self.segment)
            && len <= self.segment
            && bytes / self.segment < MAX_SEGMENTS
            && bytes + len <= MAX_RUN_BYTES
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn equal_datagrams_and_one_shorter_last_make_one_run() {
        let mut egress = Egress::default();
        for len in [1_200, 1_200, 1_200, 300, 1_200, 100] {
            egress.push(path(1), &vec![7; len]);
        }
        assert_eq!(runs(&egress), [(1, 1_200, 3_900), (1, 1_200, 1_300)]);
    }

    #[test]
    fn a_longer_datagram_or_another_path_starts_a_run() {
        let mut egress = Egress::default();
        for (port, len) in [(1, 100), (1, 1_200), (2, 1_200), (1, 1_200)] {
            egress.push(path(port), &vec![7; len]);
        }
        assert_eq!(
            runs(&egress),
            [(1, 100, 100), (1, 1_200, 1_200), (2, 1_200, 1_200), (1, 1_200, 1_200)]
        );
        egress.clear();
        assert!(egress.is_empty());
    }

    #[test]
    fn a_run_stays_within_what_the_kernel_takes() {
        let mut egress = Egress::default();
        for _ in 0..200 {
            egress.push(path(1), &[7; 100]);
            egress.push(path(2), &[7; 10]);
        }
        for _ in 0..200 {
            egress.push(path(3), &[7; 1_300]);
        }
        for transmit in egress.transmits() {
            assert!(transmit.bytes.len() <= MAX_RUN_BYTES);
            assert!(transmit.bytes.len().div_ceil(transmit.segment) <= MAX_SEGMENTS);
        }
    }

    #[test]
    fn what_is_not_committed_is_not_sent() {
        let mut egress = Egress::default();
        egress.reserve(500).fill(1);
        egress.push(path(1), &[2; 20]);
        assert_eq!(egress.transmits().next().map(|run| run.bytes), Some(&[2; 20][..]));
    }

    fn path(port: u16) -> Path {
        Path { remote: SocketAddr::from(([192, 0, 2, 1], port)), local: None }
    }

    fn runs(egress: &Egress) -> Vec<(u16, usize, usize)> {
        egress
            .transmits()
            .map(|run| (run.path.remote.port(), run.segment, run.bytes.len()))
            .collect()
    }
}
