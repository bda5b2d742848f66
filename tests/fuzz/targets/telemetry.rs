#![no_main]

libfuzzer_sys::fuzz_target!(init: streamgauge_fuzz::seeds::write("telemetry"), |input: &[u8]| {
    streamgauge_fuzz::run("telemetry", input)
});
