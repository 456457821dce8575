"""What masked readers see: pseudonyms made with a key, age bands, and homes only among enough people alike."""
