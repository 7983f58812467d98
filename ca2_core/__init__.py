"""What both halves of ca2 need and neither owns: errors, files."""
