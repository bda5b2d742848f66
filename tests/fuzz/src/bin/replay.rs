//! Runs every property on stable Rust, without a C++ compiler and without guidance: over the kept corpus, the fixtures
//! and mutations of both, the same ones each time.
//!
//! Usage: replay CORPUS [TARGET]..

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs, process};

use streamgauge_fuzz::splits::Rng;
use streamgauge_fuzz::{TARGETS, Target, seeds};

/// What an input is at most after mutations.
const LONGEST: usize = 8192;

fn main() {
    let mut arguments = env::args().skip(1);
    let corpus = PathBuf::from(arguments.next().expect("the corpus's folder"));
    let wanted: Vec<String> = arguments.collect();
    let fixtures = seeds::fixtures();
    for target in
        TARGETS.iter().filter(|target| wanted.is_empty() || wanted.iter().any(|name| *name == target.name))
    {
        run(target, &corpus, &fixtures);
    }
}

fn run(target: &Target, corpus: &Path, fixtures: &BTreeMap<&str, Vec<Vec<u8>>>) {
    let kept = kept(&corpus.join(target.name));
    let count = kept.len();
    let inputs: Vec<Vec<u8>> =
        kept.into_iter().chain(fixtures.get(target.name).into_iter().flatten().cloned()).collect();
    assert!(!inputs.is_empty(), "{} has no inputs", target.name);
    for input in &inputs {
        check(target, input);
    }
    let words = target.words.map_or_else(Vec::new, words);
    let mut rng = Rng::new(1);
    for _ in 0..target.runs {
        check(target, &mutated(&mut rng, &inputs, &words));
    }
    println!(
        "{}: {count} kept inputs, {} fixtures, {} mutations",
        target.name,
        inputs.len() - count,
        target.runs
    );
}

fn check(target: &Target, input: &[u8]) {
    if std::panic::catch_unwind(|| (target.property)(input)).is_err() {
        eprintln!("{} does not hold for: {}", target.name, input.escape_ascii());
        process::exit(1);
    }
}

fn kept(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a file of the corpus")).collect()
}

/// The words of a dictionary of libFuzzer's: `"text\xFF"`, one per line.
fn words(name: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("dictionaries").join(format!("{name}.dict"));
    let text = fs::read_to_string(&path).expect("a dictionary");
    let quoted = text.lines().filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
    quoted.map(unescaped).collect()
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut pieces = text.split("\\x");
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).expect("two digits"));
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    bytes
}

fn mutated(rng: &mut Rng, inputs: &[Vec<u8>], words: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = rng.pick(inputs).clone();
    for _ in 0..=rng.below(4) {
        let at = rng.below(bytes.len() + 1);
        let end = (at + rng.below(32)).min(bytes.len());
        match rng.below(8) {
            0 if at < bytes.len() => bytes[at] = rng.next() as u8,
            1 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let piece = bytes[at..end].to_vec();
                let to = rng.below(bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
            4 => {
                let other = rng.pick(inputs);
                let from = rng.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            5 => bytes.truncate(at),
            _ if words.is_empty() => bytes.insert(at, rng.next() as u8),
            6 => drop(bytes.splice(at..end, rng.pick(words).iter().copied())),
            _ => drop(bytes.splice(at..at, rng.pick(words).iter().copied())),
        }
    }
    bytes.truncate(LONGEST);
    bytes
}
