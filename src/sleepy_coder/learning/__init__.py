"""From sets of problems to a store of learned tasks that is fit to ship."""
