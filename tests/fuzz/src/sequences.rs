//! The wires beyond their JSON: an input is a sequence of events that are all well formed, so that mutations change what
//! is said, in which order, and how often in a row, instead of breaking its syntax. What must hold is what holds for
//! any stream (`streams.rs`).

use streamgauge::WireChoice;

use crate::streams;

/// The events of each wire, one per line of JSON: `$` and a letter is one of [`alternatives`].
const GRAMMARS: [(WireChoice, &str); 3] = [
    (WireChoice::Chat, include_str!("../events/chat.txt")),
    (WireChoice::Responses, include_str!("../events/responses.txt")),
    (WireChoice::Anthropic, include_str!("../events/anthropic.txt")),
];

/// How many events a stream has at most: what goes wrong goes wrong in a few.
const MOST_EVENTS: usize = 48;

/// Input: which wire; options, how to split and to end; what each next event is.
pub fn check(input: &[u8]) {
    if let Some((wire, stream)) = stream(input) {
        streams::check(wire, &stream);
    }
}

/// What an input of `check` is to `streams::check`.
pub fn stream(input: &[u8]) -> Option<(WireChoice, Vec<u8>)> {
    let ([wire, flags, shape], steps) = input.split_first_chunk::<3>()?;
    let (choice, grammar) = GRAMMARS[usize::from(*wire) % GRAMMARS.len()];
    let choice = if *wire < 192 { choice } else { WireChoice::Auto };
    // A limit that most events are above would end most streams at once.
    let flags = match flags & 3 {
        3 => flags & !1,
        _ => *flags,
    };
    let mut writer = Writer::new(grammar, steps);
    writer.bytes.extend([flags, *shape]);
    for _ in 0..MOST_EVENTS {
        let Some(step) = writer.next() else { break };
        writer.step(step);
    }
    Some((choice, writer.bytes))
}

/// An event to be written: a line of the grammar, and which alternative stands at each of its places.
#[derive(Clone)]
struct Event<'g> {
    line: &'g str,
    chosen: Vec<u8>,
}

struct Writer<'g, 'i> {
    lines: Vec<&'g str>,
    steps: &'i [u8],
    bytes: Vec<u8>,
    last: Event<'g>,
    earlier: Vec<Event<'g>>,
    line_end: &'static str,
    data: &'static str,
    is_named: bool,
}

impl<'g, 'i> Writer<'g, 'i> {
    fn new(grammar: &'g str, steps: &'i [u8]) -> Self {
        let lines: Vec<&str> = grammar.lines().collect();
        let last = Event { line: lines[0], chosen: Vec::new() };
        let (bytes, earlier) = (Vec::new(), Vec::new());
        Self { lines, steps, bytes, last, earlier, line_end: "\n", data: "data: ", is_named: false }
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.steps.split_first()?;
        self.steps = rest;
        Some(*first)
    }

    fn step(&mut self, step: u8) {
        let which = usize::from(step >> 2);
        match step & 3 {
            // The last event with another text.
            0 | 1 => {
                let places = places(self.last.line);
                for (at, _) in places.enumerate().filter(|(_, place)| *place == 't') {
                    if let Some(chosen) = self.last.chosen.get_mut(at) {
                        *chosen = step >> 2 << 1 | step & 1;
                    }
                }
            }
            2 => {
                self.earlier.push(self.last.clone());
                let line = self.lines[which % self.lines.len()];
                let chosen = places(line).map(|_| self.next().unwrap_or(0)).collect();
                self.last = Event { line, chosen };
            }
            _ => match which % 16 {
                0 => self.is_named = !self.is_named,
                1 => self.line_end = ["\n", "\r\n", "\r"][usize::from(self.next().unwrap_or(0)) % 3],
                2 => {
                    self.data =
                        ["data: ", "data:", "id: 1\ndata: "][usize::from(self.next().unwrap_or(0)) % 3]
                }
                3 => return self.bytes.extend_from_slice(b": comment\n\n"),
                4 => return self.bytes.extend_from_slice(b"data: [DONE]\n\n"),
                5 => return self.bytes.extend_from_slice(b"data: {\n\n"),
                6 | 7 => {
                    let at = usize::from(self.next().unwrap_or(0));
                    if let Some(event) = self.earlier.get(at % self.earlier.len().max(1)).cloned() {
                        self.earlier.push(std::mem::replace(&mut self.last, event));
                    }
                }
                // One thing in the last event is another.
                _ => {
                    let (at, chosen) = (self.next().unwrap_or(0), self.next().unwrap_or(0));
                    let places = self.last.chosen.len().max(1);
                    if let Some(place) = self.last.chosen.get_mut(usize::from(at) % places) {
                        *place = chosen;
                    }
                }
            },
        }
        self.write();
    }

