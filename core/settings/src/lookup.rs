use backstop_vocabulary::Dialect;

use crate::{Route, Settings};

impl Settings {
    /// The first route with a pattern for `model`; `None` when nobody thought of it.
    pub fn route(&self, model: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.models.iter().any(|pattern| pattern.matches(model)))
    }

    /// The route for a model that no pattern matches, asked for in `dialect`: to the dialect's own
    /// provider, then down the ladder of the first route of that dialect.
    ///
    /// [`crate::read()`] and [`crate::discover()`] put it behind the other routes, under the
    /// dialect's name and without patterns; `None` when no provider and no route speaks the dialect.
    pub fn catch_all(&self, dialect: Dialect) -> Option<&Route> {
        let is_catch_all = |route: &&Route| route.built_in && route.models.is_empty();
        self.routes.iter().filter(is_catch_all).find(|route| *route.name == *dialect.name())
    }
}
