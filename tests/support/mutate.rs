//! Inputs that make no sense, close to some that do: the generator of all tests that want them, and its words.
//!
//! The same seed of the random numbers and the same inputs give the same mutations on every machine.
#![allow(dead_code, reason = "each test binary that includes this file uses a part of it")]

use crate::splits::Rng;

/// Makes mutations of one kind of input.
pub struct Mutator {
    words: Vec<Vec<u8>>,
    /// How many of four changes know what JSON is made of.
    json: usize,
    longest: usize,
}

impl Mutator {
    /// For bytes that mean nothing as text.
    pub fn of_bytes(longest: usize) -> Self {
        Self { words: Vec::new(), json: 0, longest }
    }

    /// For streams, headers and answers, with the words of a dictionary.
    pub fn of_streams(dictionary: &str, longest: usize) -> Self {
        Self { words: words(dictionary), json: 1, longest }
    }

    /// For JSON documents.
    pub fn of_json(longest: usize) -> Self {
        Self { words: words("json"), json: 3, longest }
    }

    /// One of the inputs with one to four changes.
    pub fn mutated(&self, rng: &mut Rng, inputs: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = rng.pick(inputs).clone();
        for _ in 0..=rng.below(4) {
            self.change(rng, inputs, &mut bytes);
        }
        bytes
    }

    /// Changes something. The changes that want another input take one of these.
    pub fn change(&self, rng: &mut Rng, inputs: &[Vec<u8>], bytes: &mut Vec<u8>) {
        if rng.below(4) < self.json {
            json(rng, inputs, bytes)
        } else {
            self.any(rng, inputs, bytes)
        }
        bytes.truncate(self.longest);
    }

    fn any(&self, rng: &mut Rng, inputs: &[Vec<u8>], bytes: &mut Vec<u8>) {
        let at = rng.below(bytes.len() + 1);
        let end = (at + rng.below(40)).min(bytes.len());
        match rng.below(10) {
            0 if at < bytes.len() => bytes[at] = rng.next() as u8,
            1 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let piece = bytes[at..end].to_vec();
                let to = rng.below(bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
            4 => {
                // The end of another one.
                let other = rng.pick(inputs);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[rng.below(other.len() + 1)..]);
            }
            5 if rng.below(3) == 0 => bytes.truncate(at),
            6 => {
                // Lines in another order, or twice.
                let lines: Vec<Vec<u8>> =
                    bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
                if lines.len() > 1 {
                    *bytes = (0..lines.len()).flat_map(|_| rng.pick(&lines).clone()).collect();
                }
            }
            _ if self.words.is_empty() => bytes.insert(at, rng.next() as u8),
            7 => drop(bytes.splice(at..end, rng.pick(&self.words).iter().copied())),
            _ => insert(bytes, at, rng.pick::<Vec<u8>>(&self.words)),
        }
    }
}

fn json(rng: &mut Rng, inputs: &[Vec<u8>], bytes: &mut Vec<u8>) {
    let at = rng.below(bytes.len() + 1);
    match rng.below(9) {
        0 => insert(bytes, at, any(rng, STRUCTURAL)),
        // Behind a letter one is mostly in a string.
        1 | 2 => {
            let behind = place(bytes, at, |byte| byte.is_ascii_alphabetic()).map_or(at, |found| found + 1);
            insert(bytes, behind, any(rng, IN_STRINGS));
        }
        3 | 4 => {
            if let Some(start) = place(bytes, at, |byte| byte.is_ascii_digit() || byte == b'-') {
                let len = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                bytes.splice(start..start + len.max(1), any(rng, NUMBERS).iter().copied());
            }
        }
        // In the place of a value, mostly.
        5 | 6 => {
            if let Some(start) = place(bytes, at, |byte| matches!(byte, b':' | b'[' | b',')) {
                let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b']');
                let len = bytes[start + 1..].iter().take_while(|byte| !is_end(byte)).count();
                let value = if rng.below(3) == 0 { NUMBERS } else { VALUES };
                bytes.splice(start + 1..start + 1 + len, any(rng, value).iter().copied());
            }
        }
        7 => {
            let around = |byte| matches!(byte, b':' | b'[' | b',' | b'{' | b'}' | b']');
            let behind = place(bytes, at, around).map_or(at, |found| found + rng.below(2));
            insert(bytes, behind, any(rng, SPACES));
        }
        _ if rng.below(2) == 0 => {
            let depth = if rng.below(10) == 0 { 120 + rng.below(20) } else { rng.below(8) };
            let (open, close) = if rng.below(2) == 0 { ("[", "]") } else { ("{\"a\":", "}") };
            let less = if rng.below(4) == 0 { depth.saturating_sub(1) } else { depth };
            insert(bytes, 0, open.repeat(depth).as_bytes());
            bytes.extend_from_slice(close.repeat(less).as_bytes());
        }
        _ => {
            // A whole document as a value.
            if let Some(start) = place(bytes, at, |byte| matches!(byte, b':' | b'[')) {
                let other = rng.pick(inputs).iter().copied();
                bytes.splice(start + 1..start + 1, other.chain(*b","));
            }
        }
    }
}

