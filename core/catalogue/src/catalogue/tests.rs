use backstop_exchange::ReasoningForm;
use backstop_vocabulary::Tier;

use super::*;

#[test]
fn reads_every_file() {
    for text in FILES {
        File::read(text).unwrap();
    }
}

/// `vendor name | entry | reasoning | what it takes`.
fn check(script: &str) {
    let catalogue = Catalogue::built_in();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let (vendor, name) = columns[0].split_once(' ').unwrap();
        let model = catalogue.model(vendor, name).unwrap_or_else(|| panic!("{name} is unknown"));
        assert_eq!(model.name, columns[1], "{line}");
        let a = &model.abilities;
        assert_eq!(format!("{:?}", a.reasoning).to_lowercase(), columns[2], "{line}");
        let takes = [
            (a.prefill, "prefill"),
            (a.sampling, "sampling"),
            (a.system_turns, "system-turns"),
            (a.tools_with_reasoning, "tools-reasoning"),
            (a.completion_tokens_field, "completion-tokens"),
            (a.stop_max > 0, "stop"),
        ];
        let takes: Vec<&str> =
            takes.iter().filter(|(has, _)| *has).map(|(_, word)| *word).collect();
        assert_eq!(takes.join(" "), columns[3], "{line}");
    }
}

#[test]
fn knows_what_the_references_say() {
    check(
        "
        anthropic claude-haiku-4-5-20251001 | claude-haiku-4-5*  | budget   | prefill sampling tools-reasoning stop
        anthropic claude-sonnet-4-5         | claude-sonnet-4-5* | budget   | prefill sampling tools-reasoning stop
        anthropic claude-opus-4-5           | claude-opus-4-5*   | budget   | prefill sampling tools-reasoning stop
        anthropic claude-opus-4-6           | claude-opus-4-6*   | adaptive | sampling tools-reasoning stop
        anthropic claude-opus-4-7           | claude-opus-4-7*   | adaptive | tools-reasoning stop
        anthropic claude-opus-4-8           | claude-opus-4-8*   | adaptive | system-turns tools-reasoning stop
        anthropic claude-sonnet-5           | claude-sonnet-5*   | adaptive | tools-reasoning stop
        anthropic claude-opus-5-5           | claude-opus-5-5*   | adaptive | system-turns tools-reasoning stop
        anthropic claude-opus-4-20250514    | claude-opus-4-*    | budget   | prefill sampling tools-reasoning stop
        openai gpt-4o                       | gpt-4o*            | none     | sampling system-turns tools-reasoning completion-tokens stop
        openai gpt-4.1-mini                 | gpt-4.1-mini*      | none     | sampling system-turns tools-reasoning completion-tokens stop
        openai gpt-5                        | gpt-5*             | effort   | system-turns tools-reasoning completion-tokens
        openai gpt-5.4                      | gpt-5.4*           | effort   | system-turns completion-tokens
        openai gpt-5.6                      | gpt-5.6*           | effort   | system-turns completion-tokens
        openai gpt-6.1-sol                  | gpt-6.1-sol*       | effort   | system-turns completion-tokens
        openai o4-mini                      | o4-mini*           | effort   | system-turns tools-reasoning completion-tokens
        ollama qwen3:8b                     | qwen*              | none     | sampling system-turns tools-reasoning stop
        ollama gpt-oss:20b                  | gpt-oss*           | effort   | sampling tools-reasoning stop
        google gemini-2.5-pro               | gemini-2.5-pro*    | budget   | prefill sampling tools-reasoning stop
        gemini models/gemini-3.6-flash      | gemini-3.6-flash*  | effort   | sampling tools-reasoning stop
        vertex gemini-3.5-flash-lite        | gemini-3.5-flash-lite* | effort | sampling tools-reasoning stop
        vertex claude-sonnet-4-5@20250929   | claude-sonnet-4-5* | budget   | prefill sampling tools-reasoning stop
        bedrock eu.anthropic.claude-haiku-4-5-20251001-v1:0 | claude-haiku-4-5* | budget | prefill sampling tools-reasoning stop
        openrouter anthropic/claude-opus-4.8 | claude-opus-4-8*  | adaptive | system-turns tools-reasoning stop
        ",
    );
}

#[test]
fn says_nothing_of_a_model_nobody_described() {
    let catalogue = Catalogue::built_in();
    assert_eq!(catalogue.model("local", "house-model-7"), None);
    assert_eq!(catalogue.abilities("local", "house-model-7"), Abilities::default());
    assert_eq!(catalogue.stand_ins("house-model-7"), vec![]);
}

