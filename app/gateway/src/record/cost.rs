//! What answers cost at list prices: an estimate, and marked as one wherever it is shown.

use backstop_catalogue::{Catalogue, Price};
use backstop_vocabulary::Usage;

use crate::metrics::{Metrics, Money, TargetMetrics};

/// The price of a target, and where its costs are summed up.
#[derive(Debug)]
pub(crate) struct Cost {
    price: Price,
    sum: Money,
}

impl Cost {
    /// The price of this model at providers of this vendor; `None` where nobody knows it.
    pub(crate) fn of(
        catalogue: &Catalogue,
        (vendor, model): (&str, &str),
        (metrics, target): (&Metrics, &TargetMetrics),
    ) -> Option<Self> {
        let price = catalogue.model(vendor, model)?.price()?.clone();
        let sum = metrics.cost(target, price.currency());
        Some(Self { price, sum })
    }

    /// Adds what this usage costs; nothing where a price that is needed is not known.
    pub(crate) fn add(&self, usage: &Usage) {
        if let Some(cost) = self.price.of(usage) {
            self.sum.inc_by(cost);
        }
    }
}
