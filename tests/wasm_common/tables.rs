//! The core's own tables, compiled to WebAssembly.

use streamgauge::sse::Framer;
use wasm_bindgen_test::wasm_bindgen_test;

use super::outcome;
use super::splits::{random_ways, ways};
use super::table;

#[wasm_bindgen_test]
fn every_case_is_right() {
    let cases = table::cases().into_iter().chain(table::responses_cases());
    let cases: Vec<_> = cases.chain(table::anthropic_cases()).collect();
    let mut wrong = Vec::new();
    for case in &cases {
        let whole = outcome::run([case.bytes.as_slice()], &case.options);
        let problems = case.problems(&whole.events, whole.error.as_ref(), &whole.aggregate);
        wrong.extend(problems.iter().map(|problem| format!("{}: {problem}", case.name)));
        let bytewise = ways(&case.bytes, 0).skip(1).take(1);
        let different = bytewise
            .chain(random_ways(&case.bytes, 0x5eed, 8))
            .find(|way| outcome::run(way.chunks.iter().copied(), &case.options) != whole);
        wrong.extend(different.map(|way| format!("{}: {way}: another result than whole", case.name)));
    }
    super::report(&wrong, cases.len());
}

/// Here line ends are searched 16 bytes at a time: they have to be found at every place of a vector.
#[wasm_bindgen_test]
fn line_ends_are_found_everywhere() {
    for end in ["\n", "\r", "\r\n"] {
        for before in 0..33 {
            for len in 0..70 {
                let (comment, data) = (":".repeat(before), "x".repeat(len));
                let stream =
                    format!("{comment}{end}data: {data}{end}data:{data}{end}{end}data: next{end}{end}");
                let expected = [format!("{data}\n{data}"), "next".to_owned()];
                assert_eq!(frames(&[stream.as_bytes()]), expected, "{stream:?}");
                let (left, right) = stream.as_bytes().split_at(before + len);
                assert_eq!(frames(&[left, right]), expected, "{stream:?} split at {}", before + len);
            }
        }
    }
}

fn frames(chunks: &[&[u8]]) -> Vec<String> {
    let mut framer = Framer::new(1 << 20);
    let mut out = Vec::new();
    for mut chunk in chunks.iter().copied() {
        while let Some(frame) = framer.poll_frame(&mut chunk).expect("no frame is large") {
            out.push(frame.data.to_owned());
        }
    }
    out
}
