"""What stands in the blocks of the documentation's pages, one module for each kind of result."""
