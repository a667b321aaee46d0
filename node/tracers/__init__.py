"""What can be told about a transaction while it runs: steps, calls, places it touched."""
