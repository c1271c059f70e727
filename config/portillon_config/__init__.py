"""The gateway's configuration: model, examples."""
