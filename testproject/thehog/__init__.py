"""The Hog."""
