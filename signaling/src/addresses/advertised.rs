//! [`Advertised`]: the addresses in answers, followed while the server runs: names are looked up
//! again, and so are this machine's interfaces.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future::join_all;

use super::{PublicAddress, PublicEntry, of_interfaces};
use crate::clock::Clock;

/// What answers hold, and what it comes from.
#[derive(Debug)]
pub(crate) struct Advertised {
    entries: Vec<PublicEntry>,
    /// What each name was found to be when it was last found.
    found: BTreeMap<String, Vec<IpAddr>>,
    /// Names that could not be found at the last look.
    missing: Vec<String>,
    now: Vec<SocketAddr>,
}

/// What one look at names and interfaces gave.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The addresses of this machine.
    pub(crate) interfaces: Vec<IpAddr>,
    /// Of each name, its addresses, or none when it could not be found.
    pub(crate) names: BTreeMap<String, Vec<IpAddr>>,
}

impl Advertised {
    pub(crate) fn new(entries: Vec<PublicEntry>) -> Self {
        Self { entries, found: BTreeMap::new(), missing: vec![], now: vec![] }
    }

    /// The addresses in answers, best first.
    pub(crate) fn now(&self) -> &[SocketAddr] {
        &self.now
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter_map(|entry| match &entry.address {
            PublicAddress::Named(name, _) => Some(name.as_str()),
            PublicAddress::Auto | PublicAddress::At(_) => None,
        })
    }

    /// Takes in what was seen. A name that is not found any more keeps its addresses. True when the
    /// addresses are others than before.
    pub(crate) fn take(&mut self, seen: Seen) -> bool {
        let missing = |name: &&str| seen.names.get(*name).is_none_or(Vec::is_empty);
        let missing: Vec<_> = self.names().filter(missing).map(str::to_owned).collect();
        for entry in &self.entries {
            let PublicAddress::Named(name, _) = &entry.address else { continue };
            let is_news = missing.contains(name) && !self.missing.contains(name);
            if is_news {
                let place = &entry.place;
                tracing::warn!(
                    "{place} is a name that cannot be looked up: correct it, or see to this machine's \
                     DNS; it is tried again every minute"
                );
            }
        }
        self.missing = missing;
        self.found.extend(seen.names.into_iter().filter(|(_, addresses)| !addresses.is_empty()));

        let mut now: Vec<SocketAddr> = vec![];
        let of = |addresses: &[IpAddr], port: u16| {
            let with_port = |address: &IpAddr| SocketAddr::new(address.to_canonical(), port);
            addresses.iter().map(with_port).collect::<Vec<_>>()
        };
        for entry in &self.entries {
            now.extend(match &entry.address {
                PublicAddress::Auto => of(&seen.interfaces, 0),
                PublicAddress::At(address) => vec![*address],
                PublicAddress::Named(name, port) => {
                    of(self.found.get(name).map_or(&[], Vec::as_slice), *port)
                }
            });
        }
        if now.is_empty() {
            // Better than answers nobody can do anything with.
            now = of(&seen.interfaces, 0);
        }
        let mut known = BTreeSet::new();
        now.retain(|address| known.insert(*address));
        let is_other = now != self.now;
        self.now = now;
        is_other
    }

    /// Looks at names, by `lookup`, and at the interfaces.
    pub(crate) async fn look<F>(&mut self, lookup: impl Fn(String) -> F) -> bool
    where
        F: Future<Output = io::Result<Vec<IpAddr>>>,
    {
        let lookups = self.names().map(|name| {
            let (name, found) = (name.to_owned(), lookup(name.to_owned()));
            async {
                let found = tokio::time::timeout(LOOKUP_DEADLINE, found).await;
                (name, found.map_or_else(|_| vec![], Result::unwrap_or_default))
            }
        });
        let names = join_all(lookups).await.into_iter().collect();
        self.take(Seen { interfaces: of_interfaces(), names })
    }

    /// Looks once a minute, and hands on what has changed with `tell`; what it does not take is told
    /// again a minute later.
    pub(crate) async fn follow<F>(
        mut self,
        clock: Clock,
        lookup: impl Fn(String) -> F,
        tell: impl Fn(&[SocketAddr]) -> bool,
    ) where
        F: Future<Output = io::Result<Vec<IpAddr>>>,
    {
        let mut is_told = true;
        loop {
            clock.sleep_until(clock.now() + LOOK_EVERY).await;
            let is_other = self.look(&lookup).await;
            if is_other {
                tracing::info!("the addresses of media have changed");
            }
            if is_other || !is_told {
                is_told = tell(&self.now);
            }
        }
    }
}

/// Asks the system for the addresses of a name, in an order that does not change by itself.
pub(crate) async fn lookup(name: String) -> io::Result<Vec<IpAddr>> {
    let mut found: Vec<_> =
        tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect();
    found.sort_by_key(|address| (address.is_ipv6(), *address));
    found.truncate(MAX_ADDRESSES_OF_NAME);
    Ok(found)
}

/// How often names and interfaces are looked at. Longer leaves newcomers with dead addresses for
/// longer; shorter asks the DNS more often.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Time for one name. Longer delays the start where the DNS is silent.
const LOOKUP_DEADLINE: Duration = Duration::from_secs(5);

