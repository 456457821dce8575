"""An account's page: its years at a glance."""
