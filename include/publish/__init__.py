"""What goes out: the alerts queue, inert text, the night's hash, conservation, files for people."""
