#![no_main]

libfuzzer_sys::fuzz_target!(init: streamgauge_fuzz::seeds::write("gen_ai"), |input: &[u8]| {
    streamgauge_fuzz::run("gen_ai", input)
});
