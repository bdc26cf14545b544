//! Groups into routes: a group's deployments are a rung, the groups it falls back to the rungs below.

use std::collections::{BTreeMap, BTreeSet};

use super::Import;
use super::deployment::Deployment;
use crate::import::written::{in_flow, list, quoted};
use crate::yaml::Node;

/// The largest share of a target.
const SHARE_MAX: f64 = 10_000.0;
/// What a dialect's own route is called: no other may be.
const TAKEN: [&str; 5] =
    ["anthropic_messages", "openai_chat", "openai_responses", "gemini", "bedrock_converse"];

/// The routes as they will be written.
#[derive(Debug)]
pub(super) struct Routes(Vec<Route>);

#[derive(Debug)]
struct Route {
    name: String,
    models: Vec<String>,
    rungs: Vec<Rung>,
    /// The longest that their clocks let one attempt take, in seconds: whole, and to the first token.
    clocks: Clocks,
}

#[derive(Debug)]
struct Rung {
    targets: Vec<(String, Option<u32>)>,
    /// Whose deployments these are, where it is not the route's own.
    group: Option<String>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Clocks {
    whole: Option<u64>,
    first_token: Option<u64>,
}

/// Which group falls back to which.
#[derive(Debug, Default)]
struct Fallbacks {
    /// By group: the others, in order, and the line they stand in.
    of: BTreeMap<String, Vec<String>>,
    everywhere: Vec<String>,
}

impl Routes {
    /// The routes of these deployments, with what the rest of the file says of them.
    pub(super) fn of(root: &Node, deployments: &[Deployment], import: &mut Import) -> Self {
        let groups = groups(deployments);
        let fallbacks = fallbacks(root, &groups, import);
        let aliases = aliases(root, &groups, import);
        let clocks = clocks(root);
        let mut routes: Vec<Route> = Vec::new();
        for group in &groups {
            let own = fallbacks.of.get(*group).map(Vec::as_slice).unwrap_or_default();
            let below = own.iter().chain(&fallbacks.everywhere).map(String::as_str);
            let mut rungs = Vec::new();
            let mut seen = BTreeSet::from([*group]);
            add(&mut rungs, deployments, group, None, import);
            for fallback in below {
                if seen.insert(fallback) {
                    add(&mut rungs, deployments, fallback, Some(fallback), import);
                }
            }
            let models = models(group, deployments, import);
            let also = aliases.iter().filter(|(_, meant)| meant == group);
            let models = models.into_iter().chain(also.map(|(alias, _)| alias.clone())).collect();
            let name = free(group, &routes);
            routes.push(Route { name, models, rungs, clocks });
        }
        // The first match wins: what is named outright comes before what is meant by a `*`.
        let width = |model: &String| match model.as_str() {
            "*" => 2,
            name => u8::from(name.contains('*')),
        };
        routes.sort_by_key(|route| route.models.iter().map(width).max());
        Self(routes)
    }

    /// The lines under `routes:`.
    pub(super) fn written(&self) -> Vec<String> {
        self.0.iter().flat_map(Route::written).collect()
    }
}

/// The groups, in the order of the file.
fn groups(deployments: &[Deployment]) -> Vec<&str> {
    let mut groups: Vec<&str> = Vec::new();
    for deployment in deployments {
        if !groups.contains(&&*deployment.group) {
            groups.push(&deployment.group);
        }
    }
    groups
}

/// A name for a route that is free.
fn free(group: &str, routes: &[Route]) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let plain: String = group.chars().map(letter).collect();
    let plain = plain.trim_matches('-');
    let stem = if plain.is_empty() { "all" } else { plain };
    let taken = |name: &str| TAKEN.contains(&name) || routes.iter().any(|route| route.name == name);
    let numbered = (2..).map(|number| format!("{stem}-{number}"));
    std::iter::once(stem.to_owned()).chain(numbered).find(|name| !taken(name)).unwrap_or_default()
}

