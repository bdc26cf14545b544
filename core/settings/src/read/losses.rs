//! What targets may go without (`allow_loss`).

use backstop_exchange::{Allowed, Forfeit};

use crate::faults::{Faults, closest};
use crate::section::Section;

/// The names under `allow_loss` of a route or target; none without it.
pub(crate) fn allow_loss(section: &Section<'_>, faults: &mut Faults) -> Allowed {
    let Some(field) = section.get("allow_loss") else { return Allowed::default() };
    let known: Vec<_> = Forfeit::names().collect();
    let mut names = Vec::new();
    for item in field.list(faults, "[hosted_tools]") {
        let Some(text) = item.text(faults, "hosted_tools") else { continue };
        if known.iter().any(|name| *name == text.value) {
            names.push(text.value.clone());
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

    #[test]
    fn a_loss_with_a_slip_of_the_pen_is_named_with_the_likely_word() {
        let yaml = "providers: { anthropic: { api_key: k } }\n\
                    routes: [{ name: a, models: [\"*\"], allow_loss: [images, hosted_tool], \
                    ladder: [{ targets: [anthropic/*] }] }]\n";
        let read = crate::read(yaml, &BTreeMap::new(), &Catalogue::built_in());
        let errors = read.unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:#?}");
        let said = errors[0].to_string();
        assert!(
            said.contains("hosted_tool") && said.contains("did you mean `hosted_tools`"),
            "{said}"
        );
    }
}