fn any(rng: &mut Rng, of: &[&'static str]) -> &'static [u8] {
    of[rng.below(of.len())].as_bytes()
}

fn insert(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    bytes.splice(at..at, piece.iter().copied());
}

/// The first byte at or behind `at` that is wanted.
fn place(bytes: &[u8], at: usize, is_wanted: impl Fn(u8) -> bool) -> Option<usize> {
    Some(at + bytes[at..].iter().position(|byte| is_wanted(*byte))?)
}

/// The words of a dictionary of libFuzzer's: `"text\xFF"`, one per line.
fn words(name: &str) -> Vec<Vec<u8>> {
    let text = match name {
        "anthropic" => include_str!("../fuzz/dictionaries/anthropic.dict"),
        "chat" => include_str!("../fuzz/dictionaries/chat.dict"),
        "json" => include_str!("../fuzz/dictionaries/json.dict"),
        "otlp" => include_str!("../fuzz/dictionaries/otlp.dict"),
        "responses" => include_str!("../fuzz/dictionaries/responses.dict"),
        "sse" => include_str!("../fuzz/dictionaries/sse.dict"),
        other => panic!("there is no dictionary {other}"),
    };
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

const STRUCTURAL: &[&str] =
    &["\"", "{", "}", "[", "]", ",", ":", "\\", "{}", "[]", "\"\"", ",,", "[[", "]]", "\":\"", "\",\""];
const IN_STRINGS: &[&str] = &[
    "\\u0041",
    "\\uD83D\\uDE00",
    "\\ud83d",
    "\\ude00",
    "\\ud83d\\ud83d",
    "\\ud83dx",
    "\\ud83d\\n",
    "\\udfff\\ud800",
    "\\u",
    "\\u12",
    "\\u12G4",
    "\\uD83D\\u",
    "\\uD83D\\u00",
    "\\\\",
    "\\\"",
    "\\/",
    "\\b",
    "\\f",
    "\\n",
    "\\r",
    "\\t",
    "\\x",
    "\\0",
    "\\'",
    "\\U0041",
    "\u{0}",
    "\u{1}",
    "\u{8}",
    "\n",
    "\r",
    "\t",
    "\u{1f}",
    "\u{7f}",
    "\u{80}",
    "é",
    "ß",
    "€",
    "😀",
    "\u{2028}",
    "\u{feff}",
    "\u{fffd}",
    "\\u0000",
    "\\\\u0041",
    "\\\\\\u0041",
];
const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "00",
    "01",
    "-01",
    "1.",
    ".1",
    "-",
    "-.5",
    "1e",
    "1e+",
    "1e-",
    "1E5",
    "1e+05",
    "0e0",
    "0.0",
    "-0.0e-0",
    "1.5e3",
    "1e999",
    "-1e999",
    "1e-999",
    "123456789012345678901234567890",
    "18446744073709551616",
    "-9223372036854775809",
    "0x10",
    "1_000",
    "+1",
    "1..2",
    "1.2.3",
    "1e5e5",
    "NaN",
    "Infinity",
    "-Infinity",
    "1,0",
    "٣",
    "1 2",
    "0.1e1.5",
    "00.5",
    "9007199254740993.0",
];
const VALUES: &[&str] = &[
    "null",
    "true",
    "false",
    "nul",
    "nulll",
    "True",
    "tru",
    "fals",
    "undefined",
    "{}",
    "[]",
    "[null]",
    "{\"a\":1}",
    "\"\"",
    "\"x\"",
    "{\"a\":{\"a\":[]}}",
    "[1,]",
    "{\"a\":1,}",
    "{,}",
    "[,]",
    "{1:2}",
    "{\"a\"}",
    "'a'",
];
const SPACES: &[&str] = &[
    " ", "\t", "\n", "\r", "\r\n", "  \n\t", "\u{b}", "\u{c}", "\u{a0}", "\u{85}", "\u{2003}", "\u{feff}",
    "\u{0}", "/**/", "//\n", "#",
];