/// The names a group answers.
fn models(group: &str, deployments: &[Deployment], import: &mut Import) -> Vec<String> {
    let own: Vec<&Deployment> = deployments.iter().filter(|one| one.group == group).collect();
    let patterns: Vec<&str> = own.iter().flat_map(|one| one.patterns).copied().collect();
    if !group.contains('/') || !group.contains('*') {
        return vec![group.to_owned()];
    }
    let line = own.first().map_or(0, |one| one.line);
    if patterns.is_empty() {
        import.leave(line, "model_list[].model_name", format!("names with a provider before them mean nothing here: `{group}` matches what clients ask for, and is passed on as it is"));
        return vec![group.to_owned()];
    }
    import.leave(
        line,
        "model_list[].model_name",
        format!(
            "clients ask for the model without its provider: `{}` in place of `{group}`",
            patterns.join("`, `")
        ),
    );
    patterns.into_iter().map(str::to_owned).collect()
}

/// Adds a group's deployments, a rung for each `order`.
fn add(
    rungs: &mut Vec<Rung>,
    deployments: &[Deployment],
    group: &str,
    named: Option<&str>,
    import: &mut Import,
) {
    let own: Vec<&Deployment> = deployments.iter().filter(|one| one.group == group).collect();
    let orders: BTreeSet<u32> = own.iter().map(|one| one.order).collect();
    for order in orders {
        let level: Vec<&Deployment> =
            own.iter().filter(|one| one.order == order).copied().collect();
        if rungs.is_empty() {
            for one in &level {
                import.providers.begins(one.provider);
            }
        }
        let target = |one: &Deployment| {
            let model = one.model.as_deref().unwrap_or("*");
            format!("{}/{model}", import.providers.name(one.provider))
        };
        let mut targets: Vec<(String, Option<u32>)> = Vec::new();
        for (one, share) in level.iter().zip(shares(&level)) {
            let name = target(one);
            match targets.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = known.zip(share).map(|(a, b)| a.saturating_add(b)),
                None => targets.push((name, share)),
            }
        }
        // A single target needs no share, and equal ones have them anyhow.
        let first = targets.first().and_then(|(_, share)| *share);
        if targets.iter().all(|(_, share)| *share == first) {
            for (_, share) in &mut targets {
                *share = None;
            }
        }
        let known = rungs.iter().any(|rung| {
            targets.iter().all(|(name, _)| rung.targets.iter().any(|(other, _)| other == name))
        });
        if !known {
            rungs.push(Rung { targets, group: named.map(str::to_owned) });
        }
    }
}

/// How traffic was spread: by weight, else by requests, else by tokens a minute, where all say so.
fn shares(level: &[&Deployment]) -> Vec<Option<u32>> {
    let by: [fn(&Deployment) -> Option<f64>; 3] =
        [|one| one.weight, |one| one.requests_per_minute, |one| one.tokens_per_minute];
    let said = by.iter().enumerate().find_map(|(at, by)| {
        let numbers: Vec<Option<f64>> = level.iter().map(|one| by(one)).collect();
        let enough = if at == 0 {
            numbers.iter().any(Option::is_some)
        } else {
            numbers.iter().all(Option::is_some)
        };
        enough.then(|| {
            numbers.into_iter().map(|number| number.unwrap_or(0.0).max(0.0)).collect::<Vec<f64>>()
        })
    });
    let Some(numbers) = said else { return vec![None; level.len()] };
    let most = numbers.iter().copied().fold(0.0, f64::max);
    if most <= 0.0 {
        return vec![None; level.len()];
    }
    let scale = if (100.0..=SHARE_MAX).contains(&most) { 1.0 } else { 100.0 / most };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 10,000")]
    let share = |number: f64| Some((number * scale).round().clamp(0.0, SHARE_MAX) as u32);
    numbers.into_iter().map(share).collect()
}

/// A key of either section that may hold it.
fn settings<'a>(root: &'a Node, key: &str) -> Option<(&'static str, &'a Node)> {
    ["router_settings", "litellm_settings"]
        .into_iter()
        .find_map(|section| Some((section, root.get(section)?.get(key)?)))
}

fn fallbacks(root: &Node, groups: &[&str], import: &mut Import) -> Fallbacks {
    let mut fallbacks = Fallbacks::default();
    if let Some((_, node)) = settings(root, "default_fallbacks") {
        fallbacks.everywhere = node.texts();
    }
    for key in ["fallbacks", "context_window_fallbacks"] {
        let Some((section, node)) = settings(root, key) else { continue };
        for (name, below) in node.items().iter().flat_map(Node::entries) {
            if name.text == "*" {
                fallbacks.everywhere.extend(below.texts());
            } else {
                fallbacks.of.entry(name.text.clone()).or_default().extend(below.texts());
            }
        }
        if key == "context_window_fallbacks" {
            let why = "carried as the last rungs: a target whose window is too small is passed by, but those below answer when the others fail, too";
            import.leave(node.place.line, &format!("{section}.{key}"), why);
        }
    }
    if let Some((section, node)) = settings(root, "content_policy_fallbacks") {
        let why = "not carried: a refusal is an answer, and nobody else is asked for another";
        import.leave(node.place.line, &format!("{section}.content_policy_fallbacks"), why);
    }
    leave_strangers(root, &mut fallbacks, groups, import);
    fallbacks
}

