"""What the work on findings comes to: its backlog, how long decisions take, how right they and the model are."""
