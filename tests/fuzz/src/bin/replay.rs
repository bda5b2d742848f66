//! Runs every property on stable Rust, without a C++ compiler and without guidance: over the kept corpus, the fixtures
//! and mutations of both. An input follows from its number and the inputs before mutations, so that all machines, with
//! however many threads, try the same ones.
//!
//! Usage: replay CORPUS FAILURES [TARGET]..   what does not hold is written to the folder FAILURES
//!        replay --input FILE TARGET          one input

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;
use std::{env, fs, panic, process, thread};

use streamgauge_fuzz::mutate::Mutator;
use streamgauge_fuzz::splits::Rng;
use streamgauge_fuzz::{TARGETS, Target, seeds, sequences};

/// What an input is at most after mutations.
const LONGEST: usize = 8192;
/// As much as a main thread has.
const STACK: usize = 8 << 20;

fn main() {
    let mut arguments = env::args().skip(1);
    let first = arguments.next().expect("the corpus's folder");
    let second = PathBuf::from(arguments.next().expect("the folder for what fails"));
    let wanted: Vec<String> = arguments.collect();
    let mut targets =
        TARGETS.iter().filter(|target| wanted.is_empty() || wanted.iter().any(|name| *name == target.name));
    if first == "--input" {
        return one(targets.next().expect("a target"), &fs::read(second).expect("the input"));
    }
    let fixtures = seeds::fixtures();
    for target in targets {
        run(target, Path::new(&first), &second, &fixtures);
    }
}

fn one(target: &Target, input: &[u8]) {
    if target.name == "sequences"
        && let Some((wire, stream)) = sequences::stream(input)
    {
        println!("a stream of {wire:?}: {}", stream.escape_ascii());
    }
    (target.property)(input);
    println!("{} holds", target.name);
}

fn run(target: &Target, corpus: &Path, failures: &Path, fixtures: &BTreeMap<&str, Vec<Vec<u8>>>) {
    let started = Instant::now();
    let kept = kept(&corpus.join(target.name));
    let count = kept.len();
    let inputs: Vec<Vec<u8>> =
        kept.into_iter().chain(fixtures.get(target.name).into_iter().flatten().cloned()).collect();
    assert!(!inputs.is_empty(), "{} has no inputs", target.name);
    let mutator = match target.words {
        None => Mutator::of_bytes(LONGEST),
        Some("json") => Mutator::of_json(LONGEST),
        Some(words) => Mutator::of_streams(words, LONGEST),
    };
    let input = |number: usize| match inputs.get(number) {
        Some(input) => input.clone(),
        None => mutator.mutated(&mut Rng::new(number as u64), &inputs),
    };
    let all = inputs.len() + target.runs;
    let (next, first_wrong) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    let work = || {
        loop {
            let number = next.fetch_add(1, Relaxed);
            // What comes before a failure is still tried, so that the first one is told.
            if number >= all || number > first_wrong.load(Relaxed) {
                break;
            }
            let input = input(number);
            if panic::catch_unwind(|| (target.property)(&input)).is_err() {
                first_wrong.fetch_min(number, Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).expect("a thread");
        }
    });
    match first_wrong.into_inner() {
        usize::MAX => {
            let (fixtures, seconds) = (inputs.len() - count, started.elapsed().as_secs());
            let Target { name, runs, .. } = target;
            println!("{name}: {count} kept inputs, {fixtures} fixtures, {runs} mutations in {seconds} s");
        }
        number => {
            let file = failures.join(format!("{}.input", target.name));
            fs::create_dir_all(failures).expect("the folder for what fails");
            fs::write(&file, input(number)).expect("the input that fails");
            // `fuzz.mjs` reads this line.
            println!("WRONG {} {}", target.name, file.display());
            process::exit(1);
        }
    }
}

fn kept(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a file of the corpus")).collect()
}
