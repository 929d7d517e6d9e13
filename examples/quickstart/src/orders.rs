//! Handlers of orders.

use crate::events::shop;
use crate::ledger::Ledger;
use kaufmann::{Context, Failure, handler};

/// Records an order and confirms it: the returned event is published, and then the order is settled.
#[handler(event = "shop.order_placed")]
pub async fn placed(order: shop::OrderPlaced, cx: &Context<Ledger>) -> Result<shop::OrderConfirmed, Failure> {
    if order.amount_cents < 0 {
        return Err(Failure::new("an order cannot cost less than nothing").dead_letter());
    }
    let total_cents = cx
        .state
        .place(&order.customer, &order.order_id, order.amount_cents);
    Ok(shop::OrderConfirmed {
        order_id: order.order_id,
        customer: order.customer,
        total_cents,
        sequence: order.sequence,
    })
}

/// Removes an order.
#[handler(event = "shop.order_cancelled")]
pub async fn cancelled(order: shop::OrderCancelled, cx: &Context<Ledger>) -> Result<(), Failure> {
    cx.state.cancel(&order.customer, &order.order_id);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    // A handler is a function: no broker, no schema, no runtime of ours.
    #[tokio::test]
    async fn a_negative_amount_is_not_tried_again() {
        let order = shop::OrderPlaced {
            order_id: "o-1".into(),
            customer: "ada".into(),
            amount_cents: -1,
            sequence: 7,
        };
        let failure = placed(order, &Context::detached(Ledger::default()))
            .await
            .unwrap_err();
        assert_eq!(failure.class(), kaufmann::Class::DeadLetter);
    }
}
