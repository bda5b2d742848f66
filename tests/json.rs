//! The scanner of `src/scan/json/` beside `serde_json`, which it has to agree with: what is JSON, what is wrong with what is
//! not, and what an accepted document says, by its tape and without one. Over every frame of the recorded corpus and
//! of the project's own streams, their beginnings, and 200 000 mutations.

#[path = "support/mutate.rs"]
mod mutate;
#[path = "support/corpus.rs"]
mod recordings;
#[path = "support/same_json.rs"]
mod same_json;
#[path = "support/say.rs"]
mod say;
#[path = "support/splits.rs"]
mod splits;
#[path = "support/table.rs"]
mod table;

use std::collections::HashSet;
use std::fmt::Write;
use std::{fs, panic, thread};

use mutate::Mutator;
use same_json::compare;
use say::say;
use serde_json::{Value, json};
use splits::Rng;
use streamgauge::json::{self, Tape, ToJson};
use streamgauge::sse::Framer;
use streamgauge::{Counts, Created, Timings};

const MUTATIONS: usize = 200_000;

// --------------------------------------------------------------------------------------------- the comparison

/// How often the comparison came out as what.
#[derive(Default)]
struct Tally {
    accepted: usize,
    refused: usize,
    wrong: Vec<String>,
}

impl Tally {
    fn compare(&mut self, text: &str, tape: &mut Tape, what: impl FnOnce() -> String) {
        let result = panic::catch_unwind(panic::AssertUnwindSafe(|| compare(text, tape)));
        match result.unwrap_or_else(|_| Err("panicked (its message is further up)".to_owned())) {
            Ok(true) => self.accepted += 1,
            Ok(false) => self.refused += 1,
            Err(problem) => {
                let shown: String = text.chars().take(2000).collect();
                self.wrong.push(format!("{}: {problem}\n    {shown:?}", what()));
            }
        }
    }

    fn report(mut self, what: &str) {
        let all = self.accepted + self.refused + self.wrong.len();
        say(format_args!("{} of {all} {what} read as serde_json reads them", all - self.wrong.len()));
        self.wrong.sort_by_key(String::len);
        let first = self.wrong.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n");
        assert!(self.wrong.is_empty(), "{} {what} wrong, the shortest:\n{first}", self.wrong.len());
    }
}

// ------------------------------------------------------------------------------------------------- documents

/// The data of every frame of a stream.
fn data_of(stream: &[u8], into: &mut Vec<String>) {
    let mut framer = Framer::new(usize::MAX);
    let mut input = stream;
    while let Some(frame) = framer.poll_frame(&mut input).unwrap() {
        into.push(frame.data.to_owned());
    }
    if let Some(frame) = framer.finish().unwrap() {
        into.push(frame.data.to_owned());
    }
}

/// The data of every frame of the project's own streams.
fn own_data() -> Vec<String> {
    let mut data = Vec::new();
    for case in table::cases().into_iter().chain(table::responses_cases()) {
        data_of(&case.bytes, &mut data);
    }
    data
}

/// The data of every frame of the corpus, where there is one.
fn corpus_data() -> Vec<String> {
    let mut data = Vec::new();
    for wire in ["chat", "responses", "anthropic"] {
        for path in recordings::streams(wire).into_iter().flatten() {
            data_of(&fs::read(path).unwrap(), &mut data);
        }
    }
    data
}

/// Frames of different shapes: of those with equal bytes but for letters and digits, one.
fn sample(data: &[String], longest: usize) -> Vec<String> {
    let mut shapes = HashSet::new();
    let shape = |text: &str| {
        let mut shape: Vec<char> = text.chars().filter(|c| !c.is_alphanumeric() && *c != ' ').collect();
        shape.truncate(200);
        shape
    };
    let is_new = |text: &&String| text.len() <= longest && shapes.insert(shape(text));
    data.iter().filter(is_new).cloned().collect()
}

/// What JSON has that no provider sends.
const DOCUMENTS: &[&str] = &[
    r#"{"a":[1,-0,0.5,1e5,-1.25E-7,12345678901234567890,0e0],"b":{"c":null,"d":true,"e":false}}"#,
    r#"{"":"","a":"\"\\\/\b\f\n\r\t","\u0061":"\u0041\u00e9\u20AC","x":[[],{},[{}],{"y":[]}]}"#,
    r#"{"s":"\ud83d\ude00","h":"\ud83d","l":"\ude00","r":"\ude00\ud83d","t":"\ud83d\ud83d\ude00x"}"#,
    "[\"plain\",\"é€😀\",\"\u{7f}\u{80}\u{2028}\u{feff}\",\"exactly8\",\"exactly_16_bytes\"]",
    " \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } , \"c\" : [ ] } \n",
    r#"{"k":1,"k":"two","k":[3],"k":{"k":{"k":4}}}"#,
    r#"[[[[[[[[[[[[[[[["deep"]]]]]]]]]]]]]]]]"#,
    r#"{"\ud83d":1,"\ude00":2,"\ud83d\ude00":3,"\u0000":4}"#,
    "0",
    "\"string\"",
    "null",
];

