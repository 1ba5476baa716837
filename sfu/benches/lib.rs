//! What the benchmarks share: real participants around the real worker, the least that sending the
//! same bytes can cost, and processor time to the nanosecond.

pub mod cpu;
pub mod limit;
pub mod spread;
