"""The authenticated envelope that models and raw customer texts lie in, and the key it opens with."""
