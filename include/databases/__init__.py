"""How a database's server is reached: TLS and its certificates, for the bank's sources and for the lake's catalog."""
