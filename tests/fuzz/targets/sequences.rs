#![no_main]

libfuzzer_sys::fuzz_target!(init: streamgauge_fuzz::seeds::write("sequences"), |input: &[u8]| {
    streamgauge_fuzz::run("sequences", input)
});
