"""Many learned tasks over HTTP from one copy of the base weights, as OpenAI's API has it."""
