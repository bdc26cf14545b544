//! `LiteLLM`'s proxy configuration: groups of deployments, and which group falls back to which.

mod deployment;
mod providers;
mod reasons;
mod routes;

use backstop_catalogue::Catalogue;

use super::{Imported, Left};
use crate::error::SettingsError;
use crate::yaml::{self, Name, Node};

use providers::Providers;
use routes::Routes;

/// Where `LiteLLM` listens unless it is told otherwise: its clients need no change.
const LISTEN: &str = "127.0.0.1:4000";

/// What is made while the file is read.
#[derive(Debug, Default)]
struct Import {
    providers: Providers,
    left: Vec<Left>,
}

impl Import {
    fn leave(&mut self, line: u32, path: &str, why: impl Into<String>) {
        self.left.push(Left { line, path: path.to_owned(), why: why.into() });
    }

    /// Lists the keys of a section that have no counterpart, or one of another shape.
    fn leave_section(&mut self, section: &str, entries: &[(Name, Node)]) {
        for (name, node) in entries {
            if let Some(why) = reasons::why(section, &name.text) {
                let path = if section.is_empty() {
                    name.text.clone()
                } else {
                    format!("{section}.{}", name.text)
                };
                self.leave(node.place.line.min(name.place.line), &path, why);
            }
        }
    }
}

/// Reads the configuration of a `LiteLLM` proxy and writes ours.
///
/// # Errors
///
/// The text is no YAML, or no such configuration.
pub fn import_litellm(text: &str, catalogue: &Catalogue) -> Result<Imported, SettingsError> {
    let root = yaml::parse(text)?;
    let list = model_list(&root)?;
    let mut import = Import::default();
    let mut deployments = Vec::new();
    for item in list.items() {
        deployments.extend(deployment::read(item, catalogue, &mut import));
    }
    import.leave_section("", root.entries());
    for section in ["router_settings", "litellm_settings", "general_settings"] {
        let entries = root.get(section).map(Node::entries).unwrap_or_default();
        import.leave_section(section, entries);
    }
    let routes = Routes::of(&root, &deployments, &mut import);
    let text = written(&import.providers, &routes);
    let mut left = import.left;
    left.sort();
    left.dedup();
    Ok(Imported { variables: variables(&text), text, left })
}

/// The list of deployments, if this is such a file at all.
fn model_list(root: &Node) -> Result<&Node, SettingsError> {
    let wrong = |node: &Node, what: &str, cure: &str| SettingsError {
        line: node.place.line,
        column: node.place.column,
        path: String::new(),
        what: what.to_owned(),
        cure: cure.to_owned(),
    };
    let cure = "name the config.yaml that the proxy is started with; models that it keeps in its database are not in it";
    let Some(list) = root.get("model_list") else {
        let what = if root.get("providers").is_some() && root.get("routes").is_some() {
            "this is a configuration of Backstop already"
        } else {
            "this is no configuration of a LiteLLM proxy: `model_list` is missing"
        };
        return Err(wrong(root, what, cure));
    };
    let deployments = list.items().iter().any(|item| item.get("litellm_params").is_some());
    if !deployments {
        return Err(wrong(list, "no deployment stands in `model_list`", cure));
    }
    Ok(list)
}

fn written(providers: &Providers, routes: &Routes) -> String {
    let mut lines = vec![
        "# Made from a LiteLLM configuration by `backstop import litellm`.".to_owned(),
        "# Read docs/migration/litellm.md, then run `backstop check`.".to_owned(),
        format!(
            "listen: {LISTEN}   # where LiteLLM listens by default: clients keep their base URL"
        ),
        String::new(),
        "providers:".to_owned(),
    ];
    lines.extend(providers.written());
    lines.push(String::new());
    lines.push("routes:".to_owned());
    lines.extend(routes.written());
    lines.push(String::new());
    lines.join("\n")
}

/// The variables of a text, each once, in order.
fn variables(text: &str) -> Vec<String> {
    let names = text.split("${").skip(1).filter_map(|rest| rest.split(['}', ':']).next());
    let mut variables: Vec<String> = Vec::new();
    for name in names {
        if !variables.iter().any(|known| known == name) {
            variables.push(name.to_owned());
        }
    }
    variables
}
