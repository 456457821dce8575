"""Why a posting is unusual: reason codes by exact Shapley values, and the sentence that investigators read."""
