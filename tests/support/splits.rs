//! Every way to cut an input into chunks that a parser's result must not depend on.
//!
//! ```ignore
//! #[path = "support/splits.rs"]
//! mod splits;
//!
//! for way in splits::ways(bytes, 7) {
//!     assert_eq!(parse(&way.chunks), expected, "{way}");
//! }
//! ```
#![allow(dead_code, reason = "each test binary that includes this file uses a part of it")]

use std::fmt;

/// Inputs up to this many bytes are cut in two at every position, longer ones at [`SAMPLED`] random ones.
pub const EXHAUSTIVE: usize = 4096;
const SAMPLED: usize = 200;
const MULTI: usize = 24;

/// One way to cut an input. Chunks may be empty; joined they are the input.
#[derive(Debug, Clone)]
pub struct Way<'a> {
    name: Name,
    pub chunks: Vec<&'a [u8]>,
}

#[derive(Debug, Clone, Copy)]
enum Name {
    Whole,
    Bytewise,
    At(usize),
    Random { seed: u64, mean: usize },
}

impl fmt::Display for Way<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            Name::Whole => f.write_str("in one chunk"),
            Name::Bytewise => f.write_str("byte by byte"),
            Name::At(at) => write!(f, "split at {at}"),
            Name::Random { seed, mean } => {
                write!(f, "split by random_way(bytes, {seed:#x}, {mean}); chunks of ")?;
                f.debug_list().entries(self.chunks.iter().take(64).map(|chunk| chunk.len())).finish()
            }
        }
    }
}

/// Yields: whole; byte by byte; in two parts at every position (a sample of a long input's); at random positions.
pub fn ways(bytes: &[u8], seed: u64) -> impl Iterator<Item = Way<'_>> {
    let whole = Way { name: Name::Whole, chunks: vec![bytes] };
    let bytewise = std::iter::once_with(|| Way { name: Name::Bytewise, chunks: bytes.chunks(1).collect() });
    let mut rng = Rng::new(seed);
    let cuts: Vec<usize> = if bytes.len() <= EXHAUSTIVE {
        (0..=bytes.len()).collect()
    } else {
        (0..SAMPLED).map(|_| rng.below(bytes.len() + 1)).collect()
    };
    let in_two = cuts.into_iter().map(|at| {
        let (left, right) = bytes.split_at(at);
        Way { name: Name::At(at), chunks: vec![left, right] }
    });
    std::iter::once(whole).chain(bytewise).chain(in_two).chain(random_ways(bytes, seed, MULTI))
}

/// Yields `count` ways with chunks of random lengths: from a few bytes each to a few chunks in all.
pub fn random_ways(bytes: &[u8], seed: u64, count: usize) -> impl Iterator<Item = Way<'_>> {
    let mut rng = Rng::new(seed);
    (0..count).map(move |_| {
        // The scale is random too: 2, 4, 8, .. bytes a chunk, up to half the input; a long one is not crumbled.
        let least = bytes.len() / 65_536 + 2;
        let doublings = (bytes.len() / least).checked_ilog2().unwrap_or(0) as usize;
        let mean = least << rng.below(doublings.max(1));
        random_way(bytes, rng.next(), mean)
    })
}

/// Cuts into chunks of 0 to `2 * mean` bytes.
pub fn random_way(bytes: &[u8], seed: u64, mean: usize) -> Way<'_> {
    let mut rng = Rng::new(seed);
    let mut chunks = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (chunk, tail) = rest.split_at(rng.below(2 * mean + 1).min(rest.len()));
        chunks.push(chunk);
        rest = tail;
    }
    Way { name: Name::Random { seed, mean }, chunks }
}

/// xorshift64*: the same numbers everywhere from the same seed.
#[derive(Debug)]
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        // splitmix64, so that seeds 1, 2, 3 are not alike; and a state of 0 would stay 0.
        let mixed =
            (seed.wrapping_add(0x9E37_79B9_7F4A_7C15) ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        Self((mixed ^ (mixed >> 27)) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number from 0 to `end - 1`.
    pub fn below(&mut self, end: usize) -> usize {
        ((self.next() >> 11) % end as u64) as usize
    }

    pub fn pick<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.below(of.len())]
    }
}
