//! Events that are told by their bytes (`src/pattern.rs`) beside the same events read by the book, which is what
//! `include: ["raw"]` asks for: everything that can be seen of a stream is the same, but for the raw events.

#[path = "support/corpus.rs"]
mod recordings;
#[path = "support/say.rs"]
mod say;
#[path = "support/seen.rs"]
mod seen;
#[path = "support/splits.rs"]
mod splits;
#[path = "support/table.rs"]
mod table;

use std::panic::{self, AssertUnwindSafe};
use std::{fs, thread};

use say::say;
use seen::{rows, seen};
use splits::{Rng, Way, random_ways, ways};
use streamgauge::{Include, InvalidUtf8, Options, WireChoice};

// --------------------------------------------------------------------------------------------- the comparison

fn difference(told: &str, read: &str) -> Option<String> {
    if told == read {
        return None;
    }
    let differing = told.lines().zip(read.lines()).find(|(told, read)| told != read);
    let (told, read) = differing.unwrap_or(("the end, or more", "more, or the end"));
    Some(format!("\n    told by its bytes: {told}\n    read by the book:  {read}"))
}

/// What differs in one way to cut a stream.
fn problem_in(way: &Way<'_>, options: &Options) -> Option<String> {
    let compare = || {
        let seen = |by_the_book| seen(&way.chunks, options, by_the_book);
        let rows = |by_the_book| rows(&way.chunks, options, by_the_book);
        difference(&seen(false), &seen(true)).or_else(|| difference(&rows(false), &rows(true)))
    };
    let result = panic::catch_unwind(AssertUnwindSafe(compare));
    let problem = result.unwrap_or_else(|_| Some("panicked (its message is further up)".to_owned()))?;
    Some(format!("{way}: {problem}\n    {options:?}"))
}

fn problem<'w>(mut ways: impl Iterator<Item = Way<'w>>, options: &Options) -> Option<String> {
    ways.find_map(|way| problem_in(&way, options))
}

fn report(what: &str, all: usize, mut wrong: Vec<String>) {
    say(format_args!("{} of {all} {what} the same by the book", all - wrong.len()));
    wrong.sort_by_key(String::len);
    let first = wrong.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} of {all} {what} wrong, the shortest:\n{first}", wrong.len());
}

/// All extra events but `raw`.
const EXTRA: Include = Include { created: true, output_item_added: true, tool_call_delta: true, raw: false };

// ---------------------------------------------------------------------------------------- streams that exist

#[test]
fn the_projects_own_streams() {
    let cases: Vec<_> = table::cases().into_iter().chain(table::responses_cases()).collect();
    let mut wrong = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let extra = Options { include: EXTRA, ..case.options.clone() };
        let mut problem = problem(random_ways(&case.bytes, 7, 6), &extra);
        // Whole, byte by byte, in two at every place.
        if problem.is_none() && case.bytes.len() < 400 {
            problem = self::problem(ways(&case.bytes, number as u64), &case.options);
        }
        wrong.extend(problem.map(|problem| format!("{}: {problem}", case.name)));
    }
    report("own streams", cases.len(), wrong);
}

#[test]
fn the_corpus() {
    let (mut all, mut wrong) = (0, Vec::new());
    for path in ["chat", "responses"].into_iter().filter_map(recordings::streams).flatten() {
        let bytes = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy();
        for include in [Include::default(), EXTRA] {
            let options = Options { include, ..Options::default() };
            let whole = ways(&bytes, 0).take(1);
            let problem = problem(whole.chain(random_ways(&bytes, 0x5eed, 2)), &options);
            wrong.extend(problem.map(|problem| format!("{name}: {problem}")));
            all += 1;
        }
    }
    report("corpus streams (with two sets of options)", all, wrong);
}

// --------------------------------------------------------------------------------------- streams by the dozen

