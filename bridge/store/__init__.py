"""The bridge's database: models, engine and the only place with SQL."""