// ----------------------------------------------------------------------------------------------------- tests

#[test]
fn every_frame_is_read_as_serde_json_reads_it() {
    let (mut tape, mut tally) = (Tape::default(), Tally::default());
    let (own, corpus) = (own_data(), corpus_data());
    for (number, text) in own.iter().chain(&corpus).enumerate() {
        tally.compare(text, &mut tape, || format!("frame {number}"));
    }
    assert!(tally.accepted > 1000, "{} accepted", tally.accepted);
    tally.report("frames");
}

#[test]
fn every_beginning_is_refused_as_serde_json_refuses_it() {
    let mut texts: Vec<String> = DOCUMENTS.iter().map(|text| (*text).to_owned()).collect();
    texts.extend(sample(&own_data(), 600).into_iter().step_by(4));
    texts.extend(sample(&corpus_data(), 900).into_iter().step_by(6));
    let (mut tape, mut tally) = (Tape::default(), Tally::default());
    for text in &texts {
        for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
            tally.compare(&text[..end], &mut tape, || format!("the first {end} bytes"));
        }
    }
    say(format_args!("{} documents, every beginning", texts.len()));
    tally.report("beginnings");
}

/// What is not JSON, and the words for it: those of a tree, which differ here and there from what passing a value over
/// says (`expected value`, `key must be a string`).
#[test]
fn the_words_of_errors() {
    let table: &[(&str, &str)] = &[
        ("", "EOF while parsing a value at line 1 column 0"),
        (" \n ", "EOF while parsing a value at line 2 column 1"),
        ("nope", "expected ident at line 1 column 2"),
        ("nul", "EOF while parsing a value at line 1 column 3"),
        ("{} {}", "trailing characters at line 1 column 4"),
        ("[1,]", "trailing comma at line 1 column 4"),
        ("{\"a\":1,}", "trailing comma at line 1 column 8"),
        ("[1 2]", "expected `,` or `]` at line 1 column 4"),
        ("{\"a\" 1}", "expected `:` at line 1 column 6"),
        ("{\"a\":1 \"b\":2}", "expected `,` or `}` at line 1 column 8"),
        ("{a:1}", "key must be a string at line 1 column 2"),
        ("[1}", "expected `,` or `]` at line 1 column 3"),
        ("\"a\u{1}\"", "control character (\\u0000-\\u001F) found while parsing a string at line 1 column 3"),
        ("\"\\x\"", "invalid escape at line 1 column 3"),
        ("\"\\u12\"", "EOF while parsing a string at line 1 column 6"),
        ("\"abc", "EOF while parsing a string at line 1 column 4"),
        ("{\"a\":1", "EOF while parsing an object at line 1 column 6"),
        ("[1", "EOF while parsing a list at line 1 column 2"),
        ("01", "invalid number at line 1 column 2"),
        ("1.", "EOF while parsing a value at line 1 column 2"),
        ("+1", "expected value at line 1 column 1"),
        (".5", "expected value at line 1 column 1"),
        ("\u{feff}{}", "expected value at line 1 column 1"),
        ("{}\u{a0}", "trailing characters at line 1 column 3"),
        ("{}\u{c}", "trailing characters at line 1 column 3"),
        ("[NaN]", "expected value at line 1 column 2"),
        // Something that alone is no reason to refuse, then a reason: a tree's first word counts.
        ("[\"\\ud83d\",]", "unexpected end of hex escape at line 1 column 9"),
        ("[1e999,]", "number out of range at line 1 column 6"),
    ];
    let mut tape = Tape::default();
    for (text, expected) in table {
        assert_eq!(json::document(text).err().as_deref(), Some(*expected), "{text:?}");
        assert_eq!(tape.document(text).err().as_deref(), Some(*expected), "{text:?}, with a tape");
        assert_eq!(compare(text, &mut tape), Ok(false), "{text:?}");
    }
    for text in ["[\"\\ud83d\"]", "[1e999]", "-0", "1E+0", "{\"\\ude00\":\"\\ud83d\\u0041\"}", " \r\n[ ]\t"] {
        assert_eq!(compare(text, &mut tape), Ok(true), "{text:?}");
    }
}

