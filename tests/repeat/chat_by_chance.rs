//! Chat streams by chance: runs of events whose shape changes, and sometimes goes back to an earlier one.

use crate::by_chance::{TEXTS, another, any};
use crate::splits::Rng;

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
pub(super) const BETWEEN: &[&str] = &[
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

/// A stream of runs: the shape of its events changes, and sometimes goes back to an earlier one.
pub(super) fn by_chance(rng: &mut Rng) -> Vec<u8> {
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
