//! Replays the committed seeds of every fuzz target through the function the fuzzer calls.

use std::path::Path;

use tests::fuzz::TARGETS;

#[test]
fn every_seed_is_handled_as_it_must_be() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    for (name, target) in TARGETS {
        let folder = std::fs::read_dir(seeds.join(name)).expect("every target has seeds");
        let mut replayed = 0;
        for file in folder {
            let path = file.expect("the folder can be listed").path();
            let bytes = std::fs::read(&path).expect("a seed can be read");
            // The name of the seed is in the panic's output, should there be one.
            eprintln!("replaying {}", path.display());
            target(&bytes);
            replayed += 1;
        }
        assert!(replayed >= 3, "{name} has {replayed} seeds");
    }
}

#[test]
fn every_target_has_a_program_for_the_fuzzer() {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let mut files: Vec<String> = std::fs::read_dir(programs)
        .expect("the programs stand beside the seeds")
        .map(|file| file.expect("the folder can be listed").file_name())
        .map(|name| name.to_string_lossy().trim_end_matches(".rs").to_owned())
        .collect();
    files.sort();
    assert_eq!(files, TARGETS.map(|(name, _)| name));
}
