"""What screens share: the frame every page opens with, screen state, the grid, and the parts of the Import screen."""
