//! What the records of one stream weigh, by the real aggregator, recorder and encoders.

use streamgauge::otlp::{Format, Limits};
use streamgauge::telemetry::{
    ApiRequest, AttributeTypes, ContentPolicy, Recorder, Session, SseEvents, StreamCounts,
};
use streamgauge::{Aggregator, Options};

/// Of text, one event each.
pub const TOKENS: usize = 400;

#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    pub records: usize,
    pub bytes: usize,
}

impl Cost {
    fn add(&mut self, record: &[u8]) {
        self.records += 1;
        self.bytes += record.len();
    }
}

/// A prompt, a request, and the stream that answers it.
pub fn of_stream(mode: SseEvents, format: Format) -> Cost {
    let mut aggregator = Aggregator::new(Options::default(), 0.0);
    aggregator.observe();
    aggregator.handle_bytes(stream().as_bytes(), 20_000.0);
    let mut recorder = Recorder::new(session(), mode, format, Limits::default());
    let mut cost = Cost::default();
    let prompt = recorder.user_prompt("Explain what this function does, and what could go wrong.");
    cost.add(recorder.encode(&prompt, 0));
    let request =
        ApiRequest { duration_ms: 412, status: Some(200), attempt: 1, cf_ray: None, error_message: None };
    cost.add(recorder.encode(&request, 0));
    let mut counts = StreamCounts::default();
    for observation in aggregator.take_observations() {
        recorder.observe(observation, &mut counts, 0, |record| cost.add(record));
    }
    cost
}

fn session() -> Session {
    Session {
        conversation_id: "0199c1a2-0000-7000-8000-000000000001".into(),
        app_version: "1.4.0".into(),
        auth_mode: Some("ApiKey".into()),
        account_id: Some("acct-1".into()),
        terminal_type: "web-ide".into(),
        model: "gpt-5".into(),
        slug: "gpt-5".into(),
        attribute_types: AttributeTypes::Codex,
        prompts: ContentPolicy::Redacted,
        tool_arguments: ContentPolicy::Full,
        tool_output: ContentPolicy::Full,
        trace: None,
    }
}

fn stream() -> String {
    let chunk = |rest: &str| format!("data: {{\"id\":\"chatcmpl-1\",\"model\":\"gpt-5\",{rest}}}\n\n");
    let choice = |delta: &str, reason: &str| {
        chunk(&format!("\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{reason}}}]"))
    };
    let mut text = choice("{\"role\":\"assistant\",\"content\":\"\"}", "null");
    for token in 0..TOKENS {
        text += &choice(&format!("{{\"content\":\" word{token}\"}}"), "null");
    }
    text += &choice("{}", "\"stop\"");
    text += &chunk(
        "\"choices\":[],\"usage\":{\"prompt_tokens\":900,\"completion_tokens\":400,\"total_tokens\":1300}",
    );
    text + "data: [DONE]\n\n"
}
