"""Version 1 of the API, one module a noun. Changes are additions only."""
