//! What a provider says when it answers a request with an error: message, type and code, from any shape of body.

#[path = "support/say.rs"]
mod say;
use say::say;
use std::fs;
use std::path::Path;

use serde_json::Value;
use streamgauge::provider_error_from_body;

/// A code as the body has it.
#[derive(Clone, Copy)]
enum Code {
    None,
    Text(&'static str),
    Number(u64),
}

struct Expected {
    message: &'static str,
    kind: Option<&'static str>,
    code: Code,
}

const fn expected(message: &'static str, kind: Option<&'static str>, code: Code) -> Expected {
    Expected { message, kind, code }
}

const INVALID: Option<&str> = Some("invalid_request_error");
const NOT_FOUND: Option<&str> = Some("not_found_error");

/// For each line of the corpus's `http_errors.jsonl`: the end of its `source_path`, and what is to be found;
/// of the message its beginning.
const CORPUS: [(&str, Expected); 25] = [
    (
        "doubleword/error_matrix/unknown_model_streaming.yaml",
        expected("The model `rig/definitely-not-a-doub", INVALID, Code::Text("model_not_found")),
    ),
    (
        "doubleword/error_matrix/invalid_key_streaming.yaml",
        expected("Forbidden", INVALID, Code::Text("forbidden")),
    ),
    (
        "doubleword/error_matrix/invalid_temperature_streaming.yaml",
        expected("Validation: Temperature must be between 0 and 2", Some("Bad Request"), Code::Number(400)),
    ),
    (
        "mistral/logprobs_rejection_matrix/streaming_ministral_3b.yaml",
        expected("Logprobs are not enabled", Some("invalid_request_invalid_args"), Code::Text("3051")),
    ),
    (
        "mistral/response_identity_edge/streaming_error_carries_the_correlation_id.yaml",
        expected("Invalid model: definitely", Some("invalid_model"), Code::Text("1500")),
    ),
    (
        "chatgpt/http_errors/nonstreaming_unauthorized_preserves_status_and_body.yaml",
        expected("Could not parse your authentication token.", None, Code::None),
    ),
    (
        "gemini/error_envelope/nonexistent_model_streaming_error_preserves_status_and_body.yaml",
        expected("models/gemini-nonexistent-rig-test is not", Some("NOT_FOUND"), Code::Number(404)),
    ),
    (
        "venice/error_envelope/nonexistent_model_streaming_error_preserves_status_and_body.yaml",
        expected("Specified model not found: venice", None, Code::None),
    ),
    (
        "anthropic/error_identity_edge/streaming_connect_auth_rejection_classifies_with_contract.yaml",
        expected("API key is invalid.", Some("authentication_error"), Code::None),
    ),
    (
        "anthropic/error_identity_edge/streaming_connect_4xx_matches_blocking_richness.yaml",
        expected("model: claude-nonexistent-model-for-", NOT_FOUND, Code::None),
    ),
    (
        "anthropic/error_envelope/nonexistent_model_streaming_error_preserves_status_and_body.yaml",
        expected("model: claude-nonexistent-rig-test", NOT_FOUND, Code::None),
    ),
    (
        "deepseek/wire_shape_matrix/streaming_image_part_reaches_the_wire.yaml",
        expected("Failed to deserialize the JSON body", INVALID, Code::Text("invalid_request_error")),
    ),
    (
        "openai/error_identity_edge/streaming_connect_4xx_matches_blocking_richness.yaml",
        expected("The requested model 'gpt-nonexistent", INVALID, Code::Text("model_not_found")),
    ),
    (
        "openai/error_envelope/nonexistent_model_streaming_error_preserves_status_and_body.yaml",
        expected("The requested model 'gpt-4o-mini-none", INVALID, Code::Text("model_not_found")),
    ),
    (
        "llamacpp/error_matrix/context_overflow_streaming.yaml",
        expected("request (2009 tokens) exceeds", Some("exceed_context_size_error"), Code::Number(400)),
    ),
    (
        "test_model_not_found_stream/anthropic_beta_claude_sonnet_4_0.yaml",
        expected("model: this-model-does-not-exist", NOT_FOUND, Code::None),
    ),
    (
        "test_model_not_found_stream/openai_gpt_4o_completions.yaml",
        expected("The model `this-model-does-not-exist", INVALID, Code::Text("model_not_found")),
    ),
    (
        "test_model_not_found_stream/google_gemini_2_5_flash.yaml",
        expected("models/this-model-does-not-exist", Some("NOT_FOUND"), Code::Number(404)),
    ),
    (
        "test_authentication_error_stream/google_gemini_2_5_flash.yaml",
        expected("API key not valid.", Some("INVALID_ARGUMENT"), Code::Number(400)),
    ),
    (
        "spec/fixtures/cassettes/runs_streamed_create.yml",
        expected("Run creation requires a Thread", INVALID, Code::Text("invalid_thread")),
    ),
    (
        "test_anthropic_test_completions_async_api.yaml",
        expected("\"claude-haiku-4-5\" is not supported", INVALID, Code::None),
    ),
    (
        "test_anthropic_test_completions_async_api.yaml",
        expected("model: claude-haiku-4-5-latest", NOT_FOUND, Code::None),
    ),
    (
        "test_anthropic_test_completions_async_api.yaml",
        expected("\"claude-haiku-4-5-20251001\" is not supported", INVALID, Code::None),
    ),
    (
        "test_anthropic_test_chat_sync_api_stream.yaml",
        expected("model: claude-4-5-haiku", NOT_FOUND, Code::None),
    ),
    (
        "test_agents/test_agents_and_tools.yaml",
        expected("The model `gpt-3.5-turbo-0613` has been", INVALID, Code::Text("model_not_found")),
    ),
];

/// What is not as expected, of an error read from a body.
fn problems(status: u16, body: &str, expected: &Expected, whole_message: bool) -> Vec<String> {
    let found = provider_error_from_body(status, body);
    let mut out = Vec::new();
    let fits = match whole_message {
        true => found.message == expected.message,
        false => found.message.starts_with(expected.message),
    };
    if !fits {
        out.push(format!("message: expected {:?} but got {:?}", expected.message, found.message));
    }
    if found.kind.as_deref() != expected.kind {
        out.push(format!("type: expected {:?} but got {:?}", expected.kind, found.kind));
    }
    let code = found.code.as_deref().map(|code| serde_json::from_str::<Value>(code).expect("a code is JSON"));
    let wanted = match expected.code {
        Code::None => None,
        Code::Text(text) => Some(Value::from(text)),
        Code::Number(number) => Some(Value::from(number)),
    };
    if code != wanted {
        out.push(format!("code: expected {wanted:?} but got {code:?}"));
    }
    if found.status != Some(status) {
        out.push(format!("status: expected {status} but got {:?}", found.status));
    }
    if !body.starts_with(&found.raw) {
        out.push("raw is not the body".to_owned());
    }
    out
}

#[test]
fn the_corpus_bodies_are_understood() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/http_errors.jsonl");
    let Ok(text) = fs::read_to_string(&path) else {
        say(format_args!("no corpus beside the checkout ({}): nothing to compare", path.display()));
        return;
    };
    let mut wrong = Vec::new();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), CORPUS.len(), "the corpus has other lines than this table");
    for (at, (line, (source, expected))) in lines.iter().zip(&CORPUS).enumerate() {
        let path = line["source_path"].as_str().unwrap();
        assert!(path.ends_with(source), "line {}: {path} where {source} was", at + 1);
        let status = u16::try_from(line["status"].as_u64().unwrap()).unwrap();
        let problems = problems(status, line["body"].as_str().unwrap(), expected, false);
        if !problems.is_empty() {
            wrong.push(format!("line {}, {path}\n    {}", at + 1, problems.join("\n    ")));
        }
    }
    say(format_args!("{} of {} corpus error bodies right", lines.len() - wrong.len(), lines.len()));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn bodies_of_every_shape_are_understood() {
    let table: &[(&str, &str, Expected)] = &[
        (
            "OpenAI",
            r#"{"error":{"message":"Rate limit reached","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#,
            expected("Rate limit reached", Some("requests"), Code::Text("rate_limit_exceeded")),
        ),
        (
            "OpenAI, all but the message null",
            r#"{"error":{"message":"Bad gateway","type":null,"param":null,"code":null}}"#,
            expected("Bad gateway", None, Code::None),
        ),
        (
            "error as text",
            r#"{"error":"model 'x' not found"}"#,
            expected("model 'x' not found", None, Code::None),
        ),
        (
            "vLLM: object error",
            r#"{"object":"error","message":"too long","type":"BadRequestError","param":null,"code":400}"#,
            expected("too long", Some("BadRequestError"), Code::Number(400)),
        ),
        (
            "code as text at the top: DashScope",
            r#"{"code":"InvalidApiKey","message":"No such key","request_id":"r"}"#,
            expected("No such key", None, Code::Text("InvalidApiKey")),
        ),
        (
            "message alone: AWS, Cohere",
            r#"{"message":"Too many requests"}"#,
            expected("Too many requests", None, Code::None),
        ),
        (
            "Google in a list",
            "[{\n  \"error\": {\n    \"code\": 429,\n    \"message\": \"Quota\",\n    \"status\": \"RESOURCE_EXHAUSTED\"\n  }\n}]\n",
            expected("Quota", Some("RESOURCE_EXHAUSTED"), Code::Number(429)),
        ),
        (
            "Google with details",
            r#"{"error":{"code":400,"message":"Bad key","status":"INVALID_ARGUMENT","details":[{"@type":"x","reason":"API_KEY_INVALID"},{"message":"inner"}]}}"#,
            expected("Bad key", Some("INVALID_ARGUMENT"), Code::Number(400)),
        ),
        (
            "Anthropic",
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"r"}"#,
            expected("Overloaded", Some("overloaded_error"), Code::None),
        ),
        ("FastAPI", r#"{"detail":"Not Found"}"#, expected("Not Found", None, Code::None)),
        (
            "FastAPI: validation",
            r#"{"detail":[{"type":"missing","loc":["body","messages"],"msg":"Field required","input":{}},{"type":"x","loc":[],"msg":"second"}]}"#,
            expected("Field required", Some("missing"), Code::None),
        ),
        (
            "MiniMax",
            r#"{"base_resp":{"status_code":1004,"status_msg":"login fail"}}"#,
            expected("login fail", None, Code::Number(1004)),
        ),
        (
            "Cloudflare: errors",
            r#"{"success":false,"errors":[{"code":7003,"message":"No route"},{"code":7000,"message":"second"}],"messages":[]}"#,
            expected("No route", None, Code::Number(7003)),
        ),
        (
            "RFC 9457",
            r#"{"type":"about:blank","title":"Forbidden","status":403,"detail":"No access to this model"}"#,
            expected("No access to this model", Some("about:blank"), Code::None),
        ),
        (
            "OpenRouter with metadata",
            r#"{"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"{\"message\":\"inner\"}","provider_name":"X"}},"user_id":"u"}"#,
            expected("Provider returned error", None, Code::Number(429)),
        ),
        (
            "one event of a stream",
            "event: error\ndata: {\"error\":{\"message\":\"Overloaded\",\"type\":\"server_error\"}}\n\n",
            expected("Overloaded", Some("server_error"), Code::None),
        ),
        (
            "HTML",
            "<html>\r\n<head><title>502 Bad\n Gateway</title></head>\r\n<body><h1>502</h1></body></html>",
            expected("502 Bad Gateway", None, Code::None),
        ),
        ("plain text", "  upstream   timed\nout \n", expected("upstream timed out", None, Code::None)),
        ("empty", "", expected("", None, Code::None)),
        ("white space", " \r\n", expected("", None, Code::None)),
        (
            "truncated JSON",
            r#"{"error":{"message":"Rate lim"#,
            expected(r#"{"error":{"message":"Rate lim"#, None, Code::None),
        ),
        (
            "a lone surrogate",
            r#"{"error":{"message":"bad \ud83d"}}"#,
            expected("bad \u{fffd}", None, Code::None),
        ),
        ("null", "null", expected("", None, Code::None)),
    ];
    let mut wrong = Vec::new();
    for (name, body, expected) in table {
        let problems = problems(418, body, expected, true);
        if !problems.is_empty() {
            wrong.push(format!("{name}\n    {}", problems.join("\n    ")));
        }
    }
    say(format_args!("{} of {} own error bodies right", table.len() - wrong.len(), table.len()));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn other_fields() {
    let body = r#"{"error":{"message":"m","param":"messages[0]","retry_after":2}}"#;
    let error = provider_error_from_body(429, body);
    assert_eq!(error.param.as_deref(), Some("messages[0]"));
    assert_eq!(error.retry_after_ms, Some(2000));
    assert_eq!(error.raw, body);
}

/// However long and odd a body is, message and raw stay of a size that can be shown and logged.
#[test]
fn long_bodies_are_cut() {
    let table = [
        "x".repeat(1 << 20),
        "é ".repeat(1 << 20),
        format!("<html><title>{}</title>", "y".repeat(1 << 20)),
        format!("<html>{}", "<p>".repeat(1 << 18)),
        format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("{}1{}", r#"{"error":"#.repeat(100_000), "}".repeat(100_000)),
        "😀".repeat(1 << 18),
    ];
    for body in table {
        let error = provider_error_from_body(500, &body);
        let start: String = body.chars().take(24).collect();
        assert!(error.message.chars().count() <= 64 * 1024, "{start}: a message of {}", error.message.len());
        assert!(error.raw.len() <= 64 * 1024, "{start}: raw of {}", error.raw.len());
    }
}
