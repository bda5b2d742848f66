//! Inputs to begin with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use streamgauge::sse::Framer;

use crate::table::{Case, anthropic_cases, cases, responses_cases};

/// The environment variable with the folder that a target's program writes its first inputs to, if it is set.
const FOLDER: &str = "FUZZ_SEEDS";
/// The one with the folder of recorded streams (`NAME.sse`, at any depth) that are others', from which no input is kept.
const STREAMS: &str = "FUZZ_STREAMS";

/// Longer ones are mutated slowly, and show little that shorter ones do not.
const LONGEST: usize = 4096;

/// Bytes of options before a stream: none; extra events; small limits; an idle end.
const OPTIONS: [[u8; 2]; 4] = [[0, 3], [64, 17], [0b0101, 40], [128, 8]];

/// The inputs that the project's own fixtures make, by target.
pub fn fixtures() -> BTreeMap<&'static str, Vec<Vec<u8>>> {
    let mut seeds = BTreeMap::new();
    let tables: [(&str, Vec<Case>); 3] =
        [("chat", cases()), ("responses", responses_cases()), ("anthropic", anthropic_cases())];
    for (wire, cases) in tables {
        for (at, case) in cases.iter().filter(|case| case.bytes.len() <= LONGEST).enumerate() {
            let options = OPTIONS[at % OPTIONS.len()];
            push(&mut seeds, wire, [&options[..], &case.bytes].concat());
            if at % 4 == 0 {
                push(&mut seeds, "auto", [&options[..], &case.bytes].concat());
            }
            if at % 4 == 1 {
                let text = b"00-5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174-01 a b";
                push(
                    &mut seeds,
                    "telemetry",
                    [&[at as u8, text.len() as u8][..], text, &case.bytes].concat(),
                );
                let text = br#"gpt api.openai.com {"temperature":0.5,"stop":["a"],"n":2} prompt"#;
                let input = [&[at as u8, at as u8 | 1, text.len() as u8][..], text, &case.bytes].concat();
                push(&mut seeds, "gen_ai", input);
            }
            if at % 8 == 0 {
                push(&mut seeds, "frames", [&[255, 5][..], &case.bytes].concat());
            }
            if at % 3 == 0 {
                data_of(&case.bytes).into_iter().take(2).for_each(|data| push(&mut seeds, "json", data));
            }
        }
    }
    for answer in ANSWERS {
        push(&mut seeds, "decoders", answer.to_vec());
    }
    // These are made of their bytes, whatever those are: some of each size to begin with.
    for len in [16_usize, 64, 256, 1024] {
        for step in [1_usize, 7, 31, 101] {
            let bytes: Vec<u8> = (0..len).map(|at| (at * step + (at >> 3)) as u8).collect();
            push(&mut seeds, "otlp", bytes.clone());
            push(&mut seeds, "sequences", [&[step as u8], &bytes[..]].concat());
            for target in ["gen_ai", "metrics"] {
                push(&mut seeds, target, [&[step as u8], &bytes[..]].concat());
            }
            push(&mut seeds, "policies", bytes);
        }
    }
    seeds
}

/// Writes a target's inputs, if somebody asks for them: the program does it itself before it reads its folders, for
/// one of ours without a fuzzer could not be linked with what is compiled for it.
pub fn write(target: &str) {
    let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) else { return };
    let mut inputs = fixtures().remove(target).unwrap_or_default();
    if let Some(streams) = env::var_os(STREAMS) {
        let mut files = Vec::new();
        streams_below(Path::new(&streams), &mut files).expect("the recorded streams");
        let read = files.iter().map(|file| fs::read(file).expect("a recorded stream"));
        inputs.extend(
            read.flat_map(|bytes| of_stream(&bytes))
                .filter(|(name, _)| *name == target)
                .map(|(_, input)| input),
        );
    }
    fs::create_dir_all(&folder).expect("the folder of the first inputs");
    for (number, input) in inputs.iter().enumerate() {
        fs::write(folder.join(format!("seed-{number:04}")), input).expect("a first input");
    }
}

fn streams_below(folder: &Path, into: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            streams_below(&path, into)?;
        } else if path.extension().is_some_and(|extension| extension == "sse") {
            into.push(path);
        }
    }
    Ok(())
}

/// The inputs that a stream makes, with their targets.
fn of_stream(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let start = &bytes[..bytes.len().min(LONGEST)];
    let mut seeds: Vec<_> = ["chat", "responses", "anthropic", "auto", "frames"]
        .into_iter()
        .map(|target| (target, [&OPTIONS[0][..], start].concat()))
        .collect();
    seeds.extend(data_of(start).into_iter().take(4).map(|data| ("json", data)));
    seeds
}

fn push(seeds: &mut BTreeMap<&'static str, Vec<Vec<u8>>>, target: &'static str, input: Vec<u8>) {
    seeds.entry(target).or_default().push(input);
}

fn data_of(mut stream: &[u8]) -> Vec<Vec<u8>> {
    let mut framer = Framer::new(1 << 20);
    let mut data = Vec::new();
    while let Ok(Some(frame)) = framer.poll_frame(&mut stream) {
        data.push(frame.data.as_bytes().to_vec());
    }
    data
}

/// What receivers answer: `ExportLogsServiceResponse` and `google.rpc.Status`, JSON and protobuf, and neither.
const ANSWERS: [&[u8]; 9] = [
    b"{}",
    br#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"no"}}"#,
    b"\x0a\x06\x08\x03\x12\x02no",
    br#"{"code":8,"message":"busy","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.5s"}]}"#,
    b"\x08\x08\x12\x04busy\x1a\x32\x0a\x28type.googleapis.com/google.rpc.RetryInfo\x12\x06\x0a\x04\x08\x01\x10\x05",
    br#"{"error":{"message":"invalid key","type":"auth","code":401}}"#,
    b"<html><body>502 Bad Gateway</body></html>",
    b"Wed, 21 Oct 2015 07:28:00 GMT",
    b"120",
];
