"""What pages of the site say that follows from the code."""
