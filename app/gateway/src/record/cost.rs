//! What answers cost at list prices: an estimate, and marked as one wherever it is shown.

use backstop_catalogue::{Catalogue, Price};
use backstop_store::CostEstimated;
use backstop_vocabulary::Usage;

use crate::metrics::{Metrics, Money, TargetMetrics};

/// What one request has cost so far.
#[derive(Debug, Default)]
pub(crate) enum Spent {
    #[default]
    Nothing,
    Known(CostEstimated),
    /// Some of it has no price, or another currency: then there is no sum.
    Unknown,
}

impl Spent {
    /// Adds the cost of one attempt.
    pub(crate) fn add(&mut self, cost: Option<CostEstimated>) {
        *self = match (std::mem::take(self), cost) {
            (Self::Nothing, Some(cost)) => Self::Known(cost),
            (Self::Known(sum), Some(cost)) if sum.currency == cost.currency => {
                let micros = sum.micros.saturating_add(cost.micros);
                Self::Known(CostEstimated { micros, ..sum })
            }
            (Self::Nothing | Self::Known(_) | Self::Unknown, _) => Self::Unknown,
        };
    }

    /// The sum, where there is one.
    pub(crate) fn sum(&self) -> Option<CostEstimated> {
        if let Self::Known(sum) = self { Some(sum.clone()) } else { None }
    }
}

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

    /// Adds what this usage costs, and says it; nothing where a price that is needed is not known.
    pub(crate) fn add(&self, usage: &Usage) -> Option<CostEstimated> {
        let cost = self.price.of(usage)?;
        self.sum.inc_by(cost);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let micros = (cost * 1e6).round() as u64;
        Some(CostEstimated { micros, currency: self.price.currency().into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_given_only_where_every_part_of_it_is_known() {
        let cost =
            |micros, currency: &str| Some(CostEstimated { micros, currency: currency.into() });
        let spent = |costs: &[Option<CostEstimated>]| {
            let mut spent = Spent::default();
            for cost in costs {
                spent.add(cost.clone());
            }
            spent.sum()
        };
        assert_eq!(spent(&[cost(3, "USD"), cost(4, "USD")]), cost(7, "USD"));
        assert_eq!(spent(&[cost(3, "USD"), None, cost(4, "USD")]), None);
        assert_eq!(spent(&[cost(3, "USD"), cost(4, "EUR")]), None);
        assert_eq!(spent(&[]), None);
    }
}
