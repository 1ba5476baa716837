//! Notices that a steady flow from the server stopped, by the rule of the web client
//! (`web-client/src/call/path-watch.ts`).

use std::time::Duration;

/// Looks at how much has arrived, at even intervals.
#[derive(Debug, Default)]
pub(super) struct PathWatch {
    bytes: u64,
    steady: u32,
    silent: u32,
}

impl PathWatch {
    /// Takes the bytes that arrived so far; true when a flow that was steady has stopped. True once:
    /// then it must be steady again first.
    pub(super) fn look(&mut self, bytes: u64) -> bool {
        // A smaller number: the count was begun anew.
        let grew = bytes != self.bytes;
        self.bytes = bytes;
        if grew {
            let is_unsteady = self.silent > 0 && self.steady < STEADY_LOOKS;
            self.steady = if is_unsteady { 1 } else { self.steady + 1 };
            self.silent = 0;
            return false;
        }
        self.silent += 1;
        if self.steady < STEADY_LOOKS {
            self.steady = 0;
        }
        if self.steady == 0 || self.silent < SILENT_LOOKS {
            return false;
        }
        self.steady = 0;
        true
    }
}

/// How often to look.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Looks in a row that saw something arrive.
const STEADY_LOOKS: u32 = 5;
/// Looks in a row that saw nothing.
const SILENT_LOOKS: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_flow_that_stops_is_noticed_once() {
        let mut watch = PathWatch::default();
        let told = [1, 2, 3, 4, 5, 5, 5, 5, 6, 6, 6].map(|bytes| watch.look(bytes));
        assert_eq!(told.iter().position(|told| *told), Some(6), "two looks in a row");
        assert_eq!(told.iter().filter(|told| **told).count(), 1, "it was never steady again");
    }
}