/// Lists names of groups that do not exist, and forgets them.
fn leave_strangers(root: &Node, fallbacks: &mut Fallbacks, groups: &[&str], import: &mut Import) {
    let line = ["fallbacks", "default_fallbacks", "context_window_fallbacks"]
        .iter()
        .find_map(|key| settings(root, key))
        .map_or(0, |(_, node)| node.place.line);
    let known = |name: &String| groups.contains(&name.as_str());
    let lists = fallbacks.of.values_mut().chain([&mut fallbacks.everywhere]);
    for list in lists {
        for stranger in list.iter().filter(|name| !known(name)) {
            import.leave(
                line,
                "fallbacks",
                format!("no deployment that could be carried is in the group `{stranger}`"),
            );
        }
        list.retain(known);
    }
    for stranger in fallbacks.of.keys().filter(|name| !known(name)) {
        import.leave(
            line,
            "fallbacks",
            format!("no deployment that could be carried is in the group `{stranger}`"),
        );
    }
}

/// Other names of groups.
fn aliases(root: &Node, groups: &[&str], import: &mut Import) -> Vec<(String, String)> {
    let node = root.get("router_settings").and_then(|settings| settings.get("model_group_alias"));
    let mut aliases = Vec::new();
    for (alias, meant) in node.map(Node::entries).unwrap_or_default() {
        let group = meant.text().or_else(|| meant.get("model").and_then(Node::text));
        match group.filter(|group| groups.contains(&group.as_str())) {
            Some(group) => aliases.push((alias.text.clone(), group)),
            None => import.leave(
                alias.place.line,
                "router_settings.model_group_alias",
                format!(
                    "`{}` means a group without a deployment that could be carried",
                    alias.text
                ),
            ),
        }
    }
    aliases
}

/// Their clocks are for each attempt.
fn clocks(root: &Node) -> Clocks {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the range")]
    let seconds = |key: &str| {
        let (_, node) = settings(root, key)?;
        node.number().filter(|it| (1.0..=86_400.0).contains(it)).map(|it| it.ceil() as u64)
    };
    Clocks {
        whole: seconds("timeout").or_else(|| seconds("request_timeout")),
        first_token: seconds("stream_timeout"),
    }
}

impl Route {
    fn written(&self) -> Vec<String> {
        let mut lines = vec![
            format!("  - name: {}", quoted(&self.name)),
            format!("    models: {}", list(self.models.iter().cloned())),
            "    ladder:".to_owned(),
        ];
        lines.extend(self.rungs.iter().map(Rung::written));
        let rungs = self.rungs.len();
        if rungs > 5 {
            lines.push(format!("    attempts_max: {rungs}"));
        }
        let Clocks { whole, first_token } = self.clocks;
        if let Some(seconds) = whole {
            let both = seconds.saturating_mul(2);
            lines.push(format!("    deadline: {{ stream: {both}s, whole: {both}s }}   # theirs, {seconds} s, was for each attempt"));
        }
        if let Some(seconds) = first_token.or(whole) {
            // Half of what all attempts have, so that there is time for a second.
            let most = whole.map_or(30, |whole| whole);
            lines.push(format!("    first_token_max: {}s", seconds.min(most)));
        }
        lines
    }
}

impl Rung {
    fn written(&self) -> String {
        let target = |(name, share): &(String, Option<u32>)| match share {
            Some(share) => format!("{{ target: {}, share: {share} }}", in_flow(name)),
            None => in_flow(name),
        };
        let targets: Vec<String> = self.targets.iter().map(target).collect();
        let comment = self.group.as_ref().map(|group| format!("   # the group {group}"));
        format!("      - targets: [{}]{}", targets.join(", "), comment.unwrap_or_default())
    }
}