#[test]
fn stands_in_by_size_and_never_by_the_same_vendor() {
    let catalogue = Catalogue::built_in();
    let pairs = |name| -> Vec<String> {
        let stand_ins = catalogue.stand_ins(name);
        stand_ins.iter().map(|one| format!("{}/{}", one.vendor, one.model)).collect()
    };
    assert_eq!(pairs("claude-opus-4-8"), ["google/gemini-3.1-pro-preview", "openai/gpt-5.6"]);
    assert_eq!(pairs("claude-sonnet-5"), ["google/gemini-3.8-flash", "openai/gpt-5.4"]);
    assert_eq!(pairs("claude-haiku-4-5"), ["google/gemini-3.5-flash-lite", "openai/gpt-5-mini"]);
    assert_eq!(
        pairs("gpt-6.1-sol"),
        ["anthropic/claude-opus-4-8", "google/gemini-3.1-pro-preview"]
    );
    assert_eq!(pairs("gpt-4o"), ["anthropic/claude-sonnet-5", "google/gemini-3.8-flash"]);
    assert_eq!(pairs("gpt-5-mini"), ["anthropic/claude-haiku-4-5", "google/gemini-3.5-flash-lite"]);
}

#[test]
fn stands_in_only_with_models_it_describes_and_that_take_tools() {
    let catalogue = Catalogue::built_in();
    for size in [Size::Flagship, Size::Main, Size::Small] {
        for stand_in in catalogue.best_of(size, "") {
            let model = catalogue.model(stand_in.vendor, stand_in.model).unwrap();
            assert_eq!((model.size, model.tier()), (size, Tier::Full));
            assert!(model.abilities.tools && model.abilities.schema, "{}", stand_in.model);
            // On Chat such a model takes tools only once its reasoning is off.
            assert!(
                model.abilities.tools_with_reasoning || model.abilities.reasoning_optional,
                "{}",
                stand_in.model
            );
        }
    }
}

#[test]
fn tells_where_each_fact_comes_from() {
    for model in Catalogue::built_in().models() {
        assert!(!model.source.is_empty() && model.as_of.len() == 10, "{}", model.name);
        assert!(!model.name[..model.name.len() - 1].contains('*'), "{}", model.name);
    }
}

#[test]
fn a_price_that_is_no_estimate_names_the_page_it_is_on() {
    let catalogue = Catalogue::built_in();
    let priced = catalogue.models().iter().filter_map(|model| Some((model, model.price()?)));
    let priced: Vec<_> = priced.collect();
    assert!(priced.len() > 30);
    for (model, price) in priced {
        let known = model.origin("price").source.starts_with("https://");
        assert_eq!(model.is_estimated("price.input"), !known, "{}", model.name);
        let dear = |cheap: Option<f64>, dear: Option<f64>| cheap <= dear || dear.is_none();
        assert!(dear(price.cached_input, price.input), "{}", model.name);
        assert!(dear(price.input, price.output), "{}", model.name);
        let long = price.long.as_ref();
        assert!(long.is_none_or(|long| Some(long.input) > price.input), "{}", model.name);
    }
}

#[test]
fn knows_what_clouds_call_a_model_and_finds_it_under_that_name() {
    let catalogue = Catalogue::built_in();
    let name = catalogue.name_at("bedrock", "claude-sonnet-4-5");
    assert_eq!(name, Some("anthropic.claude-sonnet-4-5-20250929-v1:0"));
    assert_eq!(catalogue.name_at("vertex", "gpt-4o"), None);
    for model in catalogue.models() {
        for (cloud, name) in &model.names {
            assert_eq!(catalogue.model(cloud, name), Some(model), "{name}");
        }
    }
}

#[test]
fn embeddings_answer_no_questions_and_nothing_stands_in_for_them() {
    let catalogue = Catalogue::built_in();
    let embeds: Vec<&Model> = catalogue.models().iter().filter(|model| model.embeds()).collect();
    assert!(embeds.len() > 15);
    for model in embeds {
        let name = model.name.trim_end_matches('*');
        assert!(!model.abilities.tools && model.listed_name().is_none(), "{name}");
        assert_eq!(catalogue.stand_ins(name), vec![], "{name}");
    }
    let small = catalogue.model("azure", "text-embedding-3-small").unwrap();
    assert_eq!(small.facts.dimensions, Some(1536));
}

#[test]
fn no_entry_hides_behind_an_earlier_one_of_its_vendor() {
    let catalogue = Catalogue::built_in();
    for (at, model) in catalogue.models().iter().enumerate() {
        let example = model.name.replace('*', "");
        let first = catalogue
            .models()
            .iter()
            .filter(|one| one.vendor == model.vendor)
            .position(|one| one.matches(&example));
        let own = catalogue.models()[..at].iter().filter(|one| one.vendor == model.vendor).count();
        assert_eq!(first, Some(own), "{}", model.name);
    }
}

#[test]
fn reasoning_settings_follow_the_vendor() {
    let catalogue = Catalogue::built_in();
    for model in catalogue.models().iter().filter(|model| model.vendor == "anthropic") {
        assert_ne!(model.abilities.reasoning, ReasoningForm::Effort, "{}", model.name);
    }
}

#[test]
fn lists_only_names_it_would_find_again() {
    let catalogue = Catalogue::built_in();
    let listed = catalogue.models().iter().filter_map(|model| Some((model, model.listed_name()?)));
    let listed: Vec<_> = listed.collect();
    assert!(listed.len() > 10);
    for (model, name) in listed {
        assert_eq!(catalogue.model(&model.vendor, name), Some(model), "{name}");
    }
}