    fn write(&mut self) {
        let mut pieces = self.last.line.split('$');
        let mut json = pieces.next().unwrap_or_default().to_owned();
        for (at, piece) in pieces.enumerate() {
            let (place, rest) = piece.split_at(1);
            let alternatives = alternatives(place);
            let chosen = usize::from(self.last.chosen.get(at).copied().unwrap_or(0));
            json.push_str(alternatives[chosen % alternatives.len()]);
            json.push_str(rest);
        }
        if self.is_named {
            let kind = json.split('"').nth(3).unwrap_or_default();
            self.bytes.extend_from_slice(format!("event: {kind}{}", self.line_end).as_bytes());
        }
        self.bytes.extend_from_slice(format!("{}{json}{}", self.data, self.line_end.repeat(2)).as_bytes());
    }
}

/// The letters of a line's places.
fn places(line: &str) -> impl Iterator<Item = char> {
    line.split('$').skip(1).filter_map(|piece| piece.chars().next())
}

/// What may stand at a place: few of each, so that events are alike often.
fn alternatives(place: &str) -> &'static [&'static str] {
    match place {
        "i" => &["0", "1", "0", "2", "null", "\"1\"", "7"],
        "d" => &["a", "b", "", "c"],
        "n" => &["f", "g", "", "ff"],
        "s" => &["1", "2", "30"],
        "t" => TEXTS,
        "p" => &["", " ", "     "],
        "f" => {
            &["\"stop\"", "null", "\"length\"", "\"tool_use\"", "\"\"", "\"error\"", "\"max_output_tokens\""]
        }
        "u" => &[
            "null",
            "{}",
            r#"{"total_tokens":3}"#,
            r#"{"input_tokens":5,"output_tokens":7,"output_tokens_details":{"reasoning_tokens":2}}"#,
        ],
        "v" => &[
            "null",
            "[]",
            "{}",
            "\"\"",
            "[{}]",
            r#"{"a":1}"#,
            r#"[{"a":"b"}]"#,
            "\"text\"",
            "1e400",
            "[null]",
            "3",
        ],
        "x" => &[
            "",
            r#","obfuscation":"ab""#,
            r#","p":"abc""#,
            r#","x":1"#,
            r#","x":2"#,
            r#","x":[1]"#,
            r#","usage":{"total_tokens":9}"#,
            r#","sequence_number":4"#,
            r#","created":5"#,
            r#","logprobs":[]"#,
            r#","error":null"#,
            r#","role":"assistant""#,
            r#","delta":"again""#,
        ],
        other => panic!("a grammar has ${other}"),
    }
}

/// Contents of JSON strings.
const TEXTS: &[&str] = &[
    "a",
    "b ",
    "",
    "\\ud83d",
    "\\ude00",
    "<think>",
    "</think>",
    "<th",
    "ink>",
    "{\\\"a\\\":",
    "1}",
    "{}",
    " ",
    "\\n",
    "é",
    "a",
    "\\u0000\\\\",
    "thoughts and more of them, of some length",
    "x\\ud83d",
    "</",
];
