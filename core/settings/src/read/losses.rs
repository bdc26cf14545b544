//! What targets may go without (`allow_loss`).

use backstop_exchange::{Allowed, Forfeit};

use crate::faults::{Faults, closest};
use crate::section::Section;
use crate::yaml::Value;

/// The names under `allow_loss` of a route or target; none without it.
pub(crate) fn allow_loss(section: &Section<'_>, faults: &mut Faults) -> Allowed {
    let Some(field) = section.get("allow_loss") else { return Allowed::default() };
    let known: Vec<_> = Forfeit::names().collect();
    let mut names = Vec::new();
    for item in field.list(faults, "[hosted_tools]") {
        if matches!(item.node.value, Value::Switch(_)) {
            let what = "text is expected here, and YAML reads a bare `n` as false";
            item.fault(faults, what, "put it in quotes, like `\"n\"`");
            continue;
        }
        let Some(text) = item.text(faults, "hosted_tools") else { continue };
        if known.iter().any(|name| *name == text.value) {
            names.push(text.value.clone());
            continue;
        }
        // Whether it is a slip of the pen is for `check` to say: there are new tools every month.
        if let Some(tool) = Forfeit::hosted_named(&text.value) {
            names.push(tool.name().into_owned());
            continue;
        }
        let cure = closest(&text.value, known.iter().map(|name| &**name)).map_or_else(
            || format!("there are `{}`", known.join("`, `")),
            |guess| format!("did you mean `{guess}`?"),
        );
        item.fault(faults, format!("no loss is named `{}`", text.written), cure);
    }
    Allowed::new(names)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use backstop_catalogue::Catalogue;

    /// What is wrong with this list of a route.
    fn faults(names: &str) -> Vec<String> {
        let yaml = format!(
            "providers: {{ anthropic: {{ api_key: k }} }}\n\
             routes: [{{ name: a, models: [\"*\"], allow_loss: {names}, \
             ladder: [{{ targets: [anthropic/*] }}] }}]\n"
        );
        let read = crate::read(&yaml, &BTreeMap::new(), &Catalogue::built_in());
        read.err().into_iter().flatten().map(|error| error.to_string()).collect()
    }

    #[test]
    fn a_tool_of_any_kind_may_be_named() {
        for kind in [
            "tool_search_tool_regex",
            "tool_search_tool_bm25",
            "computer_toolset",
            "browser_toolset",
            "mcp_toolset",
            "web_search_20260318",
            "of_tomorrow",
        ] {
            assert_eq!(faults(&format!("[hosted_tools.{kind}]")), [""; 0], "{kind}");
        }
        assert_eq!(faults("[hosted_tools.Web-Search]").len(), 1);
    }

    #[test]
    fn a_bare_n_is_told_to_be_quoted() {
        assert_eq!(faults("[\"n\"]"), [""; 0]);
        let said = faults("[images, n]").join("\n");
        assert!(said.contains("bare `n`") && said.contains("in quotes, like `\"n\"`"), "{said}");
    }

    #[test]
    fn a_loss_with_a_slip_of_the_pen_is_named_with_the_likely_word() {
        let errors = faults("[images, hosted_tool]");
        assert_eq!(errors.len(), 1, "{errors:#?}");
        let said = &errors[0];
        assert!(
            said.contains("hosted_tool") && said.contains("did you mean `hosted_tools`"),
            "{said}"
        );
    }
}
