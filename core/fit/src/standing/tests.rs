use super::*;

const CHAT: Dialect = Dialect::OpenaiChat;
const MESSAGES: Dialect = Dialect::AnthropicMessages;

fn able() -> Abilities {
    Abilities { images: true, documents: true, audio: true, schema: true, ..Abilities::default() }
}

/// What a target of `MESSAGES` with these abilities says to a client of `client`.
fn said(needs: &Features, client: Dialect, abilities: &Abilities, allowed: &[&str]) -> String {
    let allowed = Allowed::new(allowed.iter().map(|name| (*name).to_owned()));
    let adjustment = Adjustment::default();
    let terms = Terms {
        client,
        target: MESSAGES,
        vendor: "anthropic",
        abilities,
        allowed: &allowed,
        adjustment: &adjustment,
    };
    standing(needs, &terms).map_or_else(|lack| lack.to_string(), |()| "fit".to_owned())
}

#[test]
fn what_changes_the_answers_worth_needs_the_routes_leave() {
    let able = able();
    let hosted_tools = [Forfeit::hosted("web_search")].into();
    for (needs, name, refused) in [
        (Features { logprobs: true, ..Features::default() }, "logprobs", "would lose logprobs"),
        (Features { several_answers: true, ..Features::default() }, "n", "would lose n"),
        (Features { files: true, ..Features::default() }, "files", "would lose files"),
        (Features { citations: true, ..Features::default() }, "citations", "would lose citations"),
        (Features { audio: true, ..Features::default() }, "audio", "would lose audio"),
        (
            Features { hosted_tools, ..Features::default() },
            "hosted_tools",
            "would lose hosted_tools.web_search",
        ),
    ] {
        assert_eq!(said(&needs, CHAT, &able, &[]), refused);
        assert_eq!(said(&needs, CHAT, &able, &["images", "audio "]), refused);
        assert_eq!(said(&needs, CHAT, &able, &[name]), "fit", "{name}");
    }
}

#[test]
fn a_rule_on_data_is_kept_by_its_own_vendor_only() {
    let rules = |rule: Forfeit| Features { rules: [rule].into(), ..Features::default() };
    let (place, keeping) = (rules(Forfeit::Residency), rules(Forfeit::Retention));
    assert_eq!(said(&place, MESSAGES, &able(), &[]), "fit");
    assert_eq!(said(&place, CHAT, &able(), &[]), "would lose residency");
    assert_eq!(said(&place, CHAT, &able(), &["residency"]), "fit");
    // Another vendor, though it speaks the client's dialect.
    assert_eq!(said(&keeping, MESSAGES, &able(), &[]), "would lose retention");
    assert_eq!(said(&keeping, MESSAGES, &able(), &["retention"]), "fit");
}

#[test]
fn a_provider_of_the_clients_dialect_is_asked_whatever_only_it_can_know() {
    let needs = Features {
        logprobs: true,
        several_answers: true,
        files: true,
        citations: true,
        hosted_tools: [Forfeit::hosted("web_search")].into(),
        bound: Some("thread".to_owned()),
        warms_cache: true,
        ..Features::default()
    };
    assert_eq!(said(&needs, MESSAGES, &able(), &[]), "fit");
    let elsewhere = said(&needs, CHAT, &able(), &["logprobs", "n", "files", "hosted_tools"]);
    assert_eq!(elsewhere, "cannot honour thread of another provider");
}

#[test]
fn a_model_must_see_what_it_is_shown_wherever_it_is() {
    let needs = Features { images: true, documents: true, ..Features::default() };
    let blind = Abilities::default();
    assert_eq!(said(&needs, MESSAGES, &blind, &[]), "would lose images and documents");
    assert_eq!(said(&needs, MESSAGES, &blind, &["images"]), "would lose documents");
    assert_eq!(said(&needs, MESSAGES, &able(), &[]), "fit");
}

#[test]
fn nothing_excuses_a_window_that_is_too_small_or_missing_tools() {
    let all: Vec<String> = Forfeit::names().map(std::borrow::Cow::into_owned).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let needs = Features { tools: true, input_tokens_estimate: 11, ..Features::default() };
    let small = Abilities { context_tokens_max: Some(10), ..able() };
    assert_eq!(said(&needs, CHAT, &small, &all), "lacks a context window this long");
    let toolless = Abilities { tools: false, ..able() };
    assert_eq!(said(&needs, CHAT, &toolless, &all), "lacks tools");
}
