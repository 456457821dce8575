"""Security: the authenticated envelope for models and raw customer texts, its key, locks and private folders."""
