"""What comes in: folders and object prefixes, databases, the generated bank."""
