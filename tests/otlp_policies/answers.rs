//! What an answer means for the batch that it is for.

use streamgauge::otlp::retry::{
    Outcome, classify_grpc, classify_http, classify_network, classify_sink, retry_after_ms,
};

/// Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110.
const RFC_DATE_MS: f64 = 784_111_777_000.0;

#[test]
fn http_statuses() {
    let later =
        |message: &str, server_delay_ms| Outcome::Retryable { message: message.into(), server_delay_ms };
    let fatal = |message: &str, too_large| Outcome::Fatal { message: message.into(), too_large };
    let table = [
        (200, None, "", Outcome::Success),
        (204, None, "", Outcome::Success),
        (299, Some("5"), "", Outcome::Success),
        (429, None, "", later("HTTP 429", None)),
        (429, Some("7"), " slow down\n", later("HTTP 429: slow down", Some(7_000.0))),
        (502, Some("soon"), "", later("HTTP 502", None)),
        (503, Some("Sun, 06 Nov 1994 08:49:40 GMT"), "", later("HTTP 503", Some(3_000.0))),
        (504, Some("0"), "", later("HTTP 504", Some(0.0))),
        (413, None, "", fatal("HTTP 413", true)),
        (0, None, "", fatal("HTTP 0", false)),
        (301, None, "", fatal("HTTP 301", false)),
        (400, Some("7"), "bad time", fatal("HTTP 400: bad time", false)),
        (401, None, "", fatal("HTTP 401", false)),
        (404, None, "", fatal("HTTP 404", false)),
        (408, None, "", fatal("HTTP 408", false)),
        (500, Some("7"), "", fatal("HTTP 500", false)),
        (501, None, "", fatal("HTTP 501", false)),
    ];
    for (status, retry_after, message, expected) in table {
        assert_eq!(classify_http(status, retry_after, message, RFC_DATE_MS), expected, "{status}");
    }
    let expected = Outcome::Disconnected { message: "no answer: ECONNREFUSED".into() };
    assert_eq!(classify_network("ECONNREFUSED"), expected);
}

#[test]
fn sinks_that_fail() {
    let message = "the sink failed: boom".to_owned();
    assert_eq!(
        classify_sink("boom", true),
        Outcome::Retryable { message: message.clone(), server_delay_ms: None }
    );
    assert_eq!(classify_sink(" boom\n", false), Outcome::Fatal { message, too_large: false });
}

#[test]
fn retry_after_forms() {
    let table = [
        ("0", Some(0.0)),
        (" 120 ", Some(120_000.0)),
        ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0.0)),
        ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60_000.0)),
        ("Sunday, 06-Nov-94 08:50:37 GMT", Some(60_000.0)),
        ("Sun Nov  6 08:50:37 1994", Some(60_000.0)),
        // In the past: at once.
        ("Sat, 05 Nov 1994 08:49:37 GMT", Some(0.0)),
        // 2044 is not more than 50 years ahead of 1994, 2045 is: 1945.
        ("Sunday, 06-Nov-44 08:49:37 GMT", Some(2_362_034_977_000.0 - RFC_DATE_MS)),
        ("Monday, 06-Nov-45 08:49:37 GMT", Some(0.0)),
        // A leap day, the day after one, and the end of a year.
        ("Thu, 29 Feb 1996 00:00:00 GMT", Some(825_552_000_000.0 - RFC_DATE_MS)),
        ("Wed, 01 Mar 2000 00:00:00 GMT", Some(951_868_800_000.0 - RFC_DATE_MS)),
        ("Sat, 31 Dec 2016 23:59:60 GMT", Some(1_483_228_800_000.0 - RFC_DATE_MS)),
        ("Tue, 19 Jan 2038 03:14:08 GMT", Some(2_147_483_648_000.0 - RFC_DATE_MS)),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("1e3", None),
        ("soon", None),
        ("Sun, 06 Nov 1994 08:49:37 CET", None),
        ("Sun, 06 Nov 1994 08:49 GMT", None),
        ("Sun, 06 Nov 1994 24:00:00 GMT", None),
        ("Sun, 06 Nov 1994 08:49:37:00 GMT", None),
        ("Sun, 00 Nov 1994 08:49:37 GMT", None),
        ("Sun, +6 Nov 1994 08:49:37 GMT", None),
        ("Sun, 06 Nob 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 99999 08:49:37 GMT", None),
        ("Sun, 06 Nov 99999999999999999999 08:49:37 GMT", None),
    ];
    for (value, expected) in table {
        assert_eq!(retry_after_ms(value, RFC_DATE_MS), expected, "{value:?}");
    }
    assert!(retry_after_ms(&"9".repeat(400), 0.0).is_some_and(f64::is_infinite), "the worker has a limit");
}

#[test]
fn grpc_statuses() {
    let retried = [1, 4, 10, 11, 14, 15];
    for code in 0..=17 {
        let name = |outcome| match outcome {
            Outcome::Success => "ok",
            Outcome::Retryable { server_delay_ms: None, .. } => "later",
            Outcome::Retryable { server_delay_ms: Some(250.0), .. } => "later, in 250 ms",
            Outcome::Fatal { too_large: false, .. } => "fatal",
            other => panic!("{other:?}"),
        };
        let (plain, with_delay) = match code {
            0 => ("ok", "ok"),
            8 => ("fatal", "later, in 250 ms"),
            _ if retried.contains(&code) => ("later", "later, in 250 ms"),
            _ => ("fatal", "fatal"),
        };
        assert_eq!(name(classify_grpc(code, "quota", None)), plain, "{code}");
        assert_eq!(name(classify_grpc(code, "quota", Some(250.0))), with_delay, "{code}");
    }

    let too_large = [
        (11, "Error, decoded message length too large: found 5243390 bytes, the limit is: 4194304 bytes"),
        (8, "grpc: received message larger than max (5243390 vs. 4194304)"),
        (8, "Received message larger than max (5243390 vs 4194304)"),
        (8, "gRPC message exceeds maximum size 4194304: 5243390"),
    ];
    for (code, message) in too_large {
        for delay in [None, Some(1.0)] {
            let Outcome::Fatal { message: told, too_large: true } = classify_grpc(code, message, delay)
            else {
                panic!("{message}")
            };
            assert!(told.starts_with("gRPC status ") && told.ends_with(message), "{told}");
        }
    }
    assert!(matches!(classify_grpc(3, "too large", None), Outcome::Fatal { too_large: false, .. }));
    let Outcome::Retryable { message, .. } = classify_grpc(14, "", None) else { panic!() };
    assert_eq!(message, "gRPC status 14 UNAVAILABLE");
}
