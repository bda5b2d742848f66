//! Which events are told by their bytes, and which are read.

use super::*;

/// Which events of a stream are told by their bytes: `=`; and which are read by the book: `.`. The first one is never
/// remembered, for there may be a BOM before it.
fn told(events: &[String], options: Options) -> String {
    let mut aggregator = Aggregator::new(options, 0.0);
    let mut told = String::new();
    for event in events {
        let is_whole = aggregator.framer.is_between_events();
        let is_told = is_whole && aggregator.core.last_event.find(event.as_bytes(), usize::MAX).is_some();
        told.push(if is_told { '=' } else { '.' });
        aggregator.handle_bytes(event.as_bytes(), 0.0);
    }
    told
}

/// A chunk whose delta is `delta`, with what OpenAI puts around it.
fn chunk(delta: &str, padding: &str) -> String {
    let ids = r#""id":"chatcmpl-1","object":"chat.completion.chunk","model":"m","system_fingerprint":"fp_1""#;
    let choices = format!(r#"[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":null}}]"#);
    format!("data: {{{ids},\"created\":170{},\"choices\":{choices}{padding}}}\n\n", delta.len())
}

const TEXTS: [&str; 6] = ["Once", " upon", "", "\\n\\n", "\\ud83d", "a time é"];

#[test]
fn what_repeats_is_told_by_its_bytes() {
    let each = |delta: &str, padding: &str| {
        let event = |text| chunk(&delta.replace('$', text), &padding.replace('$', text));
        TEXTS.into_iter().map(event).collect::<Vec<_>>()
    };
    let fragment = r#"{"tool_calls":[{"index":0,"function":{"arguments":"$"}}]}"#;
    let crlf = |event: &String| event.replace('\n', "\r\n");
    let named = |event: &String| format!("event: message\n{event}");
    let table: [(&str, Vec<String>, &str); 12] = [
        ("text", each(r#"{"content":"$"}"#, ""), "..===="),
        ("padded text", each(r#"{"content":"$"}"#, r#","usage":null,"obfuscation":"$""#), "..===="),
        ("a role in each", each(r#"{"role":"assistant","content":"$"}"#, ""), "..===="),
        ("reasoning", each(r#"{"reasoning_content":"$","content":null}"#, ""), "..===="),
        ("arguments", each(fragment, ""), "..===="),
        ("usage in each", each(r#"{"content":"$"}"#, r#","usage":{"prompt_tokens":3}"#), "..===="),
        ("CRLF", each(r#"{"content":"$"}"#, "").iter().map(crlf).collect(), "..===="),
        ("event lines", each(r#"{"content":"$"}"#, "").iter().map(named).collect(), "..===="),
        // These add up, or say more than a text.
        ("mirrored", each(r#"{"reasoning":"$","reasoning_content":"$"}"#, ""), "......"),
        ("a list", each(r#"{"content":"$","annotations":[{}]}"#, ""), "......"),
        ("an id in each", each(&fragment.replace("\"index\"", "\"id\":\"a\",\"index\""), ""), "......"),
        ("Groq", each(r#"{"content":"$"}"#, r#","x_groq":{}"#), "......"),
    ];
    for (name, events, expected) in table {
        assert_eq!(told(&events, Options::default()), expected, "{name}");
        let include = crate::Include { raw: true, ..Default::default() };
        let by_the_book = Options { include, ..Options::default() };
        assert_eq!(told(&events, by_the_book), "......", "{name}, with raw frames");
    }
}

/// Tags are looked for in the text that was told.
#[test]
fn thoughts_between_tags_are_told_by_their_bytes() {
    let texts = ["<think>", "a", " b", "</thi", "nk>", "c", " d"];
    let events = texts.map(|text| chunk(&format!(r#"{{"content":"{text}"}}"#), ""));
    let options = Options { think_tags: Some(crate::ThinkTags::default()), ..Options::default() };
    assert_eq!(told(&events, options), "..=====");
}

#[test]
fn a_long_stream_is_told_by_its_bytes() {
    let event = |at: usize| chunk(&format!(r#"{{"content":" word {at}"}}"#), "");
    let mut events: Vec<_> = (0..10_000).map(event).collect();
    // What comes in between is read, and so is the event after it.
    events.insert(5000, chunk(r#"{"content":"x","refusal":"no"}"#, ""));
    let told = told(&events, Options::default());
    assert_eq!(told.matches('=').count(), 9_997);
    assert!(told.starts_with("..=") && told.get(4999..5003) == Some("=..="));
}

/// Where no event ever comes again, remembering pauses; when some do again, they are told before long.
#[test]
fn remembering_pauses_and_goes_on() {
    let changing = |at: usize| chunk(r#"{"content":"x"}"#, &format!(r#","trace":{at}"#));
    let mut events: Vec<_> = (0..1000).map(changing).collect();
    events.extend((0..1000).map(|_| chunk(r#"{"content":"x"}"#, "")));
    let told = told(&events, Options::default());
    assert_eq!(told.get(..1000).map(|told| told.matches('=').count()), Some(0));
    assert!(told.get(1000..).is_some_and(|told| told.matches('=').count() > 930), "{told}");
}
