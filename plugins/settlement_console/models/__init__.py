"""The models' pages: the champion and its history, how models do over the nights, what the champion looks at."""
