"""What step files share; no SDK."""
