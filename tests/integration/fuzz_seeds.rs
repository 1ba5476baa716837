//! Replays the committed inputs of every fuzz target through the function the fuzzer calls: its seeds,
//! which say what they are by their names; what comes of them when they are cut, altered and put
//! together by chance; and the pack of what the fuzzer found, where there is one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tests::Random;
use tests::fuzz::{TARGETS, Target};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
}

/// Says which input it was when a target panics.
struct Replaying<'a>(&'a str, &'a str, &'a [u8]);

impl Drop for Replaying<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{} broke a promise with {}: {:02x?}", self.0, self.1, self.2);
        }
    }
}

/// Does something with every target, several at a time, and gives the sum of what comes of it.
fn with_every_target(each: impl Fn(&str, Target) -> usize + Sync) -> usize {
    let (next, sum) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((name, target)) = TARGETS.get(next.fetch_add(1, Ordering::Relaxed)) {
                    sum.fetch_add(each(name, *target), Ordering::Relaxed);
                }
            });
        }
    });
    sum.into_inner()
}

/// The seeds of a target, each with its name.
fn seeds(name: &str) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(folder("seeds").join(name)).expect("every target has seeds");
    let mut seeds: Vec<_> = files
        .map(|file| {
            let path = file.expect("the folder can be listed").path();
            let bytes = fs::read(&path).expect("a seed can be read");
            (path.display().to_string(), bytes)
        })
        .collect();
    seeds.sort();
    assert!(seeds.len() >= 3, "{name} has {} seeds", seeds.len());
    seeds
}

/// The inputs that the fuzzer found, if any are kept: each behind its length, in their order.
fn packed(name: &str) -> Vec<Vec<u8>> {
    let packed = fs::read(folder("corpus").join(format!("{name}.pack"))).unwrap_or_default();
    let (mut rest, mut inputs) = (&packed[..], Vec::<Vec<u8>>::new());
    while let Some((length, behind)) = rest.split_first_chunk::<2>() {
        let (bytes, behind) = behind.split_at(usize::from(u16::from_be_bytes(*length)));
        let is_behind = |last: &Vec<u8>| (last.len(), &last[..]) < (bytes.len(), bytes);
        assert!(inputs.last().is_none_or(is_behind), "{name}: out of order, or twice");
        inputs.push(bytes.to_vec());
        rest = behind;
    }
    assert!(rest.is_empty(), "{name}: half an input");
    inputs
}

#[test]
fn every_input_of_the_corpus_is_handled_as_it_must_be() {
    let replayed = with_every_target(|name, target| {
        let packed = packed(name).into_iter().map(|bytes| ("its pack".to_owned(), bytes));
        let inputs: Vec<_> = seeds(name).into_iter().chain(packed).collect();
        for (called, bytes) in &inputs {
            let _replaying = Replaying(name, called, bytes);
            target(bytes);
        }
        inputs.len()
    });
    eprintln!("{replayed} inputs");
    assert!(replayed >= LEAST_INPUTS, "{replayed} inputs");
}

#[test]
fn what_comes_of_seeds_by_chance_is_handled_as_it_must_be() {
    let tried = with_every_target(|name, target| {
        let seeds = seeds(name);
        let mut random = Random::new(RANDOM_SEED);
        for number in 0..CHANCES {
            let (called, bytes) = &seeds[number % seeds.len()];
            let other = &seeds[random.below(seeds.len() as u64) as usize].1;
            let altered = altered(bytes, other, &mut random);
            let _replaying = Replaying(name, called, &altered);
            target(&altered);
        }
        CHANCES
    });
    assert!(tried >= 20_000, "{tried}");
}

/// An input with one to eight changes, some of which take a part of `other` over.
fn altered(bytes: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(8) {
        let at = random.below(bytes.len() as u64 + 1) as usize;
        let end = at + random.below((bytes.len() - at) as u64 + 1) as usize;
        match (random.below(8), bytes.get_mut(at)) {
            (0, Some(byte)) => *byte ^= 1 << random.below(8),
            (1, Some(byte)) => *byte = [0, 1, 0x7f, 0x80, 0xff][random.below(5) as usize],
            (2, Some(byte)) => *byte = random.bits() as u8,
            (3, _) => bytes.truncate(at),
            (4, _) => drop(bytes.drain(at..end)),
            (5, _) => {
                let again = bytes[at..end.min(at + 40)].to_vec();
                bytes.splice(at..at, again);
            }
            (6, _) => {
                let from = random.below(other.len() as u64 + 1) as usize;
                bytes.splice(at..end, other[from..].iter().take(200).copied());
            }
            _ => {
                let length = random.below(9) as usize;
                bytes.splice(at..at, random.bytes(length));
            }
        }
        bytes.truncate(LONGEST);
    }
    bytes
}

#[test]
fn every_target_has_a_program_for_the_fuzzer() {
    let mut files: Vec<String> = fs::read_dir(folder("fuzz_targets"))
        .expect("the programs stand beside the seeds")
        .map(|file| file.expect("the folder can be listed").file_name())
        .map(|name| name.to_string_lossy().trim_end_matches(".rs").to_owned())
        .collect();
    files.sort();
    assert_eq!(files, TARGETS.map(|(name, _)| name));
}

/// Inputs that are replayed, over all targets. What got lost would otherwise pass in silence.
const LEAST_INPUTS: usize = 20_000;

/// Inputs by chance, for each target.
const CHANCES: usize = 1_000;

/// Another one gives other inputs.
const RANDOM_SEED: u64 = 1;

/// Longest of those inputs.
const LONGEST: usize = 16_384;