/// A tape has an end; documents with more values are read without one.
#[test]
fn documents_larger_than_a_tape() {
    let (mut tape, mut tally) = (Tape::default(), Tally::default());
    let limit = 1_usize << 15;
    let list = |count: usize, element: &str| format!("[{}]", vec![element; count].join(" ,"));
    for count in (limit - 3..limit + 3).chain([limit + limit / 2]) {
        for text in [
            list(count, "1"),
            list(count, "\"\\ud83d\""),
            list(count, "{\"k\\n\":0}"),
            format!("{{\"a\":{},\"b\":{{\"c\":[null,\"\\u00e9\"]}}}}", list(count, "[]")),
            format!("{{{}\"z\":[1]}}", "\"a\": true ,".repeat(count)),
            // And refused ones.
            list(count, "1").replace(']', ",]"),
            list(count, "1") + "x",
            format!("{}\"", list(count, "1").trim_end_matches(']')),
        ] {
            tally.compare(&text, &mut tape, || format!("{count} values"));
            // The next document has a tape again.
            tally.compare(DOCUMENTS[0], &mut tape, || format!("after {count} values"));
        }
    }
    tally.report("documents around a tape's size");
}

#[test]
fn deep_documents() {
    let (mut tape, mut tally) = (Tape::default(), Tally::default());
    for depth in [1, 126, 127, 128, 129, 1000] {
        for text in [
            format!("{}1{}", "[".repeat(depth), "]".repeat(depth)),
            format!("{}[]{}", "{\"a\":".repeat(depth), "}".repeat(depth)),
            format!("{}1{}", "[{\"a\":".repeat(depth), "}]".repeat(depth)),
            format!("{}1{}", "[".repeat(depth), "]".repeat(depth + 1)),
            format!("{}1{}", "[".repeat(depth), "}".repeat(depth)),
            "[".repeat(depth),
        ] {
            tally.compare(&text, &mut tape, || format!("{depth} levels"));
        }
    }
    // Too deep for walking with serde_json, which reads each level again.
    for depth in [32_000, 100_000] {
        let text = format!("{}\"x\"{}", "[".repeat(depth), "]".repeat(depth));
        for raw in [json::document(&text), tape.document(&text)] {
            let mut raw = raw.unwrap();
            if depth > 1 << 15 {
                // Without a tape each level is looked for again: a few show it as well.
                for _ in 0..100 {
                    raw = json::elements(raw).next().unwrap();
                }
                assert_eq!(raw.len(), text.len() - 200);
            } else if raw.len() == text.len() {
                for _ in 0..500 {
                    raw = json::elements(raw).next().unwrap();
                }
                assert_eq!(raw.len(), text.len() - 1000);
            }
        }
        let broken = &text[..text.len() - 1];
        assert_eq!(tape.document(broken).unwrap_err(), json::document(broken).unwrap_err());
        let tree = serde_json::from_str::<Value>(broken).unwrap_err().to_string();
        assert_eq!(tape.document(broken).unwrap_err(), tree);
    }
    tally.report("deep documents");
}

/// Strings of every length around the scanner's blocks, with every byte that may stand out in every place.
#[test]
fn strings_at_every_offset() {
    let (mut tape, mut tally) = (Tape::default(), Tally::default());
    let special: &[&str] = &[
        "\"", "\\", "\\\\", "\\\"", "\\u0041", "\\u004", "\\q", "\u{1f}", "\u{0}", "\u{7f}", "é", "😀", " ",
        "!",
    ];
    for len in 0..26 {
        for at in 0..=len {
            for piece in special {
                // After the piece an `!` (one above the quote's neighbour), which a borrow would mark.
                let text = format!("[\"{}{piece}!{}\"]", "a".repeat(at), "\u{80}".repeat((len - at) / 2));
                tally.compare(&text, &mut tape, || format!("{piece:?} at {at} of {len}"));
                let key = format!("{{\"{}{piece}\":0,\"{}\":\"\"}}", "#".repeat(at), "~".repeat(len - at));
                tally.compare(&key, &mut tape, || format!("{piece:?} at {at} of {len}, in a key"));
            }
        }
    }
    tally.report("strings");
}

