//! Limits against floods: token buckets per address, and gates that count what is open. Addresses are kept
//! as keyed hashes, in memory only.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use room::{Rate, TokenBucket};

/// One token bucket per address.
#[derive(Debug)]
pub(crate) struct AddressRate {
    rate: Rate,
    hasher: RandomState,
    buckets: Mutex<HashMap<u64, TokenBucket>>,
}

impl AddressRate {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, hasher: RandomState::new(), buckets: Mutex::default() }
    }

    /// Takes one token of this address; false when there is none.
    pub(crate) fn take(&self, address: IpAddr, now: Instant) -> bool {
        let key = address_key(&self.hasher, address);
        let mut buckets = lock(&self.buckets);
        if buckets.len() >= MAX_ADDRESSES && !buckets.contains_key(&key) {
            buckets.retain(|_, bucket| !bucket.is_full(now));
            if buckets.len() >= MAX_ADDRESSES {
                // A flood from that many networks is not stopped by counting per network.
                buckets.clear();
            }
        }
        buckets.entry(key).or_insert_with(|| TokenBucket::new(self.rate, now)).take(now)
    }

    /// Forgets the addresses that are not limited any more.
    pub(crate) fn forget(&self, now: Instant) {
        lock(&self.buckets).retain(|_, bucket| !bucket.is_full(now));
    }
}

/// Bounds how many of something are open, in all and per address.
#[derive(Clone, Debug)]
pub(crate) struct Gate(Arc<GateInner>);

#[derive(Debug)]
struct GateInner {
    max: usize,
    max_per_address: usize,
    hasher: RandomState,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    per_address: HashMap<u64, usize>,
}

impl Gate {
    pub(crate) fn new(max: usize, max_per_address: usize) -> Self {
        let open = Mutex::default();
        Self(Arc::new(GateInner { max, max_per_address, hasher: RandomState::new(), open }))
    }

    /// Counts one more, until the pass is dropped. `None` when there are too many.
    pub(crate) fn enter(&self, address: IpAddr) -> Option<Pass> {
        let key = address_key(&self.0.hasher, address);
        let mut open = lock(&self.0.open);
        let here = open.per_address.get(&key).copied().unwrap_or(0);
        if open.total >= self.0.max || here >= self.0.max_per_address {
            return None;
        }
        open.total += 1;
        open.per_address.insert(key, here + 1);
        Some(Pass { gate: self.clone(), key })
    }

    /// How many are open.
    pub(crate) fn open(&self) -> usize {
        lock(&self.0.open).total
    }
}

/// One counted in a [`Gate`].
#[derive(Debug)]
pub(crate) struct Pass {
    gate: Gate,
    key: u64,
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut open = lock(&self.gate.0.open);
        open.total -= 1;
        let here = open.per_address.get(&self.key).copied().unwrap_or(0);
        if here > 1 {
            open.per_address.insert(self.key, here - 1);
        } else {
            open.per_address.remove(&self.key);
        }
    }
}

/// Takes a lock whose holder can leave nothing half done, even by a panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One number per IPv4 address and per IPv6 network of 64 bits, which one device can walk through.
fn address_key(hasher: &RandomState, address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(v4) => hasher.hash_one(v4),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            hasher.hash_one(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// Addresses counted at once. Raising it costs about 50 bytes each.
const MAX_ADDRESSES: usize = 16_384;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const RATE: Rate = Rate { burst: 3, refill: Duration::from_secs(2) };

    #[test]
    fn addresses_are_counted_apart_and_ipv6_by_network() {
        let limit = AddressRate::new(RATE);
        let now = Instant::now();
        let taken = |text: &str| {
            let address = text.parse().unwrap();
            (0..9).filter(|_| limit.take(address, now)).count()
        };
        assert_eq!(taken("192.0.2.1"), 3);
        assert_eq!(taken("::ffff:192.0.2.1"), 0);
        assert_eq!(taken("192.0.2.2"), 3);
        assert_eq!(taken("2001:db8::1"), 3);
        assert_eq!(taken("2001:db8::2"), 0);
        assert_eq!(taken("2001:db8:0:1::1"), 3);
    }

    #[test]
    fn the_table_of_addresses_is_bounded() {
        let limit = AddressRate::new(RATE);
        let now = Instant::now();
        for n in 0..2 * MAX_ADDRESSES as u32 {
            limit.take(IpAddr::V4(n.into()), now);
        }
        assert!(lock(&limit.buckets).len() <= MAX_ADDRESSES);
    }

    #[test]
    fn r29_an_address_is_forgotten_once_nothing_limits_it() {
        let limit = AddressRate::new(RATE);
        let start = Instant::now();
        let address = IpAddr::from([192, 0, 2, 7]);
        assert!((0..3).all(|_| limit.take(address, start)));
        limit.forget(start + Duration::from_secs(5));
        assert!(!limit.take(address, start), "still limited");
        limit.forget(start + Duration::from_secs(6));
        assert!(lock(&limit.buckets).is_empty());
    }

    #[test]
    fn a_gate_bounds_all_and_each_address_and_forgets_who_left() {
        let gate = Gate::new(3, 2);
        let [one, two] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        let first = gate.enter(one).unwrap();
        let _second = gate.enter(one).unwrap();
        assert!(gate.enter(one).is_none());
        let _third = gate.enter(two).unwrap();
        assert!(gate.enter(two).is_none());
        drop(first);
        drop(gate.enter(two).unwrap());
        assert_eq!(gate.open(), 2);
        assert_eq!(lock(&gate.0.open).per_address.len(), 2);
    }
}
