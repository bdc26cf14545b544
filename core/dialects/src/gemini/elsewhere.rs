//! What other dialects make of what only this one has.

use serde_json::Value;

/// No tool that this dialect's provider runs goes elsewhere.
pub(crate) const fn tool_elsewhere(_definition: &Value) -> Option<crate::dispatch::StandIn> {
    None
}

/// The text that says what a part says: code that ran at the provider, and what came of it.
pub(crate) fn text_elsewhere(kind: &str, part: &Value) -> Option<String> {
    let text = |pointer: &str| part.pointer(pointer).and_then(Value::as_str);
    match kind {
        "executableCode" => {
            let code = text("/executableCode/code").or_else(|| text("/executable_code/code"))?;
            Some(format!("<executed-code>\n{code}\n</executed-code>"))
        }
        "codeExecutionResult" => {
            let output = text("/codeExecutionResult/output");
            let output = output.or_else(|| text("/code_execution_result/output"))?;
            Some(format!("<code-output>\n{output}\n</code-output>"))
        }
        _ => None,
    }
}
