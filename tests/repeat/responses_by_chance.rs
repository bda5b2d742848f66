//! Streams of the Responses API by chance.

use crate::by_chance::{TEXTS, another, any};
use crate::chat_by_chance::BETWEEN;
use crate::splits::Rng;

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
pub(super) fn responses_by_chance(rng: &mut Rng) -> Vec<u8> {
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
