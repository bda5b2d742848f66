//! Options that do not go together.

use streamgauge::error::ErrorCode;
use streamgauge::otlp::WorkerOptions;
use streamgauge::otlp::queue::Overhead;
use streamgauge::otlp::worker::Worker;

#[test]
fn options_name_the_bad_key() {
    fn of(change: impl FnOnce(&mut WorkerOptions)) -> WorkerOptions {
        let mut options = WorkerOptions::default();
        change(&mut options);
        options
    }
    let table = [
        (of(|o| o.max_queue_size = 0), "max_queue_size must be at least 1"),
        (of(|o| o.max_export_batch_size = 0), "max_export_batch_size must be at least 1"),
        (
            of(|o| o.max_queue_size = 511),
            "max_export_batch_size (512) must not be larger than max_queue_size (511)",
        ),
        (
            of(|o| o.max_queue_bytes = 4_000_000),
            "max_request_bytes (4128768) must not be larger than max_queue_bytes (4000000)",
        ),
        (
            of(|o| (o.overhead, o.max_request_bytes) = (Overhead { request: 100, record: 6 }, 106)),
            "max_request_bytes must be from 107 (a record of one byte) to 67108864, not 106",
        ),
        (
            of(|o| (o.max_request_bytes, o.max_queue_bytes) = (1 << 27, 1 << 28)),
            "max_request_bytes must be from",
        ),
        (
            of(|o| o.scheduled_delay_ms = -1.0),
            "scheduled_delay_ms must be milliseconds from 0 to 2147483647, not -1",
        ),
        (of(|o| o.export_timeout_ms = 0.0), "export_timeout_ms must be"),
        (of(|o| o.export_timeout_ms = 2_147_483_648.0), "export_timeout_ms must be"),
        (of(|o| o.flush_timeout_ms = f64::NAN), "flush_timeout_ms must be"),
        (of(|o| o.shutdown_timeout_ms = f64::INFINITY), "shutdown_timeout_ms must be"),
        (of(|o| o.retry.initial_ms = 0.0), "retry.initial_ms must be"),
        (of(|o| o.retry.factor = 0.5), "retry.factor must be a number from 1 to 100, not 0.5"),
        (of(|o| o.retry.factor = f64::NAN), "retry.factor must be"),
        (of(|o| o.retry.cap_ms = 999.0), "retry.cap_ms (999) must not be less than retry.initial_ms (1000)"),
        (of(|o| o.retry.max_elapsed_ms = Some(-1.0)), "retry.max_elapsed_ms must be"),
        (of(|o| o.retry.max_server_delay_ms = f64::NAN), "retry.max_server_delay_ms must be"),
    ];
    for (options, expected) in table {
        let error = Worker::new(options).expect_err(expected);
        assert_eq!(error.code, ErrorCode::BadOption);
        assert!(error.message.starts_with(expected), "{} instead of {expected}", error.message);
    }
    WorkerOptions::default().validate().expect("the defaults are fine");
}
