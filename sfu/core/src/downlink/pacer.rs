//! A leaky bucket: pictures leave no faster than the path can take in, in bursts it forgives.

/// How much was sent that the path still has to work off.
#[derive(Debug, Default)]
pub(super) struct Pacer {
    debt_bits: f64,
    updated_us: i64,
}

impl Pacer {
    /// A packet left. `rate` is what the path carries, in bits per second.
    pub(super) fn handle_sent(&mut self, now_us: i64, rate: f64, bytes: u32) {
        self.pass_to(now_us, rate);
        self.debt_bits += f64::from(bytes) * 8.0;
    }

    /// Whether a picture's packet may leave now.
    pub(super) fn may_send(&mut self, now_us: i64, rate: f64) -> bool {
        self.pass_to(now_us, rate);
        self.debt_bits < rate * PACE * BURST_S
    }

    /// When the next burst may leave.
    pub(super) fn next_us(&self, rate: f64) -> i64 {
        self.updated_us + (self.debt_bits * 1e6 / (rate * PACE)) as i64
    }

    fn pass_to(&mut self, now_us: i64, rate: f64) {
        let passed_us = (now_us - self.updated_us).max(0);
        self.debt_bits = (self.debt_bits - rate * PACE * passed_us as f64 / 1e6).max(0.0);
        self.updated_us = now_us;
    }
}

/// Pictures leave at this multiple of the rate: they come in bursts that leave pauses. Lowered,
/// they are delayed more; raised, they queue on the way and push sound aside.
const PACE: f64 = 2.5;

/// What may leave at once, in time of that pace. Raised, a frame leaves in fewer system calls and
/// stands longer in the path's own queue.
const BURST_S: f64 = 0.01;
