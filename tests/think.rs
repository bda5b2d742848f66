//! Thoughts between tags (`src/think`): any text, cut into deltas anywhere, on every wire, beside an oracle that looks at the
//! whole text; mirrored thoughts; cost.

#[path = "support/say.rs"]
mod say;
#[path = "support/splits.rs"]
mod splits;

use std::time::Instant;

use say::say;
use serde_json::{Value, json};
use splits::Rng;
use streamgauge::{Aggregator, Options, StreamEvent, ThinkTags};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Api {
    Chat,
    Responses,
    Anthropic,
}

const APIS: [Api; 3] = [Api::Chat, Api::Responses, Api::Anthropic];

/// The stream of a text in these deltas.
fn stream(api: Api, deltas: &[&str]) -> Vec<String> {
    let data = |value: Value| format!("data: {value}\n\n");
    let mut events = Vec::new();
    match api {
        Api::Chat => {
            events.extend(deltas.iter().map(|delta| {
                data(json!({"id": "c", "choices": [{"index": 0, "delta": {"content": delta}, "finish_reason": null}]}))
            }));
            events.push("data: [DONE]\n\n".to_owned());
        }
        Api::Responses => {
            let text = |delta: &&str| {
                data(json!({"type": "response.output_text.delta", "output_index": 0, "delta": delta}))
            };
            events.extend(deltas.iter().map(text));
            let part = json!({"type": "output_text", "text": deltas.concat()});
            let item = json!({"type": "message", "role": "assistant", "content": [part]});
            events.push(data(json!({"type": "response.output_item.done", "output_index": 0, "item": item})));
            events.push(data(json!({"type": "response.completed", "response": {"id": "r"}})));
        }
        Api::Anthropic => {
            events.push(data(json!({"type": "message_start", "message": {"id": "m", "content": []}})));
            events.push(data(json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})));
            let delta = |text: &&str| {
                data(
                    json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}),
                )
            };
            events.extend(deltas.iter().map(delta));
            events.push(data(json!({"type": "content_block_stop", "index": 0})));
            events.push(data(json!({"type": "message_stop"})));
        }
    }
    events
}

/// Thoughts and text, by the deltas and by the items; and how late the text was told, in bytes.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    deltas: [String; 2],
    items: [String; 2],
    /// Whether a thought came after the text had begun to be more than white space.
    is_mixed: bool,
}

fn run(api: Api, deltas: &[&str], tags: &ThinkTags) -> Seen {
    let options = Options { think_tags: Some(tags.clone()), ..Options::default() };
    let mut aggregator = Aggregator::new(options, 0.0);
    let mut seen = Seen::default();
    let mut sent = 0;
    for event in stream(api, deltas) {
        aggregator.handle_bytes(event.as_bytes(), 0.0);
        while let Some(event) = aggregator.poll_event() {
            match event {
                StreamEvent::ReasoningDelta { delta, .. } => {
                    seen.is_mixed |= !seen.deltas[1].trim().is_empty();
                    seen.deltas[0].push_str(delta);
                }
                StreamEvent::OutputTextDelta { delta, .. } => seen.deltas[1].push_str(delta),
                StreamEvent::OutputItemDone { item } => {
                    let item = json!(item);
                    for part in item["content"].as_array().unwrap() {
                        let at = usize::from(item["type"] == "message");
                        seen.items[at].push_str(part["text"].as_str().unwrap());
                    }
                }
                _ => {}
            }
        }
        sent += event.len();
    }
    assert!(aggregator.error().is_none(), "{api:?} {deltas:?} after {sent}: {:?}", aggregator.error());
    seen
}

