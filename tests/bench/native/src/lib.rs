//! Seeded streams, and what several readers make of them. The benches check that all make the same before they time.

#[path = "../../../support/splits.rs"]
mod splits;

pub mod readers;

use splits::{Rng, random_way};

/// What a stream says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    pub text: String,
    pub reasoning: String,
    pub calls: Vec<Call>,
    pub finish_reason: String,
    pub total_tokens: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Call {
    pub id: String,
    pub name: String,
    pub arguments: String,
}

/// A stream of the chat wire, as its events.
pub struct Stream {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    /// Where each event ends.
    ends: Vec<usize>,
    pub answer: Answer,
}

/// How a stream is cut.
#[derive(Debug, Clone, Copy)]
pub enum Cut {
    /// One event per chunk, as a server flushes them.
    Events,
    /// 16 KiB, as a fast connection delivers them.
    Blocks,
    /// 0 to 200 bytes at random.
    Crumbs,
}

impl Cut {
    pub const ALL: [Self; 3] = [Self::Events, Self::Blocks, Self::Crumbs];

    pub fn name(self) -> &'static str {
        match self {
            Self::Events => "one event per chunk",
            Self::Blocks => "16 KiB",
            Self::Crumbs => "0 to 200 bytes",
        }
    }
}

const TOKENS: usize = 10_000;

const WORDS: &[&str] = &[
    " the",
    " of",
    " and",
    " stream",
    " is",
    " that",
    " a",
    " to",
    "ing",
    "ed",
    ",",
    ".",
    " it",
    " token",
    " in",
    "s",
    " because",
    " über",
    " naïve",
    " 流",
    "\n\n",
    "\n",
    " \"quoted\"",
    " `code`",
    " - ",
    "1",
    "2",
    " 3.14",
    "(",
    ")",
    " 😀",
];

impl Stream {
    /// Text, as OpenAI sends it.
    pub fn text() -> Self {
        let mut maker = Maker::new("text", 1);
        for _ in 0..TOKENS {
            maker.text("");
        }
        maker.end()
    }

    /// Reasoning for three quarters, then text, as DeepSeek and others send it.
    pub fn reasoning() -> Self {
        let mut maker = Maker::new("reasoning, then text", 2);
        for _ in 0..TOKENS / 4 * 3 {
            maker.reasoning();
        }
        for _ in 0..TOKENS / 4 {
            maker.text("");
        }
        maker.end()
    }

    /// Forty tool calls with long arguments.
    pub fn calls() -> Self {
        let mut maker = Maker::new("tool calls", 3);
        for _ in 0..40 {
            maker.call(TOKENS / 40);
        }
        maker.end()
    }

    /// Text in events of which each has a field of its own: none is like the one before it.
    pub fn changing() -> Self {
        let mut maker = Maker::new("text, each event with another field", 4);
        for number in 0..TOKENS {
            maker.text(&format!(r#","trace":{{"span":{number}}}"#));
        }
        maker.end()
    }

    pub fn all() -> [Self; 4] {
        [Self::text(), Self::reasoning(), Self::calls(), Self::changing()]
    }

    /// The stream in chunks.
    pub fn chunks(&self, cut: Cut) -> Vec<&[u8]> {
        match cut {
            Cut::Events => {
                let starts = [0].into_iter().chain(self.ends.iter().copied());
                starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end]).collect()
            }
            Cut::Blocks => self.bytes.chunks(16 * 1024).collect(),
            Cut::Crumbs => random_way(&self.bytes, 5, 100).chunks,
        }
    }
}

struct Maker {
    rng: Rng,
    stream: Stream,
}

impl Maker {
    fn new(name: &'static str, seed: u64) -> Self {
        let stream = Stream { name, bytes: Vec::new(), ends: Vec::new(), answer: Answer::default() };
        let mut maker = Self { rng: Rng::new(seed), stream };
        maker.delta(r#""role":"assistant","content":"""#, "null", "");
        maker
    }

    fn word(&mut self) -> &'static str {
        WORDS[self.rng.below(WORDS.len())]
    }

    fn text(&mut self, extra: &str) {
        let word = self.word();
        self.stream.answer.text.push_str(word);
        self.delta(&format!(r#""content":{}"#, quoted(word)), "null", extra);
    }

    fn reasoning(&mut self) {
        let word = self.word();
        self.stream.answer.reasoning.push_str(word);
        self.delta(&format!(r#""content":null,"reasoning_content":{}"#, quoted(word)), "null", "");
    }

    fn call(&mut self, fragments: usize) {
        let index = self.stream.answer.calls.len();
        let call =
            Call { id: format!("call_{index:08}"), name: "write_file".into(), arguments: String::new() };
        let function = format!(r#"{{"name":"{}","arguments":""}}"#, call.name);
        let begin = format!(
            r#""tool_calls":[{{"index":{index},"id":"{}","type":"function","function":{function}}}]"#,
            call.id
        );
        self.delta(&begin, "null", "");
        self.stream.answer.calls.push(call);
        for number in 0..fragments {
            let fragment = match number {
                0 => "{\"path\":\"a.txt\",\"content\":\"".to_owned(),
                _ if number == fragments - 1 => "\"}".to_owned(),
                // A string within the arguments: its escapes are escaped again.
                _ => quoted(self.word()).trim_matches('"').to_owned(),
            };
            self.stream.answer.calls[index].arguments.push_str(&fragment);
            let arguments = quoted(&fragment);
            let delta =
                format!(r#""tool_calls":[{{"index":{index},"function":{{"arguments":{arguments}}}}}]"#);
            self.delta(&delta, "null", "");
        }
    }

    fn end(mut self) -> Stream {
        let reason = if self.stream.answer.calls.is_empty() { "stop" } else { "tool_calls" };
        self.stream.answer.finish_reason = reason.to_owned();
        self.stream.answer.total_tokens = TOKENS as u64 + 17;
        self.delta("", &quoted(reason), "");
        let usage = format!(
            r#"{{"prompt_tokens":17,"completion_tokens":{TOKENS},"total_tokens":{}}}"#,
            self.stream.answer.total_tokens
        );
        self.event(&format!("{{{HEAD},\"choices\":[],\"usage\":{usage}}}"));
        self.event("[DONE]");
        self.stream
    }

    fn delta(&mut self, delta: &str, finish_reason: &str, extra: &str) {
        let padding = &"aZ3kQ9xLm2Pw7Rt"[..self.rng.below(15)];
        self.event(&format!(
            "{{{HEAD},\"choices\":[{{\"index\":0,\"delta\":{{{delta}}},\"logprobs\":null,\"finish_reason\":{finish_reason}}}],\"usage\":null,\"obfuscation\":\"{padding}\"{extra}}}"
        ));
    }

    fn event(&mut self, data: &str) {
        self.stream.bytes.extend_from_slice(format!("data: {data}\n\n").as_bytes());
        self.stream.ends.push(self.stream.bytes.len());
    }
}

const HEAD: &str = r#""id":"chatcmpl-CkT5vYh0JbEwqHqK3hM2ZxU1nYp4a","object":"chat.completion.chunk","created":1764000000,"model":"gpt-5.1-2025-11-13","service_tier":"default","system_fingerprint":"fp_560af6e559""#;

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}