/// Addresses taken of one name. More would push the next entries out of the answers.
const MAX_ADDRESSES_OF_NAME: usize = 4;

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::sync::mpsc;

    use super::*;

    fn entries(texts: &[&str]) -> Vec<PublicEntry> {
        let entry = |text: &&str| PublicEntry {
            address: PublicAddress::parse(text).unwrap(),
            place: "entry 1 of public_addresses".to_owned(),
        };
        texts.iter().map(entry).collect()
    }

    fn seen(interfaces: &[&str], names: &[(&str, &[&str])]) -> Seen {
        let parse = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let names = names.iter().map(|(name, texts)| ((*name).to_owned(), parse(texts)));
        Seen { interfaces: parse(interfaces), names: names.collect() }
    }

    fn texts(advertised: &Advertised) -> Vec<String> {
        advertised.now().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn several_kinds_stand_beside_each_other_in_their_order() {
        let entries = entries(&["192.0.2.7:443", "auto", "visio.example:443", "10.0.0.2"]);
        let mut advertised = Advertised::new(entries);
        let names: [(&str, &[&str]); 1] = [("visio.example", &["198.51.100.1", "2001:db8::1"])];
        assert!(advertised.take(seen(&["10.0.0.2", "fd00::2"], &names)));
        let expected =
            ["192.0.2.7:443", "10.0.0.2:0", "[fd00::2]:0", "198.51.100.1:443", "[2001:db8::1]:443"];
        assert_eq!(texts(&advertised), expected);
        assert!(!advertised.take(seen(&["10.0.0.2", "fd00::2"], &names)), "nothing has changed");
        assert!(advertised.take(seen(&["10.0.0.3"], &names)), "this machine moved");
        assert_eq!(texts(&advertised)[1], "10.0.0.3:0");
    }

    #[test]
    fn only_ipv6_will_do() {
        let mut advertised = Advertised::new(entries(&["2001:db8::7", "visio.example"]));
        advertised.take(seen(&[], &[("visio.example", &["2001:db8::8"])]));
        assert_eq!(texts(&advertised), ["[2001:db8::7]:0", "[2001:db8::8]:0"]);
    }

    #[test]
    fn a_name_that_is_not_found_any_more_keeps_its_addresses() {
        let mut advertised = Advertised::new(entries(&["visio.example"]));
        assert!(advertised.take(seen(&["10.0.0.2"], &[("visio.example", &[])])));
        assert_eq!(advertised.missing, ["visio.example"]);
        assert_eq!(texts(&advertised), ["10.0.0.2:0"], "until anything is known");
        assert!(advertised.take(seen(&[], &[("visio.example", &["192.0.2.1"])])));
        assert!(advertised.missing.is_empty());
        assert!(!advertised.take(seen(&[], &[("visio.example", &[])])));
        assert_eq!(texts(&advertised), ["192.0.2.1:0"]);
    }

    #[tokio::test]
    async fn a_name_is_looked_up_each_minute_and_a_change_is_told_until_it_is_taken() {
        let (clock, hand) = Clock::manual();
        let answer: Mutex<Vec<IpAddr>> = Mutex::new(vec!["192.0.2.1".parse().unwrap()]);
        let (told, mut heard) = mpsc::unbounded_channel();
        let (asked, mut questions) = mpsc::unbounded_channel();
        let lookup = |name: String| {
            asked.send(name).unwrap();
            std::future::ready(Ok(answer.lock().unwrap().clone()))
        };
        let mut advertised = Advertised::new(entries(&["visio.example"]));
        assert!(advertised.look(lookup).await);
        assert_eq!(questions.recv().await.as_deref(), Some("visio.example"));
        let is_taken = Mutex::new(vec![true, false]);
        let tell = |addresses: &[SocketAddr]| {
            told.send(addresses.to_vec()).unwrap();
            is_taken.lock().unwrap().pop().unwrap()
        };
        let test = async {
            hand.advance(LOOK_EVERY);
            questions.recv().await.unwrap();
            *answer.lock().unwrap() = vec!["192.0.2.2".parse().unwrap()];
            hand.advance(LOOK_EVERY);
            questions.recv().await.unwrap();
            let first = heard.recv().await.unwrap();
            assert_eq!(
                first,
                ["192.0.2.2:0".parse::<SocketAddr>().unwrap()],
                "nothing was told without a change"
            );
            hand.advance(LOOK_EVERY);
            questions.recv().await.unwrap();
            assert_eq!(heard.recv().await.unwrap(), first, "it was not taken");
            hand.advance(LOOK_EVERY);
            questions.recv().await.unwrap();
            hand.advance(LOOK_EVERY);
            questions.recv().await.unwrap();
            assert!(heard.try_recv().is_err(), "it was taken");
        };
        tokio::select! {
            biased;
            () = advertised.follow(clock.clone(), lookup, tell) => {}
            () = test => {}
        }
    }

    #[tokio::test]
    async fn a_lookup_that_fails_gives_nothing() {
        let mut advertised = Advertised::new(entries(&["192.0.2.7", "visio.example"]));
        let fail = |_| std::future::ready(Err(io::Error::other("no such name")));
        advertised.look(fail).await;
        assert_eq!(texts(&advertised), ["192.0.2.7:0"]);
        assert!(lookup("localhost".to_owned()).await.unwrap().iter().all(IpAddr::is_loopback));
    }
}
