"""The page to look around in: scatter, time series and map over one choice of nights and findings, each linked."""
