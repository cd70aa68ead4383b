"""The policy of kind `index`: predicted quality, learned judges and prices, reservation indices; it draws nothing."""