/// Thoughts and text of a whole text, by looking for the tags one after the other.
fn oracle(text: &str, tags: &ThinkTags) -> [String; 2] {
    let (mut thoughts, mut visible) = (String::new(), String::new());
    let mut rest = text;
    let mut is_inside = tags.starts_inside;
    let tag = |rest: &str, slash: &str| {
        tags.names
            .iter()
            .map(|name| format!("<{slash}{name}>"))
            .find(|tag| rest.starts_with(tag))
            .map(|tag| tag.len())
    };
    if is_inside {
        let blank = rest.len() - rest.trim_start().len();
        if let Some(len) = tag(&rest[blank..], "") {
            thoughts.push_str(&rest[..blank]);
            rest = &rest[blank + len..];
        }
    }
    loop {
        if is_inside {
            let end =
                (0..=rest.len()).find(|at| rest.is_char_boundary(*at) && tag(&rest[*at..], "/").is_some());
            let Some(end) = end else {
                thoughts.push_str(rest);
                return [thoughts, visible];
            };
            thoughts.push_str(&rest[..end]);
            rest = &rest[end + tag(&rest[end..], "/").unwrap()..];
            is_inside = false;
        }
        let blank = rest.len() - rest.trim_start().len();
        visible.push_str(&rest[..blank]);
        rest = &rest[blank..];
        if let Some(len) = tag(rest, "") {
            (rest, is_inside) = (&rest[len..], true);
        } else if let Some(len) = tag(rest, "/") {
            rest = &rest[len..];
        } else {
            visible.push_str(rest);
            return [thoughts, visible];
        }
    }
}

fn check(api: Api, deltas: &[&str], tags: &ThinkTags) {
    let seen = run(api, deltas, tags);
    let expected = oracle(&deltas.concat(), tags);
    assert_eq!(seen.deltas, expected, "{api:?}, the deltas of {deltas:?}, {tags:?}");
    assert_eq!(seen.items, expected, "{api:?}, the items of {deltas:?}, {tags:?}");
    assert!(!seen.is_mixed, "{api:?}: thoughts after the text of {deltas:?}");
}

fn tags(starts_inside: bool) -> ThinkTags {
    ThinkTags { starts_inside, ..ThinkTags::default() }
}

/// Every place to cut it in two and in three, and in single characters.
#[test]
fn a_text_cut_anywhere() {
    let texts = [
        "<think>\nA <b> c</think>\n\nThe <think>",
        "<thin<think>x</think>",
        " <think>a</thi</think> <think></think>b",
        "</think>hi",
        "th\u{e9}</think>\u{1F600} hi</think>",
        "<think>never",
    ];
    let mut count = 0;
    for (text, starts_inside) in texts.iter().flat_map(|text| [(text, false), (text, true)]) {
        let tags = tags(starts_inside);
        let cuts: Vec<usize> = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).collect();
        for api in APIS {
            let each: Vec<String> = text.chars().map(String::from).collect();
            check(api, &each.iter().map(String::as_str).collect::<Vec<_>>(), &tags);
            for (place, first) in cuts.iter().enumerate() {
                for second in &cuts[place..] {
                    check(api, &[&text[..*first], &text[*first..*second], &text[*second..]], &tags);
                    count += 1;
                }
            }
        }
    }
    say(format_args!("{count} ways to cut a text right"));
}

#[test]
fn texts_by_chance() {
    const PIECES: [&str; 16] = [
        "<think>",
        "</think>",
        "<",
        "</",
        "th",
        "ink>",
        "<thi",
        "think",
        ">",
        " ",
        "\n",
        "a",
        "hello",
        "\u{1F600}",
        "<t>",
        "</t>",
    ];
    let mut rng = Rng::new(6);
    for _ in 0..6000 {
        let text: String = (0..rng.below(12)).map(|_| *rng.pick(&PIECES)).collect();
        let names = if rng.below(2) == 0 { vec!["think".into()] } else { vec!["t".into(), "think".into()] };
        let tags = ThinkTags { names, starts_inside: rng.below(3) == 0 };
        let mut deltas = Vec::new();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let mut len = 1 + rng.below(9).min(rest.len() - 1);
            while !rest.is_char_boundary(len) {
                len += 1;
            }
            deltas.push(&rest[..len]);
            rest = &rest[len..];
        }
        check(*rng.pick(&APIS), &deltas, &tags);
    }
}

