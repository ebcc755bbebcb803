"""The ground floor: subjects, targets, declarations, answers. Knows torch and numpy only."""
