"""Language models: transports, and the wrappers that pay once, keep the pace, and keep the budget."""
