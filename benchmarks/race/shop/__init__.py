"""What the view of the race sells."""

TABLE = "shop_payment"
