//! The library's own diagnostics: in the console with the feature `console`, and nowhere without it.

use serde_json::json;
use streamgauge::PushAggregator;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{host, js};

const BAD_FRAME: &[u8] = b"data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\ndata: {oops\n\n";

/// What the console is given while a stream with a bad frame completes, and another one is cut off.
fn printed() -> String {
    let spy = host::ConsoleSpy::new();
    for end in [b"data: [DONE]\n\n".as_slice(), b""] {
        let mut push = PushAggregator::new(js(&json!({}))).expect("the options are good");
        push.feed(BAD_FRAME);
        push.feed(end);
        push.finish();
        assert_eq!(push.error().is_some(), end.is_empty());
    }
    spy.end()
}

#[wasm_bindgen_test]
fn diagnostics_are_in_the_console_with_the_feature_and_nowhere_without() {
    #[cfg(feature = "console")]
    {
        assert_eq!(printed(), "", "not before somebody asks for it");
        streamgauge::start_console();
        let printed = printed();
        for part in
            ["DEBUG", "a frame that cannot be used", "the response is complete", "WARN", "the stream failed"]
        {
            assert!(printed.contains(part), "{part:?} is not in {printed:?}");
        }
    }
    #[cfg(not(feature = "console"))]
    assert_eq!(printed(), "");
}