/// Numbers: every text of up to five characters of those that a number may have.
#[test]
fn numbers_of_every_spelling() {
    let (mut tape, mut tally) = (Tape::default(), Tally::default());
    let letters = ["-", "0", "1", ".", "e", "E", "+", "9"];
    let mut texts = vec![String::new()];
    let mut from = 0;
    for _ in 0..5 {
        let until = texts.len();
        for at in from..until {
            for letter in letters {
                texts.push(texts[at].clone() + letter);
            }
        }
        from = until;
    }
    // Around the ends of a double's range, by digits and by exponents; but not around its very last digits, which only
    // serde_json's table of powers has.
    for digits in ["0", "0.000", "1", "17976931348623", "17976931348624", "0.5", "2.5"] {
        for zeros in [0, 1, 5, 280, 292, 310] {
            for exponent in
                ["", "e0", "e293", "e294", "e295", "e296", "e307", "e308", "e309", "e-308", "e-324"]
            {
                let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
                texts.push(format!(
                    "{whole}{}.{fraction}0{exponent}",
                    if whole == "0" { String::new() } else { "0".repeat(zeros) }
                ));
                texts.push(format!("-0.{}{whole}{fraction}{exponent}", "0".repeat(zeros)));
            }
        }
        for exponent in
            ["2147483647", "2147483648", "4294967296", "18446744073709551616", "99999999999999999999"]
        {
            texts.extend(["", "+", "-"].map(|sign| format!("{digits}e{sign}{exponent}")));
        }
    }
    let mut list = String::new();
    for text in &texts {
        tally.compare(text, &mut tape, || format!("{text:?}"));
        // A fault behind it shows whether it is one itself.
        tally.compare(&format!("[{text}?"), &mut tape, || format!("{text:?} before a fault"));
        list.clear();
        write!(list, "[{text} ,{text}]").unwrap();
        tally.compare(&list, &mut tape, || format!("{text:?} in a list"));
    }
    tally.report("numbers");
}

/// What is written is what `serde_json` writes: strings with every character that may stand out, and numbers.
#[test]
fn what_is_written() {
    let mut rng = Rng::new(9);
    for number in 0..20_000_u32 {
        let any = |rng: &mut Rng| match rng.below(4) {
            0 => char::from_u32(number).unwrap_or('"'),
            1 => *rng.pick(&['"', '\\', '\n', '\u{1}', '\u{7f}', '\u{2028}', '/', '\u{8}', '\u{1f}', '\0']),
            _ => 'a',
        };
        let text: String = (0..rng.below(20)).map(|_| any(&mut rng)).collect();
        let created = Created { response_id: text, model: number.to_string() };
        let written = created.to_json();
        let fields = (created.response_id.as_str(), created.model.as_str());
        let expected = (serde_json::to_string(fields.0).unwrap(), serde_json::to_string(fields.1).unwrap());
        assert_eq!(written, format!("{{\"response_id\":{},\"model\":{}}}", expected.0, expected.1));

        let count = rng.next() >> rng.below(64);
        let counts = Counts { bytes: count, ..Counts::default() };
        let expected =
            json!({"bytes": count, "frames": 0, "bad_frames": 0, "comments": 0, "unknown_events": 0});
        assert_eq!(counts.to_json(), expected.to_string());

        // To a thousandth.
        let millis = (rng.next() >> rng.below(60)) as f64 / 4096.0 % 1e12;
        let timings = Timings { duration_ms: Some(millis), ..Timings::default() };
        let read: Value = serde_json::from_str(&timings.to_json()).unwrap();
        assert!((read["duration_ms"].as_f64().unwrap() - millis).abs() < 0.001, "{millis}: {read}");
    }
    for millis in [-1.0, f64::NAN, f64::INFINITY, f64::MAX, 1e18] {
        let timings = Timings { duration_ms: Some(millis), ..Timings::default() };
        assert!(json::check(&timings.to_json()).is_ok(), "{millis}");
    }
}

// ------------------------------------------------------------------------------------------------- mutations

/// `mutation N` is made from the number and the documents alone. Where the corpus is absent they are others.
#[test]
fn mutated_documents_are_read_as_serde_json_reads_them() {
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    for _ in 0..8 {
        seeds.extend(DOCUMENTS.iter().map(|text| text.as_bytes().to_vec()));
    }
    seeds.extend(sample(&own_data(), 400).into_iter().map(String::into_bytes));
    seeds.extend(sample(&corpus_data(), 500).into_iter().map(String::into_bytes));
    let mutator = Mutator::of_json(2048);
    let run = |first: usize, step: usize| {
        let (mut tape, mut tally) = (Tape::default(), Tally::default());
        for number in (first..MUTATIONS).step_by(step) {
            let bytes = mutator.mutated(&mut Rng::new(number as u64), &seeds);
            // As the framer does with what is not UTF-8.
            let text = String::from_utf8_lossy(&bytes);
            tally.compare(&text, &mut tape, || format!("mutation {number}"));
        }
        tally
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(8);
    let tallies: Vec<Tally> = thread::scope(|scope| {
        let spawn = |first| scope.spawn(move || run(first, threads));
        let running: Vec<_> = (0..threads).map(spawn).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut all = Tally::default();
    for tally in tallies {
        all.accepted += tally.accepted;
        all.refused += tally.refused;
        all.wrong.extend(tally.wrong);
    }
    say(format_args!("{} mutations are JSON, {} are not", all.accepted, all.refused));
    assert!(all.accepted > MUTATIONS / 8 && all.refused > MUTATIONS / 4, "one-sided");
    all.report("mutations");
}
