#![no_main]

libfuzzer_sys::fuzz_target!(init: streamgauge_fuzz::seeds::write("json"), |input: &[u8]| {
    streamgauge_fuzz::run("json", input)
});