/// The same thoughts in `reasoning_content` and between tags, each cut by chance, one ahead of the other by chance: told once.
#[test]
fn mirrored_by_chance() {
    let mut rng = Rng::new(8);
    for _ in 0..3000 {
        let thoughts: String =
            (0..1 + rng.below(30)).map(|_| *rng.pick(&["a", "b ", "\u{e9}", "\n", "<"])).collect();
        let thoughts = format!("x{thoughts}y");
        let content = format!("<think>{}{thoughts}</think>hi", *rng.pick(&["", "\n"]));
        let mut lines = Vec::new();
        let (mut field, mut text) = (thoughts.as_str(), content.as_str());
        while !field.is_empty() || !text.is_empty() {
            let mut take = |from: &mut &str| {
                let mut len = rng.below(6).min(from.len());
                while !from.is_char_boundary(len) {
                    len += 1;
                }
                let (piece, rest) = from.split_at(len);
                let piece = piece.to_owned();
                *from = rest;
                piece
            };
            let reasoning = take(&mut field);
            // The answer does not begin before the field is through.
            let stop = if field.is_empty() { "" } else { "</think>hi" };
            let mut before = text.strip_suffix(stop).unwrap_or(text);
            let is_held = before.len() < text.len();
            let piece = take(&mut before);
            text = if is_held { &text[piece.len()..] } else { before };
            lines.push(json!({"choices": [{"index": 0, "delta": {"reasoning_content": reasoning, "content": piece}}]}));
        }
        let options = Options { think_tags: Some(tags(false)), ..Options::default() };
        let mut aggregator = Aggregator::new(options, 0.0);
        let (mut told, mut visible) = (String::new(), String::new());
        for line in &lines {
            aggregator.handle_bytes(format!("data: {line}\n\n").as_bytes(), 0.0);
            while let Some(event) = aggregator.poll_event() {
                match event {
                    StreamEvent::ReasoningDelta { delta, .. } => told.push_str(delta),
                    StreamEvent::OutputTextDelta { delta, .. } => visible.push_str(delta),
                    _ => {}
                }
            }
        }
        // White space ahead of the thoughts is told when the tags come first.
        assert_eq!(told.trim_start(), thoughts, "{lines:?}");
        assert_eq!(visible, "hi", "{lines:?}");
    }
}

#[test]
fn names_are_checked() {
    let parse = |mode: &str, names: Option<&[&str]>| {
        ThinkTags::parse(mode, names.map(|names| names.iter().map(|name| (*name).to_owned()).collect()))
    };
    assert_eq!(parse("off", None).unwrap(), None);
    assert_eq!(parse("auto", None).unwrap(), Some(tags(false)));
    assert_eq!(parse("inside", None).unwrap(), Some(tags(true)));
    assert!(parse("on", None).is_err());
    for bad in [&[][..], &[""], &["a b"], &["<think>"], &["a", "/b"], &[&"x".repeat(65)], &["a"; 17]] {
        assert!(parse("auto", Some(bad)).is_err(), "{bad:?}");
    }
}

/// In proportion to the length: thoughts of many small deltas, of what looks like tags, of white space, mirrored.
#[test]
fn cost_grows_with_length() {
    type Text = fn(usize) -> Vec<String>;
    let table: [(&str, Text); 4] = [
        ("thoughts", |count| {
            (0..count).map(|at| if at == 0 { "<think>".into() } else { format!("word {at} ") }).collect()
        }),
        ("beginnings of tags", |count| {
            (0..count).map(|at| if at == 0 { "<think>" } else { "</thin" }.into()).collect()
        }),
        ("blocks", |count| (0..count).map(|_| "<think>a</think> ".into()).collect()),
        ("white space", |count| (0..count).map(|_| "\n  ".into()).collect()),
    ];
    let measure = |deltas: &[String], mirrored: bool| {
        let mut stream = String::new();
        for delta in deltas {
            let field = delta.replace("<think>", "");
            let mut value = json!({"choices": [{"index": 0, "delta": {"content": delta}}]});
            if mirrored {
                value["choices"][0]["delta"]["reasoning_content"] = json!(field);
            }
            stream.push_str(&format!("data: {value}\n\n"));
        }
        let options = Options { think_tags: Some(tags(false)), ..Options::default() };
        let runs = (0..3).map(|_| {
            let start = Instant::now();
            let mut aggregator = Aggregator::new(options.clone(), 0.0);
            for chunk in stream.as_bytes().chunks(4096) {
                aggregator.handle_bytes(chunk, 0.0);
                aggregator.discard_events();
            }
            start.elapsed().as_secs_f64()
        });
        runs.fold(f64::MAX, f64::min)
    };
    for ((name, text), mirrored) in table.iter().flat_map(|row| [(row, false), (row, true)]) {
        let (short, long) = (measure(&text(10_000), mirrored), measure(&text(40_000), mirrored));
        say(format_args!(
            "{name}, mirrored {mirrored}: {:.1} ms, four times as long: {:.1} ms",
            short * 1e3,
            long * 1e3
        ));
        assert!(long < short * 14.0 + 0.05, "{name}: {short} s, four times as long: {long} s");
    }
}
