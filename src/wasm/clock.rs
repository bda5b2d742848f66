//! The host's clock and timer.

use js_sys::{Function, Reflect};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, delay_ms: f64) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(handle: &JsValue);

    /// Node's handle of a timer.
    #[derive(Debug)]
    type NodeTimer;
    #[wasm_bindgen(method, js_name = ref)]
    fn hold(this: &NodeTimer);
    #[wasm_bindgen(method)]
    fn unref(this: &NodeTimer);
}

/// The longest delay that hosts accept: more would fire at once.
const LONGEST_DELAY_MS: f64 = 2_147_483_647.0;

/// Milliseconds of a clock that does not go backwards.
pub(super) fn now_ms() -> f64 {
    performance_now()
}

/// A running timer; dropping it stops it.
#[derive(Debug)]
pub(super) struct Timer {
    handle: JsValue,
    /// The handle, if the host is one whose timers keep the process alive.
    node: Option<NodeTimer>,
}

impl Timer {
    pub(super) fn start(callback: &Function, delay_ms: f64) -> Self {
        let handle = set_timeout(callback, delay_ms.clamp(0.0, LONGEST_DELAY_MS));
        let can =
            |name| Reflect::get(&handle, &JsValue::from_str(name)).is_ok_and(|method| method.is_function());
        let is_node = handle.is_object() && can("ref") && can("unref");
        let node = is_node.then(|| handle.clone().unchecked_into());
        Self { handle, node }
    }

    /// In Node, says whether the timer keeps the process alive; elsewhere does nothing.
    pub(super) fn hold_process(&self, hold: bool) {
        match &self.node {
            Some(timer) if hold => timer.hold(),
            Some(timer) => timer.unref(),
            None => {}
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        clear_timeout(&self.handle);
    }
}
