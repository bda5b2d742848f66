#![no_main]

libfuzzer_sys::fuzz_target!(init: streamgauge_fuzz::seeds::write("decoders"), |input: &[u8]| {
    streamgauge_fuzz::run("decoders", input)
});
