#![no_main]

libfuzzer_sys::fuzz_target!(init: streamgauge_fuzz::seeds::write("policies"), |input: &[u8]| {
    streamgauge_fuzz::run("policies", input)
});
