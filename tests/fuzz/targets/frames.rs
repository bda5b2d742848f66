#![no_main]

libfuzzer_sys::fuzz_target!(init: streamgauge_fuzz::seeds::write("frames"), |input: &[u8]| {
    streamgauge_fuzz::run("frames", input)
});