/// One event: `{"id":..,"choices":[{"index":0,"delta":{DELTA}}]}` and what is around it.
fn chunk(delta: &str) -> String {
    format!(r#"{{"id":"c","model":"m","choices":[{{"index":0,"delta":{{{delta}}}}}]}}"#)
}

fn stream(chunks: &[String]) -> Vec<u8> {
    chunks.iter().flat_map(|chunk| format!("data: {chunk}\n\n").into_bytes()).collect()
}

fn with_choice(before: &str, after: &str, text: &str) -> String {
    format!(r#"{{"id":"c","choices":[{{{before}"delta":{{"content":"{text}"}}{after}}}]}}"#)
}

fn with_top(fields: &str, text: &str) -> String {
    format!(r#"{{"id":"c","model":"m",{fields}"choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}"#)
}

/// Chunks by hand, each an event by itself; every one stands between others that repeat.
fn by_hand() -> Vec<(&'static str, Vec<u8>)> {
    let content = |text: &str| chunk(&format!(r#""content":"{text}""#));
    let each = |texts: &[&str], make: &dyn Fn(&str) -> String| -> Vec<String> {
        texts.iter().map(|text| make(text)).collect()
    };
    let words: &[&str] = &["Once", " upon", " a", " time", " there", " was"];
    let of = |make: &dyn Fn(&str) -> String| stream(&each(words, make));
    let cycle = |fields: &[&str]| {
        let chunks: Vec<String> = (0..12).map(|at| with_top(fields[at % fields.len()], "x")).collect();
        stream(&chunks)
    };
    let call = |inner: &str| chunk(&format!(r#""tool_calls":[{{{inner}}}]"#));
    let fragments: &[&str] = &[r#"{\"a\""#, ":", r#"\"b\""#, "", r#"}"#];
    let calls = |first: &str, make: &dyn Fn(&str) -> String| {
        let mut chunks = vec![call(first)];
        chunks.extend(each(fragments, make));
        // The next call, and fragments that look as those of the one before.
        chunks.push(call(&first.replace("call_1", "call_2")));
        chunks.extend(each(fragments, make));
        stream(&chunks)
    };
    let arguments =
        |before: &str, fragment: &str| call(&format!(r#"{before}"function":{{"arguments":"{}"}}"#, fragment));
    let mut table = vec![
        ("plain", of(&content)),
        ("equal", stream(&vec![content("same"); 8])),
        (
            "lone halves",
            stream(&each(
                &["a\\ud83d", "\\ude00b", "\\ud83d", "\\ude00", "", "\\ud83d", "", "\\ude00\\ud83d", "c"],
                &content,
            )),
        ),
        (
            "escapes",
            stream(&each(
                &["\\n\\n", "\\\"", "\\\\", "\\\\\\\"", "\\u0022}]}", "\\t", "\\/", "data: x"],
                &content,
            )),
        ),
        (
            "bad escapes",
            stream(&each(&["a", "\\x", "b", "\\u12", "c", "\\", "d", "\"", "e", "\u{1}", "f"], &content)),
        ),
        ("not ASCII", stream(&each(&["é", "😀", "\u{2028}", "\u{feff}", "€"], &content))),
        ("empty", stream(&each(&["a", "", "", "b", ""], &content))),
        ("empty first", stream(&each(&["", "", "a", "", "b"], &content))),
        ("a role in each", of(&|text| chunk(&format!(r#""role":"assistant","content":"{text}""#)))),
        (
            "roles",
            stream(&[
                chunk(r#""role":"a","content":"x""#),
                chunk(r#""role":"b","content":"x""#),
                chunk(r#""role":"b","content":"y""#),
                chunk(r#""role":"a","content":"x""#),
            ]),
        ),
        (
            "mirrored reasoning",
            of(&|text| chunk(&format!(r#""reasoning":"{text}","reasoning_content":"{text}""#))),
        ),
        ("reasoning beside content", of(&|text| chunk(&format!(r#""content":"","reasoning":"{text}""#)))),
        ("reasoning and content", of(&|text| chunk(&format!(r#""content":"{text}","reasoning":"r""#)))),
        ("reasoning as object", of(&|text| chunk(&format!(r#""reasoning":{{"text":"{text}"}}"#)))),
        (
            "details",
            of(&|text| {
                chunk(&format!(r#""content":"{text}","reasoning_details":[{{"type":"t","text":"d"}}]"#))
            }),
        ),
        ("empty details", of(&|text| chunk(&format!(r#""content":"{text}","reasoning_details":[ ]"#)))),
        ("parts", of(&|text| chunk(&format!(r#""content":[{{"type":"text","text":"{text}"}}]"#)))),
        ("refusal", of(&|text| chunk(&format!(r#""content":"{text}","refusal":"no""#)))),
        ("no refusal", of(&|text| chunk(&format!(r#""content":"{text}","refusal":null"#)))),
        (
            "a legacy call of nothing",
            of(&|text| chunk(&format!(r#""content":"{text}","function_call":{{}}"#))),
        ),
        (
            "a legacy call",
            of(&|text| chunk(&format!(r#""function_call":{{"name":"f","arguments":"{text}"}}"#))),
        ),
        ("no calls", of(&|text| chunk(&format!(r#""content":"{text}","tool_calls":[]"#)))),
        ("a call of nothing", of(&|text| chunk(&format!(r#""content":"{text}","tool_calls":[{{}}]"#)))),
        ("audio of nothing", of(&|text| chunk(&format!(r#""content":"{text}","audio":{{}}"#)))),
        ("audio", of(&|text| chunk(&format!(r#""content":"{text}","audio":{{"id":"a","transcript":"x"}}"#)))),
        ("a list", of(&|text| chunk(&format!(r#""content":"{text}","x":[1]"#)))),
        ("an extra", of(&|text| chunk(&format!(r#""content":"{text}","x":{{"y":[1]}}"#)))),
        ("padding", of(&|text| chunk(&format!(r#""content":"{text}","p":"{text}{text}""#)))),
        (
            "log probabilities",
            of(&|text| with_choice("", r#","logprobs":{"content":[{"token":"x"}]}"#, text)),
        ),
        ("no log probabilities", of(&|text| with_choice("", r#","logprobs":null"#, text))),
        ("a whole message", of(&|text| with_choice("", r#","message":{"content":"whole","x":[1]}"#, text))),
        ("legacy text", of(&|text| with_choice("", r#","text":"x""#, text))),
        ("an extra of the choice, a list", of(&|text| with_choice("", r#","x":[1]"#, text))),
        ("usage of the choice", of(&|text| with_choice("", r#","usage":{"prompt_tokens":3}"#, text))),
        ("reasons", of(&|text| with_choice("", r#","finish_reason":"stop""#, text))),
        ("empty reasons", of(&|text| with_choice("", r#","finish_reason":"""#, text))),
        ("no index", of(&|text| with_choice("", "", text))),
        ("index as text", of(&|text| with_choice(r#""index":"1","#, "", text))),
        (
            "two choices",
            of(&|text| {
                format!(
                    r#"{{"choices":[{{"index":0,"delta":{{"content":"{text}"}}}},{{"index":1,"delta":{{"content":"{text}"}}}}]}}"#
                )
            }),
        ),
        (
            "interleaved choices",
            stream(
                &(0..12)
                    .map(|at| with_choice(&format!(r#""index":{},"#, at % 2), "", "x"))
                    .collect::<Vec<_>>(),
            ),
        ),
        (
            "an index that counts up",
            stream(&(0..12).map(|at| with_choice(&format!(r#""index":{at},"#), "", "x")).collect::<Vec<_>>()),
        ),
        ("fingerprints", cycle(&[r#""system_fingerprint":"a","#, r#""system_fingerprint":"b","#])),
        (
            "fingerprints in runs",
            cycle(&[r#""f":"a","#, r#""f":"a","#, r#""f":"b","#, r#""f":"b","#, r#""f":"a","#]),
        ),
        ("a fingerprint at times", cycle(&[r#""f":"a","#, "", ""])),
        ("nothing of a fingerprint", cycle(&[r#""f":"a","#, r#""f":null,"#, r#""f":"","#])),
        ("an extra list", cycle(&[r#""f":[1],"#, r#""f":[1],"#, r#""f":[2],"#])),
        (
            "usage in each",
            cycle(&[
                r#""usage":{"prompt_tokens":1},"#,
                r#""usage":{"prompt_tokens":1},"#,
                r#""usage":{"prompt_tokens":2,"total_tokens":3},"#,
            ]),
        ),
        ("no usage", cycle(&[r#""usage":null,"#])),
        ("Groq", cycle(&[r#""x_groq":{"usage":{"prompt_tokens":1}},"#])),
        ("Groq and nothing", cycle(&[r#""x_groq":null,"#])),
        (
            "errors that are none",
            cycle(&[r#""error":null,"#, r#""error":null,"#, r#""error":false,"#, r#""error":0,"#]),
        ),
        ("an error", cycle(&["", "", "", r#""error":"x","#])),
        (
            "a time that goes on",
            cycle(&[
                r#""created":1,"#,
                r#""created":1700000000,"#,
                r#""created":1.5e3,"#,
                r#""created":-0,"#,
            ]),
        ),
        (
            "a time that is none",
            cycle(&[
                r#""created":1,"#,
                r#""created":01,"#,
                r#""created":1.,"#,
                r#""created":"x","#,
                r#""created":null,"#,
                r#""created":1e999,"#,
                r#""created":--1,"#,
            ]),
        ),
        (
            "padding of the chunk",
            cycle(&[
                r#""obfuscation":"abc","#,
                r#""obfuscation":"\u0041\ud83d","#,
                r#""obfuscation":"","#,
                r#""obfuscation":"\x","#,
            ]),
        ),
        ("a key twice", cycle(&[r#""choices":[],"#])),
        ("the same key twice", cycle(&[r#""f":1,"f":"two","#, r#""f":1,"f":"two","#, r#""f":"two","f":1,"#])),
        ("an escaped key", cycle(&[r#""cre\u0061ted":1,"#, r#""cre\u0061ted":2,"#])),
        (
            "other ids",
            stream(
                &["a", "a", "b", "", ""]
                    .map(|id| content("x").replace(r#""id":"c""#, &format!(r#""id":"{id}""#))),
            ),
        ),
        (
            "no id at first",
            stream(&[
                content("").replace(r#""id":"c","#, ""),
                content("x").replace(r#""id":"c""#, r#""id":"""#),
                content("y").replace(r#""id":"c""#, r#""id":"""#),
                content("z"),
                content("z"),
            ]),
        ),
        (
            "only white space differs",
            stream(
                &["x", "x"]
                    .iter()
                    .flat_map(|text| {
                        [
                            content(text),
                            content(text).replace(':', " :"),
                            content(text).replace('{', "{ "),
                            format!(" {} ", content(text)),
                        ]
                    })
                    .collect::<Vec<_>>(),
            ),
        ),
        (
            "calls by the book",
            calls(
                r#""index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":""}"#,
                &|fragment| arguments(r#""index":0,"#, fragment),
            ),
        ),
        (
            "calls without index",
            calls(r#""id":"call_1","function":{"name":"f","arguments":""}"#, &|fragment| {
                arguments("", fragment)
            }),
        ),
        (
            "calls with ids in each",
            calls(r#""index":0,"id":"call_1","function":{"name":"f"}"#, &|fragment| {
                arguments(r#""index":0,"id":"call_1","#, fragment)
            }),
        ),
        (
            "calls with empty ids",
            calls(r#""index":0,"id":"call_1","function":{"name":"f"}"#, &|fragment| {
                arguments(r#""index":0,"id":"","type":"function","#, fragment)
            }),
        ),
        (
            "calls with names in each",
            calls(r#""index":0,"id":"call_1","function":{"name":"f"}"#, &|fragment| {
                call(&format!(r#""index":0,"function":{{"name":"f","arguments":"{fragment}"}}"#))
            }),
        ),
        (
            "calls with a name twice over",
            calls(r#""index":0,"function":{"name":"f"}"#, &|fragment| {
                call(&format!(
                    r#""index":0,"function":{{"name":"f"}},"function":{{"arguments":"{fragment}"}}"#
                ))
            }),
        ),
        (
            "whole arguments with a name twice over",
            stream(&each(&["{}", "{}", "{}", "{}"], &|fragment| {
                call(&format!(
                    r#""index":0,"function":{{"name":"f"}},"function":{{"arguments":"{fragment}"}}"#
                ))
            })),
        ),
        (
            "calls with objects",
            calls(r#""index":0,"id":"call_1","function":{"name":"f"}"#, &|_| {
                call(r#""index":0,"function":{"arguments":{"a":1}}"#)
            }),
        ),
        (
            "custom calls",
            calls(r#""index":0,"id":"call_1","custom":{"name":"f"}"#, &|fragment| {
                call(&format!(r#""index":0,"custom":{{"input":"{fragment}"}}"#))
            }),
        ),
        (
            "calls of both kinds",
            calls(r#""index":0,"id":"call_1","function":{"name":"f"}"#, &|fragment| {
                arguments(r#""index":0,"custom":{},"#, fragment)
            }),
        ),
        (
            "calls with extras",
            calls(r#""index":0,"id":"call_1","function":{"name":"f"}"#, &|fragment| {
                arguments(r#""index":0,"x":[1],"#, fragment)
            }),
        ),
        (
            "fragments without a call",
            stream(&each(fragments, &|fragment| arguments(r#""index":4,"#, fragment))),
        ),
        ("fragments without anything", stream(&each(fragments, &|fragment| arguments("", fragment)))),
        (
            "an index beyond numbers",
            stream(&each(fragments, &|fragment| arguments(r#""index":-1,"#, fragment))),
        ),
    ];
    let lines = |make: &dyn Fn(&str) -> String| -> Vec<u8> {
        words.iter().flat_map(|text| make(&content(text)).into_bytes()).collect()
    };
    table.extend([
        ("CRLF", lines(&|data| format!("data: {data}\r\n\r\n"))),
        ("CR", lines(&|data| format!("data: {data}\r\r"))),
        ("mixed line ends", lines(&|data| format!("data: {data}\n\r\n"))),
        ("no space", lines(&|data| format!("data:{data}\n\n"))),
        ("two spaces", lines(&|data| format!("data:  {data}\n\n"))),
        ("three line ends", lines(&|data| format!("data: {data}\n\n\n"))),
        ("a comment before each", lines(&|data| format!(": c\ndata: {data}\n\n"))),
        ("a comment after each", lines(&|data| format!("data: {data}\n: c\n\n"))),
        ("a comment between", lines(&|data| format!("data: {data}\n\n: c\n\n"))),
        ("an id in each", lines(&|data| format!("id: 1\ndata: {data}\n\n"))),
        ("retry in each", lines(&|data| format!("retry: 1\ndata: {data}\n\n"))),
        ("an id between", lines(&|data| format!("data: {data}\n\nid: 1\n\n"))),
        ("an id that is pending", lines(&|data| format!("data: {data}\n\ndata: {data}\n\nid: 1\n"))),
        (
            "an event name that is pending",
            lines(&|data| format!("data: {data}\n\ndata: {data}\n\nevent: x\n")),
        ),
        (
            "an empty event name that is pending",
            lines(&|data| format!("data: {data}\n\ndata: {data}\n\nevent:\n")),
        ),
        ("an unknown line that is pending", lines(&|data| format!("data: {data}\n\ndata: {data}\n\nx\n"))),
        ("data that is pending", lines(&|data| format!("data: {data}\n\ndata: {data}\n\ndata\n"))),
        ("event: message", lines(&|data| format!("event: message\ndata: {data}\n\n"))),
        ("event: chunk", lines(&|data| format!("event:chunk\ndata: {data}\n\n"))),
        ("event: empty", lines(&|data| format!("event:\ndata: {data}\n\n"))),
        ("two event lines", lines(&|data| format!("event: a\nevent: b\ndata: {data}\n\n"))),
        ("event after data", lines(&|data| format!("data: {data}\nevent: b\n\n"))),
        ("event: response.failed", lines(&|data| format!("event: response.failed\ndata: {data}\n\n"))),
        ("event: response.completed", lines(&|data| format!("event: response.completed\ndata: {data}\n\n"))),
        (
            "event: response.output_item.done",
            lines(&|data| format!("event: response.output_item.done\ndata: {data}\n\n")),
        ),
        (
            "event: error at last",
            [of(&content), format!("event: error\ndata: {}\n\n", content("x")).into_bytes()].concat(),
        ),
        ("data in two lines", lines(&|data| format!("data: {}\n\n", data.replacen(',', ",\ndata: ", 1)))),
        ("two chunks in an event", lines(&|data| format!("data: {data}\ndata: {data}\n\n"))),
        ("a BOM", [b"\xef\xbb\xbf".to_vec(), of(&content)].concat()),
        ("events that are no JSON", lines(&|data| format!("data: {data}\n\ndata: {{\n\n"))),
        ("[DONE] in between", lines(&|data| format!("data: {data}\n\ndata: {data}\n\ndata: [DONE]\n\n"))),
        ("no blank line at the end", of(&content)[..of(&content).len() - 1].to_vec()),
        ("cut in a text", of(&content)[..of(&content).len() - 9].to_vec()),
    ]);
    for (name, bytes) in [
        ("invalid UTF-8 in a text", &b"a\xFFb"[..]),
        ("half a character", b"\xF0\x9F"),
        ("a surrogate in UTF-8", b"\xED\xA0\xBD"),
        ("a NUL", b"\0"),
        ("a line end in a text", b"\n"),
        ("a carriage return in a text", b"\r"),
    ] {
        let mut all = of(&content);
        for frame in [of(&content), of(&content)] {
            let at = frame.windows(5).position(|window| window == b" upon").unwrap();
            all.extend([&frame[..at], bytes, &frame[at..]].concat());
        }
        table.push((name, all));
    }
    table
}

/// Each stream with all sorts of options; and cut in two at every place of two events in its middle.
#[test]
fn streams_made_by_hand() {
    let table = by_hand();
    let mut wrong = Vec::new();
    for (name, bytes) in &table {
        let done = [bytes, &b"data: [DONE]\n\n"[..]].concat();
        let plain = Options::default();
        let longest = bytes.split(|byte| *byte == b'\n').map(<[u8]>::len).max().unwrap_or(0);
        let mut all = vec![
            plain.clone(),
            Options { include: EXTRA, ..plain.clone() },
            Options { n: Some(1), wire: WireChoice::Chat, ..plain.clone() },
            Options { invalid_utf8: InvalidUtf8::Error, ..plain.clone() },
        ];
        // Around the length of the longest event, and around what the items gather.
        all.extend((0..6).map(|less| Options { max_event_bytes: longest + 2 - less, ..plain.clone() }));
        all.extend((0..24).map(|most| Options { max_item_bytes: most, ..plain.clone() }));
        let by_options = all.iter().enumerate().find_map(|(at, options)| {
            problem(ways(&done, 0).take(1).chain(random_ways(&done, at as u64, 4)), options)
        });
        let middle = bytes.len() / 3..(bytes.len() / 3 + 2 * longest).min(bytes.len());
        let in_two = ways(bytes, 0).skip(2 + middle.start).take(middle.len());
        let every = Options { include: EXTRA, ..plain };
        let found = by_options.or_else(|| problem(in_two, &every));
        wrong.extend(found.map(|problem| format!("{name}: {problem}")));
    }
    report("streams made by hand", table.len(), wrong);
}

// ------------------------------------------------------------------------------------------ streams by chance

const STREAMS: usize = 6_000;

/// Texts of a delta, as they stand between its quotes.
const TEXTS: &[&[u8]] = &[
    b"",
    b"",
    b"a",
    b" word",
    b"{}",
    b"}",
    b"{\\\"a\\\":",
    b"\\n\\n",
    b"\\\\",
    b"\\ud83d",
    b"\\ude00",
    b"\\ud83dx",
    b"\\u0041",
    "é😀".as_bytes(),
    b"0123456789012345678901234567890",
    b"\xFF",
    b"\xF0\x9F",
    b"\"",
    b"\\",
    b"\\x",
    b"\n",
    b"\r",
    b"\x01",
    b"data: ",
    b"\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"",
];

/// Fields beside the text, by where they are: of the chunk, the choice, the delta, the call and its function.
const OF_CHUNK: &[&str] = &[
    r#""id":"a""#,
    r#""id":"b""#,
    r#""id":"""#,
    r#""id":null"#,
    r#""model":"m""#,
    r#""model":"n""#,
    r#""object":"chat.completion.chunk""#,
    r#""created":1"#,
    r#""created":22"#,
    r#""created":"x""#,
    r#""created":null"#,
    r#""created":{}"#,
    r#""obfuscation":"abc""#,
    r#""obfuscation":"""#,
    r#""p":"\u0041""#,
    r#""p":7"#,
    r#""system_fingerprint":"a""#,
    r#""system_fingerprint":"b""#,
    r#""x":1"#,
    r#""x":null"#,
    r#""x":[1]"#,
    r#""x":[]"#,
    r#""x":{"y":1}"#,
    r#""error":null"#,
    r#""error":false"#,
    r#""error":{}"#,
    r#""usage":null"#,
    r#""usage":{"prompt_tokens":1}"#,
    r#""usage":{"prompt_tokens":2,"completion_tokens":3}"#,
    r#""usage":{}"#,
    r#""x_groq":null"#,
    r#""x_groq":{"usage":{"total_tokens":9}}"#,
    r#""type":"error""#,
    r#""message":"m""#,
    r#""code":1"#,
    r#""detail":"d""#,
    r#""choices":[]"#,
    r#""choices":null"#,
    r#""base_resp":{"status_code":0}"#,
];
const OF_CHOICE: &[&str] = &[
    r#""index":0"#,
    r#""index":1"#,
    r#""index":"0""#,
    r#""index":null"#,
    r#""index":2.0"#,
    r#""finish_reason":null"#,
    r#""finish_reason":"""#,
    r#""finish_reason":"stop""#,
    r#""logprobs":null"#,
    r#""logprobs":{"content":[{"token":"a"}]}"#,
    r#""logprobs":{}"#,
    r#""message":null"#,
    r#""message":{"content":"whole"}"#,
    r#""message":{}"#,
    r#""text":null"#,
    r#""text":"t""#,
    r#""text":"""#,
    r#""usage":{"prompt_tokens":4}"#,
    r#""usage":null"#,
    r#""usage":{}"#,
    r#""error":false"#,
    r#""error":null"#,
    r#""content_filter_results":{}"#,
    r#""content_filter_results":{"hate":{"filtered":false}}"#,
    r#""x":1"#,
    r#""x":[1]"#,
    r#""x":[]"#,
    r#""x":{"y":2}"#,
    r#""stop_reason":null"#,
    r#""delta":null"#,
    r#""delta":{"x":[2]}"#,
    r#""delta":{"content":"early"}"#,
];
const OF_DELTA: &[&str] = &[
    r#""role":"assistant""#,
    r#""role":"user""#,
    r#""role":"""#,
    r#""role":null"#,
    r#""refusal":null"#,
    r#""refusal":"r""#,
    r#""refusal":"""#,
    r#""function_call":null"#,
    r#""function_call":{}"#,
    r#""function_call":"""#,
    r#""function_call":{"name":"f","arguments":"x"}"#,
    r#""audio":null"#,
    r#""audio":{}"#,
    r#""audio":{"id":"a","data":"MA=="}"#,
    r#""reasoning_details":[]"#,
    r#""reasoning_details":null"#,
    r#""reasoning_details":[{"type":"t","text":"d"}]"#,
    r#""reasoning_details":[null]"#,
    r#""annotations":[]"#,
    r#""annotations":[{}]"#,
    r#""annotations":null"#,
    r#""x":1"#,
    r#""x":{"y":3}"#,
    r#""x":[ ]"#,
    r#""x":[1]"#,
    r#""x":"text""#,
    r#""tool_calls":[]"#,
    r#""tool_calls":null"#,
    r#""tool_calls":[{}]"#,
    r#""tool_calls":[null]"#,
    r#""tool_calls":{}"#,
    r#""content":null"#,
    r#""content":"""#,
    r#""content":"more""#,
    r#""content":[]"#,
    r#""content":["part"]"#,
    r#""content":{}"#,
    r#""reasoning":"""#,
    r#""reasoning":"r""#,
    r#""reasoning":null"#,
    r#""reasoning_content":"""#,
    r#""reasoning_content":"r""#,
    r#""reasoning_content":{"text":"r"}"#,
    r#""thinking":"""#,
    r#""cot_summary":[]"#,
    r#""reasoning_text":5"#,
    r#""p":"abcd""#,
    r#""p":12"#,
    r#""obfuscation":"""#,
    r#""obfuscation":[1]"#,
    r#""index":3"#,
    r#""index":[1]"#,
];
const OF_CALL: &[&str] = &[
    r#""index":0"#,
    r#""index":0"#,
    r#""index":1"#,
    r#""index":"1""#,
    r#""index":null"#,
    r#""id":"a""#,
    r#""id":"b""#,
    r#""id":"""#,
    r#""id":null"#,
    r#""type":"function""#,
    r#""type":null"#,
    r#""custom":{}"#,
    r#""custom":{"input":"i"}"#,
    r#""custom":null"#,
    r#""x":1"#,
    r#""x":[]"#,
    r#""x":[1]"#,
    r#""function":{"name":"n"}"#,
    r#""function":{}"#,
    r#""function":null"#,
    r#""function":{"arguments":"more"}"#,
];
const OF_FUNCTION: &[&str] = &[
    r#""name":"f""#,
    r#""name":"g""#,
    r#""name":"""#,
    r#""name":null"#,
    r#""name":5"#,
    r#""arguments":null"#,
    r#""arguments":{"a":1}"#,
    r#""arguments":"b""#,
    r#""x":null"#,
    r#""x":1"#,
];
const KINDS: &[&str] = &[
    "content",
    "content",
    "content",
    "arguments",
    "arguments",
    "arguments",
    "reasoning",
    "reasoning_content",
    "reasoning_text",
    "cot_summary",
    "thinking",
    "refusal",
    "function_call",
    "mirrored",
    "both",
];
const BETWEEN: &[&str] = &[
    ": comment\n\n",
    ":\n",
    "id: 1\n\n",
    "id: 2\n",
    "retry: 5\n\n",
    "event: x\n",
    "event:\n",
    "event: response.failed\n",
    "\n",
    "\r",
    "\r\n",
    "data\n",
    "unknown\n",
    "data: [DONE]\n\n",
    "data: {\n\n",
    "data: {}\n\n",
    "event: error\n",
    "data: [1]\n\n",
    "\u{feff}",
    "data: {\"choices\":[],\"usage\":{\"total_tokens\":7}}\n\n",
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\"}}]}}]}\n\n",
    "data: {\"type\":\"response.created\",\"response\":{\"id\":\"r\"}}\n\n",
];

/// What an event is like, but for its text. Most events of a stream are like the one before them.
#[derive(Clone)]
struct Shape {
    kind: &'static str,
    /// Per place: fields before the one with the text, and behind it.
    fields: [(Vec<&'static str>, Vec<&'static str>); 5],
    /// Between tokens.
    space: &'static str,
    before_data: &'static str,
    line_end: &'static str,
}

impl Shape {
    fn new(rng: &mut Rng) -> Self {
        let mut shape = Self {
            kind: any(rng, KINDS),
            fields: Default::default(),
            space: any(rng, &["", "", "", " "]),
            before_data: any(
                rng,
                &["data: ", "data: ", "data:", "event: message\ndata: ", "event: a\ndata: "],
            ),
            line_end: any(rng, &["\n", "\n", "\n", "\r\n", "\r"]),
        };
        for _ in 0..rng.below(8) {
            shape.change(rng);
        }
        shape
    }

    fn change(&mut self, rng: &mut Rng) {
        let place = rng.below(5);
        let known = [OF_CHUNK, OF_CHOICE, OF_DELTA, OF_CALL, OF_FUNCTION][place];
        let (before, behind) = &mut self.fields[place];
        let fields = if rng.below(3) > 0 { before } else { behind };
        match rng.below(15) {
            0 => self.kind = any(rng, KINDS),
            1 => self.space = any(rng, &["", " ", "\t"]),
            2 => self.line_end = any(rng, &["\n", "\r\n", "\r"]),
            3 => {
                let lines = [
                    "data:",
                    "data:  ",
                    "id: 3\ndata: ",
                    ": c\ndata: ",
                    "event: response.completed\ndata: ",
                    "event: b\ndata:",
                ];
                self.before_data = any(rng, &lines);
            }
            4..=6 if !fields.is_empty() => drop(fields.remove(rng.below(fields.len()))),
            7..=12 if !fields.is_empty() => {
                let at = rng.below(fields.len());
                fields[at] = another(rng, fields[at], known);
            }
            _ if fields.len() < 4 => fields.push(any(rng, known)),
            _ => fields.clear(),
        }
    }

    /// An object with a field among the others of its place.
    fn object(&self, place: usize, field: &[u8]) -> Vec<u8> {
        let (before, behind) = &self.fields[place];
        let before = before.iter().map(|field| field.as_bytes());
        let behind = behind.iter().map(|field| field.as_bytes());
        let fields: Vec<&[u8]> =
            before.chain([field]).chain(behind).filter(|field| !field.is_empty()).collect();
        let comma = format!(",{}", self.space);
        [b"{".as_slice(), self.space.as_bytes(), &fields.join(comma.as_bytes()), b"}"].concat()
    }

    fn event(&self, text: &[u8]) -> Vec<u8> {
        let named =
            |name: &str, value: &[u8]| [format!("\"{name}\":{}", self.space).as_bytes(), value].concat();
        let string = |name: &str| named(name, &[b"\"", text, b"\""].concat());
        let field = match self.kind {
            "arguments" => {
                let call = self.object(3, &named("function", &self.object(4, &string("arguments"))));
                named("tool_calls", &[b"[".as_slice(), &call, b"]"].concat())
            }
            "function_call" => named("function_call", &self.object(4, &string("arguments"))),
            "mirrored" => [string("reasoning"), string("reasoning_content")].join(&b','),
            "both" => [string("content"), string("reasoning")].join(&b','),
            name => string(name),
        };
        let choice = self.object(1, &named("delta", &self.object(2, &field)));
        let chunk = self.object(0, &named("choices", &[b"[".as_slice(), &choice, b"]"].concat()));
        let before = self.before_data.replace('\n', self.line_end);
        let end = self.line_end.repeat(2);
        [before.as_bytes(), &chunk, end.as_bytes()].concat()
    }
}

/// Another field, mostly one with the same key.
fn another(rng: &mut Rng, field: &str, known: &[&'static str]) -> &'static str {
    let key = field.split_inclusive(':').next().unwrap_or_default();
    let same: Vec<_> =
        known.iter().copied().filter(|other| other.starts_with(key) && *other != field).collect();
    if same.is_empty() || rng.below(4) == 0 { any(rng, known) } else { any(rng, &same) }
}

fn any<T: Copy>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.below(of.len())]
}

/// A stream of runs: the shape of its events changes, and sometimes goes back to an earlier one.
fn by_chance(rng: &mut Rng) -> Vec<u8> {
    let mut shapes = vec![Shape::new(rng)];
    let mut shape = shapes[0].clone();
    let mut out = Vec::new();
    let few_texts = 1 + rng.below(TEXTS.len());
    for _ in 0..4 + rng.below(30) {
        match rng.below(16) {
            0..=2 => shape.change(rng),
            3 => shape = rng.pick(&shapes).clone(),
            4 => shapes.push(shape.clone()),
            5 => out.extend_from_slice(any(rng, BETWEEN).as_bytes()),
            _ => {}
        }
        let text = any(rng, &TEXTS[..few_texts]);
        out.extend(shape.event(text));
        if rng.below(20) == 0 {
            let again = shape.event(text);
            out.extend_from_slice(&again);
        }
    }
    if rng.below(2) == 0 {
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
    if rng.below(8) == 0 {
        out.truncate(out.len() - rng.below(60));
    }
    out
}

fn random_options(rng: &mut Rng) -> Options {
    let mut options = Options::default();
    if rng.below(3) > 0 {
        options.include = EXTRA;
    }
    if rng.below(6) == 0 {
        options.invalid_utf8 = InvalidUtf8::Error;
    }
    if rng.below(6) == 0 {
        options.n = Some(1);
    }
    if rng.below(3) == 0 {
        options.wire = WireChoice::Chat;
    }
    if rng.below(10) == 0 {
        options.max_event_bytes = 60 + rng.below(200);
    }
    if rng.below(6) == 0 {
        options.max_item_bytes = rng.below(80);
    }
    options
}

/// Types of events that bring a text, or look as if they did.
const TYPES: &[&str] = &[
    "response.output_text.delta",
    "response.output_text.delta",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.delta",
    "response.refusal.delta",
    "response.reasoning_text.delta",
    "response.reasoning_summary_text.delta",
    "response.custom_tool_call_input.delta",
    "response.mcp_call_arguments.delta",
    "response.code_interpreter_call_code.delta",
    "response.audio.delta",
    "response.output_text.done",
    "response.function_call_arguments.done",
    "response.reasoning_summary_text.done",
    "response.web_search_call.searching",
    "unknown",
    "",
];
const OF_EVENT: &[&str] = &[
    r#""item_id":"a""#,
    r#""item_id":"a""#,
    r#""item_id":"b""#,
    r#""item_id":"""#,
    r#""item_id":5"#,
    r#""item_id":null"#,
    r#""output_index":0"#,
    r#""output_index":0"#,
    r#""output_index":1"#,
    r#""output_index":"1""#,
    r#""output_index":null"#,
    r#""content_index":0"#,
    r#""content_index":1"#,
    r#""summary_index":0"#,
    r#""summary_index":1"#,
    r#""sequence_number":1"#,
    r#""sequence_number":27"#,
    r#""sequence_number":"x""#,
    r#""sequence_number":null"#,
    r#""obfuscation":"abc""#,
    r#""obfuscation":"""#,
    r#""obfuscation":{}"#,
    r#""logprobs":[]"#,
    r#""logprobs":[1]"#,
    r#""call_id":"a""#,
    r#""call_id":"c""#,
    r#""x":1"#,
    r#""error":{}"#,
    r#""error":{"message":"m"}"#,
    r#""response":{"id":"r","model":"m"}"#,
    r#""item":{"type":"message","id":"a"}"#,
    r#""part":{"type":"output_text"}"#,
    r#""text":"whole""#,
    r#""arguments":"{}""#,
    r#""delta":"early""#,
    r#""delta":null"#,
    r#""delta":{}"#,
    r#""type":"response.refusal.delta""#,
    r#""choices":[]"#,
    r#""object":"response""#,
];
const BETWEEN_RESPONSES: &[&str] = &[
    r#"{"type":"response.created","response":{"id":"r","model":"m"}}"#,
    r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"a","role":"assistant","content":[]}}"#,
    r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","id":"a","call_id":"c","name":"f","arguments":""}}"#,
    r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"reasoning","id":"b","summary":[]}}"#,
    r#"{"type":"response.content_part.added","item_id":"a","output_index":0,"content_index":1,"part":{"type":"output_text","text":""}}"#,
    r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","id":"a","content":[{"type":"output_text","text":"x"}]}}"#,
    r#"{"type":"response.output_item.done","output_index":1,"item":{"type":"reasoning","id":"b","summary":[]}}"#,
    r#"{"type":"response.completed","response":{"id":"r","status":"completed","output":[]}}"#,
    r#"{"type":"response.failed","response":{"error":{"message":"m"}}}"#,
    r#"{"type":"error","message":"m"}"#,
    "[DONE]",
];

/// The same for the Responses API.
fn responses_by_chance(rng: &mut Rng) -> Vec<u8> {
    let mut out = Vec::new();
    for between in BETWEEN_RESPONSES.iter().take(rng.below(3)) {
        out.extend_from_slice(format!("data: {between}\n\n").as_bytes());
    }
    let mut kind = any(rng, TYPES);
    let (mut before, mut behind) = (Vec::new(), Vec::new());
    let has_event = rng.below(2) == 0;
    let mut line_end = any(rng, &["\n", "\n", "\n", "\r\n", "\r"]);
    let few_texts = 1 + rng.below(TEXTS.len());
    for _ in 0..4 + rng.below(30) {
        let fields = if rng.below(2) == 0 { &mut before } else { &mut behind };
        match rng.below(28) {
            0 | 1 => kind = any(rng, TYPES),
            2..=4 if fields.len() < 5 => fields.push(any(rng, OF_EVENT)),
            2..=4 => fields.clear(),
            5 if !fields.is_empty() => drop(fields.remove(rng.below(fields.len()))),
            6 => line_end = any(rng, &["\n", "\r\n"]),
            10..=13 if !fields.is_empty() => {
                let at = rng.below(fields.len());
                fields[at] = another(rng, fields[at], OF_EVENT);
            }
            7 | 8 => out.extend_from_slice(format!("data: {}\n\n", any(rng, BETWEEN_RESPONSES)).as_bytes()),
            9 => out.extend_from_slice(any(rng, BETWEEN).as_bytes()),
            _ => {}
        }
        let text = any(rng, &TEXTS[..few_texts]);
        let delta = [b"\"delta\":\"", text, b"\""].concat();
        let named = format!("\"type\":\"{kind}\"");
        let known = before.iter().map(|field: &&str| field.as_bytes()).chain([named.as_bytes(), &delta]);
        let data: Vec<&[u8]> = known.chain(behind.iter().map(|field: &&str| field.as_bytes())).collect();
        if has_event {
            out.extend_from_slice(format!("event: {kind}{line_end}").as_bytes());
        }
        out.extend([b"data: {".as_slice(), &data.join(&b','), b"}", line_end.repeat(2).as_bytes()].concat());
    }
    if rng.below(2) == 0 {
        out.extend_from_slice(b"data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\"}}\n\n");
    }
    out
}

/// `stream N` is made from the number alone.
#[test]
fn streams_by_chance() {
    let run = |first: usize, step: usize| {
        let mut wrong = Vec::new();
        for number in (first..STREAMS).step_by(step) {
            let mut rng = Rng::new(number as u64);
            let is_chat = number % 3 > 0;
            let bytes = if is_chat { by_chance(&mut rng) } else { responses_by_chance(&mut rng) };
            let mut options = random_options(&mut rng);
            if !is_chat {
                options.wire = any(&mut rng, &[WireChoice::Auto, WireChoice::Responses]);
            }
            let problem =
                problem(ways(&bytes, 0).take(1).chain(random_ways(&bytes, number as u64, 2)), &options);
            let show = |problem| format!("stream {number}: {problem}\n    b\"{}\"", bytes.escape_ascii());
            wrong.extend(problem.map(show));
        }
        wrong
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(8);
    let wrong: Vec<String> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|first| scope.spawn(move || run(first, threads))).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    report("streams by chance", STREAMS, wrong);
}
