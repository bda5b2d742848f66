//! Chat streams by hand: what may come between two events that are the same but for a text.

use streamgauge::{InvalidUtf8, Options, WireChoice};

use crate::splits::{random_ways, ways};
use crate::{EXTRA, problem, report};

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
        ("another id in each", lines(&|data| format!("id: {}\ndata: {data}\n\n", data.len()))),
        (
            "data on two lines",
            lines(&|data| format!("data: {}\n\n", data.replace(",\"choices", "\ndata: ,\"choices"))),
        ),
        ("data on two lines, or one", {
            let twice =
                |data: &str| format!("data: {}\n\n", data.replace(",\"choices", "\ndata: ,\"choices"));
            lines(&|data| format!("{}data: {data}\n\n{}", twice(data), twice(data)))
        }),
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
