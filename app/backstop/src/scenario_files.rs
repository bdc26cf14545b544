//! Scenarios by file or by name; those in `scenarios/` ship inside the binary.

use std::fmt::Write as _;
use std::path::Path;

use backstop_scenarios::{Scenario, ScenarioError};

use crate::exit::UsageError;

/// The scenario that the demo plays.
pub(crate) const MARCH: &str = "2026-03-02";

macro_rules! shipped {
    ($($name:literal)+) => {
        &[$(($name, include_str!(concat!("../../../scenarios/", $name, ".yaml"))),)+]
    };
}

/// Name and text of every scenario that ships.
const SHIPPED: &[(&str, &str)] = shipped! {
    "2023-11-28" "2024-12-04" "2024-12-12" "2025-06-12" "2025-11-18" "2026-03-02" "2026-06-16"
    "healthy" "vendor-down-12h"
};

/// Reads the scenario of this name or file; a file wins. All its errors at once.
pub(crate) fn load(named: &str) -> anyhow::Result<Scenario> {
    let path = Path::new(named);
    if path.is_file() {
        let text = std::fs::read_to_string(path)
            .map_err(|error| UsageError(format!("cannot read scenario `{named}`: {error}")))?;
        return Ok(Scenario::read(&text).map_err(|errors| wrong(named, &errors))?);
    }
    let name = named.strip_suffix(".yaml").unwrap_or(named);
    let name = name.strip_prefix("scenarios/").unwrap_or(name);
    let Some((_, text)) = SHIPPED.iter().find(|(shipped, _)| *shipped == name) else {
        let names: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        return Err(UsageError(format!(
            "there is no scenario file `{named}`, and none of that name ships; there are: {names}"
        ))
        .into());
    };
    Ok(Scenario::read(text).map_err(|errors| wrong(named, &errors))?)
}

fn wrong(named: &str, errors: &[ScenarioError]) -> UsageError {
    let mut text = format!("cannot read scenario `{named}`:");
    for error in errors {
        // Writing into a string cannot fail.
        let _ = write!(text, "\n  {error}");
    }
    UsageError(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_of_the_folder_ships_under_its_own_name() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|entry| {
                Some(entry.unwrap().file_name().to_str()?.strip_suffix(".yaml")?.to_owned())
            })
            .collect();
        files.sort();
        let shipped: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
        assert_eq!(shipped, files);
        for name in shipped {
            assert_eq!(load(name).unwrap().name, name);
        }
    }

    #[test]
    fn a_wrong_name_is_answered_with_the_right_ones() {
        let error = load("2026-03-01").unwrap_err();
        assert!(error.is::<UsageError>());
        assert!(error.to_string().contains("2026-03-02, 2026-06-16"), "{error}");
    }
}
