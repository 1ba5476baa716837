//! Behaviour tests: the real parts together, over a network and a clock that exist only in
//! memory. One binary, so that the harness is linked once.

mod bandwidth;
mod bursts;
mod check;
mod connection;
mod demand;
mod e2ee;
mod encrypted;
mod fuzz_seeds;
mod hostile;
mod idle;
mod join;
mod lifecycle;
mod load_test;
mod media;
mod over_tcp;
mod participant;
mod privacy;
mod real_server;
mod recorder;
mod recording;
mod saving;
mod server;
mod session;
mod sharing;
mod voices;
mod workers;
