"""Components that the algorithms share."""
