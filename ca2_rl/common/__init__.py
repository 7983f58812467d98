"""Parts that the algorithms share."""
